// PackedMatmul of packed_matmul.cuh for sm_90a and batches: some rows of A, too few to be worth more than reading the
// weights once, too many for PackedMatmulFewRowsSm90.
//
//   PackedMatmulBatchSm90<Element, Outputs, Tile>   any M, N, K; weights are read once for every Tile::Tokens rows of A
//
// Grid at most Params::Blocks, in clusters of Tile::Split; block Tile::Threads; shared bytes: SharedBytes, aligned to
// 1024.
//
// The sides are swapped: the 64 rows of a warpgroup's product are rows of W, its columns are rows of A, as many as
// there are (16 to 256), so that few of them cost little. An item is Tile::Units times 16 rows of W, of any of the
// parts (so much of both weights for Dual), times Tile::Tokens rows of A. The blocks of a cluster share it along K:
// with N = 4096 there are too few rows of W for all multiprocessors, and a block that took fewer of them would fetch
// more of A than of W. Each stores a share of the rows of A, of which the others send it their sums as soon as they
// have them; it adds them in the order of the blocks.
//
// Behind the warpgroups that multiply, one warp fetches weights by bulk copies of at most 64 rows x 64 k, the first
// ones before the kernels that come before have ended. Two fetch the rows of A by cp.async with the same swizzle, so
// that A may lie anyhow. One waits for those and shows them to the tensor cores: who has fetched them would have to
// wait with its next copies, and the fence that this takes costs those who multiply more than all else in a step. The
// ring goes on across items.
//
// Where a block's time goes on an H200, in us, among the launches of an 8B step of 64 texts. 64x4096x14336 with a
// residual, BatchTile<64, 4, 1, 2, 12>: 0.8 from the end of the kernel before to the first product, 31 along K, 0.4
// until the other block's sums are there, 1 to store them, most of which is the residual's way unless it was fetched
// before. 64x14336x4096 of two sums, BatchTile<64, 7, 2, 1, 5>: 0.7, 48, and 6 for SwiGLU, of which 4 are exp and
// division. Weights come at 36 GB/s a multiprocessor, weights and rows together at 64; a stage of 16 KB takes 0.2 to be
// handed on with nothing to fetch or to multiply, hence stages of 32. Not faster: more warps that fetch rows (with
// nothing to fetch they save no time); blocks of a cluster that take turns along K; tiles of 80 or 96 rows of W on
// fewer multiprocessors; the weights behind the ring fetched into the L2 while the kernel before still runs, 1 to 7 us
// a launch slower.
#ifndef LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH
#define LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH

#include "packed_matmul.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

/// 16 * Units rows of W x Tokens rows of A by Warpgroups of four warps, K shared by Split blocks. A stage is Deep times
/// 64 along K, of which each block must have a multiple.
template <int Tokens_, int Units_, int Warpgroups_, int Split_, int Stages_, int Deep_ = 1, int MinBlocks_ = 1>
struct BatchTile {
  static constexpr int Tokens = Tokens_, Units = Units_, Warpgroups = Warpgroups_, Split = Split_, Stages = Stages_;
  static constexpr int Deep = Deep_, MinBlocks = MinBlocks_;
  static constexpr int Consumers = Warpgroups * 128, Threads = Consumers + 128;
  static constexpr int Each = (Units + 3) / 4 / Warpgroups; ///< times 64 rows of W a warpgroup
  static_assert(Each * Warpgroups == (Units + 3) / 4, "every warpgroup must have as many rows; choose other units");
  static_assert(Stages >= 3, "a ring must have at least three stages");
};

