// Attention over pages, one launch of every template, as the printer writes it.
#include "append_kv.cuh"
#include "paged_attention.cuh"
#include "paged_attention_decode.cuh"
#include "paged_attention_prefill.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Shape1 = AttentionShape<32, 8, 128, 128>;
using PagedAttention1 = PagedAttention<Half, Half, Half, Shape1>;
// README.md: h 4, E 8, C 16, R 2.
static_assert(PagedAttention1::SharedBytes == 4 * (4 * 128 + 64 * 4 + 4 * 2 * 4 * 128 + 8 * 4));
// registers <= 168
KERNEL(PagedAttention1)
lathe_paged_attention_f16_1(void *q, void *pool, void *offsets, void *lengths, void *tables, void *slots, void *partial,
                            int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  PagedAttention1::Params params{.Q = (const Half *)q,
                                 .Out = nullptr,
                                 .Pool = (const Half *)pool,
                                 .RowOffsets = (const int32_t *)offsets,
                                 .Lengths = (const int32_t *)lengths,
                                 .BlockTables = (const int32_t *)tables,
                                 .Slots = (const int32_t *)slots,
                                 .Tokens = tokens,
                                 .Sequences = sequences,
                                 .Pages = pages,
                                 .LdQ = 32 * 128,
                                 .LdOut = 32 * 128,
                                 .PageElements = 32 * Shape1::LayerElements,
                                 .LayerOffset = 3 * Shape1::LayerElements,
                                 .Scale = 0.0883883f,
                                 .SoftCap = 0,
                                 .Window = 0,
                                 .Sinks = nullptr,
                                 .Splits = 4,
                                 .Partial = (float *)partial};
  gridTiles<PagedAttention1>(params, smem, NoBody{});
}

using PagedAttentionMerge1 = PagedAttentionMerge<Half, Shape1>;
// registers <= 64
KERNEL(PagedAttentionMerge1) lathe_paged_attention_merge_f16_1(void *partial, void *out, int64_t tokens) {
  PagedAttentionMerge1::Params params{
      .Partial = (const float *)partial, .Out = (Half *)out, .Tokens = tokens, .Splits = 4, .LdOut = 32 * 128};
  gridTiles<PagedAttentionMerge1>(params, nullptr, NoBody{});
}

using Shape2 = AttentionShape<8, 1, 256, 256>;
using PagedAttention2 = PagedAttention<float, float, float, Shape2>;
// registers <= 255
KERNEL(PagedAttention2)
lathe_paged_attention_f32_2(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out, int64_t tokens,
                            int64_t sequences, int64_t pages) {
  SHARED;
  PagedAttention2::Params params{(const float *)q,
                                 (float *)out,
                                 (const float *)pool,
                                 (const int32_t *)offsets,
                                 (const int32_t *)lengths,
                                 (const int32_t *)tables,
                                 nullptr,
                                 tokens,
                                 sequences,
                                 pages,
                                 8 * 256,
                                 8 * 256,
                                 Shape2::LayerElements,
                                 0,
                                 0.0625f,
                                 50.0f,
                                 4096,
                                 nullptr,
                                 1,
                                 nullptr};
  gridTiles<PagedAttention2>(params, smem, NoBody{});
}

using AppendRotatedKv1 = AppendRotatedKv<float, Half, Shape1, Pairing::Adjacent>;
static_assert(AppendRotatedKv1::SharedBytes == 4096);
// registers <= 64
KERNEL(AppendRotatedKv1)
lathe_append_rotated_kv_f16_1(void *k, void *v, void *pool, void *slots, void *positions, int64_t tokens) {
  SHARED;
  AppendRotatedKv1::Params params{.K = (const float *)k,
                                  .V = (const float *)v,
                                  .Pool = (Half *)pool,
                                  .Slots = (const int32_t *)slots,
                                  .Positions = (const int32_t *)positions,
                                  .Factors = nullptr,
                                  .Tokens = tokens,
                                  .Dims = 128,
                                  .LdK = 8 * 128,
                                  .LdV = 8 * 128,
                                  .PageElements = 32 * Shape1::LayerElements,
                                  .LayerOffset = 3 * Shape1::LayerElements,
                                  .PositionStride = 1,
                                  .Base = 500000,
                                  .PositionScale = 1,
                                  .Magnitude = 1};
  gridTiles<AppendRotatedKv1>(params, smem, NoBody{});
}

using PagedAttentionDecode1 = PagedAttentionDecode<BFloat16, BFloat16, BFloat16, Shape1, 8, 8, true>;
// README.md: 8 columns.
static_assert(PagedAttentionDecode1::SharedBytes == 4 * 8 * 8 * (128 + 2));
// registers <= 255
KERNEL(PagedAttentionDecode1)
lathe_paged_attention_decode_bf16_1(void *q, void *pool, void *offsets, void *lengths, void *tables, void *sinks,
                                    void *out, int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  PagedAttentionDecode1::Params params{.Q = (const BFloat16 *)q,
                                       .Out = (BFloat16 *)out,
                                       .Pool = (const BFloat16 *)pool,
                                       .RowOffsets = (const int32_t *)offsets,
                                       .Lengths = (const int32_t *)lengths,
                                       .BlockTables = (const int32_t *)tables,
                                       .Sinks = (const float *)sinks,
                                       .Tokens = tokens,
                                       .Sequences = sequences,
                                       .Pages = pages,
                                       .LdQ = 32 * 128,
                                       .LdOut = 32 * 128,
                                       .PageElements = 32 * Shape1::LayerElements,
                                       .LayerOffset = 3 * Shape1::LayerElements,
                                       .Scale = 0.0883883f,
                                       .SoftCap = 0,
                                       .Window = 0};
  gridTiles<PagedAttentionDecode1>(params, smem, NoBody{});
}

