// Loops, gathers, reductions of any dimensions and rotations, one launch of every template, as the printer writes it.
#include "elementwise.cuh"
#include "gather.cuh"
#include "reduce.cuh"
#include "rope.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

struct Add {
  const float *A;
  const float *S;
  Half *Y;
  template <int N> __device__ void operator()(int64_t index) const {
    float a[N], s[N], y[N];
    loadVector(A, index, a);
    loadSplat(S, 0, s);
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = a[i] + s[i];
    storeVector(Y, index, y);
  }
};

struct AddBias {
  const float *A;
  const float *Bias;
  const float *Scale;
  Half *Y;
  int64_t Cols;
  template <int N> __device__ void operator()(int64_t row, int64_t col) const {
    float a[N], b[N], s[N], y[N];
    loadVector(A, row * Cols + col, a);
    loadVector(Bias, col, b);
    loadSplat(Scale, row, s);
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = (a[i] + b[i]) * s[i];
    storeVector(Y, row * Cols + col, y);
  }
};

using Elementwise1 = Elementwise<8>;
// registers <= 32
KERNEL(Elementwise1) lathe_add_f16_1(void *p0, void *p1, void *p2, int64_t d0) {
  Elementwise1::Params params{.Count = d0};
  gridTiles<Elementwise1>(params, nullptr, Add{(const float *)p0, (const float *)p1, (Half *)p2});
}

using ElementwiseRows1 = ElementwiseRows<8>;
// registers <= 40
KERNEL(ElementwiseRows1) lathe_add_rows_f16_1(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  ElementwiseRows1::Params params{.Rows = d0, .Cols = 576};
  gridTiles<ElementwiseRows1>(params, nullptr,
                              AddBias{(const float *)p0, (const float *)p1, (const float *)p2, (Half *)p3, 576});
}

using Gather1 = Gather<Q6_K, int32_t, float>;
// registers <= 40
KERNEL(Gather1) lathe_gather_q6_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  Gather1::Params params{.Data = (const uint8_t *)p0,
                         .Indices = (const int32_t *)p1,
                         .Out = (float *)p2,
                         .Rows = d0,
                         .Cols = 4096,
                         .TableRows = 128256,
                         .LdTable = 0,
                         .LdOut = 4096};
  gridTiles<Gather1>(params, nullptr, StoreAsIs{});
}

using Gather2 = Gather<Half, int64_t, float>;
// registers <= 40
KERNEL(Gather2) lathe_gather_f16_2(void *p0, void *p1, void *p2, int64_t d0) {
  Gather2::Params params{(const Half *)p0, (const int64_t *)p1, (float *)p2, d0, 100, 50, 100, 100};
  gridTiles<Gather2>(params, nullptr, StoreAsIs{});
}

using Reduce1 = Reduce<reductions::Mean<float>, Half, float, 1, 32>;
static_assert(Reduce1::SharedBytes == 0);
// registers <= 64
KERNEL(Reduce1) lathe_reduce_f16_1(void *x, void *y, int64_t rows) {
  Reduce1::Params params{.X = (const Half *)x, .Y = (float *)y, .Sizes = {rows, 1024, 1}, .Cols = 1};
  gridTiles<Reduce1>(params, nullptr, StoreAsIs{});
}

using Reduce2 = Reduce<reductions::ArgMax<false>::Of<float>, float, int64_t, 2, 256>;
static_assert(Reduce2::SharedBytes == 128);
// registers <= 64
KERNEL(Reduce2) lathe_arg_max_f32_2(void *x, void *y, int64_t rows) {
  SHARED;
  Reduce2::Params params{.X = (const float *)x, .Y = (int64_t *)y, .Sizes = {1, rows, 7, 100, 1}, .Cols = 7};
  gridTiles<Reduce2>(params, smem, StoreAsIs{});
}

using Rope1 = Rope<float, Half, Pairing::Half>;
static_assert(Rope1::SharedBytes == 4096);
// registers <= 64
KERNEL(Rope1) lathe_rope_f16_1(void *x, void *positions, void *out, int64_t tokens) {
  SHARED;
  Rope1::Params params{.X = (const float *)x,
                       .Out = (Half *)out,
                       .Positions = (const int32_t *)positions,
                       .Factors = nullptr,
                       .Tokens = tokens,
                       .Heads = 32,
                       .Width = 128,
                       .Dims = 128,
                       .LdX = 6144,
                       .LdOut = 4096,
                       .PositionStride = 1,
                       .Base = 10000.0f,
                       .PositionScale = 1.0f,
                       .Magnitude = 1.0f};
  gridTiles<Rope1>(params, smem, NoBody{});
}

using Rope2 = Rope<Half, Half, Pairing::Adjacent>;
// registers <= 64
KERNEL(Rope2) lathe_rope_f16_2(void *x, void *positions, void *factors, void *out, int64_t tokens) {
  SHARED;
  Rope2::Params params{(const Half *)x,
                       (Half *)out,
                       (const int32_t *)positions,
                       (const float *)factors,
                       tokens,
                       32,
                       128,
                       64,
                       4096,
                       4096,
                       1,
                       500000,
                       1,
                       1};
  gridTiles<Rope2>(params, smem, NoBody{});
}
