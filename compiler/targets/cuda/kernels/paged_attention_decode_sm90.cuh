// PagedAttentionDecode with the pages of an item spread over a cluster of blocks, which join through each other's
// shared memory: for steps with fewer items than the chip has multiprocessors.
//
//   PagedAttentionDecodeCluster<Query, State, Output, Shape, Warps, Cluster, Fresh>
//
// Grid: Tokens * KvHeads * HeadBlocks * Cluster in clusters of Cluster (at most 8 where the driver's limit stands);
// block 32 * Warps; shared SharedBytes. Slot w * Cluster + r is warp w of the cluster's block r.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH

#include "paged_attention_decode.cuh"

namespace lathe::kernels {

template <FloatElement Query, PageElement State, FloatElement Output, class Shape, int Warps, int Cluster_,
          class Fresh = Stored>
struct PagedAttentionDecodeCluster {
  static constexpr int Cluster = Cluster_;
  using Blockwise = PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps * Cluster, false, Fresh>;
  using Params = typename Blockwise::Params;
  using Item = typename Blockwise::Item;
  using Joined = typename Blockwise::Joined;
  static constexpr bool WaitsItself = Blockwise::WaitsItself;
  static constexpr int Threads = Blockwise::Threads, MinBlocks = Blockwise::MinBlocks;
  static constexpr int Columns = Blockwise::Columns, ValueWidth = Blockwise::ValueWidth;
  static constexpr int JoinedFloats = Columns * (ValueWidth + 2); ///< a block's sums, maxima, totals
  static constexpr int SharedBytes = Blockwise::SharedBytes + 4 * JoinedFloats;

  static __host__ __device__ int64_t tiles(const Params &p) { return Blockwise::tiles(p) * Cluster; }

  /// Joins the block's warps in order.
  static __device__ void joinWarps(const Item &item, const float *parts, const float *maxima, const float *totals,
                                   float *joined) {
    for (int i = threadIdx.x; i < item.count() * ValueWidth; i += Threads) {
      int column = i / ValueWidth, d = i % ValueWidth;
      Joined own{-Infinity};
      Blockwise::joinWarps(own, parts, maxima, totals, column, d);
      joined[i] = own.Value;
      if (d == 0) {
        joined[Columns * ValueWidth + column] = own.Top;
        joined[Columns * (ValueWidth + 1) + column] = own.Total;
      }
    }
  }

  /// Joins the cluster's blocks in order; block `rank` stores every Cluster-th result.
  static __device__ void joinBlocks(const Params &p, const Item &item, int rank, const float *joined) {
    for (int i = rank * Threads + threadIdx.x; i < item.count() * ValueWidth; i += Threads * Cluster) {
      int column = i / ValueWidth;
      float values[Cluster], maxima[Cluster], totals[Cluster];
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer) {
        values[peer] = loadPeer(joined + i, peer);
        maxima[peer] = loadPeer(joined + Columns * ValueWidth + column, peer);
        totals[peer] = loadPeer(joined + Columns * (ValueWidth + 1) + column, peer);
      }
      Joined all{Blockwise::lowest(p, item.head(column))};
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer)
        all.raise(maxima[peer]);
#pragma unroll
      for (int peer = 0; peer < Cluster; ++peer)
        all.add(maxima[peer], totals[peer], values[peer]);
      Blockwise::storeResult(p, item, all, column, i % ValueWidth);
    }
  }

  static __device__ void run(const Params &p, int64_t tile, char *smem, const NoBody &) {
    constexpr int ItemsPerToken = Shape::KvHeads * Blockwise::HeadBlocks;
    int rank = int(tile % Cluster);
    tile /= Cluster;
    Item item = Blockwise::findItem(p, tile / ItemsPerToken, int(tile % ItemsPerToken));
    if constexpr (WaitsItself)
      startNext();
    if (item.Rows == 0) {
      waitForPrevious();
      return; // and so does the whole cluster
    }
    float *parts = reinterpret_cast<float *>(smem), *maxima = parts + Blockwise::SumFloats;
    float *totals = maxima + Warps * Columns, *joined = totals + Warps * Columns;
    Blockwise::addSlot(p, item, threadIdx.x / 32 * Cluster + rank, parts, maxima, totals,
                       smem + Blockwise::SumBytes + 4 * JoinedFloats, rank == 0 && item.Head0 == 0);
    __syncthreads();
    joinWarps(item, parts, maxima, totals, joined);
    clusterBarrier(Cluster);
    joinBlocks(p, item, rank, joined);
    clusterBarrier(Cluster); // nobody leaves, or goes on to the next tile, while its memory is read
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH
