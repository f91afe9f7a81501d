// One launch of every template as the printer writes it. nvrtc-compile compiles this file for sm_80 and sm_90a and
// holds every kernel to the register budget in the comment before it; no kernel may spill or use local memory
// without a reason there. The static_asserts hold the shared bytes to those that README.md promises.
#include "append_kv.cuh"
#include "attention_tiles.cuh"
#include "convolution.cuh"
#include "convolution_few_channels.cuh"
#include "convolution_tiles.cuh"
#include "dequantize.cuh"
#include "elementwise.cuh"
#include "expert_matmul.cuh"
#include "expert_matmul_tiles.cuh"
#include "gather.cuh"
#include "matmul.cuh"
#include "matmul_tf32.cuh"
#include "packed_matmul.cuh"
#include "paged_attention.cuh"
#include "paged_attention_decode.cuh"
#include "paged_attention_prefill.cuh"
#include "pooling.cuh"
#include "quantized_matmul.cuh"
#include "reduce.cuh"
#include "rope.cuh"
#include "row_reduction.cuh"
#include "together.cuh"

using namespace lathe::kernels;

struct BiasResidual {
  const float *Bias;
  const float *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return acc + Bias[col] + Residual[row * N + col];
  }
};

struct GateTimesUp {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate / (1 + expf(-gate)) * up; }
};

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

struct ArgMax {
  static constexpr bool Stores = false;
  struct Row {};
  const float *X;
  int32_t *Y;
  int64_t Cols;
  template <int N> __device__ void load(int64_t row, int64_t col, float (&x)[N]) const {
    loadVector(X, row * Cols + col, x);
  }
  __device__ Row finish(const ArgMaxReduction::Summary &s, int64_t row, bool leader) const {
    if (leader)
      Y[row] = s.Index;
    return {};
  }
};

#define KERNEL(KIND) extern "C" __global__ void __launch_bounds__(KIND::Threads, KIND::MinBlocks)
#define SHARED extern __shared__ __align__(128) char smem[]

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
                     ArgMax{(const float *)p0, (int32_t *)p1, 128256});
}

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

