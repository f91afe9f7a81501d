// Attention over tensors, one launch of every template, as the printer writes it.
#include "attention_tiles.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Attention1 = Attention<Half, Half, float>;
static_assert(Attention1::SharedBytes == 8192);
// registers <= 128
KERNEL(Attention1) lathe_attention_f16_1(void *q, void *k, void *v, void *mask, void *out, int64_t b, int64_t t) {
  SHARED;
  AttentionView view{t * 768, 64, 768};
  Attention1::Params params{.Query = (const Half *)q,
                            .Key = (const Half *)k,
                            .Value = (const Half *)v,
                            .Mask = (const Half *)mask,
                            .Out = (float *)out,
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
  gridTiles<Attention1>(params, smem, NoBody{});
}

using AttentionTiles1 = AttentionTiles<Half, float, Half, 64, 64>;
static_assert(AttentionTiles1::SharedBytes == 64 * 144 + 4 * 32 * (144 + 144));
// registers <= 128
KERNEL(AttentionTiles1) lathe_attention_f16_2(void *q, void *k, void *v, void *mask, void *out, int64_t b, int64_t t) {
  SHARED;
  AttentionView view{t * 768, 64, 768};
  AttentionTiles1::Params params{(const Half *)q,
                                 (const Half *)k,
                                 (const Half *)v,
                                 (const float *)mask,
                                 (Half *)out,
                                 b,
                                 12,
                                 12,
                                 t,
                                 t,
                                 64,
                                 64,
                                 view,
                                 view,
                                 view,
                                 {t * t, 0, t},
                                 view,
                                 1,
                                 0.125f,
                                 false};
  gridTiles<AttentionTiles1>(params, smem, NoBody{});
}

using RaggedTiles1 = RaggedAttentionTiles<Half, Half, 64, 64>;
// registers <= 128
KERNEL(RaggedTiles1)
lathe_ragged_attention_f16_2(void *q, void *k, void *v, void *offsets, void *out, int64_t rows, int64_t texts) {
  SHARED;
  RaggedTiles1::Params params{(const Half *)q,
                              (const Half *)k,
                              (const Half *)v,
                              (const int32_t *)offsets,
                              (Half *)out,
                              rows,
                              texts,
                              12,
                              12,
                              64,
                              64,
                              0.125f,
                              false};
  gridTiles<RaggedTiles1>(params, smem, NoBody{});
}

using AttentionTiles2 = AttentionTiles<BFloat16, float, float, 128, 128>;
static_assert(AttentionTiles2::SharedBytes == 64 * 272 + 4 * 32 * (272 + 272));
// registers <= 255
KERNEL(AttentionTiles2) lathe_attention_bf16_3(void *q, void *k, void *v, void *out, int64_t b, int64_t t, int64_t s) {
  SHARED;
  AttentionView view{t * 1024, t * 128, 128}, past{s * 256, s * 128, 128};
  AttentionTiles2::Params params{(const BFloat16 *)q,
                                 (const BFloat16 *)k,
                                 (const BFloat16 *)v,
                                 nullptr,
                                 (float *)out,
                                 b,
                                 8,
                                 2,
                                 t,
                                 s,
                                 128,
                                 128,
                                 view,
                                 past,
                                 past,
                                 {},
                                 view,
                                 0,
                                 0.125f,
                                 true};
  gridTiles<AttentionTiles2>(params, smem, NoBody{});
}

using Attention2 = RaggedAttention<float, float>;
static_assert(Attention2::SharedBytes == 8192);
// registers <= 128
KERNEL(Attention2) lathe_ragged_attention_f32_2(void *q, void *k, void *v, void *offsets, void *out, int64_t t) {
  SHARED;
  Attention2::Params params{(const float *)q,
                            (const float *)k,
                            (const float *)v,
                            (const int32_t *)offsets,
                            (float *)out,
                            t,
                            4,
                            12,
                            4,
                            64,
                            64,
                            0.125f,
                            false};
  gridTiles<Attention2>(params, smem, NoBody{});
}
