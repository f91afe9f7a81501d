// PagedAttentionDecode with the pages of an item spread over a cluster of blocks, which join through each other's
// shared memory: for steps with fewer items than the chip has multiprocessors.
//
//   PagedAttentionDecodeCluster<Query, State, Output, Shape, Warps, Cluster, Fresh>
//   PagedAttentionDecodeCluster<..., Warps, Cluster, Fresh, Stages>   pages come as bulk copies, and wait in a ring of
//                                                                     Stages that each warp has
//
// A stage is half a page, its keys or its values, whose place is free as soon as they are multiplied.
//
// Every block stores some of the dimensions of all columns. Warps send it these of their sums as soon as they have
// them, straight from the registers of tensor cores: lane 4g+t has two columns of the dimensions of g, which block g %
// Cluster stores. So nobody meets: a block waits until all bytes that it is sent are there.
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
  /// Where rows are turned here their number is known, else an item may have all columns.
  static constexpr int MostColumns = [] {
    if constexpr (Fresh::Rotates)
      return smaller(Blockwise::Columns, Fresh::Rows * Shape::Group);
    else
      return Blockwise::Columns;
  }();
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth;
  static constexpr int Slots = Warps * Cluster;
  static_assert(8 % Cluster == 0, "lanes of eight dimensions are dealt out to blocks; use 2, 4 or 8");
  /// Pairs of columns that an item has at most, lanes whose dimensions a block stores, and its quads of sums: two
  /// dimensions of a pair of columns.
  static constexpr int Pairs = ceilDiv(MostColumns, 2), Lanes = 8 / Cluster;
  static constexpr int Quads = Lanes * Pairs * Blockwise::ValueWords;
  /// What a block is sent: by every slot a pair's maxima and totals, then its quads.
  static constexpr int TopBytes = Slots * Pairs * 16, CameBytes = TopBytes + Slots * Quads * 16;
  // Of one key head in a page.
  static constexpr int KeyBytes = PageTokens * KeyWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int ValueBytes = PageTokens * ValueWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int StageBytes = larger(KeyBytes, ValueBytes);
  static_assert(Stages == 0 || (!Shape::Shared && KeyBytes % 16 == 0 && ValueBytes % 16 == 0),
                "bulk copies are of multiples of 16 bytes, and of keys and values apart; let pages wait in registers");
  static_assert(Stages != 1, "values are awaited while keys are read; a ring has two stages or more");
  static constexpr int RingBytes = Warps * Stages * StageBytes;
  /// What stands behind rings and sums.
  static constexpr int OtherBytes = ceilDiv(Blockwise::FreshBytes, 8) * 8 + 8 + Warps * Stages * 8;
  /// Whether sums have memory of their own; else they come to that of the rings once all blocks have read their pages.
  static constexpr bool Apart = Stages == 0 || RingBytes + CameBytes + OtherBytes <= 112 << 10;
  static constexpr int CameOffset = Apart ? RingBytes : 0;
  static constexpr int FreshOffset = Apart ? RingBytes + CameBytes : larger(RingBytes, CameBytes);
  static constexpr int BarrierOffset = FreshOffset + ceilDiv(Blockwise::FreshBytes, 8) * 8;
  static constexpr int SharedBytes = FreshOffset + OtherBytes;

  static __host__ __device__ int64_t tiles(const Params &p) { return Blockwise::tiles(p) * Cluster; }

  /// Sends this warp's sums to the blocks that store them. All blocks of the cluster have initialized `barrier`.
  static __device__ void send(const typename Blockwise::Sums &sums, const Item &item, int slot, float *came,
                              uint64_t *barrier) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, owner = g % Cluster;
    float *quads = came + TopBytes / 4 + (slot * Lanes + g / Cluster) * (Pairs * Blockwise::ValueWords * 4);
