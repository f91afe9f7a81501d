// Products with weights in blocks, one launch of every template that needs sm_90a, as the printer writes it.
#include "quantized_few_sm90.cuh"
#include "quantized_rows_sm90.cuh"
#include "quantized_wide_sm90.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

// Where two blocks of 320 threads share the registers of a multiprocessor, a thread has at most 96.
using QuantizedFew1 = QuantizedFewRowsSm90<Half, Joined<Half, Half, Half>, 1, 4096, TiledQ4_K, TiledQ4_K, TiledQ6_K>;
static_assert(QuantizedFew1::MinBlocks == 1 && QuantizedFew1::SharedBytes <= 232448);
// registers <= 128
KERNEL(QuantizedFew1)
lathe_quantized_few_rows_joined(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, void *p6) {
  SHARED;
  QuantizedFew1::Params params{.A = (const Half *)p0,
                               .M = 1,
                               .LdA = 4096,
                               .Blocks = 132,
                               .Parts = {{{(const uint8_t *)p1}, p4, 4096, 4096},
                                         {{(const uint8_t *)p2}, p5, 1024, 1024},
                                         {{(const uint8_t *)p3}, p6, 1024, 1024}}};
  gridTiles<QuantizedFew1>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}, StoreAsIs{}));
}

using QuantizedFew2 = QuantizedFewRowsSm90<Half, Dual<Half>, 8, 4096, TiledQ4_K>;
// registers <= 128
KERNEL(QuantizedFew2) lathe_quantized_few_rows_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  QuantizedFew2::Params params{
      (const Half *)p0, d0, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}}};
  gridTiles<QuantizedFew2>(params, smem, GateTimesUp{});
}

using QuantizedFewNormalized = QuantizedFewRowsOf<RmsNormalized<float, float>, Half, Dual<Half>, 1, 4096, TiledQ4_K>;
static_assert(QuantizedFewNormalized::SharedBytes <= 232448);
// registers <= 128
KERNEL(QuantizedFewNormalized) lathe_quantized_few_rows_normalized(void *p0, void *p1, void *p2, void *p3, void *p4) {
  SHARED;
  QuantizedFewNormalized::Params params{
      (const float *)p0,         1, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}},
      {(const float *)p4, 1e-5f}};
  gridTiles<QuantizedFewNormalized>(params, smem, GateTimesUp{});
}

using QuantizedFew3 = QuantizedFewRowsSm90<Half, float, 8, 4096, TiledQ6_K>;
// registers <= 128
KERNEL(QuantizedFew3) lathe_quantized_few_rows_q6_k_8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedFew3::Params params{(const Half *)p0, d0, 4096, 132, {{{(const uint8_t *)p1}, p2, 14336, 14336}}};
  gridTiles<QuantizedFew3>(params, smem, StoreAsIs{});
}

using QuantizedFew4 = QuantizedFewRowsSm90<BFloat16, float, 1, 14336, TiledQ8_0>;
// registers <= 128
KERNEL(QuantizedFew4) lathe_quantized_few_rows_q8_0_1(void *p0, void *p1, void *p2) {
  SHARED;
  QuantizedFew4::Params params{(const BFloat16 *)p0, 1, 14336, 132, {{{(const uint8_t *)p1}, p2, 4096, 4096}}};
  gridTiles<QuantizedFew4>(params, smem, StoreAsIs{});
}

using QuantizedFew5 = QuantizedFewRowsSm90<Half, float, 4, 896, TiledQ4_0>;
// registers <= 128
KERNEL(QuantizedFew5) lathe_quantized_few_rows_q4_0_4(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedFew5::Params params{(const Half *)p0, d0, 896, 132, {{{(const uint8_t *)p1}, p2, 896, 896}}};
  gridTiles<QuantizedFew5>(params, smem, StoreAsIs{});
}

// Two warpgroups that multiply with 184 registers, one that fetches with 136.
using QuantizedRows1 = QuantizedRowsSm90<Dual<Half>, 64, 1, TiledQ4_K>;
static_assert(QuantizedRows1::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedRows1) lathe_quantized_rows_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedRows1::Params params{
      (const Half *)p0, d0, 4096, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}}};
  gridTiles<QuantizedRows1>(params, smem, GateTimesUp{});
}

