// RowReduction of row_reduction.cuh for few long rows, of which only the summary is wanted: a row is spread over a
// cluster of blocks, which join through each other's shared memory. One block would wait for the memory again and
// again.
//
//   RowReductionCluster<Reduction, Cluster>   Body::Stores is false
//
// Grid: Rows * Cluster in clusters of Cluster (at most 8 where the driver's limit stands). Block: 512. Shared:
// SharedBytes. The order of accumulation is fixed by Cols and Cluster.
#ifndef LATHE_KERNELS_ROW_REDUCTION_SM90_CUH
#define LATHE_KERNELS_ROW_REDUCTION_SM90_CUH

#include "row_reduction.cuh"

namespace lathe::kernels {

template <class Reduction, int Cluster_> struct RowReductionCluster {
  static constexpr int Cluster = Cluster_, Threads = 512, MinBlocks = 2, Warps = Threads / 32, Vector = 4;
  static constexpr int Ahead = 8; ///< loads of a thread that are on their way together
  using Summary = typename Reduction::Summary;
  static constexpr int Words = sizeof(Summary) / 4;
  static constexpr int Each = Cluster * Warps / 32; ///< warps of the cluster that a lane of its first warp joins
  static_assert(Cluster * Warps % 32 == 0, "each lane joins as many warps; use an even Cluster");
  static_assert(Warps % Each == 0, "a lane joins warps of one block; use a smaller Cluster");
  static constexpr int SharedBytes = Warps * int(sizeof(Summary));
  struct Params {
    int64_t Rows, Cols;
  };

  static __host__ __device__ int64_t tiles(const Params &p) { return p.Rows * Cluster; }

  /// A summary in another block's shared memory.
  static __device__ Summary loadSummary(const Summary *summary, int rank) {
    union Bits {
      Summary Whole;
      float Word[Words];
      __device__ Bits() {}
    } bits;
#pragma unroll
    for (int i = 0; i < Words; ++i)
      bits.Word[i] = loadPeer(reinterpret_cast<const float *>(summary) + i, rank);
    return bits.Whole;
  }

  /// The warp's summary of every Cluster-th stretch of the row.
  template <class Body> static __device__ Summary summarize(const Params &p, int64_t row, int rank, const Body &body) {
    constexpr int Stride = Cluster * Threads;
    Summary summary = Reduction::identity();
    int64_t whole = p.Cols / Vector, mine = rank * Threads + threadIdx.x;
#pragma unroll 1
    for (int64_t vector = mine; vector < whole; vector += Ahead * Stride) {
      float x[Ahead][Vector];
#pragma unroll
      for (int i = 0; i < Ahead; ++i)
        if (vector + i * Stride < whole)
          body.template load<Vector>(row, (vector + i * Stride) * Vector, x[i]);
#pragma unroll
      for (int i = 0; i < Ahead; ++i)
        if (vector + i * Stride < whole)
          Reduction::add(summary, x[i], (vector + i * Stride) * Vector);
    }
    if (int64_t tail = whole * Vector + mine; tail < p.Cols) { // fewer than Vector elements remain
      float x[1];
      body.template load<1>(row, tail, x);
      Reduction::add(summary, x, tail);
    }
    return mergeLanes<Reduction>(summary);
  }

  template <class Body> static __device__ void run(const Params &p, int64_t tile, char *smem, const Body &body) {
    static_assert(!Body::Stores, "rows that are rewritten stay with one block; use RowReduction");
    Summary *warps = reinterpret_cast<Summary *>(smem);
    int64_t row = tile / Cluster;
    int lane = threadIdx.x % 32;
    // 1. Lanes, as each warp is ready.
    Summary summary = summarize(p, row, int(tile % Cluster), body);
    if (lane == 0)
      warps[threadIdx.x / 32] = summary;
    clusterBarrier(Cluster);
    // 2. The cluster's warps in order, by the first.
    if (tile % Cluster == 0 && threadIdx.x < 32) {
      Summary parts[Each];
#pragma unroll
      for (int i = 0; i < Each; ++i)
        parts[i] = loadSummary(warps + lane * Each % Warps + i, lane * Each / Warps);
      summary = parts[0];
#pragma unroll
      for (int i = 1; i < Each; ++i)
        summary = Reduction::merge(summary, parts[i]);
      summary = mergeLanes<Reduction>(summary);
      body.finish(summary, row, lane == 0);
    }
    clusterBarrier(Cluster); // nobody leaves, or goes on to the next tile, while its memory is read
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_ROW_REDUCTION_SM90_CUH
