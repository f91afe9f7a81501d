// Paged attention of steps of up to a few hundred tokens in which most sequences have one: what
// paged_attention_prefill.cuh says, but pages of sequences with few rows come as bulk copies, so many at a time that
// memory never waits.
//
//   PagedAttentionRingsSm90<Query, State, Output, Shape, Blocks = 264, Each = 2>   queries of 16 bits, widths of at
//                                                                                  most 128
//
// Grid at most Blocks, Each a multiprocessor, 2 or 3; block 128; shared SharedBytes, aligned to 1024. Pages are aligned
// to 16 bytes.
//
// Items are the sequences with few rows, times key heads and blocks of query heads. A block takes every Blocks-th. Each
// of its warps has a ring of Stages pages of one key head, keys and values, which it fills for itself: as soon as it
// has read a page it sends for the one that it will need Stages pages later, be that another item's. Pages go to warps
// as in PagedAttentionDecode with as many warps. While one of a multiprocessor's blocks joins its sums, the other
// reads. Tiles of sequences with many rows come last.
//
// Pages that were complete before the step are fetched before the kernels before this one have ended: none of the
// kernels of a step writes to them.
#ifndef LATHE_KERNELS_PAGED_ATTENTION_RINGS_SM90_CUH
#define LATHE_KERNELS_PAGED_ATTENTION_RINGS_SM90_CUH

#include "instructions_sm90.cuh"
#include "paged_attention_prefill.cuh"

namespace lathe::kernels {

template <HalfElement Query, PageElement State, FloatElement Output, class Shape, int Blocks = 264, int Each = 2>
struct PagedAttentionRingsSm90 {
  using Many = PagedAttentionPrefill<Query, State, Output, Shape, true>; // beside the rings there are no more registers
  static constexpr int Warps = Many::Warps, Threads = Warps * 32, MinBlocks = Each;
  using Itemwise = PagedAttentionDecode<Query, State, Output, Shape, Warps, Warps, false, Stored, true>;
  using Params = typename Itemwise::Params;
  using Item = typename Itemwise::Item;
  static constexpr int KeyWidth = Shape::KeyWidth, ValueWidth = Shape::ValueWidth;
  static constexpr int MostRows = Itemwise::RowsPerItem; ///< of a sequence, so many go through the rings
  static constexpr int ItemsPerSequence = Shape::KvHeads * Itemwise::HeadBlocks;
  // Of one key head in a page.
  static constexpr int KeyBytes = PageTokens * KeyWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int ValueBytes = PageTokens * ValueWidth / BlockElements<State> * int(sizeof(State));
  static constexpr int PageBytes = KeyBytes + ValueBytes;
  static_assert(KeyBytes % 16 == 0 && ValueBytes % 16 == 0, "bulk copies are of multiples of 16 bytes");
  static constexpr int BlockBytes = (228 / Each - 1) * 1024; ///< of shared memory
  static constexpr int Stages = smaller(6, (BlockBytes - Itemwise::SumBytes) / (Warps * (PageBytes + 8)));
  static_assert(Stages >= 2, "two pages a warp must fit into shared memory; PagedAttentionPrefill takes wider heads");
  /// Pages that a warp adds together: two where another is on its way meanwhile.
  static constexpr int Together = Stages >= 3 ? 2 : 1;
  static constexpr int RingBytes = Warps * Stages * PageBytes;
  static constexpr int SharedBytes = larger(RingBytes + Itemwise::SumBytes + 8 * Warps * Stages, Many::SharedBytes);
  static constexpr bool WaitsItself = true;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return smaller<int64_t>(Blocks, larger(Many::tiles(p), p.Sequences * ItemsPerSequence));
  }

  static __device__ int warp() { return threadIdx.x / 32; }

  /// A warp's way through its pages of a block's items. What it needs of an item is loaded when it comes to the one
  /// before: memory answers meanwhile.
  struct Pages {
    const Params &In;
    int Number, Step; ///< of the item, and to the block's next
    Item Of;          ///< without rows where it is none of few
    int Page, Last;
    int Seen;        ///< pages of this item so far
    int32_t Numbers; ///< lane i: number of its i-th page after the last 32 that were seen
    int32_t NextToken, NextEnd, NextLength, NextNumbers; ///< of the next item; numbers if no window hides the first

    __device__ Pages(const Params &p, int block, int blocks) : In(p), Number(block - blocks), Step(blocks) {
      load();
      nextItem();
    }
    __device__ int count() const { return int(In.Sequences) * ItemsPerSequence; }
    __device__ bool none() const { return Number >= count(); }
    __device__ bool more() const { return Page < Last; }