using PagedAttentionPrefill1 = PagedAttentionPrefill<BFloat16, BFloat16, BFloat16, Shape1, true>;
// registers <= 255
KERNEL(PagedAttentionPrefill1)
lathe_paged_attention_prefill_bf16_1(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out,
                                     int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  PagedAttentionPrefill1::Params params{(const BFloat16 *)q,
                                        (BFloat16 *)out,
                                        (const BFloat16 *)pool,
                                        (const int32_t *)offsets,
                                        (const int32_t *)lengths,
                                        (const int32_t *)tables,
                                        nullptr,
                                        tokens,
                                        sequences,
                                        pages,
                                        32 * 128,
                                        32 * 128,
                                        32 * Shape1::LayerElements,
                                        3 * Shape1::LayerElements,
                                        0.0883883f,
                                        0,
                                        0};
  gridTiles<PagedAttentionPrefill1>(params, smem, NoBody{});
}

/// An attention without sinks over pages of 8 bits.
template <class Kernel>
__device__ void runAttention(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out, int64_t tokens,
                             int64_t sequences, int64_t pages, char *smem) {
  typename Kernel::Params params{};
  params.Q = static_cast<decltype(params.Q)>(q);
  params.Out = static_cast<decltype(params.Out)>(out);
  params.Pool = static_cast<decltype(params.Pool)>(pool);
  params.RowOffsets = static_cast<const int32_t *>(offsets);
  params.Lengths = static_cast<const int32_t *>(lengths);
  params.BlockTables = static_cast<const int32_t *>(tables);
  params.Tokens = tokens, params.Sequences = sequences, params.Pages = pages;
  params.LdQ = params.LdOut = 32 * 128;
  params.PageElements = 32 * Shape1::LayerElements, params.LayerOffset = 3 * Shape1::LayerElements;
  params.Scale = 0.0883883f;
  gridTiles<Kernel>(params, smem, NoBody{});
}

using PagedAttentionDecode2 = PagedAttentionDecode<BFloat16, Float8, BFloat16, Shape1, 8, 8, true>;
// registers <= 255
KERNEL(PagedAttentionDecode2)
lathe_paged_attention_decode_fp8_2(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out,
                                   int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  runAttention<PagedAttentionDecode2>(q, pool, offsets, lengths, tables, out, tokens, sequences, pages, smem);
}

using PagedAttentionDecode3 = PagedAttentionDecode<Half, Q8Block, Half, Shape1, 8, 8, true>;
// registers <= 255
KERNEL(PagedAttentionDecode3)
lathe_paged_attention_decode_q8_0_3(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out,
                                    int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  runAttention<PagedAttentionDecode3>(q, pool, offsets, lengths, tables, out, tokens, sequences, pages, smem);
}

using PagedAttentionPrefill2 = PagedAttentionPrefill<BFloat16, Q8Block, BFloat16, Shape1, true>;
// registers <= 255
KERNEL(PagedAttentionPrefill2)
lathe_paged_attention_prefill_q8_0_2(void *q, void *pool, void *offsets, void *lengths, void *tables, void *out,
                                     int64_t tokens, int64_t sequences, int64_t pages) {
  SHARED;
  runAttention<PagedAttentionPrefill2>(q, pool, offsets, lengths, tables, out, tokens, sequences, pages, smem);
}

using AppendKv1 = AppendKv<float, Half, Shape1>;
// registers <= 40
KERNEL(AppendKv1) lathe_append_kv_f16_1(void *k, void *v, void *pool, void *slots, int64_t tokens) {
  AppendKv1::Params params{.K = (const float *)k,
                           .V = (const float *)v,
                           .Pool = (Half *)pool,
                           .Slots = (const int32_t *)slots,
                           .Tokens = tokens,
                           .LdK = 8 * 128,
                           .LdV = 8 * 128,
                           .PageElements = 32 * Shape1::LayerElements,
                           .LayerOffset = 3 * Shape1::LayerElements};
  gridTiles<AppendKv1>(params, nullptr, NoBody{});
}

using AppendKv2 = AppendKv<float, Q8Block, Shape1>;
// registers <= 64
KERNEL(AppendKv2) lathe_append_kv_q8_0_2(void *k, void *v, void *pool, void *slots, int64_t tokens) {
  AppendKv2::Params params{.K = (const float *)k,
                           .V = (const float *)v,
                           .Pool = (Q8Block *)pool,
                           .Slots = (const int32_t *)slots,
                           .Tokens = tokens,
                           .LdK = 8 * 128,
                           .LdV = 8 * 128,
                           .PageElements = 32 * Shape1::LayerElements,
                           .LayerOffset = 3 * Shape1::LayerElements};
  gridTiles<AppendKv2>(params, nullptr, NoBody{});
}