template <MmaElement Element, class Outputs, class Tile> struct PackedMatmulBatchSm90 {
  using Params = PackedMatmulParams<Element, Outputs>;
  using Form = OutputsOf<Outputs>;
  static constexpr bool WaitsItself = true;
  static constexpr int Sums = Form::Sums, Threads = Tile::Threads, MinBlocks = Tile::MinBlocks;
  static constexpr int Consumers = Tile::Consumers, Stages = Tile::Stages, Split = Tile::Split, Units = Tile::Units;
  static constexpr int Cluster = Split, Each = Tile::Each, Deep = Tile::Deep;
  static_assert(Units * Sums * Deep <= 32, "a lane fetches one piece of weights");
  static constexpr int Fetchers = 64, FetchRows = Fetchers / 8; ///< threads that fetch A, rows that they fetch at once
  static constexpr int TileDepth = PackedDepth<Element>;
  static constexpr int UnitBytes = 16 * 128, WeightBytes = Units * UnitBytes;
  static constexpr int StageBytes = Deep * (Sums * WeightBytes + Tile::Tokens * 128);
  /// Products of 64 rows read past units that make up no whole 64.
  static constexpr int RingBytes = Stages * StageBytes + (Units % 4 ? 3 * UnitBytes : 0);
  static constexpr int ControlBytes = 512;
  static constexpr int Columns = Tile::Tokens / 8;
  /// Of a thread's sums of 16 columns and all rows, so many are its block's to store.
  static constexpr int Own = Columns * 4 / Split, SentAtOnce = smaller(Own, 4);
  static_assert(Columns * 4 % Split == 0 && Own % SentAtOnce == 0,
                "blocks of a cluster must have equal shares; choose another split");
  /// What the other blocks of a cluster send of their sums.
  static constexpr int SentBytes = Sums * Own * Units * 32 * 4, CameBytes = (Split - 1) * SentBytes;
  static constexpr int SharedBytes = RingBytes + CameBytes + ControlBytes;
  static_assert(SharedBytes <= 227 << 10, "a block has 227 KB of shared memory; choose fewer stages");

  struct Barriers {
    uint64_t Full[Stages];   ///< the stage can be multiplied
    uint64_t Empty[Stages];  ///< the stage has been multiplied
    uint64_t Landed[Stages]; ///< rows of A have come
    uint64_t Came[1];        ///< the other blocks' sums are here
    uint64_t Taken[1];       ///< the other blocks have read what this one has sent
  };

  static __host__ __device__ int64_t countItems(const Params &p) {
    return ceilDiv<int64_t>(p.M, Tile::Tokens) * ceilDiv<int64_t>(p.colTiles(16), Units);
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    return smaller(larger<int64_t>(p.Blocks / Split, 1), countItems(p)) * Split;
  }

  /// A block's items, and its share of K in 64s. It stands in shared memory: what multiplies has no registers to spare.
  struct Work {
    int First, Stride, Count, RowTiles, Units, Depth, Begin, End, Rank;

    __device__ void set(const Params &p, int64_t tile) {
      First = int(tile) / Split;
      Stride = int(tiles(p)) / Split;
      Count = int(countItems(p));
      RowTiles = int(ceilDiv<int64_t>(p.M, Tile::Tokens));
      Units = int(p.colTiles(16));
      Depth = int(ceilDiv<int64_t>(p.K, TileDepth));
      Rank = int(tile) % Split;
      Begin = Depth * Rank / Split;
      End = Depth * (Rank + 1) / Split;
    }
    __device__ int unit(int item) const { return item / RowTiles * Tile::Units; }
    __device__ int token(int item) const { return item % RowTiles * Tile::Tokens; }
  };

  struct Control {
    Barriers Stage;
    Work Share;
  };
  static_assert(sizeof(Control) <= ControlBytes, "barriers need more room");

  using Accumulators = float[Each][Sums][Columns * 4];

  static __device__ void fetchWeights(const Params &p, const Work &work, char *ring, Barriers &barriers) {
    int lane = threadIdx.x % 32, sum = lane / Units % Sums, slot = lane % Units, deep = lane / (Units * Sums);
    RingPosition<Stages> next;
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
      // 1. A lane for each unit; the first of those that lie together copies them all.
      int first = work.unit(item);
      int64_t inside = first + slot;
      bool copies = deep < Deep && inside < work.Units;
      typename Params::Part part;
      p.findPart(inside, 1, 16, part);
      int place = int(inside % 4);
      copies = copies && (slot == 0 || place == 0);
      int length = int(smaller<int64_t>(smaller(4 - place, Units - slot), ceilDiv<int64_t>(part.N, 16) - inside));
      const InMemory<Element> *w = part.W[0];
      if (Sums == 2 && sum == 1)
        w = part.W[Sums - 1];
      const char *source = reinterpret_cast<const char *>(w) +
                           (inside / 4 * work.Depth + work.Begin + deep) * PackedTileBytes + place * UnitBytes;
      char *target = ring + (deep * Sums + sum) * WeightBytes + slot * UnitBytes;
      uint32_t bytes = uint32_t(smaller<int>(Units, work.Units - first)) * (Deep * Sums * UnitBytes);
      // 2. Along K.
#pragma unroll 1
      for (int k = work.Begin; k < work.End; k += Deep, source += Deep * PackedTileBytes) {
        uint64_t *full = barriers.Full + next.Stage;
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
        if (lane == 0)
          arriveExpecting(full, bytes);
        __syncwarp();
        if (copies && work.RowTiles == 1)
          copyBulkOnce(target + next.Stage * StageBytes, source, length * UnitBytes, full);
        else if (copies)
          copyBulk(target + next.Stage * StageBytes, source, length * UnitBytes, full);
        next.advance();
      }
    }
  }

  static __device__ void fetchRows(const Params &p, const Work &work, char *ring, Barriers &barriers) {
    waitForPrevious();
    MatrixView<Element> a(p.A, p.M, p.K, p.LdA);
    RingPosition<Stages> next;
    int chunk = threadIdx.x % 8, row = threadIdx.x % Fetchers / 8;
    int64_t whole = a.Aligned ? p.K / TileDepth : 0; // steps without a test in them
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
      int64_t token = work.token(item) + row;
      // What stands in the place of rows past the end does not matter: what comes of it is not stored.
      int rows = int(smaller<int64_t>(p.M - token, Tile::Tokens));
      uint32_t stride = uint32_t(p.LdA * int64_t(sizeof(*p.A))) * FetchRows;
      const char *source = reinterpret_cast<const char *>(p.A + token * p.LdA + work.Begin * TileDepth) + chunk * 16;
#pragma unroll 1
      for (int k = work.Begin; k < work.End; k += Deep, source += Deep * 128) {
        char *target = ring + next.Stage * StageBytes + Deep * Sums * WeightBytes + chunkOffset<8>(row, chunk);
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
#pragma unroll
        for (int d = 0; d < Deep; ++d, target += Tile::Tokens * 128) {
          if (k + d < whole) {
#pragma unroll
            for (int i = 0; i < Tile::Tokens / FetchRows; ++i)
              if (i * FetchRows < rows)
                copyAsync16(target + i * FetchRows * 128, source + d * 128 + i * stride, 16);
          } else {
#pragma unroll 1
            for (int i = 0; i < Tile::Tokens; i += FetchRows)
              loadChunk(target + i * 128, a, token + i, int64_t(k + d) * TileDepth + chunk * ChunkSize<Element>);
          }
        }
        if (a.Aligned)
          arriveAfterCopies(barriers.Landed + next.Stage);
        else
          arrive(barriers.Landed + next.Stage);
        next.advance();
      }
    }
  }

  static __device__ void showRows(const Work &work, char *ring, Barriers &barriers) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