using QuantizedRows2 = QuantizedRowsSm90<Joined<float, Half>, 64, 2, TiledQ8_0, TiledQ6_K>;
// registers <= 168
KERNEL(QuantizedRows2)
__cluster_dims__(2, 1, 1) lathe_quantized_rows_joined(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedRows2::Params params{(const Half *)p0,
                                d0,
                                4096,
                                4096,
                                132,
                                {{{(const uint8_t *)p1}, p3, 4096, 4096}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedRows2>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedRows3 = QuantizedRowsSm90<float, 16, 4, TiledQ4_0>;
// registers <= 168
KERNEL(QuantizedRows3)
__cluster_dims__(4, 1, 1) lathe_quantized_rows_q4_0(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedRows3::Params params{(const Half *)p0, d0, 896, 896, 132, {{{(const uint8_t *)p1}, p2, 896, 896}}};
  gridTiles<QuantizedRows3>(params, smem, StoreAsIs{});
}

using QuantizedFew6 = QuantizedFewRowsSm90<Half, Joined<Half, float>, 1, 4096, TiledMXFP4, TiledNVFP4>;
static_assert(QuantizedFew6::SharedBytes <= 232448);
// registers <= 128
KERNEL(QuantizedFew6) lathe_quantized_few_rows_fp4(void *p0, void *p1, void *p2, void *p3, void *p4) {
  SHARED;
  QuantizedFew6::Params params{(const Half *)p0,
                               1,
                               4096,
                               132,
                               {{{(const uint8_t *)p1}, p3, 14336, 14336}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedFew6>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedFew7 = QuantizedFewRowsSm90<Half, Dual<Half>, 8, 4096, TiledIQ4_NL>;
// registers <= 128
KERNEL(QuantizedFew7) lathe_quantized_few_rows_iq4_nl_8(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  QuantizedFew7::Params params{
      (const Half *)p0, d0, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}}};
  gridTiles<QuantizedFew7>(params, smem, GateTimesUp{});
}

using QuantizedRows4 = QuantizedRowsSm90<Joined<float, Half>, 64, 1, TiledMXFP4, TiledNVFP4>;
static_assert(QuantizedRows4::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedRows4) lathe_quantized_rows_fp4(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedRows4::Params params{(const Half *)p0,
                                d0,
                                4096,
                                4096,
                                132,
                                {{{(const uint8_t *)p1}, p3, 4096, 4096}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedRows4>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

// Two warpgroups that multiply with 224 registers, or four with 104.
using QuantizedWide1 = QuantizedWideSm90<Joined<float, Half>, 128, 2, TiledQ4_K, TiledQ6_K>;
static_assert(QuantizedWide1::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedWide1) lathe_quantized_wide_joined(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide1::Params params{(const Half *)p0,
                                d0,
                                4096,
                                4096,
                                132,
                                {{{(const uint8_t *)p1}, p3, 4096, 4096}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedWide1>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedWide2 = QuantizedWideSm90<Dual<Half>, 64, 4, TiledMXFP4>;
static_assert(QuantizedWide2::SharedBytes <= 232448);
// registers <= 96
KERNEL(QuantizedWide2) lathe_quantized_wide_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide2::Params params{
      (const Half *)p0, d0, 4096, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}}};
  gridTiles<QuantizedWide2>(params, smem, GateTimesUp{});
}

// Blocks one row high: a row in both forms.
using QuantizedFew8 = QuantizedFewRowsSm90<BFloat16, Joined<Half, float>, 1, 4096, TiledNF4, TiledE4M3>;
static_assert(QuantizedFew8::SharedBytes <= 232448);
// registers <= 128
KERNEL(QuantizedFew8) lathe_quantized_few_rows_nf4_e4m3(void *p0, void *p1, void *p2, void *p3, void *p4) {
  SHARED;
  QuantizedFew8::Params params{(const BFloat16 *)p0,
                               1,
                               4096,
                               132,
                               {{{(const uint8_t *)p1}, p3, 14336, 14336}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedFew8>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedFew9 = QuantizedFewRowsSm90<Half, Joined<Half, Half>, 8, 4096, TiledUINT4_G128, TiledNF4>;
// registers <= 128
KERNEL(QuantizedFew9)
lathe_quantized_few_rows_uint4_nf4_8(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  QuantizedFew9::Params params{(const Half *)p0,
                               d0,
                               4096,
                               132,
                               {{{(const uint8_t *)p1}, p3, 14336, 14336}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedFew9>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedWide3 = QuantizedWideSm90<float, 256, 2, TiledNF4>;
static_assert(QuantizedWide3::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedWide3) lathe_quantized_wide_nf4(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide3::Params params{(const Half *)p0, d0, 4096, 4096, 132, {{{(const uint8_t *)p1}, p2, 14336, 14336}}};
  gridTiles<QuantizedWide3>(params, smem, StoreAsIs{});
}

using QuantizedWide4 = QuantizedWideSm90<Joined<float, Half>, 16, 4, TiledE5M2, TiledUINT4_G32>;
static_assert(QuantizedWide4::SharedBytes <= 232448);
// registers <= 96
KERNEL(QuantizedWide4) lathe_quantized_wide_e5m2_uint4(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide4::Params params{(const Half *)p0,
                                d0,
                                4096,
                                4096,
                                132,
                                {{{(const uint8_t *)p1}, p3, 4096, 4096}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedWide4>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedWide5 = QuantizedWideSm90<Joined<float, Half>, 16, 4, TiledIQ4_NL, TiledNVFP4>;
static_assert(QuantizedWide5::SharedBytes <= 232448);
// registers <= 96
KERNEL(QuantizedWide5) lathe_quantized_wide_tables(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide5::Params params{(const Half *)p0,
                                d0,
                                4096,
                                4096,
                                132,
                                {{{(const uint8_t *)p1}, p3, 4096, 4096}, {{(const uint8_t *)p2}, p4, 1024, 1024}}};
  gridTiles<QuantizedWide5>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using QuantizedWide6 = QuantizedWideSm90<Half, 256, 2, TiledNVFP4>;
static_assert(QuantizedWide6::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedWide6) lathe_quantized_wide_256(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  QuantizedWide6::Params params{(const Half *)p0, d0, 4096, 4096, 132, {{{(const uint8_t *)p1}, p2, 28672, 28672}}};
  gridTiles<QuantizedWide6>(params, smem, StoreAsIs{});
}
