// PagedAttentionDecode with the pages of an item spread over a cluster of blocks, which join through each other's
// shared memory: for steps with fewer items than the chip has multiprocessors.
//
//   PagedAttentionDecodeCluster<Query, State, Output, Shape, Warps, Cluster, Fresh>
//   PagedAttentionDecodeCluster<..., Warps, Cluster, Fresh, Stages>   pages come as bulk copies, and wait in a ring of
//                                                                     Stages that each warp has
//
// A stage is half a page, its keys or its values, whose place is free as soon as they are multiplied.
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
  using Blockwise =
      PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps * Cluster, false, Fresh, (Stages > 0)>;
  using Params = typename Blockwise::Params;
  using Item = typename Blockwise::Item;
  using Joined = typename Blockwise::Joined;
  static constexpr bool WaitsItself = Blockwise::WaitsItself;
  static constexpr int Threads = Blockwise::Threads, MinBlocks = Blockwise::MinBlocks;
  static constexpr int Columns = Blockwise::Columns, KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth;
  static constexpr int Slots = Warps * Cluster;
  static constexpr int JoinedFloats = Columns * (ValueWidth + 2); ///< a block's sums, maxima, totals
  // Of one key head in a page.
  static constexpr int KeyBytes = PageTokens * KeyWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int ValueBytes = PageTokens * ValueWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int StageBytes = larger(KeyBytes, ValueBytes);
  static_assert(Stages == 0 || (!Shape::Shared && KeyBytes % 16 == 0 && ValueBytes % 16 == 0),
                "bulk copies are of multiples of 16 bytes, and of keys and values apart; let pages wait in registers");
  static_assert(Stages != 1, "values are awaited while keys are read; a ring has two stages or more");
  /// The ring's memory is that of the sums once all pages are read.
  static constexpr int RingBytes = Warps * Stages * StageBytes;
  static constexpr int JoinedOffset =
      Stages ? larger(RingBytes, ceilDiv(Blockwise::SumBytes, 16) * 16) : Blockwise::SumBytes;
  static constexpr int FreshOffset = JoinedOffset + 4 * JoinedFloats;
  static constexpr int BarrierOffset = FreshOffset + ceilDiv(Blockwise::FreshBytes, 8) * 8;
  static constexpr int SharedBytes = Stages ? BarrierOffset + Warps * Stages * 8 : FreshOffset + Blockwise::FreshBytes;

  static __host__ __device__ int64_t tiles(const Params &p) { return Blockwise::tiles(p) * Cluster; }

  /// Joins the block's warps in order.
  static __device__ void joinWarps(const Item &item, const float *parts, const float *maxima, const float *totals,
                                   float *joined) {
    for (int i = threadIdx.x * 4; i < item.count() * ValueWidth; i += Threads * 4) {
      int column = i / ValueWidth, d = i % ValueWidth;
      Joined own[4] = {{-Infinity}, {-Infinity}, {-Infinity}, {-Infinity}};
      float values[4];
      Blockwise::joinWarps(own, parts, maxima, totals, column, d);
#pragma unroll
      for (int k = 0; k < 4; ++k)
        values[k] = own[k].Value;
      storeVector(joined, i, values);
      if (d == 0) {
        joined[Columns * ValueWidth + column] = own[0].Top;
        joined[Columns * (ValueWidth + 1) + column] = own[0].Total;
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

  /// What a warp sends for, and where it has got to.
  struct Sender {
    const State *Pool;      ///< of the layer, the item's keys
    const int32_t *Numbers; ///< of the sequence's pages
    int Page, Last;         ///< to be sent for
    int KeyHead;
    int64_t PageElements;
    char *Ring;
    uint64_t *Full;
    int Seen = 0;     ///< pages so far
    int32_t Next = 0; ///< lane i: number of its i-th page after the last 32 that were seen
    const State *Source = nullptr;

    /// Sends for the next half, to `stage`: keys and values come by turns. `result` depends on all that was read of
    /// what had this place; without waiting for it, copies could overtake loads that another kernel's block holds up.
    template <bool Values> __device__ void send(int stage, float result) {
      constexpr uint32_t NoResult = 0x7fedcba9u; // a NaN that no instruction gives
      if (Page >= Last)
        return;
      if constexpr (!Values) {
        if (Seen % 32 == 0) {
          int mine = Page + int(threadIdx.x % 32) * Slots;
          Next = mine < Last ? Numbers[mine] : 0;
        }
        Source = elementsAfter(Pool, __shfl_sync(0xffffffffu, Next, Seen % 32) * PageElements);
      }
      if (threadIdx.x % 32 == 0 && __builtin_bit_cast(uint32_t, result) != NoResult) {
        constexpr int Bytes = Values ? ValueBytes : KeyBytes;
        const State *source = Values ? elementsAfter(Source, Shape::ValueOffset + KeyHead * PageTokens * ValueWidth)
                                     : elementsAfter(Source, KeyHead * PageTokens * KeyWidth);
        arriveExpecting(Full + stage, Bytes);
        copyBulkOnce(Ring + stage * StageBytes, source, Bytes, Full + stage);
      }
      if constexpr (Values) {
        Page += Slots;
        ++Seen;
      }
    }
    /// Fills the ring.
    template <int Stage = 0> __device__ void fill() {
      if constexpr (Stage < Stages) {
        send<Stage % 2 != 0>(Stage, 0);
        fill<Stage + 1>();
      }
    }
  };

  /// A warp's ring, as Blockwise::addStaged reads it, `Together` pages at a time.
  struct Ring {
    Sender Send;
    RingPosition<larger(Stages, 1)> Next; ///< the first half to be read
    int Together = 1;

    __device__ RingPosition<larger(Stages, 1)> ahead(int halves) const {
      RingPosition<larger(Stages, 1)> at = Next;
      for (int i = 0; i < halves; ++i)
        at.advance();
      return at;
    }
    __device__ const State *await(int halves) const {
      auto at = ahead(halves);
      waitBarrier(Send.Full + at.Stage, at.Round);
      return reinterpret_cast<const State *>(Send.Ring + at.Stage * StageBytes);
    }
    __device__ const State *keys(int i) const { return await(2 * i); }
    __device__ const State *values(int i) const { return await(2 * i + 1); }
    // Halves go to places in turn, so that the keys of a second page wait for the values of the first.
    __device__ void scored(float result) {
      __syncwarp();
      Send.template send<Stages % 2 != 0>(Next.Stage, result);
    }
    __device__ void added(int i, float result) {
      __syncwarp();
      Send.template send<Stages % 2 == 0>(ahead(2 * i + 1).Stage, result);
      if (i + 1 < Together)
        Send.template send<false>(ahead(2 * i + 2).Stage, result);
      else
        Next = ahead(2 * Together);
    }
  };

  /// Blockwise::addPages through a ring.
  static __device__ void addPages(typename Blockwise::Sums &sums, const Params &p, const Item &item, int page,
                                  char *memory, bool writes, char *smem) {
    /// Two pages, where the next two are on their way meanwhile, in part.
    constexpr int Together = Stages >= 6 && Stages % 2 == 0 ? 2 : 1;
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    uint64_t *full = reinterpret_cast<uint64_t *>(smem + BarrierOffset) + warp * Stages;
    const typename Blockwise::View view(item);
    int last = view.endPage();
    Ring ring{{.Pool = elementsAfter(p.Pool, p.LayerOffset),
               .Numbers = p.BlockTables + item.Sequence * p.Pages,
               .Page = page,
               .Last = last,
               .KeyHead = item.KvHead,
               .PageElements = p.PageElements,
               .Ring = smem + warp * (Stages * StageBytes),
               .Full = full},
              {}};
    if (lane < Stages) {
      initBarrier(full + lane, 1);
      publishBarriers();
    }
    __syncwarp();
    typename Blockwise::Queries q;
    const auto fresh = Blockwise::bringRows(q, p, item, memory, writes, [&] { ring.Send.fill(); });
    ScoreMap map(p.Scale, p.SoftCap);
    if constexpr (Together > 1) {
      ring.Together = Together;
#pragma unroll 1
      for (; page + (Together - 1) * Slots < last; page += Together * Slots)
        Blockwise::template addStaged<Together>(sums, q, ring, item, view, fresh, page * PageTokens, Slots * PageTokens,
                                                map);
      ring.Together = 1;
    }
#pragma unroll 1
    for (; page < last; page += Slots)
      Blockwise::template addStaged<1>(sums, q, ring, item, view, fresh, page * PageTokens, 0, map);
    __syncwarp();
    if (lane < Stages)
      endBarrier(full + lane);
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