#pragma unroll 1
      for (int k = work.Begin; k < work.End; k += Deep) {
        waitBarrier(barriers.Landed + next.Stage, next.Round);
        if constexpr (IsSame<Element, Tf32>) {
          constexpr int Chunks = Deep * Tile::Tokens / 4, Count = smaller(Chunks, 16); // of a lane; at once
          char *rows = ring + next.Stage * StageBytes + Deep * Sums * WeightBytes + threadIdx.x % 32 * 16;
#pragma unroll 1
          for (int i = 0; i < Chunks; i += Count)
            roundChunks<Element, Count, 512>(rows + i * 512);
        }
        fenceAsync();
        __syncwarp();
        if (threadIdx.x % 32 == 0)
          arrive(barriers.Full + next.Stage);
        next.advance();
      }
    }
  }

  static __device__ int before(int stage) { return (stage == 0 ? Stages : stage) - 1; }

  /// Where the elements are of which this lane has the sums: 16 columns from `unit` on, some rows of those from `token`
  /// on.
  struct Place {
    int64_t Row, Col;
    __device__ Place(int token, int64_t unit)
        : Row(token + threadIdx.x % 4 * 2), Col(unit * 16 + threadIdx.x % 32 / 4) {}
    /// Of element `i` of the share of block `rank`.
    __device__ int64_t row(int rank, int i) const {
      int number = rank * Own + i;
      return Row + (Own % 4 == 0 ? rank * (Own * 2) + i / 4 * 8 + i % 2 : number / 4 * 8 + number % 2);
    }
    __device__ int64_t col(int rank, int i) const { return Col + (Own % 4 == 0 ? i : rank * Own + i) / 2 % 2 * 8; }
  };

  /// What an epilogue reads of a block's share of an item. Where K is shared and it says what that is, it is loaded
  /// before the products: behind them, all would wait for it.
  template <class Epilogue> struct Operands {
    static constexpr bool Early = false;
    __device__ void load(const Params &, const Work &, int, const Epilogue &) {}
  };
  template <class Epilogue>
    requires(Split > 1 && Form::Parts == 1 && sizeof(typename Epilogue::Fetched) <= 4)
  struct Operands<Epilogue> {
    static constexpr bool Early = true;
    typename Epilogue::Fetched Elements[Each][Own];
    __device__ void load(const Params &p, const Work &work, int item, const Epilogue &epilogue) {
#pragma unroll
      for (int t = 0; t < Each; ++t) {
        int slot = slotOf(t);
        if (slot >= Units)
          continue;
        Place place(work.token(item), work.unit(item) + slot);
#pragma unroll
        for (int i = 0; i < Own; ++i) {
          int64_t row = place.row(work.Rank, i), col = place.col(work.Rank, i);
          if (row < p.M && col < p.Parts[0].N)
            Elements[t][i] = epilogue.fetch(row, col);
        }
      }
    }
  };

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Work &work, char *ring, Barriers &barriers,
                                  const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / 4;
    RingPosition<Stages> next;
    // What the epilogue reads may come from the kernel before.
    waitForPrevious();
    if constexpr (Split > 1)
      waitForCluster(Split); // its blocks have started
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
      Operands<Epilogue> operands;
      operands.load(p, work, item, epilogue);
      Accumulators sums;
