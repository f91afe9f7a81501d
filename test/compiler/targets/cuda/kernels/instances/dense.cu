// Products with dense weights, one launch of every template, as the printer writes it.
#include "integer_matmul.cuh"
#include "matmul.cuh"
#include "packed_matmul.cuh"
#include "together.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

using Matmul1 = Matmul<Half, float, LargeTile, Rhs::NK>;
static_assert(Matmul1::SharedBytes == 65536);
// registers <= 128
KERNEL(Matmul1) lathe_matmul_f16_1(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  Matmul1::Params params{.A = (const Half *)p0,
                         .W = (const Half *)p1,
                         .C = (float *)p4,
                         .M = d0,
                         .N = 576,
                         .K = 192,
                         .LdA = 192,
                         .LdW = 192,
                         .LdC = 576,
                         .Batch = 1,
                         .StrideA = 0,
                         .StrideW = 0,
                         .StrideC = 0};
  gridTiles<Matmul1>(params, smem, BiasResidual{(const float *)p2, (const float *)p3, 576});
}

using Matmul2 = Matmul<BFloat16, BFloat16, MediumTile, Rhs::KN>;
static_assert(Matmul2::SharedBytes == 32768);
// registers <= 128
KERNEL(Matmul2) lathe_matmul_bf16_2(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Matmul2::Params params{(const BFloat16 *)p0,
                         (const BFloat16 *)p1,
                         (BFloat16 *)p2,
                         d0,
                         96,
                         40,
                         40,
                         96,
                         96,
                         12,
                         d0 * 40,
                         40 * 96,
                         d0 * 96};
  gridTiles<Matmul2>(params, smem, StoreAsIs{});
}

using Matmul3 = Matmul<Half, float, SmallTile>;
static_assert(Matmul3::SharedBytes == 40960);
// registers <= 128
KERNEL(Matmul3) lathe_matmul_f16_3(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  Matmul3::Params params{(const Half *)p0, (const Half *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096, 4096, 1, 0, 0, 0};
  gridTiles<Matmul3>(params, smem, StoreAsIs{});
}

using MatmulFewRows1 = MatmulFewRows<Half, Half, float, 1>;
static_assert(MatmulFewRows1::SharedBytes == 64);
// registers <= 128
KERNEL(MatmulFewRows1) lathe_matmul_few_rows_f16_1(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  MatmulFewRows1::Params params{(const Half *)p0, (const Half *)p1, (float *)p3, d0, 4096, 4096, 4096, 4096, 4096};
  gridTiles<MatmulFewRows1>(params, smem, BiasResidual{(const float *)p2, (const float *)p3, 4096});
}

using MatmulFewRows8 = MatmulFewRows<Half, float, float, 8>;
static_assert(MatmulFewRows8::SharedBytes == 512);
// registers <= 168
KERNEL(MatmulFewRows8) lathe_matmul_few_rows_f16_8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  MatmulFewRows8::Params params{(const float *)p0, (const Half *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096, 4096};
  gridTiles<MatmulFewRows8>(params, smem, StoreAsIs{});
}

using MatmulSimt1 = MatmulSimt<float, float, float, Rhs::KN>;
static_assert(MatmulSimt1::SharedBytes == 8704);
// registers <= 128
KERNEL(MatmulSimt1) lathe_matmul_f32_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  MatmulSimt1::Params params{(const float *)p0, (const float *)p1, (float *)p2, d0, 10, 64, 64, 10, 10, 1, 0, 0, 0};
  gridTiles<MatmulSimt1>(params, smem, StoreAsIs{});
}

/// A product in tf32 of a model of f32 with 768 channels.
template <class Kernel> __device__ void multiplyTf32Rows(char *smem, void *p0, void *p1, void *p2, int64_t d0) {
  typename Kernel::Params params{
      (const float *)p0, (const float *)p1, (float *)p2, d0, 768, 768, 768, 768, 768, 1, 0, 0, 0};
  gridTiles<Kernel>(params, smem, StoreAsIs{});
}

