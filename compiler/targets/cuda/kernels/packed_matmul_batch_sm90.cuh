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
// more of A than of W. They sum through each other's shared memory, in order.
//
// Behind the warpgroups that multiply, one warp fetches weights by bulk copies of at most 64 rows x 64 k, the first
// ones before the kernels that come before have ended. Two fetch the rows of A by cp.async with the same swizzle, so
// that A may lie anyhow. One waits for those and shows them to the tensor cores: who has fetched them would have to
// wait with its next copies, and the fence that this takes costs those who multiply more than all else in a step. The
// ring goes on across items.
//
// Where a block's time goes on an H200, in cycles: 256x4096x4096 with a residual, BatchTile<128, 8, 2, 2, 6>: 2,100
// from the end of the kernel before to the first product, 19,200 along K (16,400 of products), 1,300 until the
// cluster's sums are there, 7,900 to add and store them; three parts of 6144 columns together, BatchTile<128, 12, 3, 2,
// 5>: 2,100, 25,500 (24,600), 1,700, 5,700.
#ifndef LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH
#define LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH

#include "packed_matmul.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

/// 16 * Units rows of W x Tokens rows of A by Warpgroups of four warps, K shared by Split blocks.
template <int Tokens_, int Units_, int Warpgroups_, int Split_, int Stages_, int MinBlocks_ = 1> struct BatchTile {
  static constexpr int Tokens = Tokens_, Units = Units_, Warpgroups = Warpgroups_, Split = Split_, Stages = Stages_;
  static constexpr int MinBlocks = MinBlocks_;
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
  static constexpr int Cluster = Split, Each = Tile::Each;
  static_assert(Units * Sums <= 32, "a lane fetches one piece of weights");
  static constexpr int Fetchers = 64, FetchRows = Fetchers / 8; ///< threads that fetch A, rows that they fetch at once
  static constexpr int TileDepth = PackedDepth<Element>;
  static constexpr int UnitBytes = 16 * 128, WeightBytes = Units * UnitBytes;
  static constexpr int StageBytes = Sums * WeightBytes + Tile::Tokens * 128;
  /// Products of 64 rows read past units that make up no whole 64.
  static constexpr int RingBytes = Stages * StageBytes + (Units % 4 ? 3 * UnitBytes : 0);
  static constexpr int TurnFloats = Sums * 8 * 20; ///< a warp's, to turn 16 x 8 sums round
  static constexpr int ControlBytes = 512;
  static constexpr int SharedBytes = RingBytes + Consumers / 32 * TurnFloats * 4 + ControlBytes;
  static constexpr int Columns = Tile::Tokens / 8;
  /// The sums of a block for those of its cluster: Pitch of them for each row of A, so that writes meet no bank twice.
  static constexpr int Pitch = Units * 16 + 4, ShareRows = ceilDiv(Tile::Tokens, Split);
  static_assert(Split == 1 || Sums * Tile::Tokens * Pitch * 4 <= RingBytes,
                "the sums of a block must fit its ring; use more stages");

  struct Barriers {
    uint64_t Full[Stages];   ///< the stage can be multiplied
    uint64_t Empty[Stages];  ///< the stage has been multiplied
    uint64_t Landed[Stages]; ///< rows of A have come
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

  /// Everyone has written its sums, or everyone has read them.
  static __device__ void meet() {
    if constexpr (Split > 1)
      clusterBarrier(Split);
  }

  static __device__ void fetchWeights(const Params &p, const Work &work, char *ring, Barriers &barriers) {
    int lane = threadIdx.x % 32, sum = lane / Units, slot = lane % Units;
    RingPosition<Stages> next;
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
      // 1. A lane for each unit; the first of those that lie together copies them all.
      int first = work.unit(item);
      int64_t inside = first + slot;
      bool copies = sum < Sums && inside < work.Units;
      typename Params::Part part;
      p.findPart(inside, 1, 16, part);
      int place = int(inside % 4);
      copies = copies && (slot == 0 || place == 0);
      int length = int(smaller<int64_t>(smaller(4 - place, Units - slot), ceilDiv<int64_t>(part.N, 16) - inside));
      const InMemory<Element> *w = part.W[0];
      if (Sums == 2 && sum == 1)
        w = part.W[Sums - 1];
      const char *source = reinterpret_cast<const char *>(w) +
                           (inside / 4 * work.Depth + work.Begin) * PackedTileBytes + place * UnitBytes;
      char *target = ring + sum * WeightBytes + slot * UnitBytes;
      uint32_t bytes = uint32_t(smaller<int>(Units, work.Units - first)) * (Sums * UnitBytes);
      // 2. Along K.
#pragma unroll 1
      for (int k = work.Begin; k < work.End; ++k, source += PackedTileBytes) {
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
      __syncwarp();
      meet();
      meet();
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
      for (int k = work.Begin; k < work.End; ++k, source += 128) {
        char *target = ring + next.Stage * StageBytes + Sums * WeightBytes + chunkOffset<8>(row, chunk);
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
        if (k < whole) {
#pragma unroll
          for (int i = 0; i < Tile::Tokens / FetchRows; ++i)
            if (i * FetchRows < rows)
              copyAsync16(target + i * FetchRows * 128, source + i * stride, 16);
        } else {
#pragma unroll 1
          for (int i = 0; i < Tile::Tokens; i += FetchRows)
            loadChunk(target + i * 128, a, token + i, int64_t(k) * TileDepth + chunk * ChunkSize<Element>);
        }
        if (a.Aligned)
          arriveAfterCopies(barriers.Landed + next.Stage);
        else
          arrive(barriers.Landed + next.Stage);
        next.advance();
      }
      __syncwarp();
      meet();
      meet();
    }
  }

  static __device__ void showRows(const Work &work, char *ring, Barriers &barriers) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
#pragma unroll 1
      for (int k = work.Begin; k < work.End; ++k) {
        waitBarrier(barriers.Landed + next.Stage, next.Round);
        if constexpr (IsSame<Element, Tf32>) {
          constexpr int Count = smaller(Tile::Tokens / 4, 16); // at once, of a lane's
          char *rows = ring + next.Stage * StageBytes + Sums * WeightBytes + threadIdx.x % 32 * 16;
#pragma unroll 1
          for (int i = 0; i < Tile::Tokens / 4; i += Count)
            roundChunks<Element, Count, 512>(rows + i * 512);
        }
        fenceAsync();
        __syncwarp();
        if (threadIdx.x % 32 == 0)
          arrive(barriers.Full + next.Stage);
        next.advance();
      }
      __syncwarp();
      meet();
      meet();
    }
  }

  /// The sums of 16 columns of C (rows of W) and 8 rows, out through the epilogue. A lane gets four columns of a row.
  template <class Epilogue>
  static __device__ void store(const Params &p, const typename Params::Part &part, int index,
                               const float (&sums)[Sums][4], float *turn, int64_t row0, int64_t col0,
                               const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4;
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        turn[s * 160 + (2 * t + i % 2) * 20 + g + i / 2 * 8] = sums[s][i];
    __syncwarp();
    float four[4][Sums];
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll
      for (int i = 0; i < 4; ++i)
        four[i][s] = turn[s * 160 + g * 20 + t * 4 + i];
    __syncwarp();
    int64_t row = row0 + g, col = col0 + t * 4;
    if (row < p.M && col < part.N)
      storePart<Outputs>(index, part, four, row, col, epilogue);
  }

  static __device__ int before(int stage) { return (stage == 0 ? Stages : stage) - 1; }

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Work &work, char *ring, float *turns, Barriers &barriers,
                                  const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, group = warp / 4;
    RingPosition<Stages> next;
    // What the epilogue reads may come from the kernel before.
    waitForPrevious();