#pragma unroll
      for (int t = 0; t < Each; ++t)
#pragma unroll
        for (int s = 0; s < Sums; ++s) {
#pragma unroll
          for (int i = 0; i < Columns * 4; ++i)
            sums[t][s][i] = 0;
          holdAccumulators(sums[t][s]);
        }
      // 1. Along K. The stage before one is free once its products are done.
#pragma unroll 1
      for (int k = work.Begin; k < work.End; k += Deep) {
        waitBarrier(barriers.Full + next.Stage, next.Round);
        const char *stage = ring + next.Stage * StageBytes;
        uint64_t right = matrixDescriptor(stage + Deep * Sums * WeightBytes);
        beginWarpgroup();
#pragma unroll
        for (int d = 0; d < Deep; ++d)
#pragma unroll
          for (int t = 0; t < Each; ++t)
#pragma unroll
            for (int s = 0; s < Sums; ++s) {
              const char *rows = stage + (d * Sums + s) * WeightBytes + (group * Each + t) * (4 * UnitBytes);
              uint64_t left = matrixDescriptor(rows);
#pragma unroll
              for (int i = 0; i < 4; ++i)
                multiplyWarpgroup<Element, Tile::Tokens>(sums[t][s], left + 2 * i,
                                                         right + d * (Tile::Tokens * 8) + 2 * i);
            }
        commitWarpgroup();
        waitWarpgroup<1>();
        if (k > work.Begin && lane == 0)
          arrive(barriers.Empty + before(next.Stage));
        next.advance();
      }
      waitWarpgroup<0>();
#pragma unroll
      for (int t = 0; t < Each; ++t)