    __device__ void load() {
      int next = Number + Step;
      if (next >= count())
        return;
      int sequence = next / ItemsPerSequence;
      NextToken = In.RowOffsets[sequence];
      NextEnd = In.RowOffsets[sequence + 1];
      NextLength = In.Lengths[sequence];
      NextNumbers = read(sequence, warp());
    }
    /// The item after this one; without rows where there is none, or none of few.
    __device__ Item next() const {
      int number = Number + Step;
      int tokens = number < count() ? NextEnd - NextToken : 0;
      int part = number % ItemsPerSequence;
      return {.Sequence = number / ItemsPerSequence,
              .Token = NextToken,
              .KvHead = part / Itemwise::HeadBlocks,
              .Head0 = part % Itemwise::HeadBlocks * Itemwise::HeadsPerItem,
              .Rows = tokens <= MostRows ? tokens : 0,
              .End = NextLength > 0 ? NextLength - tokens + 1 : -tokens,
              .Window = Itemwise::windowOf(In),
              .Limit = Itemwise::limitOf(In)};
    }
    /// Goes to the next item, which may have no page for this warp.
    __device__ void nextItem() {
      Of = next();
      Number += Step;
      Page = Last = 0;
      if (Of.Rows > 0) {
        int first = Of.begin(0) / PageTokens;
        Page = first + (warp() + Warps - first % Warps) % Warps;
        Last = ceilDiv(larger(end(), 0), PageTokens);
        Seen = 0;
        Numbers = first == 0 ? NextNumbers : read(Of.Sequence, Page);
      }
      load();
    }
    /// Behind the last position that a row of the item sees.
    __device__ int end() const { return smaller(Of.End + Of.Rows - 1, Of.Limit); }
    __device__ int32_t read(int sequence, int page) const {
      page += int(threadIdx.x % 32) * Warps;
      return page < In.Pages ? In.BlockTables[sequence * In.Pages + page] : 0;
    }
    __device__ void advance() {
      Page += Warps;
      if (++Seen % 32 == 0 && more())
        Numbers = read(Of.Sequence, Page);
    }
    __device__ int64_t number() const { return __shfl_sync(0xffffffffu, Numbers, Seen % 32); }
    /// Whether no kernel of this step writes to the page.
    __device__ bool old() const { return (Page + 1) * PageTokens <= Of.End - 1; }
  };

  /// A warp's ring.
  struct Ring {
    char *Memory;
    uint64_t *Full;
    RingPosition<Stages> Next; ///< to be read
    int Free = Stages;

    __device__ Ring(char *smem)
        : Memory(smem + warp() * (Stages * PageBytes)),
          Full(reinterpret_cast<uint64_t *>(smem + RingBytes + Itemwise::SumBytes) + warp() * Stages) {}
    __device__ int firstFree() const { return (Next.Stage + Stages - Free) % Stages; }
  };

  /// Sends for the pages that come next, as many as the ring has room for; with `old` up to the first that is not.
  /// `result` depends on all that the warp has read of the pages whose places are free: without waiting for it, copies
  /// could overtake loads that another kernel's block holds up.
  static __device__ void send(const Params &p, Pages &pages, Ring &ring, bool old, float result) {
    constexpr uint32_t NoResult = 0x7fedcba9u; // a NaN that no instruction gives

    for (; ring.Free > 0; --ring.Free, pages.advance()) {
      while (!pages.more() && !pages.none())
        pages.nextItem();
      if (pages.none() || (old && !pages.old()))
        return;
      int64_t page = pages.number() * p.PageElements + p.LayerOffset;
      if (threadIdx.x % 32 != 0 || __builtin_bit_cast(uint32_t, result) == NoResult)
        continue;
      char *target = ring.Memory + ring.firstFree() * PageBytes;
      uint64_t *full = ring.Full + ring.firstFree();
      arriveExpecting(full, PageBytes);
      copyBulkOnce(target, elementsAfter(p.Pool, page + pages.Of.KvHead * PageTokens * KeyWidth), KeyBytes, full);
      copyBulkOnce(
          target + KeyBytes,
          elementsAfter(p.Pool, page + PageTokens * (Shape::KvHeads * KeyWidth + pages.Of.KvHead * ValueWidth)),
          ValueBytes, full);
    }
  }

  using Queries = typename Itemwise::Queries;

  /// Those of the item where `own` stands.
  static __device__ void loadQueries(Queries &q, const Params &p, const Pages &own) {
    if (own.Of.Rows > 0)
      Itemwise::loadQueries(q, own.Of, [&](int column) {
        return p.Q + (own.Of.Token + own.Of.row(column)) * p.LdQ + int64_t(own.Of.head(column)) * KeyWidth;
      });
  }

  /// Pages in a ring, as Itemwise::addStaged reads them.
  struct Staged {
    const Ring &In;