#pragma unroll 1
    for (int item = work.First; item < work.Count; item += work.Stride) {
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
      for (int k = work.Begin; k < work.End; ++k) {
        waitBarrier(barriers.Full + next.Stage, next.Round);
        const char *stage = ring + next.Stage * StageBytes;
        uint64_t right = matrixDescriptor(stage + Sums * WeightBytes);
        beginWarpgroup();
#pragma unroll
        for (int t = 0; t < Each; ++t)
#pragma unroll
          for (int s = 0; s < Sums; ++s) {
            uint64_t left = matrixDescriptor(stage + s * WeightBytes + (group * Each + t) * (4 * UnitBytes));
#pragma unroll
            for (int i = 0; i < 4; ++i)
              multiplyWarpgroup<Element, Tile::Tokens>(sums[t][s], left + 2 * i, right + 2 * i);
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
        storeShare(p, work, item, reinterpret_cast<float *>(ring), sums, epilogue);
      else
        storeOwn(p, work, item, turns + warp * TurnFloats, sums, epilogue);
    }
  }

  /// Which of a block's units the sums of this warp are, for its product `t`.
  static __device__ int slotOf(int t) {
    int warp = threadIdx.x / 32;
    return (warp / 4 * Each + t) * 4 + warp % 4;
  }

  template <class Epilogue>
  static __device__ void storeOwn(const Params &p, const Work &work, int item, float *turn, const Accumulators &sums,
                                  const Epilogue &epilogue) {
    int token = work.token(item);
#pragma unroll
    for (int t = 0; t < Each; ++t) {
      int slot = slotOf(t);
      int64_t unit = work.unit(item) + slot;
      if (slot >= Units || unit >= work.Units)
        continue;
      typename Params::Part part;
      int index = p.findPart(unit, 1, 16, part);
#pragma unroll
      for (int j = 0; j < Columns; ++j) {
        float out[Sums][4];
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int i = 0; i < 4; ++i)
            out[s][i] = sums[t][s][j * 4 + i];
        if (token + j * 8 < p.M)
          store(p, part, index, out, turn, token + j * 8, int(unit) * 16, epilogue);
      }
    }
  }

  /// The blocks of a cluster show each other their sums, and each stores those of ShareRows rows of A.
  template <class Epilogue>
  static __device__ void storeShare(const Params &p, const Work &work, int item, float *partials,
                                    const Accumulators &sums, const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, g = lane / 4, pair = lane % 4 * 2;
    syncSome<1, Consumers>(); // nobody reads the ring any more
#pragma unroll
    for (int t = 0; t < Each; ++t)
      if (int slot = slotOf(t); slot < Units)
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int i = 0; i < Columns * 4; ++i)
            partials[(s * Tile::Tokens + i / 4 * 8 + pair + i % 2) * Pitch + slot * 16 + i / 2 % 2 * 8 + g] =
                sums[t][s][i];
    meet();
    // Four columns of a row at a time, and several times at once: what a time waits for are other blocks' memory and
    // the operands of the epilogue.
    constexpr int Quads = Units * 4, Times = ceilDiv(ShareRows * Quads, Consumers), Batch = smaller(Times, 4);