#pragma unroll
        for (int s = 0; s < Sums; ++s)
          holdAccumulators(sums[t][s]);
      if (work.Begin < work.End && lane == 0)
        arrive(barriers.Empty + before(next.Stage));
      // 2. Out: a lane's own sums, or a share of the cluster's.
      if constexpr (Split > 1)
        storeShare(p, work, item, reinterpret_cast<float *>(ring + RingBytes), sums, operands, barriers, epilogue);
      else
        storeOwn(p, work, item, sums, epilogue);
    }
  }

  /// Which of a block's units the sums of this warp are, for its product `t`.
  static __device__ int slotOf(int t) {
    int warp = threadIdx.x / 32;
    return (warp / 4 * Each + t) * 4 + warp % 4;
  }

  /// Eight elements at a time in a loop that is not unrolled: its instructions are not there when it begins, and
  /// fetching those of all elements takes longer than what they do.
  template <class Epilogue>
  static __device__ void storeOwn(const Params &p, const Work &work, int item, const Accumulators &sums,
                                  const Epilogue &epilogue) {
    constexpr int Some = smaller(Own, 8);
#pragma unroll
    for (int t = 0; t < Each; ++t) {
      int slot = slotOf(t);
      int64_t unit = work.unit(item) + slot;
      if (slot >= Units || unit >= work.Units)
        continue;
      float left[Own][Sums]; // the next ones first
#pragma unroll
      for (int s = 0; s < Sums; ++s)
#pragma unroll
        for (int i = 0; i < Own; ++i)
          left[i][s] = sums[t][s][i];
#pragma unroll 1
      for (int first = 0; first < Own; first += Some) {
        float totals[Some][Sums];
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int i = 0; i < Some; ++i)
            totals[i][s] = left[i][s];
        storeElements(p, work.token(item), unit, 0, first, totals,
                      [&](int, int index, const float (&one)[1][Sums], int64_t row, int64_t col, float (&value)[1]) {
                        finishPart<Outputs>(index, one, row, col, epilogue, value);
                      });
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int i = Some; i < Own; ++i)
            left[i - Some][s] = left[i][s];
      }
    }
  }

  /// Where `block`'s sums number `i` and on of this lane come to, for its product `slot`.
  static __device__ float *placeOf(float *came, int block, int s, int i, int slot) {
    return came + (((block * Sums + s) * (Own / SentAtOnce) + i / SentAtOnce) * (Units * 32) + slot * 32 +
                   int(threadIdx.x) % 32) *
                      SentAtOnce;
  }

  /// Each block of a cluster stores a share of the rows of A, of which the others send it their sums.
  template <class Epilogue>
  static __device__ void storeShare(const Params &p, const Work &work, int item, float *came, const Accumulators &sums,
                                    const Operands<Epilogue> &operands, Barriers &barriers, const Epilogue &epilogue) {
    int rank = work.Rank, lane = threadIdx.x % 32;
    uint32_t round = uint32_t((item - work.First) / work.Stride) & 1;
    // 1. Send; the same thread of the other block has the same elements.
    if (threadIdx.x == 0)
      arriveExpecting(barriers.Came, CameBytes);
    if (item > work.First)
      waitForPeers(barriers.Taken, round ^ 1);
    float own[Each][Sums][Own];
#pragma unroll
    for (int peer = 0; peer < Split; ++peer)
#pragma unroll
      for (int t = 0; t < Each; ++t)
#pragma unroll
        for (int s = 0; s < Sums; ++s) {
          int slot = slotOf(t);
          if (peer == rank) {
#pragma unroll
            for (int i = 0; i < Own; ++i)
              own[t][s][i] = sums[t][s][peer * Own + i];
          } else if (slot < Units) {
#pragma unroll
            for (int i = 0; i < Own; i += SentAtOnce) {
              float some[SentAtOnce];
#pragma unroll
              for (int j = 0; j < SentAtOnce; ++j)
                some[j] = sums[t][s][peer * Own + i + j];
              sendToPeer(placeOf(came, rank < peer ? rank : rank - 1, s, i, slot), peer, some, barriers.Came);
            }
          }
        }
    // 2. Add, in the order of blocks, and store.
    waitForPeers(barriers.Came, round);
    constexpr int Some = smaller(Own, 16);
#pragma unroll
    for (int t = 0; t < Each; ++t) {
      int slot = slotOf(t);
      int64_t unit = work.unit(item) + slot;
      if (slot >= Units || unit >= work.Units)
        continue;
#pragma unroll
      for (int first = 0; first < Own; first += Some) {
        float totals[Some][Sums];
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int i = 0; i < Some; i += SentAtOnce) {
            float some[SentAtOnce];
            addPeers(came, rank, s, first + i, slot, own[t][s], some);
#pragma unroll
            for (int j = 0; j < SentAtOnce; ++j)
              totals[i + j][s] = some[j];
          }
        storeElements(p, work.token(item), unit, rank, first, totals,
                      [&](int i, int index, const float (&one)[1][Sums], int64_t row, int64_t col, float (&value)[1]) {
                        if constexpr (Operands<Epilogue>::Early)
                          value[0] = epilogue(one[0][0], operands.Elements[t][i]);
                        else
                          finishPart<Outputs>(index, one, row, col, epilogue, value);
                      });
      }
    }
    // 3. Give the place back.
    if (item + work.Stride < work.Count) {
      __syncwarp();
      if (lane > 0 && lane < Split)
        arriveAtPeer(barriers.Taken, (rank + lane) % Split);
    }
  }

  /// The cluster's sums number `first` and on of product `slot`, in the order of its blocks.
  static __device__ void addPeers(float *came, int rank, int s, int first, int slot, const float (&own)[Own],
                                  float (&out)[SentAtOnce]) {
    using Some = Packet<float, SentAtOnce>;
    float parts[Split - 1][SentAtOnce];
#pragma unroll
    for (int block = 0; block < Split - 1; ++block) {
      Some some;
      some.Raw[0] = *reinterpret_cast<const typename Some::Word *>(placeOf(came, block, s, first, slot));
#pragma unroll
      for (int i = 0; i < SentAtOnce; ++i)
        parts[block][i] = some.Elements[i];
    }
#pragma unroll
    for (int i = 0; i < SentAtOnce; ++i) {
      out[i] = rank == 0 ? own[first + i] : parts[0][i];
#pragma unroll
      for (int block = 1; block < Split; ++block) {
        float behind = parts[block - 1][i], before = parts[smaller(block, Split - 2)][i];
        out[i] += block == rank ? own[first + i] : block < rank ? before : behind;
      }
    }
  }

  /// Stores elements `first` and on of this lane's of its block's share of 16 columns; `finish` makes them of their
  /// sums.
  template <int Count, class Finish>
  static __device__ void storeElements(const Params &p, int token, int64_t unit, int rank, int first,
                                       const float (&totals)[Count][Sums], const Finish &finish) {
    typename Params::Part part;
    int index = p.findPart(unit, 1, 16, part);
    Place place(token, unit); // within the part
    // Results may be what an epilogue reads, for all that the compiler knows: it would not load behind a store.
    float values[Count][1];
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      int64_t row = place.row(rank, first + i), col = place.col(rank, first + i);
      float sums[1][Sums];
#pragma unroll
      for (int s = 0; s < Sums; ++s)
        sums[0][s] = totals[i][s];
      if (row < p.M && col < part.N)
        finish(first + i, index, sums, row, col, values[i]);
    }
