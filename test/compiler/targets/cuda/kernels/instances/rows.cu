// Reductions of rows, one launch of every template, as the printer writes it.
#include "row_reduction.cuh"

#include "test/compiler/targets/cuda/kernels/instances/arg_max.h"
#include "test/compiler/targets/cuda/kernels/instances/launches.h"

struct RmsNorm {
  static constexpr bool Stores = true;
  struct Row {
    float Scale;
  };
  const float *X;
  const float *W;
  Half *Y;
  int64_t Cols;
  float Epsilon;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  __device__ Row finish(const SumOfSquares::Summary &s, int64_t, bool) const {
    return {rsqrtf(s.Sum / float(Cols) + Epsilon)};
  }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float w[N], y[N];
    loadVector(W, col, w);
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = x[i] * r.Scale * w[i];
    storeVector(Y, row * Cols + col, y);
  }
};

struct LayerNorm {
  static constexpr bool Stores = true;
  struct Row {
    float Mean, Scale;
  };
  const float *X;
  const float *W;
  const float *B;
  float *Y;
  int64_t Cols;
  float Epsilon;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  __device__ Row finish(const MeanVariance::Summary &s, int64_t, bool) const {
    return {s.Mean, rsqrtf(s.Squares / s.Count + Epsilon)};
  }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float w[N], b[N], y[N];
    loadVector(W, col, w);
    loadVector(B, col, b);
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = (x[i] - r.Mean) * r.Scale * w[i] + b[i];
    storeVector(Y, row * Cols + col, y);
  }
};

struct Softmax {
  static constexpr bool Stores = true;
  struct Row {
    float Max, Scale;
  };
  const float *X;
  float *Y;
  int64_t Cols;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  __device__ Row finish(const SoftmaxSum::Summary &s, int64_t, bool) const { return {s.Max, 1.0f / s.Sum}; }
  template <int N> __device__ void store(int64_t row, int64_t col, const float (&x)[N], const Row &r) const {
    float y[N];
#pragma unroll
    for (int i = 0; i < N; ++i)
      y[i] = expf(x[i] - r.Max) * r.Scale;
    storeVector(Y, row * Cols + col, y);
  }
};

using RmsNorm1 = RowReduction<SumOfSquares, 256>;
static_assert(RmsNorm1::SharedBytes == 32);
// registers <= 64
KERNEL(RmsNorm1) lathe_rms_norm_f16_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  gridTiles<RmsNorm1>(RmsNorm1::Params{.Rows = d0, .Cols = 4096}, smem,
                      RmsNorm{(const float *)p0, (const float *)p1, (Half *)p2, 4096, 1e-5f});
}

using LayerNorm1 = RowReduction<MeanVariance, 1024>;
static_assert(LayerNorm1::SharedBytes == 384);
// registers <= 64
KERNEL(LayerNorm1) lathe_layer_norm_f32_1(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  gridTiles<LayerNorm1>(LayerNorm1::Params{.Rows = d0, .Cols = 12288}, smem,
                        LayerNorm{(const float *)p0, (const float *)p1, (const float *)p2, (float *)p3, 12288, 1e-5f});
}

using LayerNorm2 = CenteredRows<4>;
// registers <= 80
KERNEL(LayerNorm2) lathe_layer_norm_f32_2(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  gridTiles<LayerNorm2>(LayerNorm2::Params{.Rows = d0, .Cols = 768}, nullptr,
                        LayerNorm{(const float *)p0, (const float *)p1, (const float *)p2, (float *)p3, 768, 1e-5f});
}

using Softmax1 = RowReduction<SoftmaxSum, 32>;
static_assert(Softmax1::SharedBytes == 0);
// registers <= 64
KERNEL(Softmax1) lathe_softmax_f32_1(void *p0, void *p1, int64_t d0) {
  gridTiles<Softmax1>(Softmax1::Params{.Rows = d0, .Cols = 10}, nullptr, Softmax{(const float *)p0, (float *)p1, 10});
}

using ArgMax1 = RowReduction<ArgMaxReduction, 512>;
static_assert(ArgMax1::SharedBytes == 128);
// registers <= 64
KERNEL(ArgMax1) lathe_arg_max_f32_1(void *p0, void *p1, int64_t d0) {
  SHARED;
  gridTiles<ArgMax1>(ArgMax1::Params{.Rows = d0, .Cols = 128256}, smem,
                     ArgMax<int32_t>{(const float *)p0, (int32_t *)p1, 128256});
}