using MatmulTf32Large = Matmul<Tf32, float, Tf32LargeTile, Rhs::NK>;
static_assert(MatmulTf32Large::SharedBytes == 98304);
// registers <= 128
KERNEL(MatmulTf32Large) lathe_matmul_tf32_large(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Large>(smem, p0, p1, p2, d0);
}

using MatmulTf32Medium = Matmul<Tf32, float, Tf32MediumTile, Rhs::KN>;
static_assert(MatmulTf32Medium::SharedBytes == 65536);
// registers <= 128
KERNEL(MatmulTf32Medium) lathe_matmul_tf32_medium(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Medium>(smem, p0, p1, p2, d0);
}

using MatmulTf32Small = Matmul<Tf32, float, Tf32SmallTile, Rhs::NK>;
static_assert(MatmulTf32Small::SharedBytes == 40960);
// registers <= 128
KERNEL(MatmulTf32Small) lathe_matmul_tf32_small(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Small>(smem, p0, p1, p2, d0);
}

using Meeting1 = MeetingProducts<Matmul<Half, Nothing, MediumTile>, Matmul<Half, Half, MediumTile>>;
static_assert(Meeting1::SharedBytes == 32768 + 128 * 32 * 4);
// registers <= 128
KERNEL(Meeting1) lathe_meeting_products_f16_1(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  Meeting1::Params params{.First = {.A = (const Half *)p0,
                                    .W = (const Half *)p1,
                                    .M = d0,
                                    .N = 14336,
                                    .K = 4096,
                                    .LdA = 4096,
                                    .LdW = 4096,
                                    .LdC = 14336,
                                    .Batch = 1,
                                    .StrideA = 0,
                                    .StrideW = 0,
                                    .StrideC = 0},
                          .Second = {.A = (const Half *)p0,
                                     .W = (const Half *)p2,
                                     .C = (Half *)p3,
                                     .M = d0,
                                     .N = 14336,
                                     .K = 4096,
                                     .LdA = 4096,
                                     .LdW = 4096,
                                     .LdC = 14336,
                                     .Batch = 1,
                                     .StrideA = 0,
                                     .StrideW = 0,
                                     .StrideC = 0}};
  gridTiles<Meeting1>(params, smem, GateTimesUp{});
}

using PackedFew = PackedMatmulFewRows<BFloat16, Dual<BFloat16>, 8>;
static_assert(PackedFew::SharedBytes == 256 * 8 * 2);
// registers <= 128
KERNEL(PackedFew) lathe_packed_few_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  PackedFew::Params params{.A = (const BFloat16 *)p0,
                           .M = d0,
                           .K = 4096,
                           .LdA = 4096,
                           .Blocks = 132,
                           .Parts = {{{(const BFloat16 *)p1, (const BFloat16 *)p2}, p3, 14336, 14336}}};
  gridTiles<PackedFew>(params, smem, GateTimesUp{});
}

using PackedNormalized = PackedMatmulFewRows<BFloat16, Dual<BFloat16>, 8, RmsNormalized<float, float>>;
static_assert(PackedNormalized::SharedBytes == 256 * 8 * 2);
// registers <= 128
KERNEL(PackedNormalized) lathe_packed_few_normalized(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  PackedNormalized::Params params{.A = (const float *)p0,
                                  .M = d0,
                                  .K = 4096,
                                  .LdA = 4096,
                                  .Blocks = 132,
                                  .Parts = {{{(const BFloat16 *)p1, (const BFloat16 *)p2}, p3, 14336, 14336}},
                                  .Norm = {(const float *)p4, 1e-5f}};
  gridTiles<PackedNormalized>(params, smem, GateTimesUp{});
}

using PackedLarge = PackedMatmul<Half, Half, PackedLargeTile>;
static_assert(PackedLarge::SharedBytes == 98304);
// registers <= 128
KERNEL(PackedLarge) lathe_packed_large(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  PackedLarge::Params params{(const Half *)p0, d0, 576, 576, 132, {{{(const Half *)p1}, p2, 192, 192}}};
  gridTiles<PackedLarge>(params, smem, BiasResidual{(const float *)p3, (const float *)p3, 192});
}