#pragma unroll 1
    for (int first = 0; first < Times; first += Batch) {
      Place places[Batch];
      float four[Batch][4][Sums];
#pragma unroll
      for (int b = 0; b < Batch; ++b) {
        int id = (first + b) * Consumers + int(threadIdx.x), row = work.Rank * ShareRows + id / Quads;
        places[b].find(p, work, item, id < ShareRows * Quads ? row : Tile::Tokens, id % Quads);
        addPeers(four[b], partials + smaller(row, Tile::Tokens - 1) * Pitch, id % Quads);
      }
      if (first + Batch >= Times) {
        fenceAsync(); // bulk copies come to where sums were
        __syncwarp();
        arriveAtCluster();
      }
      storePlaces(places, four, epilogue);
    }
    __syncwarp();
    waitForCluster(Split);
  }

  /// Four columns of a row of C.
  struct Place {
    typename Params::Part Part;
    int Index;
    int64_t Row, Col;
    bool Exists, Whole;

    __device__ void find(const Params &p, const Work &work, int item, int row, int quad) {
      int64_t unit = work.unit(item) + quad / 4;
      Exists = row < Tile::Tokens && work.token(item) + row < p.M && unit < work.Units;
      Index = p.findPart(unit, 1, 16, Part);
      Row = work.token(item) + row;
      Col = unit * 16 + quad % 4 * 4;
      Exists = Exists && Col < Part.N;
      Whole = Exists && Col + 4 <= Part.N;
    }
  };

  /// The cluster's sums of four columns, in the order of its blocks. `row` are this block's.
  static __device__ void addPeers(float (&out)[4][Sums], const float *row, int quad) {
    float parts[Split][Sums][4];
#pragma unroll
    for (int peer = 0; peer < Split; ++peer)
#pragma unroll
      for (int s = 0; s < Sums; ++s)
        loadPeer4(row + s * (Tile::Tokens * Pitch) + quad * 4, peer, parts[peer][s]);
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        out[i][s] = parts[0][s][i];
#pragma unroll
        for (int peer = 1; peer < Split; ++peer)
          out[i][s] += parts[peer][s][i];
      }
  }

  template <int Count, class Epilogue>
  static __device__ void storePlaces(const Place (&places)[Count], const float (&sums)[Count][4][Sums],
                                     const Epilogue &epilogue) {
    bool whole = true;
#pragma unroll
    for (int b = 0; b < Count; ++b)
      whole = whole && places[b].Whole;
    if (whole) {
      // Results may be what an epilogue reads, for all that the compiler knows: it would not load behind a store.
      float values[Count][4];
#pragma unroll
      for (int b = 0; b < Count; ++b)
        finishPart<Outputs>(places[b].Index, sums[b], places[b].Row, places[b].Col, epilogue, values[b]);
#pragma unroll
      for (int b = 0; b < Count; ++b)
        storeValues<Outputs>(places[b].Index, places[b].Part, values[b], places[b].Row, places[b].Col);
      return;
    }
#pragma unroll
    for (int b = 0; b < Count; ++b)
      if (places[b].Exists)
        storePart<Outputs>(places[b].Index, places[b].Part, sums[b], places[b].Row, places[b].Col, epilogue);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    auto *turns = reinterpret_cast<float *>(smem + RingBytes);
    auto &control = *reinterpret_cast<Control *>(turns + Consumers / 32 * TurnFloats);
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
      publishBarriers();
    }
    __syncthreads();
    int helper = int(threadIdx.x) / 32 - Consumers / 32;
    if (helper < 0)
      multiply(p, work, smem, turns, barriers, epilogue);
    else if (helper < Fetchers / 32)
      fetchRows(p, work, smem, barriers);
    else if (helper == Fetchers / 32)
      showRows(work, smem, barriers);
    else
      fetchWeights(p, work, smem, barriers); // weights alone, so this warp does not wait
    endBarriers(barriers.Full, barriers.Empty, barriers.Landed);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_BATCH_SM90_CUH
