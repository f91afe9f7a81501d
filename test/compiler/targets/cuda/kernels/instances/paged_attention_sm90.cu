// Attention over pages, one launch of every template that needs sm_90a, as the printer writes it.
#include "latent_attention_sm90.cuh"
#include "paged_attention_decode_sm90.cuh"
#include "paged_attention_prefill_sm90.cuh"
#include "paged_attention_rings_sm90.cuh"

#include "test/compiler/targets/cuda/kernels/instances/launches.h"

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
KERNEL(LatentCluster)
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

// One text: beside a block of the next product, which takes 113 KiB and 32,256 registers.
using ClusterRings =
    PagedAttentionDecodeCluster<BFloat16, BFloat16, BFloat16, AttentionShape<32, 8, 128, 128>, 4, 8, Stored, 6>;
static_assert(!ClusterRings::Apart && ClusterRings::SharedBytes == 4 * 6 * (4096 + 8) + 8);
// registers <= 168
KERNEL(ClusterRings)
__cluster_dims__(ClusterRings::Cluster, 1, 1) lathe_paged_attention_cluster_rings(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<ClusterRings>(ATTEND_ARGUMENTS, 0.0883883f, 0, 0);
}

using RingsOfBlocks = PagedAttentionRingsSm90<Half, Q8Block, Half, AttentionShape<32, 2, 128, 128>>;
static_assert(RingsOfBlocks::Stages == 4);
// registers <= 255
KERNEL(RingsOfBlocks) lathe_paged_attention_rings_sm90_q8_0(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<RingsOfBlocks>(ATTEND_ARGUMENTS, 0.0883883f, 30, 1024);
}

// Pages of 8 bits of many texts: three blocks have 168 registers each, and what waits meanwhile is of tiles of many
// rows.
using RingsOfMany = PagedAttentionRingsSm90<BFloat16, Q8Block, BFloat16, AttentionShape<32, 8, 128, 128>, 396, 3>;
static_assert(RingsOfMany::Stages == 3 && 3 * (RingsOfMany::SharedBytes + 1024) <= 228 << 10);
// registers <= 168, stack <= 160: tiles
KERNEL(RingsOfMany) lathe_paged_attention_rings_sm90_many(ATTEND_PARAMETERS) {
  ALIGNED_SHARED;
  attend<RingsOfMany>(ATTEND_ARGUMENTS, 0.0883883f, 0, 0);
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