using PackedSmall = PackedMatmul<Half, Joined<float, Half>, PackedSmallTile>;
static_assert(PackedSmall::SharedBytes == 40960);
// registers <= 128
KERNEL(PackedSmall) lathe_packed_small(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  PackedSmall::Params params{
      (const Half *)p0, d0, 576, 576, 132, {{{(const Half *)p1}, p2, 192, 192}, {{(const Half *)p3}, p4, 64, 64}}};
  gridTiles<PackedSmall>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

using PackedDual = PackedMatmul<Half, Dual<Half>, PackedMediumTile>;
static_assert(PackedDual::SharedBytes == 73728);
// registers <= 168
KERNEL(PackedDual) lathe_packed_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  PackedDual::Params params{
      (const Half *)p0, d0, 4096, 4096, 132, {{{(const Half *)p1, (const Half *)p2}, p3, 14336, 14336}}};
  gridTiles<PackedDual>(params, smem, GateTimesUp{});
}

/// Codes of FP8 on both sides; their scales are left out.
template <class Kernel> __device__ void multiplyCodes(char *smem, void *p0, void *p1, void *p2, int64_t d0) {
  typename Kernel::Params params{.A = static_cast<const Float8 *>(p0),
                                 .M = d0,
                                 .K = 4096,
                                 .LdA = 4096,
                                 .Parts = {{.W = {static_cast<const Float8 *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<Kernel>(params, smem, StoreAsIs{});
}

using CodesFew = PackedMatmulFewRows<Float8, float, 8>;
// registers <= 128
KERNEL(CodesFew) lathe_packed_few_f8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyCodes<CodesFew>(smem, p0, p1, p2, d0);
}

using CodesMedium = PackedMatmul<Float8, float, PackedMediumTile>;
// registers <= 128
KERNEL(CodesMedium) lathe_packed_medium_f8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyCodes<CodesMedium>(smem, p0, p1, p2, d0);
}

struct Codes {
  const uint8_t *A, *X;
  const int8_t *W, *Y;
  static constexpr bool OneLeftZero = true, OneRightZero = false;
  __device__ const uint8_t *left(int64_t) const { return A; }
  __device__ const int8_t *right(int64_t) const { return W; }
  __device__ int32_t leftZero(int64_t, int64_t) const { return *X; }
  __device__ int32_t rightZero(int64_t, int64_t col) const { return Y[col]; }
};

struct ScaleColumns {
  const float *Factors;
  __device__ float operator()(int32_t acc, int64_t, int64_t col) const { return float(acc) * Factors[col]; }
};

using IntegerMatmul1 = IntegerMatmul<uint8_t, int8_t, float, MediumTile, Codes>;
static_assert(IntegerMatmul1::SharedBytes == 32768);
// registers <= 128
KERNEL(IntegerMatmul1) lathe_integer_matmul_1(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, int64_t d0) {
  SHARED;
  Codes from{(const uint8_t *)p0, (const uint8_t *)p1, (const int8_t *)p2, (const int8_t *)p3};
  IntegerMatmul1::Params params{from, (float *)p4, d0, 4096, 4096, 1};
  gridTiles<IntegerMatmul1>(params, smem, ScaleColumns{(const float *)p5});
}

using IntegerMatmulFewRows1 = IntegerMatmulFewRows<uint8_t, int8_t, float, Codes>;
static_assert(IntegerMatmulFewRows1::SharedBytes == 2560);
// registers <= 64
KERNEL(IntegerMatmulFewRows1)
lathe_integer_matmul_few_1(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, int64_t d0) {
  SHARED;
  Codes from{(const uint8_t *)p0, (const uint8_t *)p1, (const int8_t *)p2, (const int8_t *)p3};
  IntegerMatmulFewRows1::Params params{from, (float *)p4, d0, 4096, 4096, 1};
  gridTiles<IntegerMatmulFewRows1>(params, smem, ScaleColumns{(const float *)p5});
}