#pragma unroll
    for (int i = 0; i < Count; ++i) {
      int64_t row = place.row(rank, first + i), col = place.col(rank, first + i);
      if (row < p.M && col < part.N)
        storeValues<Outputs>(index, part, values[i], row, col);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    auto &control = *reinterpret_cast<Control *>(smem + RingBytes + CameBytes);
    Barriers &barriers = control.Stage;
    const Work &work = control.Share;
    startNext();
    if (threadIdx.x == 0) {
      control.Share.set(p, tile);
      for (int i = 0; i < Stages; ++i) {
        initBarrier(barriers.Full + i, 2);
        initBarrier(barriers.Empty + i, Consumers / 32);
        initBarrier(barriers.Landed + i, Fetchers);
      }
      initBarrier(barriers.Came, 1);
      initBarrier(barriers.Taken, larger(Split - 1, 1) * (Consumers / 32));
      publishBarriers();
    }
    __syncthreads();
    if constexpr (Split > 1)
      arriveAtCluster();
    int helper = int(threadIdx.x) / 32 - Consumers / 32;
    if (helper < 0)
      multiply(p, work, smem, barriers, epilogue);
    else if (helper < Fetchers / 32)
      fetchRows(p, work, smem, barriers);
    else if (helper == Fetchers / 32)
      showRows(work, smem, barriers);
    else
      fetchWeights(p, work, smem, barriers); // weights alone, so this warp does not wait
    if constexpr (Split > 1)
      if (helper >= 0) {
        __syncwarp();
        waitForCluster(Split);
      }
    endBarriers(barriers.Full, barriers.Empty, barriers.Landed, barriers.Came, barriers.Taken);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH
