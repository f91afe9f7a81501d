// PagedAttentionDecode with the pages of an item spread over a cluster of blocks, which join through each other's
// shared memory: for steps with fewer items than the chip has multiprocessors.
//
//   PagedAttentionDecodeCluster<Query, State, Output, Shape, Warps, Cluster, Fresh>
//   PagedAttentionDecodeCluster<..., Warps, Cluster, Fresh, Stages>   pages come as bulk copies, and wait in a ring of
//                                                                     Stages pages that each warp has
//
// Grid: Tokens * KvHeads * HeadBlocks * Cluster in clusters of Cluster (at most 8 where the driver's limit stands);
// block 32 * Warps; shared SharedBytes. Slot w * Cluster + r is warp w of the cluster's block r.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH

#include "instructions_sm90.cuh"
#include "paged_attention_decode.cuh"

namespace lathe::kernels {

template <FloatElement Query, PageElement State, FloatElement Output, class Shape, int Warps, int Cluster_,
          class Fresh = Stored, int Stages = 0>
struct PagedAttentionDecodeCluster {
  static constexpr int Cluster = Cluster_;
  using Blockwise = PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps * Cluster, false, Fresh>;
  using Params = typename Blockwise::Params;
  using Item = typename Blockwise::Item;
  using Joined = typename Blockwise::Joined;
  static constexpr bool WaitsItself = Blockwise::WaitsItself;
  static constexpr int Threads = Blockwise::Threads, MinBlocks = Blockwise::MinBlocks;
  static constexpr int Columns = Blockwise::Columns, KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth;
  static constexpr int Slots = Warps * Cluster;
  static constexpr int JoinedFloats = Columns * (ValueWidth + 2); ///< a block's sums, maxima, totals
  static constexpr int KeyBytes = PageTokens * KeyWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int PageBytes =
      KeyBytes + PageTokens * ValueWidth / BlockElements<State> * int(sizeof(State)); ///< of one key head
  static_assert(Stages == 0 || (!Shape::Shared && KeyBytes % 16 == 0 && PageBytes % 16 == 0),
                "bulk copies are of multiples of 16 bytes, and of keys and values apart; let pages wait in registers");
  /// The ring's memory is that of the sums once all pages are read.
  static constexpr int RingBytes = Warps * Stages * PageBytes;
  static constexpr int JoinedOffset =
      Stages ? larger(RingBytes, ceilDiv(Blockwise::SumBytes, 16) * 16) : Blockwise::SumBytes;
  static constexpr int FreshOffset = JoinedOffset + 4 * JoinedFloats;
  static constexpr int BarrierOffset = FreshOffset + ceilDiv(Blockwise::FreshBytes, 8) * 8;
  static constexpr int SharedBytes = Stages ? BarrierOffset + Warps * Stages * 8 : FreshOffset + Blockwise::FreshBytes;

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

  /// Blockwise::addPages through a ring.
  static __device__ void addPages(typename Blockwise::Sums &sums, const Params &p, const Item &item, int page,
                                  char *memory, bool writes, char *smem) {
    constexpr uint32_t NoResult = 0x7fedcba9u; // a NaN that no instruction gives
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    char *ring = smem + warp * (Stages * PageBytes);
    uint64_t *full = reinterpret_cast<uint64_t *>(smem + BarrierOffset) + warp * Stages;
    const typename Blockwise::View view(item);
    int last = view.endPage(), ahead = page, seen = 0, numbers = 0;
    const State *pool = elementsAfter(p.Pool, p.LayerOffset);
    // Sends for the next page, once what was read of the one before in its place is in registers.
    auto send = [&](int stage, float result) {
      if (ahead >= last)
        return;
      if (seen % 32 == 0) {
        int mine = ahead + lane * Slots;
        numbers = mine < last ? p.BlockTables[item.Sequence * p.Pages + mine] : 0;
      }
      const State *source = elementsAfter(pool, __shfl_sync(0xffffffffu, numbers, seen % 32) * p.PageElements);
      if (lane == 0 && __builtin_bit_cast(uint32_t, result) != NoResult) {
        arriveExpecting(full + stage, PageBytes);
        copyBulkOnce(ring + stage * PageBytes, elementsAfter(source, item.KvHead * PageTokens * KeyWidth), KeyBytes,
                     full + stage);
        copyBulkOnce(ring + stage * PageBytes + KeyBytes,
                     elementsAfter(source, Shape::ValueOffset + item.KvHead * PageTokens * ValueWidth),
                     PageBytes - KeyBytes, full + stage);
      }
      ahead += Slots;
      ++seen;
    };
    if (lane == 0) {
      for (int i = 0; i < Stages; ++i)
        initBarrier(full + i, 1);
      publishBarriers();
    }
    __syncwarp();
    typename Blockwise::Queries q;
    const auto fresh = Blockwise::bringRows(q, p, item, memory, writes, [&] {
      for (int i = 0; i < Stages; ++i)
        send(i, 0);
    });
    ScoreMap map(p.Scale, p.SoftCap);
    RingPosition<larger(Stages, 1)> next;
#pragma unroll 1
    for (; page < last; page += Slots) {
      const State *keys = reinterpret_cast<const State *>(ring + next.Stage * PageBytes);
      waitBarrier(full + next.Stage, next.Round);
      Blockwise::addPage(sums, q, keys, elementsAfter(keys, PageTokens * KeyWidth), item, view, fresh,
                         page * PageTokens, map);
      __syncwarp();
      send(next.Stage, sums.Values[Blockwise::ColumnBlocks - 1][Blockwise::ValueWords - 1][0]);
      next.advance();
    }
    if (lane == 0)
      for (int i = 0; i < Stages; ++i)
        endBarrier(full + i);
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
    float *totals = maxima + Warps * Columns, *joined = reinterpret_cast<float *>(smem + JoinedOffset);
    char *memory = smem + FreshOffset;
    int slot = threadIdx.x / 32 * Cluster + rank;
    bool writes = rank == 0 && item.Head0 == 0;
    if constexpr (Stages > 0) {
      typename Blockwise::Sums sums;
      Blockwise::start(sums);
      addPages(sums, p, item, Blockwise::firstPage(item, slot), memory, writes, smem);
      __syncthreads(); // all pages are read
      Blockwise::leave(sums, parts, maxima, totals);
    } else {
      Blockwise::addSlot(p, item, slot, parts, maxima, totals, memory, writes);
    }
    __syncthreads();
    joinWarps(item, parts, maxima, totals, joined);
    clusterBarrier(Cluster);
    joinBlocks(p, item, rank, joined);
    clusterBarrier(Cluster); // nobody leaves, or goes on to the next tile, while its memory is read
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH
