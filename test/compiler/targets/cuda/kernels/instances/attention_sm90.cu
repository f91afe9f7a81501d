// Attention over tensors, one launch of every template that needs sm_90a, as the printer writes it.
#include "attention_tiles_sm90.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using TensorAttention = AttentionTilesSm90<Half, float, Half, 64, 64>;
static_assert(TensorAttention::SharedBytes == 40960);
// registers <= 168
KERNEL(TensorAttention)
lathe_attention_sm90_64(void *q, void *k, void *v, void *mask, void *out, int64_t b, int64_t t) {
  ALIGNED_SHARED;
  AttentionView view{t * 768, 64, 768};
  TensorAttention::Params params{.Query = static_cast<const Half *>(q),
                                 .Key = static_cast<const Half *>(k),
                                 .Value = static_cast<const Half *>(v),
                                 .Mask = static_cast<const float *>(mask),
                                 .Out = static_cast<Half *>(out),
                                 .Batches = b,
                                 .Heads = 12,
                                 .KvHeads = 12,
                                 .Tokens = t,
                                 .Keys = t,
                                 .KeyWidth = 64,
                                 .ValueWidth = 64,
                                 .QueryView = view,
                                 .KeyView = view,
                                 .ValueView = view,
                                 .MaskView = {t, 0, 0},
                                 .OutView = view,
                                 .MaskKey = 1,
                                 .Scale = 0.125f,
                                 .Causal = false};
  gridTiles<TensorAttention>(params, smem, NoBody{});
}

using TextAttention = RaggedAttentionTilesSm90<BFloat16, float, 128, 128>;
static_assert(TextAttention::SharedBytes == 81920);
// registers <= 255
KERNEL(TextAttention)
lathe_ragged_attention_sm90_128(void *q, void *k, void *v, void *offsets, void *out, int64_t rows, int64_t texts) {
  ALIGNED_SHARED;
  TextAttention::Params params{.Query = static_cast<const BFloat16 *>(q),
                               .Key = static_cast<const BFloat16 *>(k),
                               .Value = static_cast<const BFloat16 *>(v),
                               .RowOffsets = static_cast<const int32_t *>(offsets),
                               .Out = static_cast<float *>(out),
                               .Rows = rows,
                               .Texts = texts,
                               .Heads = 8,
                               .KvHeads = 8,
                               .KeyWidth = 128,
                               .ValueWidth = 128,
                               .Scale = 0.125f,
                               .Causal = false};
  gridTiles<TextAttention>(params, smem, NoBody{});
}