    __device__ RingPosition<Stages> ahead(int pages) const {
      RingPosition<Stages> at = In.Next;
      for (int i = 0; i < pages; ++i)
        at.advance();
      return at;
    }
    __device__ const State *keys(int i) const {
      auto at = ahead(i);
      waitBarrier(In.Full + at.Stage, at.Round);
      return reinterpret_cast<const State *>(In.Memory + at.Stage * PageBytes);
    }
    __device__ const State *values(int i) const {
      return reinterpret_cast<const State *>(In.Memory + ahead(i).Stage * PageBytes + KeyBytes);
    }
    __device__ void scored(float) const {}
    __device__ void added(int, float) const {}
  };

  /// Adds N of this warp's pages of the item where `own` stands. `ahead` is where the ring is filled from.
  template <int N>
  static __device__ void addPages(typename Itemwise::Sums &sums, const Params &p, const Queries &q, Pages &own,
                                  Pages &ahead, Ring &ring, const typename Itemwise::View &view, const ScoreMap &map) {
    Staged staged{ring};
    Itemwise::template addStaged<N>(sums, q, staged, own.Of, view, Stored{}, own.Page * PageTokens, Warps * PageTokens,
                                    map);
    __syncwarp();
    ring.Next = staged.ahead(N);
    ring.Free += N;
    own.Page += N * Warps;
    send(p, ahead, ring, false, sums.Values[Itemwise::ColumnBlocks - 1][Itemwise::ValueWords - 1][0]);
  }

  /// Adds this warp's pages of the item where `own` stands.
  static __device__ void addPages(typename Itemwise::Sums &sums, const Params &p, const Queries &q, Pages &own,
                                  Pages &ahead, Ring &ring) {
    const typename Itemwise::View view(own.Of);
    ScoreMap map(p.Scale, p.SoftCap);
    if constexpr (Together > 1)
#pragma unroll 1
      while (own.Page + (Together - 1) * Warps < own.Last)
        addPages<Together>(sums, p, q, own, ahead, ring, view, map);
#pragma unroll 1
    while (own.more())
      addPages<1>(sums, p, q, own, ahead, ring, view, map);
  }

  /// Computes a block's items, and waits for the kernels before this one.
  static __device__ void attendFew(const Params &p, int block, int blocks, char *smem) {
    float *parts = reinterpret_cast<float *>(smem + RingBytes), *maxima = parts + Itemwise::SumFloats,
          *totals = maxima + Warps * Itemwise::Columns;
    Ring ring(smem);
    if (threadIdx.x % 32 == 0) {
      for (int i = 0; i < Stages; ++i)
        initBarrier(ring.Full + i, 1);
      publishBarriers();
    }
    __syncwarp();
    Pages ahead(p, block, blocks), own(ahead);
    send(p, ahead, ring, true, 0);
    waitForPrevious();
    send(p, ahead, ring, false, 0);
    Queries q;
    loadQueries(q, p, own);
#pragma unroll 1
    while (!own.none()) {
      Item item = own.Of;
      typename Itemwise::Sums sums;
      Itemwise::start(sums);
      if (own.more())
        addPages(sums, p, q, own, ahead, ring);
      own.nextItem();
      loadQueries(q, p, own); // they come while sums are joined
      if (item.Rows == 0)
        continue;
      __syncthreads(); // the item before is joined
      Itemwise::leave(sums, parts, maxima, totals);
      __syncthreads();
      Itemwise::join(p, item, parts, maxima, totals);
    }
    if (threadIdx.x % 32 == 0)
      for (int i = 0; i < Stages; ++i)
        endBarrier(ring.Full + i);
  }

  static __device__ void run(const Params &p, int64_t block, char *smem, const NoBody &) {
    int64_t blocks = tiles(p);
    startNext();
    attendFew(p, int(block), int(blocks), smem);
    // Tokens of no sequence get zeros.
    int64_t end = p.Sequences ? p.RowOffsets[p.Sequences] : 0;
    for (int64_t token = end + block; token < p.Tokens; token += blocks)
      for (int i = threadIdx.x; i < Shape::Heads * ValueWidth; i += Threads)
        p.Out[token * p.LdOut + i] = fromValue<Output>(0.0f);
    for (int64_t tile = block;; tile += blocks) {
      RowTile rows =
          findRowTile(p.RowOffsets, p.Lengths, p.Sequences, tile / Shape::KvHeads, MostRows, Shape::Group, Many::Rows);
      if (rows.none())
        return;
      __syncthreads(); // nobody reads the memory of what came before
      Many::attendMany(p, rows, int(tile % Shape::KvHeads), smem);
    }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PAGED_ATTENTION_RINGS_SM90_CUH