using QuantizedMatmulFewRows1 = QuantizedMatmulFewRows<Q4_K, Half, float, 1>;
static_assert(QuantizedMatmulFewRows1::SharedBytes == 32);
// registers <= 128
KERNEL(QuantizedMatmulFewRows1) lathe_quantized_matmul_few_rows_q4_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulFewRows1::Params params{
      (const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulFewRows1>(params, smem, StoreAsIs{});
}

using QuantizedMatmulFewRows8 = QuantizedMatmulFewRows<Q6_K, Half, float, 8>;
static_assert(QuantizedMatmulFewRows8::SharedBytes == 256);
// registers <= 168
KERNEL(QuantizedMatmulFewRows8) lathe_quantized_matmul_few_rows_q6_k_8(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulFewRows8::Params params{
      (const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulFewRows8>(params, smem, StoreAsIs{});
}

/// A product in tf32 of a model of f32 with 768 channels.
template <class Kernel> __device__ void multiplyTf32Rows(char *smem, void *p0, void *p1, void *p2, int64_t d0) {
  typename Kernel::Params params{
      (const float *)p0, (const float *)p1, (float *)p2, d0, 768, 768, 768, 768, 768, 1, 0, 0, 0};
  gridTiles<Kernel>(params, smem, StoreAsIs{});
}

using MatmulTf32Large = MatmulTf32<float, Tf32LargeTile, Rhs::NK>;
static_assert(MatmulTf32Large::SharedBytes == 98304);
// registers <= 128
KERNEL(MatmulTf32Large) lathe_matmul_tf32_large(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Large>(smem, p0, p1, p2, d0);
}

using MatmulTf32Medium = MatmulTf32<float, Tf32MediumTile, Rhs::KN>;
static_assert(MatmulTf32Medium::SharedBytes == 65536);
// registers <= 128
KERNEL(MatmulTf32Medium) lathe_matmul_tf32_medium(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Medium>(smem, p0, p1, p2, d0);
}

using MatmulTf32Small = MatmulTf32<float, Tf32SmallTile, Rhs::NK>;
static_assert(MatmulTf32Small::SharedBytes == 40960);
// registers <= 128
KERNEL(MatmulTf32Small) lathe_matmul_tf32_small(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  multiplyTf32Rows<MatmulTf32Small>(smem, p0, p1, p2, d0);
}

using QuantizedMatmul1 = QuantizedMatmul<Q4_K, Half, float, LargeTile>;
static_assert(QuantizedMatmul1::SharedBytes == 49152);
// registers <= 128
KERNEL(QuantizedMatmul1) lathe_quantized_matmul_q4_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul1::Params params{.A = (const Half *)p0,
                                  .W = (const uint8_t *)p1,
                                  .C = (float *)p2,
                                  .M = d0,
                                  .N = 4096,
                                  .K = 4096,
                                  .LdA = 4096,
                                  .LdC = 4096};
  gridTiles<QuantizedMatmul1>(params, smem, StoreAsIs{});
}

using QuantizedMatmul2 = QuantizedMatmul<Q6_K, BFloat16, BFloat16, MediumTile>;
static_assert(QuantizedMatmul2::SharedBytes == 24576);
// registers <= 168
KERNEL(QuantizedMatmul2) lathe_quantized_matmul_q6_k_2(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul2::Params params{
      (const BFloat16 *)p0, (const uint8_t *)p1, (BFloat16 *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul2>(params, smem, StoreAsIs{});
}

using QuantizedMatmul3 = QuantizedMatmul<Q8_0, Half, float, SmallTile>;
static_assert(QuantizedMatmul3::SharedBytes == 24576);
// registers <= 128
KERNEL(QuantizedMatmul3) lathe_quantized_matmul_q8_0_3(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul3::Params params{(const Half *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul3>(params, smem, StoreAsIs{});
}

using QuantizedMatmul4 = QuantizedMatmul<TiledQ6_K, Half, Half, SmallTile>;
// registers <= 128
KERNEL(QuantizedMatmul4) lathe_quantized_matmul_tiled_q6_k_4(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmul4::Params params{(const Half *)p0, (const uint8_t *)p1, (Half *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmul4>(params, smem, StoreAsIs{});
}

using QuantizedMatmulSimt1 = QuantizedMatmulSimt<Q5_K, float, float>;
static_assert(QuantizedMatmulSimt1::SharedBytes == 8704);
// registers <= 168
KERNEL(QuantizedMatmulSimt1) lathe_quantized_matmul_simt_q5_k_1(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  QuantizedMatmulSimt1::Params params{(const float *)p0, (const uint8_t *)p1, (float *)p2, d0, 4096, 4096, 4096, 4096};
  gridTiles<QuantizedMatmulSimt1>(params, smem, StoreAsIs{});
}

using Dequantize1 = Dequantize<TiledQ4_K, Half>;
// registers <= 64
KERNEL(Dequantize1) lathe_dequantize_q4_k(void *p0, void *p1) {
  SHARED;
  Dequantize1::Params params{.W = (const uint8_t *)p0, .Out = (Half *)p1, .N = 14336, .K = 4096};
  gridTiles<Dequantize1>(params, smem, NoBody{});
}

using Dequantize2 = Dequantize<Q5_K, BFloat16>;
// registers <= 64
KERNEL(Dequantize2) lathe_dequantize_blocks_q5_k(void *p0, void *p1) {
  SHARED;
  Dequantize2::Params params{.W = (const uint8_t *)p0, .Out = (BFloat16 *)p1, .N = 14336, .K = 4096};
  gridTiles<Dequantize2>(params, smem, NoBody{});
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

using Together1 = Together<QuantizedMatmulFewRows<Q4_K, Half, float, 1>, QuantizedMatmulFewRows<Q6_K, Half, Half, 1>>;
static_assert(Together1::SharedBytes == 32);
// registers <= 128
KERNEL(Together1) lathe_together_q4_k_1(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  Together1::Params params{.Head = {.A = (const Half *)p0,
                                    .W = (const uint8_t *)p1,
                                    .C = (float *)p3,
                                    .M = d0,
                                    .N = 4096,
                                    .K = 4096,
                                    .LdA = 4096,
                                    .LdC = 4096},
                           .Tail = {.Head = {.A = (const Half *)p0,
                                             .W = (const uint8_t *)p2,
                                             .C = (Half *)p4,
                                             .M = d0,
                                             .N = 1024,
                                             .K = 4096,
                                             .LdA = 4096,
                                             .LdC = 1024}}};
  gridTiles<Together1>(params, smem, together(StoreAsIs{}, StoreAsIs{}));
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

using Expert1 = ExpertMatmul<Q4_K, Half, int32_t, float>;
// registers <= 128
KERNEL(Expert1) lathe_expert_matmul_q4_k_1(void *x, void *w, void *experts, void *c, int64_t rows) {
  Expert1::Params params{.X = (const Half *)x,
                         .W = (const uint8_t *)w,
                         .Chosen = (const int32_t *)experts,
                         .C = (float *)c,
                         .Rows = rows,
                         .N = 768,
                         .K = 2048,
                         .Experts = 128,
                         .SharedRows = 8};
  gridTiles<Expert1>(params, nullptr, StoreAsIs{});
}

using Expert2 = ExpertMatmul<MXFP4, float, int64_t, float>;
// registers <= 128
KERNEL(Expert2) lathe_expert_matmul_mxfp4_2(void *x, void *w, void *experts, void *c, int64_t rows) {
  Expert2::Params params{
      (const float *)x, (const uint8_t *)w, (const int64_t *)experts, (float *)c, rows, 2880, 2880, 32, 1};
  gridTiles<Expert2>(params, nullptr, StoreAsIs{});
}

using Expert3 = ExpertMatmulTiles<Q4_K, BFloat16, int64_t, float, SmallTile, 1>;
static_assert(Expert3::SharedBytes == (4 * 16 + 2 * 64) * 64 * 2 + 4 * 16);
// registers <= 128
KERNEL(Expert3) lathe_expert_matmul_q4_k_3(void *x, void *w, void *experts, void *c, int64_t rows) {
  SHARED;
  Expert3::Params params{
      (const BFloat16 *)x, (const uint8_t *)w, (const int64_t *)experts, (float *)c, rows, 768, 2048, 128, 8};
  gridTiles<Expert3>(params, smem, StoreAsIs{});
}

using Expert4 = ExpertMatmulTiles<Plain<Half>, Half, int64_t, Half, MediumTile, 4>;
static_assert(Expert4::SharedBytes == 32768 + 4 * 64);
// registers <= 128
KERNEL(Expert4) lathe_expert_matmul_f16_4(void *x, void *w, void *experts, void *c, int64_t rows) {
  SHARED;
  Expert4::Params params{
      (const Half *)x, (const Half *)w, (const int64_t *)experts, (Half *)c, rows, 2048, 768, 128, 1};
  gridTiles<Expert4>(params, smem, StoreAsIs{});
}

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

using Convolution1 = Convolution<float, float, float>;
// registers <= 64
KERNEL(Convolution1) lathe_convolution_f32_1(void *p0, void *p1, void *p2, int64_t d0) {
  Convolution1::Params params{.X = (const float *)p0,
                              .Weights = (const float *)p1,
                              .Y = (float *)p2,
                              .N = d0,
                              .C = 1,
                              .H = 8,
                              .W = 8,
                              .O = 16,
                              .KH = 3,
                              .KW = 3,
                              .OH = 8,
                              .OW = 8,
                              .Groups = 1,
                              .StrideH = 1,
                              .StrideW = 1,
                              .PadTop = 1,
                              .PadLeft = 1,
                              .DilationH = 1,
                              .DilationW = 1};
  gridTiles<Convolution1>(params, nullptr, StoreAsIs{});
}

struct BiasResidualRelu {
  const float *Bias;
  const Half *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return fmaxf(acc + Bias[col] + toValue(Residual[row * N + col]), 0);
  }
};

using ConvolutionTiles1 = ConvolutionTiles<Half, Half, ConvolutionLargeTile>;
static_assert(ConvolutionTiles1::SharedBytes == 3 * 256 * 128 + 128 * 8);
// registers <= 128
KERNEL(ConvolutionTiles1)
lathe_tile_conv_f16_1(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  ConvolutionTiles1::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 128, 56, 56, 128, 3, 3, 28, 28, 2, 2, 1, 1, 1, 1};
  gridTiles<ConvolutionTiles1>(params, smem, BiasResidualRelu{(const float *)p3, (const Half *)p4, 128});
}

// Windows of five channels, element by element.
using ConvolutionTiles2 = ConvolutionTiles<BFloat16, float, ConvolutionTallTile>;
static_assert(ConvolutionTiles2::SharedBytes == 3 * 192 * 128 + 128 * 8);
// registers <= 128
KERNEL(ConvolutionTiles2) lathe_tile_conv_bf16_2(void *p0, void *p1, void *p2, int64_t d0) {
  SHARED;
  ConvolutionTiles2::Params params{
      (const BFloat16 *)p0, (const BFloat16 *)p1, (float *)p2, d0, 5, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1};
  gridTiles<ConvolutionTiles2>(params, smem, StoreAsIs{});
}

using ConvolutionTiles3 = ConvolutionTiles<Half, Half, ConvolutionMediumTile>;
static_assert(ConvolutionTiles3::SharedBytes == 4 * 128 * 128 + 64 * 8);
// registers <= 128
KERNEL(ConvolutionTiles3)
lathe_tile_conv_f16_3(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  SHARED;
  ConvolutionTiles3::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 256, 14, 14, 256, 3, 3, 14, 14, 1, 1, 1, 1, 1, 1};
  gridTiles<ConvolutionTiles3>(params, smem, BiasResidualRelu{(const float *)p3, (const Half *)p4, 256});
}

struct BiasRelu {
  const float *Bias;
  __device__ float operator()(float acc, int64_t, int64_t col) const { return fmaxf(acc + Bias[col], 0); }
};

// The first layer, from a patch of the image.
using FewChannels1 = ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56, 2>>;
static_assert(FewChannels1::SharedBytes == 28 * 64 * 16);
// registers <= 255, stack <= 96: sums of 56 columns; on sm_80 some addresses find no register, on sm_90a all do
KERNEL(FewChannels1) lathe_tile_conv_f16_4(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  SHARED;
  FewChannels1::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 3, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1, 132};
  gridTiles<FewChannels1>(params, smem, BiasRelu{(const float *)p3});
}

using ChannelPooling1 = ChannelMaxPooling<Half, Half, 8>;
// registers <= 64
KERNEL(ChannelPooling1) lathe_channel_max_pool_f16_1(void *p0, void *p1, int64_t d0) {
  ChannelPooling1::Params params{(const Half *)p0, (Half *)p1, d0, 112, 112, 64, 3, 3, 56, 56, 2, 2, 1, 1, 1, 1};
  gridTiles<ChannelPooling1>(params, nullptr, StoreAsIs{});
}

using Pooling1 = Pooling<float, float, Pool::Max>;
// registers <= 48
KERNEL(Pooling1) lathe_max_pool_f32_1(void *p0, void *p1, int64_t d0) {
  Pooling1::Params params{.X = (const float *)p0,
                          .Y = (float *)p1,
                          .Planes = d0 * 16,
                          .H = 8,
                          .W = 8,
                          .KH = 2,
                          .KW = 2,
                          .OH = 4,
                          .OW = 4,
                          .StrideH = 2,
                          .StrideW = 2,
                          .PadTop = 0,
                          .PadLeft = 0,
                          .PadBottom = 0,
                          .PadRight = 0,
                          .DilationH = 1,
                          .DilationW = 1,
                          .CountPads = false};
  gridTiles<Pooling1>(params, nullptr, StoreAsIs{});
}

using Pooling2 = Pooling<Half, Half, Pool::Average>;
// registers <= 48
KERNEL(Pooling2) lathe_average_pool_f16_2(void *p0, void *p1, int64_t d0) {
  Pooling2::Params params{(const Half *)p0, (Half *)p1, d0 * 16, 7, 7, 3, 3, 4, 4, 2, 2, 1, 1, 1, 1, 1, 1, true};
  gridTiles<Pooling2>(params, nullptr, StoreAsIs{});
}