#pragma unroll
    for (int block = 0; block < Blockwise::ColumnBlocks; ++block) {
      float top[4] = {sums.Max[block][0], sums.Max[block][1], sums.Total[block][0], sums.Total[block][1]};
#pragma unroll
      for (int distance = 4; distance < 32; distance *= 2)
#pragma unroll
        for (int c = 2; c < 4; ++c)
          top[c] += __shfl_xor_sync(0xffffffffu, top[c], distance);
      int pair = block * 4 + t;
      if (pair * 2 >= item.count())
        continue;
      if (g < Cluster)
        sendToPeer(came + (slot * Pairs + pair) * 4, owner, top, barrier);
#pragma unroll
      for (int word = 0; word < Blockwise::ValueWords; ++word)
        sendToPeer(quads + (pair * Blockwise::ValueWords + word) * 4, owner, sums.Values[block][word], barrier);
    }
  }

  /// Joins the slots, eight lanes a quad: each every eighth slot, then their sums in order; and stores.
  static __device__ void joinSlots(const Params &p, const Item &item, int rank, const float *came) {
    constexpr int Sharing = 8, Beside = 32 / Sharing;
    int lane = threadIdx.x % 32, part = lane / Beside;
#pragma unroll 1
    for (int first = threadIdx.x / 32 * Beside; first < Quads; first += Warps * Beside) {
      int quad = smaller(first + lane % Beside, Quads - 1), pair = quad / Blockwise::ValueWords % Pairs;
      bool valid = first + lane % Beside < Quads && pair * 2 < item.count();
      const float *tops = came + pair * 4, *values = came + TopBytes / 4 + quad * 4;
      float top[2], total[2] = {}, sums[4] = {}; // of column c and dimension d in c + 2 * d
#pragma unroll
      for (int c = 0; c < 2; ++c) {
        top[c] = Blockwise::lowest(p, item.head(smaller(pair * 2 + c, item.count() - 1)));
#pragma unroll
        for (int slot = part; slot < Slots; slot += Sharing)
          if (valid)
            top[c] = larger(top[c], tops[slot * (Pairs * 4) + c]);
#pragma unroll
        for (int distance = Beside; distance < 32; distance *= 2)
          top[c] = larger(top[c], __shfl_xor_sync(0xffffffffu, top[c], distance));
      }
#pragma unroll
      for (int slot = part; slot < Slots; slot += Sharing) {
        if (!valid)
          continue;
        float its[4], x[4];
        loadVector(tops, slot * (Pairs * 4), its);
        loadVector(values, slot * (Quads * 4), x);
#pragma unroll
        for (int c = 0; c < 2; ++c) {
          float shrink = its[c + 2] == 0 ? 0.0f : exponential2(its[c] - top[c]);
          total[c] += shrink * its[c + 2];
          sums[c] += shrink * x[c];
          sums[c + 2] += shrink * x[c + 2];
        }
      }
#pragma unroll
      for (int distance = Beside; distance < 32; distance *= 2) {
#pragma unroll
        for (int c = 0; c < 2; ++c)
          total[c] += __shfl_xor_sync(0xffffffffu, total[c], distance);
#pragma unroll
        for (int k = 0; k < 4; ++k)
          sums[k] += __shfl_xor_sync(0xffffffffu, sums[k], distance);
      }
      // The first four of the eight lanes store an element each.
      int c = part % 2, column = pair * 2 + c, g = quad / (Blockwise::ValueWords * Pairs) * Cluster + rank;
      Joined joined{c ? top[1] : top[0], c ? total[1] : total[0],
                    part < 2 ? (c ? sums[1] : sums[0]) : (c ? sums[3] : sums[2])};
      if (valid && part < 4 && column < item.count())
        Blockwise::storeResult(p, item, joined, column,
                               Blockwise::ValueShare::dimension(quad % Blockwise::ValueWords, g) + part / 2);
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
    uint64_t *full = reinterpret_cast<uint64_t *>(smem + BarrierOffset) + 1 + warp * Stages;
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
    float *came = reinterpret_cast<float *>(smem + CameOffset);
    uint64_t *all = reinterpret_cast<uint64_t *>(smem + BarrierOffset);
    char *memory = smem + FreshOffset;
    int slot = threadIdx.x / 32 * Cluster + rank;
    bool writes = rank == 0 && item.Head0 == 0;
    if (threadIdx.x == 0) {
      initBarrier(all, 1);
      publishBarriers();
    }
    __syncwarp();
    if (threadIdx.x == 0)
      arriveExpecting(all, Slots * ceilDiv(item.count(), 2) * (1 + Lanes * Blockwise::ValueWords) * 16);
    __syncwarp();
    if constexpr (Apart)
      arriveAtCluster(); // what was sent for the tile before has been read
    typename Blockwise::Sums sums;
    Blockwise::start(sums);
    if constexpr (Stages > 0)
      addPages(sums, p, item, Blockwise::firstPage(item, slot), memory, writes, smem);
    else
      Blockwise::addPages(sums, p, item, Blockwise::firstPage(item, slot), memory, writes);
    __syncwarp();
    if constexpr (!Apart)
      arriveAtCluster();
    waitForCluster(Cluster); // all blocks have started, if Apart long since
    send(sums, item, slot, came, all);
    waitForPeers(all, 0);
    joinSlots(p, item, rank, came);
    __syncthreads();
    if (threadIdx.x == 0)
      endBarrier(all);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_DECODE_SM90_CUH
