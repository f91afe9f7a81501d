// Products with dense weights, one launch of every template that needs sm_90a, as the printer writes it.
#include "integer_matmul.cuh"
#include "packed_matmul_batch_sm90.cuh"
#include "packed_matmul_few_sm90.cuh"
#include "packed_matmul_wide_sm90.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

struct AddResidual {
  const float *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const { return acc + Residual[row * N + col]; }
  struct Fetched {
    float Value;
  };
  __device__ Fetched fetch(int64_t row, int64_t col) const { return {Residual[row * N + col]}; }
  __device__ float operator()(float acc, const Fetched &fetched) const { return acc + fetched.Value; }
};

using FewOne = PackedMatmulFewRowsSm90<BFloat16, float, 1, 14336, AsIs, true>;
static_assert(FewOne::MinBlocks == 2 && FewOne::SharedBytes == (113 << 10) + 128); // alone
// registers <= 112
KERNEL(FewOne)
lathe_packed_few_sm90_1(void *p0, void *p1, void *p2, void *p3) {
  ALIGNED_SHARED;
  FewOne::Params params{.A = static_cast<const BFloat16 *>(p0),
                        .M = 1,
                        .K = 14336,
                        .LdA = 14336,
                        .Blocks = 132,
                        .Parts = {{.W = {static_cast<const BFloat16 *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<FewOne>(params, smem, AddResidual{static_cast<const float *>(p3), 4096});
}

using FewJoined = PackedMatmulFewRowsSm90<Half, Joined<Half, float, Half>, 8, 4096>;
// registers <= 128
KERNEL(FewJoined)
lathe_packed_few_sm90_joined(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, void *p6, int64_t d0) {
  ALIGNED_SHARED;
  FewJoined::Params params{.A = static_cast<const Half *>(p0),
                           .M = d0,
                           .K = 4096,
                           .LdA = 4096,
                           .Blocks = 132,
                           .Parts = {{.W = {static_cast<const Half *>(p1)}, .C = p2, .N = 4096, .LdC = 4096},
                                     {.W = {static_cast<const Half *>(p3)}, .C = p4, .N = 1024, .LdC = 1024},
                                     {.W = {static_cast<const Half *>(p5)}, .C = p6, .N = 1024, .LdC = 1024}}};
  gridTiles<FewJoined>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}, StoreAsIs{}));
}

using FewDual = PackedMatmulFewRowsSm90<Half, Dual<Half>, 1, 4096>;
// registers <= 112
KERNEL(FewDual)
lathe_packed_few_sm90_dual(void *p0, void *p1, void *p2, void *p3) {
  ALIGNED_SHARED;
  FewDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = 1,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<FewDual>(params, smem, GateTimesUp{});
}

using FewNormalized = PackedMatmulFewRowsSm90<BFloat16, Dual<BFloat16>, 1, 4096, RmsNormalized<float, float>>;
static_assert(FewNormalized::MinBlocks == 2);
// registers <= 112
KERNEL(FewNormalized)
lathe_packed_few_sm90_normalized(void *p0, void *p1, void *p2, void *p3, void *p4) {
  ALIGNED_SHARED;
  FewNormalized::Params params{.A = static_cast<const float *>(p0),
                               .M = 1,
                               .K = 4096,
                               .LdA = 4096,
                               .Blocks = 132,
                               .Parts = {{.W = {static_cast<const BFloat16 *>(p1), static_cast<const BFloat16 *>(p2)},
                                          .C = p3,
                                          .N = 14336,
                                          .LdC = 14336}},
                               .Norm = {.Weight = static_cast<const float *>(p4), .Epsilon = 1e-5f}};
  gridTiles<FewNormalized>(params, smem, GateTimesUp{});
}

using FewNormalizedRows = PackedMatmulFewRowsSm90<Half, float, 8, 4096, RmsNormalized<float, float>>;
// registers <= 224
KERNEL(FewNormalizedRows)
lathe_packed_few_sm90_normalized_rows(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  FewNormalizedRows::Params params{
      .A = static_cast<const float *>(p0),
      .M = d0,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {{.W = {static_cast<const Half *>(p1)}, .C = p2, .N = 128256, .LdC = 128256}},
      .Norm = {.Weight = static_cast<const float *>(p3), .Epsilon = 1e-5f}};
  gridTiles<FewNormalizedRows>(params, smem, StoreAsIs{});
}

using Wide = PackedMatmulWideSm90<BFloat16, float>;
static_assert(Wide::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(Wide) __cluster_dims__(2, 1, 1) lathe_packed_sm90_wide(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  Wide::Params params{.A = static_cast<const BFloat16 *>(p0),
                      .M = d0,
                      .K = 14336,
                      .LdA = 14336,
                      .Blocks = 132,
                      .Parts = {{.W = {static_cast<const BFloat16 *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<Wide>(params, smem, AddResidual{static_cast<const float *>(p3), 4096});
}

using Wide192 = PackedMatmulWideSm90<Half, Half, 192>;
static_assert(Wide192::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(Wide192) __cluster_dims__(2, 1, 1) lathe_packed_sm90_192(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  Wide192::Params params{.A = static_cast<const Half *>(p0),
                         .M = d0,
                         .K = 768,
                         .LdA = 768,
                         .Blocks = 132,
                         .Parts = {{.W = {static_cast<const Half *>(p1)}, .C = p2, .N = 768, .LdC = 768}}};
  gridTiles<Wide192>(params, smem, AddResidual{static_cast<const float *>(p3), 768});
}

using WideDual = PackedMatmulWideSm90<Half, Dual<Half>>;
// registers <= 168
KERNEL(WideDual)
__cluster_dims__(2, 1, 1) lathe_packed_sm90_wide_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  WideDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = d0,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<WideDual>(params, smem, GateTimesUp{});
}

using Rows = PackedMatmulSm90<Half, Half, PackedRowsTile>;
static_assert(Rows::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(Rows)
lathe_packed_sm90_rows(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  Rows::Params params{.A = static_cast<const Half *>(p0),
                      .M = d0,
                      .K = 4096,
                      .LdA = 4096,
                      .Blocks = 132,
                      .Parts = {{.W = {static_cast<const Half *>(p1)}, .C = p2, .N = 28672, .LdC = 28672}}};
  gridTiles<Rows>(params, smem, StoreAsIs{});
}

using Thin = PackedMatmulSm90<BFloat16, Joined<float, float>, PackedThinTile>;
static_assert(Thin::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(Thin)
lathe_packed_sm90_thin(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  Thin::Params params{.A = static_cast<const BFloat16 *>(p0),
                      .M = d0,
                      .K = 4096,
                      .LdA = 4096,
                      .Blocks = 132,
                      .Parts = {{.W = {static_cast<const BFloat16 *>(p1)}, .C = p2, .N = 1024, .LdC = 1024},
                                {.W = {static_cast<const BFloat16 *>(p3)}, .C = p4, .N = 1024, .LdC = 1024}}};
  gridTiles<Thin>(params, smem, joinEpilogues(StoreAsIs{}, StoreAsIs{}));
}

// A cluster's blocks share K; ring and sums leave room for a second block.
using BatchSplit = PackedMatmulBatchSm90<BFloat16, float, BatchTile<64, 8, 2, 4, 3, 1, 2>>;
static_assert(BatchSplit::SharedBytes <= 113 << 10);
// registers <= 80
KERNEL(BatchSplit)
__cluster_dims__(4, 1, 1) lathe_packed_batch_sm90_split(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  BatchSplit::Params params{.A = static_cast<const BFloat16 *>(p0),
                            .M = d0,
                            .K = 14336,
                            .LdA = 14336,
                            .Blocks = 132,
                            .Parts = {{.W = {static_cast<const BFloat16 *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<BatchSplit>(params, smem, AddResidual{static_cast<const float *>(p3), 4096});
}

using BatchDual = PackedMatmulBatchSm90<Half, Dual<Half>, BatchTile<64, 7, 2, 1, 5>>;
static_assert(BatchDual::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(BatchDual)
lathe_packed_batch_sm90_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ALIGNED_SHARED;
  BatchDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = d0,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<BatchDual>(params, smem, GateTimesUp{});
}

/// A product in tf32 of a model of f32.
template <class Kernel> __device__ void multiplyRoundedRows(char *smem, void *p0, void *p1, void *p2, int64_t d0) {
  typename Kernel::Params params{.A = static_cast<const float *>(p0),
                                 .M = d0,
                                 .K = 4096,
                                 .LdA = 4096,
                                 .Blocks = 132,
                                 .Parts = {{.W = {static_cast<const float *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<Kernel>(params, smem, StoreAsIs{});
}

using RoundedWide = PackedMatmulWideSm90<Tf32, float>;
// registers <= 168
KERNEL(RoundedWide) lathe_packed_wide_sm90_tf32(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  multiplyRoundedRows<RoundedWide>(smem, p0, p1, p2, d0);
}

using RoundedThin = PackedMatmulSm90<Tf32, float, PackedThinTile>;
// registers <= 128
KERNEL(RoundedThin) lathe_packed_thin_sm90_tf32(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  multiplyRoundedRows<RoundedThin>(smem, p0, p1, p2, d0);
}

using RoundedBatch = PackedMatmulBatchSm90<Tf32, float, BatchTile<64, 8, 2, 4, 6>>;
// registers <= 128
KERNEL(RoundedBatch) lathe_packed_batch_sm90_tf32(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  multiplyRoundedRows<RoundedBatch>(smem, p0, p1, p2, d0);
}

using RoundedFew = PackedMatmulFewRowsSm90<Tf32, float, 1, 4096>;
// registers <= 112
KERNEL(RoundedFew) lathe_packed_few_sm90_tf32(void *p0, void *p1, void *p2, int64_t d0) {
  ALIGNED_SHARED;
  multiplyRoundedRows<RoundedFew>(smem, p0, p1, p2, d0);
}

/// Scales of rows and columns, which codes of FP8 leave out.
struct ScaleCodes {
  const float *Rows, *Columns;
  __device__ float operator()(float acc, int64_t row, int64_t col) const { return acc * Rows[row] * Columns[col]; }
};

template <class Kernel>
__device__ void multiplyCodes(char *smem, void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  typename Kernel::Params params{.A = static_cast<const Float8 *>(p0),
                                 .M = d0,
                                 .K = 4096,
                                 .LdA = 4096,
                                 .Blocks = 132,
                                 .Parts = {{.W = {static_cast<const Float8 *>(p1)}, .C = p2, .N = 4096, .LdC = 4096}}};
  gridTiles<Kernel>(params, smem, ScaleCodes{static_cast<const float *>(p3), static_cast<const float *>(p4)});
}

using CodesWide = PackedMatmulWideSm90<Float8, BFloat16>;
// registers <= 168
KERNEL(CodesWide) lathe_packed_wide_sm90_f8(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  multiplyCodes<CodesWide>(smem, p0, p1, p2, p3, p4, d0);
}

using CodesBatch = PackedMatmulBatchSm90<Float8, BFloat16, BatchTile<64, 8, 2, 4, 6>>;
// registers <= 128
KERNEL(CodesBatch) lathe_packed_batch_sm90_f8(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  multiplyCodes<CodesBatch>(smem, p0, p1, p2, p3, p4, d0);
}

using CodesFew = PackedMatmulFewRowsSm90<Float8, BFloat16, 8, 4096>;
// registers <= 112
KERNEL(CodesFew) lathe_packed_few_sm90_f8(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  ALIGNED_SHARED;
  multiplyCodes<CodesFew>(smem, p0, p1, p2, p3, p4, d0);
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

using IntegerMatmul1 = IntegerMatmul<uint8_t, int8_t, float, LargeTile, Codes>;
static_assert(IntegerMatmul1::SharedBytes == 65536);
// registers <= 128
KERNEL(IntegerMatmul1) lathe_integer_matmul_1(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, int64_t d0) {
  SHARED;
  Codes from{(const uint8_t *)p0, (const uint8_t *)p1, (const int8_t *)p2, (const int8_t *)p3};
  IntegerMatmul1::Params params{from, (float *)p4, d0, 4096, 4096, 1};
  gridTiles<IntegerMatmul1>(params, smem, ScaleColumns{(const float *)p5});
}
