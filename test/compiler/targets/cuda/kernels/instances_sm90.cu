// One launch of every template that needs sm_90a, as instances.cu has for the others.
#include "attention_tiles_sm90.cuh"
#include "convolution_few_channels.cuh"
#include "convolution_sm90.cuh"
#include "convolution_tiles.cuh"
#include "latent_attention_sm90.cuh"
#include "packed_matmul_batch_sm90.cuh"
#include "packed_matmul_few_sm90.cuh"
#include "packed_matmul_wide_sm90.cuh"
#include "paged_attention_prefill_sm90.cuh"
#include "paged_attention_rings_sm90.cuh"
#include "quantized_few_sm90.cuh"
#include "quantized_rows_sm90.cuh"
#include "row_reduction_sm90.cuh"
#include "top_k.cuh"

using namespace lathe::kernels;

struct AddResidual {
  const float *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const { return acc + Residual[row * N + col]; }
};

struct SwiGlu {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate / (1 + expf(-gate)) * up; }
};

using FewOne = PackedMatmulFewRowsSm90<BFloat16, float, 1, 14336, AsIs, true>;
static_assert(FewOne::MinBlocks == 2 && FewOne::SharedBytes == (113 << 10) + 128); // alone
// registers <= 112
extern "C" __global__ void __launch_bounds__(FewOne::Threads, FewOne::MinBlocks)
    lathe_packed_few_sm90_1(void *p0, void *p1, void *p2, void *p3) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(FewJoined::Threads, FewJoined::MinBlocks)
    lathe_packed_few_sm90_joined(void *p0, void *p1, void *p2, void *p3, void *p4, void *p5, void *p6, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(FewDual::Threads, FewDual::MinBlocks)
    lathe_packed_few_sm90_dual(void *p0, void *p1, void *p2, void *p3) {
  extern __shared__ __align__(1024) char smem[];
  FewDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = 1,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<FewDual>(params, smem, SwiGlu{});
}

using FewNormalized = PackedMatmulFewRowsSm90<BFloat16, Dual<BFloat16>, 1, 4096, RmsNormalized<float, float>>;
static_assert(FewNormalized::MinBlocks == 2);
// registers <= 112
extern "C" __global__ void __launch_bounds__(FewNormalized::Threads, FewNormalized::MinBlocks)
    lathe_packed_few_sm90_normalized(void *p0, void *p1, void *p2, void *p3, void *p4) {
  extern __shared__ __align__(1024) char smem[];
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
  gridTiles<FewNormalized>(params, smem, SwiGlu{});
}

using FewNormalizedRows = PackedMatmulFewRowsSm90<Half, float, 8, 4096, RmsNormalized<float, float>>;
// registers <= 224
extern "C" __global__ void __launch_bounds__(FewNormalizedRows::Threads, FewNormalizedRows::MinBlocks)
    lathe_packed_few_sm90_normalized_rows(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(Wide::Threads, Wide::MinBlocks) __cluster_dims__(2, 1, 1)
    lathe_packed_sm90_wide(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(Wide192::Threads, Wide192::MinBlocks) __cluster_dims__(2, 1, 1)
    lathe_packed_sm90_192(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(WideDual::Threads, WideDual::MinBlocks) __cluster_dims__(2, 1, 1)
    lathe_packed_sm90_wide_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
  WideDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = d0,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<WideDual>(params, smem, SwiGlu{});
}

using Rows = PackedMatmulSm90<Half, Half, PackedRowsTile>;
static_assert(Rows::SharedBytes <= 227 << 10);
// registers <= 168
extern "C" __global__ void __launch_bounds__(Rows::Threads, Rows::MinBlocks)
    lathe_packed_sm90_rows(void *p0, void *p1, void *p2, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(Thin::Threads, Thin::MinBlocks)
    lathe_packed_sm90_thin(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
using BatchSplit = PackedMatmulBatchSm90<BFloat16, float, BatchTile<64, 8, 2, 4, 4, 2>>;
static_assert(BatchSplit::SharedBytes <= 113 << 10);
// registers <= 80
extern "C" __global__ void __launch_bounds__(BatchSplit::Threads, BatchSplit::MinBlocks) __cluster_dims__(4, 1, 1)
    lathe_packed_batch_sm90_split(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(BatchDual::Threads, BatchDual::MinBlocks)
    lathe_packed_batch_sm90_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
  BatchDual::Params params{
      .A = static_cast<const Half *>(p0),
      .M = d0,
      .K = 4096,
      .LdA = 4096,
      .Blocks = 132,
      .Parts = {
          {.W = {static_cast<const Half *>(p1), static_cast<const Half *>(p2)}, .C = p3, .N = 14336, .LdC = 14336}}};
  gridTiles<BatchDual>(params, smem, SwiGlu{});
}

#define KERNEL(KIND) extern "C" __global__ void __launch_bounds__(KIND::Threads, KIND::MinBlocks)
#define SHARED extern __shared__ __align__(128) char smem[]

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
  gridTiles<QuantizedFew2>(params, smem, SwiGlu{});
}

using QuantizedFewNormalized = QuantizedFewRowsOf<RmsNormalized<float, float>, Half, Dual<Half>, 1, 4096, TiledQ4_K>;
static_assert(QuantizedFewNormalized::SharedBytes <= 232448);
// registers <= 128
KERNEL(QuantizedFewNormalized) lathe_quantized_few_rows_normalized(void *p0, void *p1, void *p2, void *p3, void *p4) {
  SHARED;
  QuantizedFewNormalized::Params params{
      (const float *)p0,         1, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}},
      {(const float *)p4, 1e-5f}};
  gridTiles<QuantizedFewNormalized>(params, smem, SwiGlu{});
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

/// Attention of 32 heads, and 8 of keys, in the fourth of 32 layers.
template <class Kernel>
__device__ void attend(char *smem, void *q, void *pool, void *offsets, void *lengths, void *tables, void *sinks,
                       void *out, int64_t tokens, int64_t sequences, int64_t pages, float scale, float cap,
                       int64_t window) {
  constexpr int64_t Layer = 8 * 16 * (Kernel::KeyWidth + Kernel::ValueWidth);
  typename Kernel::Params params{.Q = static_cast<decltype(Kernel::Params::Q)>(q),
                                 .Out = static_cast<decltype(Kernel::Params::Out)>(out),
                                 .Pool = static_cast<decltype(Kernel::Params::Pool)>(pool),
                                 .RowOffsets = static_cast<const int32_t *>(offsets),
                                 .Lengths = static_cast<const int32_t *>(lengths),
                                 .BlockTables = static_cast<const int32_t *>(tables),
                                 .Sinks = static_cast<const float *>(sinks),
                                 .Tokens = tokens,
                                 .Sequences = sequences,
                                 .Pages = pages,
                                 .LdQ = 32 * Kernel::KeyWidth,
                                 .LdOut = 32 * Kernel::ValueWidth,
                                 .PageElements = 32 * Layer,
                                 .LayerOffset = 3 * Layer,
                                 .Scale = scale,
                                 .SoftCap = cap,
                                 .Window = window};
  gridTiles<Kernel>(params, smem, NoBody{});
}

#define ATTEND_PARAMETERS                                                                                              \
  void *q, void *pool, void *offsets, void *lengths, void *tables, void *sinks, void *out, int64_t tokens,             \
      int64_t sequences, int64_t pages
#define ATTEND_ARGUMENTS smem, q, pool, offsets, lengths, tables, sinks, out, tokens, sequences, pages
#define ALIGNED_SHARED extern __shared__ __align__(1024) char smem[]

// Warpgroups that multiply raise their registers to what is left by the one that fetches; the numbers below are those
// that all begin with.
using Prefill128 = PagedAttentionPrefillSm90<BFloat16, BFloat16, AttentionShape<32, 8, 128, 128>>;
static_assert(Prefill128::Stages == 3 && Prefill128::SharedBytes <= 227 << 10);
// registers <= 168
KERNEL(Prefill128) lathe_paged_attention_prefill_sm90_128(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Prefill128>(ATTEND_ARGUMENTS, 0.0883883f, 0, 0);
}

using Prefill64 = PagedAttentionPrefillSm90<Half, Half, AttentionShape<32, 8, 64, 64>>;
static_assert(Prefill64::Stages == 4);
// registers <= 168
KERNEL(Prefill64) lathe_paged_attention_prefill_sm90_64(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Prefill64>(ATTEND_ARGUMENTS, 0.125f, 50, 4096);
}

using Prefill256 = PagedAttentionPrefillSm90<BFloat16, BFloat16, AttentionShape<16, 8, 256, 256>>;
static_assert(Prefill256::Stages == 2 && Prefill256::SharedBytes <= 227 << 10);
// registers <= 168, stack <= 32: sums of 64 x 256 leave little, 660 TFLOP/s at 8,192 positions
KERNEL(Prefill256) lathe_paged_attention_prefill_sm90_256(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Prefill256>(ATTEND_ARGUMENTS, 0.0625f, 50, 4096);
}

using Prefill80 = PagedAttentionPrefillSm90<Half, Half, AttentionShape<32, 8, 80, 80>>;
// registers <= 168
KERNEL(Prefill80) lathe_paged_attention_prefill_sm90_80(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Prefill80>(ATTEND_ARGUMENTS, 0.1118034f, 0, 0);
}

// 16 and 128 heads of one latent row.
using LatentCluster = LatentAttentionSm90<Half, Half, Half, AttentionShape<16, 1, 576, 512, true>, 8>;
static_assert(LatentCluster::Stages == 2 && LatentCluster::SharedBytes <= 227 << 10);
// registers <= 168, stack <= 64: sums of 64 x 256 leave little, 510 TFLOP/s at 8,192 positions
extern "C" __global__ void __launch_bounds__(LatentCluster::Threads, LatentCluster::MinBlocks)
    __cluster_dims__(LatentCluster::Cluster, 1, 1) lathe_latent_attention_cluster(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<LatentCluster>(ATTEND_ARGUMENTS, 0.0721688f, 0, 0);
}

using Latent128 = LatentAttentionSm90<BFloat16, Float8, BFloat16, AttentionShape<128, 1, 576, 512, true>>;
// registers <= 168, stack <= 64: as the one before
KERNEL(Latent128) lathe_latent_attention_128(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Latent128>(ATTEND_ARGUMENTS, 0.0721688f, 0, 0);
}

// Two blocks of 128 threads a multiprocessor have 255 registers each.
using Rings128 = PagedAttentionRingsSm90<BFloat16, BFloat16, BFloat16, AttentionShape<32, 8, 128, 128>>;
static_assert(Rings128::Stages == 3 && 2 * (Rings128::SharedBytes + 1024) <= 228 << 10);
// registers <= 255
KERNEL(Rings128) lathe_paged_attention_rings_sm90_128(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<Rings128>(ATTEND_ARGUMENTS, 0.0883883f, 0, 0);
}

using RingsOfBlocks = PagedAttentionRingsSm90<Half, Q8Block, Half, AttentionShape<32, 2, 128, 128>>;
static_assert(RingsOfBlocks::Stages == 4);
// registers <= 255
KERNEL(RingsOfBlocks) lathe_paged_attention_rings_sm90_q8_0(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<RingsOfBlocks>(ATTEND_ARGUMENTS, 0.0883883f, 30, 1024);
}

// Queries in f32 stay with the template of all GPUs, which has more registers here.
using PrefillParts = PagedAttentionPrefill<float, Half, float, AttentionShape<32, 8, 128, 128>>;
// registers <= 255
KERNEL(PrefillParts) lathe_paged_attention_prefill_sm90_parts(ATTEND_PARAMETERS) {
  SHARED;
  attend<PrefillParts>(ATTEND_ARGUMENTS, 0.0883883f, 0, 0);
}

using Prefill96 = PagedAttentionPrefill<Half, Half, Half, AttentionShape<32, 32, 96, 96>>;
// registers <= 255
KERNEL(Prefill96) lathe_paged_attention_prefill_sm90_96(ATTEND_PARAMETERS) {
  SHARED;
  attend<Prefill96>(ATTEND_ARGUMENTS, 0.1020621f, 0, 0);
}

// A cluster shares the tiles of one small picture.
struct BiasResidualRelu {
  const float *Bias;
  const Half *Residual;
  int64_t N;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return fmaxf(acc + Bias[col] + toValue(Residual[row * N + col]), 0);
  }
};

template <class Tile, int Split = 1> using ConvolutionOf = ConvolutionSm90<Half, Half, Tile, Split>;
template <class Kernel> __device__ void convolve(void *const (&p)[5], int64_t n) {
  extern __shared__ __align__(1024) char smem[];
  typename Kernel::Params params{
      (const Half *)p[0], (const Half *)p[1], (Half *)p[2], n, 256, 28, 28, 256, 3, 3, 14, 14, 2, 2, 1, 1, 1, 1, 132};
  gridTiles<Kernel>(params, smem, BiasResidualRelu{(const float *)p[3], (const Half *)p[4], 256});
}
#define CONVOLUTION(Kernel)                                                                                            \
  extern "C" __global__ void __launch_bounds__(Kernel::Threads, Kernel::MinBlocks)                                     \
      __cluster_dims__(Kernel::Cluster, 1, 1)

using FewChannels = ConvolutionFewChannels<Half, Half, FewChannelsWindow<7, 7, 2, 2, 1, 56>>;
// registers <= 168
extern "C" __global__ void __launch_bounds__(FewChannels::Threads, FewChannels::MinBlocks)
    lathe_tile_conv_few_channels(void *p0, void *p1, void *p2, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
  FewChannels::Params params{
      (const Half *)p0, (const Half *)p1, (Half *)p2, d0, 3, 224, 224, 64, 7, 7, 112, 112, 2, 2, 3, 3, 1, 1, 132};
  gridTiles<FewChannels>(params, smem, StoreAsIs{});
}

using ConvolutionNarrow = ConvolutionOf<ConvolutionNarrowSm90>;
static_assert(ConvolutionNarrow::SharedBytes <= 113 << 10);
// registers <= 64
CONVOLUTION(ConvolutionNarrow) lathe_tile_conv_narrow(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionNarrow>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionSquare = ConvolutionOf<ConvolutionSquareSm90, 2>;
// registers <= 128
CONVOLUTION(ConvolutionSquare) lathe_tile_conv_square(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionSquare>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionHigh = ConvolutionOf<ConvolutionHighSm90, 2>;
// registers <= 96
CONVOLUTION(ConvolutionHigh) lathe_tile_conv_high(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionHigh>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionWide = ConvolutionOf<ConvolutionWideSm90, 2>;
static_assert(ConvolutionWide::SharedBytes <= 227 << 10);
// registers <= 168
CONVOLUTION(ConvolutionWide) lathe_tile_conv_wide(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  convolve<ConvolutionWide>({p0, p1, p2, p3, p4}, d0);
}

using ConvolutionCluster = ConvolutionTiles<Half, Half, ConvolutionMediumTile, 8>;
// registers <= 128
extern "C" __global__ void __launch_bounds__(ConvolutionCluster::Threads, ConvolutionCluster::MinBlocks)
    __cluster_dims__(ConvolutionCluster::Cluster, 1, 1) lathe_tile_conv_cluster(void *p0, void *p1, void *p2) {
  extern __shared__ __align__(1024) char smem[];
  ConvolutionCluster::Params params{static_cast<const Half *>(p0),
                                    static_cast<const Half *>(p1),
                                    static_cast<Half *>(p2),
                                    1,
                                    512,
                                    7,
                                    7,
                                    512,
                                    3,
                                    3,
                                    7,
                                    7,
                                    1,
                                    1,
                                    1,
                                    1,
                                    1,
                                    1};
  gridTiles<ConvolutionCluster>(params, smem, StoreAsIs{});
}

// Two warpgroups that multiply with 184 registers, one that fetches with 136.
using QuantizedRows1 = QuantizedRowsSm90<Dual<Half>, 64, 1, TiledQ4_K>;
static_assert(QuantizedRows1::SharedBytes <= 232448);
// registers <= 168
KERNEL(QuantizedRows1) lathe_quantized_rows_dual(void *p0, void *p1, void *p2, void *p3, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
  QuantizedRows1::Params params{
      (const Half *)p0, d0, 4096, 4096, 132, {{{(const uint8_t *)p1, (const uint8_t *)p2}, p3, 14336, 14336}}};
  gridTiles<QuantizedRows1>(params, smem, SwiGlu{});
}

using QuantizedRows2 = QuantizedRowsSm90<Joined<float, Half>, 64, 2, TiledQ8_0, TiledQ6_K>;
// registers <= 168
KERNEL(QuantizedRows2)
__cluster_dims__(2, 1, 1) lathe_quantized_rows_joined(void *p0, void *p1, void *p2, void *p3, void *p4, int64_t d0) {
  extern __shared__ __align__(1024) char smem[];
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
  extern __shared__ __align__(1024) char smem[];
  QuantizedRows3::Params params{(const Half *)p0, d0, 896, 896, 132, {{{(const uint8_t *)p1}, p2, 896, 896}}};
  gridTiles<QuantizedRows3>(params, smem, StoreAsIs{});
}

struct ArgMax {
  static constexpr bool Stores = false;
  struct Row {};
  const float *X;
  int64_t *Y;
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

using LongArgMax = RowReductionCluster<ArgMaxReduction, 8>;
// registers <= 96
extern "C" __global__ void __launch_bounds__(LongArgMax::Threads, LongArgMax::MinBlocks) __cluster_dims__(8, 1, 1)
    lathe_arg_max_cluster(void *p0, void *p1, int64_t d0) {
  extern __shared__ __align__(128) char smem[];
  gridTiles<LongArgMax>({.Rows = d0, .Cols = 128256}, smem, ArgMax{(const float *)p0, (int64_t *)p1, 128256});
}

using Likeliest = TopK<float, 64, 8>;
// registers <= 64
extern "C" __global__ void __launch_bounds__(Likeliest::Threads, Likeliest::MinBlocks) __cluster_dims__(8, 1, 1)
    lathe_top_k_cluster(void *p0, void *p1, void *p2, int64_t d0) {
  extern __shared__ __align__(128) char smem[];
  gridTiles<Likeliest>(
      {.X = (const float *)p0, .Values = (float *)p1, .Indices = (int64_t *)p2, .Rows = d0, .Cols = 128256}, smem,
      NoBody{});
}

using TensorAttention = AttentionTilesSm90<Half, float, Half, 64, 64>;
static_assert(TensorAttention::SharedBytes == 40960);
// registers <= 168
extern "C" __global__ void __launch_bounds__(TensorAttention::Threads, TensorAttention::MinBlocks)
    lathe_attention_sm90_64(void *q, void *k, void *v, void *mask, void *out, int64_t b, int64_t t) {
  extern __shared__ __align__(1024) char smem[];
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
extern "C" __global__ void __launch_bounds__(TextAttention::Threads, TextAttention::MinBlocks)
    lathe_ragged_attention_sm90_128(void *q, void *k, void *v, void *offsets, void *out, int64_t rows, int64_t texts) {
  extern __shared__ __align__(1024) char smem[];
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
