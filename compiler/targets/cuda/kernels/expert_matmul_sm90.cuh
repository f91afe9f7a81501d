// What expert_matmul.cuh computes, for sm_90a and experts in packed tiles: rows that chose one expert are multiplied
// together, on tensor cores, and its weights are read once for every Tokens of them.
//
//   ExpertMatmulSm90<Element, Index, Output, Tokens>   f16 or bf16; Tokens 16, 64 or 256; N a multiple of 64, any K
//
// X, Chosen and C as there. W is packed as packed_matmul.cuh says, the N rows of each expert below those of the one
// before. At most MaxExperts experts.
// Grid at most tiles(), of which all or the last may find nothing to do; block 384; shared bytes: SharedBytes, aligned
// to 1024.
//
// Every block sorts the rows by expert, in their own order, and cuts those of an expert into groups of up to Tokens;
// rows without an expert are one more kind, of zeros. What is to be computed is 16 rows of W, a unit, for each group;
// each block takes as many units as the others, its neighbours the next ones, up to eight of one group at a time. The
// sides are swapped, as in packed_matmul_batch_sm90.cuh, from which the roles of the warps come: products are of 64
// rows of W and as many rows of X as the group has. The bits of a row depend on nothing else in the batch.
#ifndef LATHE_KERNELS_EXPERT_MATMUL_SM90_CUH
#define LATHE_KERNELS_EXPERT_MATMUL_SM90_CUH

#include "packed_matmul.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

template <HalfElement Element, class Index, class Output, int Tokens> struct ExpertMatmulSm90 {
  static_assert(Tokens == 16 || Tokens == 64 || Tokens == 256, "Tokens must be 16, 64 or 256");
  static constexpr int Consumers = 256, Threads = Consumers + 128, Warps = Threads / 32, MinBlocks = 1;
  static constexpr int MaxExperts = 511;
  static constexpr int Units = 8, UnitBytes = 16 * 128, WeightBytes = Units * UnitBytes;
  static constexpr int StageBytes = WeightBytes + Tokens * 128;
  static constexpr int Fetchers = 64, FetchRows = Fetchers / 8; ///< threads that fetch X, rows that they fetch at once
  /// Times 16 x 8 sums that a warp turns round at once; of 256 rows its sums leave no registers for more.
  static constexpr int Turned = Tokens == 64 ? 4 : Tokens == 16 ? 2 : 1;
  static constexpr int TurnFloats = Turned * 8 * 20;
  static constexpr int TurnBytes = Consumers / 32 * TurnFloats * 4;
  static constexpr int MostGroups = 8; ///< of a block
  static constexpr int Batch = 8;      ///< rows whose experts a lane loads together

  struct Params {
    const Element *X;
    const Element *W;
    const Index *Chosen;
    Output *C;
    int64_t Rows, N, K, Experts, SharedRows;
    int64_t Blocks; ///< the multiprocessors
  };

  /// Rows of one expert; there are none of the last one, whose weights are zeros.
  struct Group {
    int Expert, Rows;
  };
  /// What a block computes: units [Begin, End), counted through all groups, of which its first one is FirstGroup.
  struct alignas(8) Work {
    int Begin, End, FirstGroup;
    Group Groups[MostGroups];
    int Rows[MostGroups][Tokens], Sources[MostGroups][Tokens]; ///< of C and of X
  };
  static constexpr int RingBytes = (227 << 10) - TurnBytes - int(sizeof(Work)) - 1024;
  static constexpr int Stages = smaller(RingBytes / StageBytes, 12);
  static_assert(Stages >= 4, "a ring must have some stages; use fewer tokens");
  static_assert(int(sizeof(int)) * (Warps + 2) * (MaxExperts + 1) <= Stages * StageBytes,
                "the counts lie where the stages come to lie");
  struct Barriers {
    uint64_t Full[Stages];   ///< the stage can be multiplied
    uint64_t Empty[Stages];  ///< the stage has been multiplied
    uint64_t Landed[Stages]; ///< rows of X have come
  };
  static constexpr int SharedBytes = Stages * StageBytes + TurnBytes + int(sizeof(Work)) + int(sizeof(Barriers));

  static __host__ __device__ int64_t mostGroups(const Params &p) {
    return ceilDiv(int(p.Rows), Tokens) + smaller(int(p.Experts) + 1, int(p.Rows));
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    // Units that follow each other are of one group more than they would fill, and of another where they begin.
    int64_t least = ceilDiv(int(mostGroups(p)), MostGroups - 2);
    return smaller<int64_t>(larger<int64_t>(p.Blocks, least), mostGroups(p) * (p.N / 16));
  }

  static __device__ int expertOf(const Params &p, int64_t row) {
    Index expert = p.Chosen[row];
    return expert >= 0 && expert < Index(p.Experts) ? int(expert) : int(p.Experts);
  }

  /// Calls take(row, expert, place) for this warp's share of all rows, which are those of other warps before and behind
  /// it: `place` counts on from counts[expert] what the warp has seen of the expert.
  /// `loaded` has the experts of the first Batch rows of each lane, or gets them.
  template <bool Loads, class Take>
  static __device__ void countRows(const Params &p, int *counts, int (&loaded)[Batch], const Take &take) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32, rows = int(p.Rows);
    int share = ceilDiv(rows, Warps * 32) * 32, begin = warp * share, end = smaller(begin + share, rows);
    for (int first = begin + lane; first - lane < end; first += Batch * 32) {
      int experts[Batch];
#pragma unroll
      for (int i = 0; i < Batch; ++i)
        if (Loads || first - lane > begin)
          experts[i] = first + i * 32 < end ? expertOf(p, first + i * 32) : -1;
        else
          experts[i] = loaded[i];
      if (Loads && first - lane == begin)
#pragma unroll
        for (int i = 0; i < Batch; ++i)
          loaded[i] = experts[i];
#pragma unroll
      for (int i = 0; i < Batch; ++i) {
        if (first - lane + i * 32 >= end)
          break;
        int expert = experts[i];
        uint32_t same = __match_any_sync(0xffffffffu, expert);
        if (expert >= 0)
          take(first + i * 32, expert, counts[expert] + __popc(same & ((1u << lane) - 1)));
        __syncwarp();
        if (expert >= 0 && same >> lane == 1) // the last one of them
          counts[expert] += __popc(same);
        __syncwarp();
      }
    }
  }

  /// Finds this block's work. `scratch` is read and written by all threads.
  static __device__ void sort(const Params &p, int64_t block, Work &work, int *scratch) {
    int experts = int(p.Experts) + 1, lane = threadIdx.x % 32;
    int *counts = scratch + threadIdx.x / 32 * experts; // of this warp
    int *totals = scratch + Warps * experts, *firsts = totals + experts;
    // 1. How many rows of each expert a warp has, then how many the warps before it.
    for (int i = threadIdx.x; i < Warps * experts; i += Threads)
      scratch[i] = 0;
    __syncthreads();
    int loaded[Batch];
    countRows<true>(p, counts, loaded, [](int, int, int) {});
    __syncthreads();
    for (int expert = threadIdx.x; expert < experts; expert += Threads) {
      int sum = 0, own[Warps]; // all loads before the first store
#pragma unroll
      for (int warp = 0; warp < Warps; ++warp)
        own[warp] = scratch[warp * experts + expert];
#pragma unroll
      for (int warp = 0; warp < Warps; ++warp) {
        scratch[warp * experts + expert] = sum;
        sum += own[warp];
      }
      totals[expert] = sum;
    }
    __syncthreads();
    // 2. The groups of the experts before each.
    if (threadIdx.x < 32) {
      int sum = 0;
      for (int first = 0; first < experts; first += 32) {
        int own = first + lane < experts ? ceilDiv(totals[first + lane], Tokens) : 0, upTo = own;
#pragma unroll
        for (int distance = 1; distance < 32; distance *= 2) {
          int other = __shfl_sync(0xffffffffu, upTo, lane < distance ? lane : lane - distance);
          upTo += lane < distance ? 0 : other;
        }
        if (first + lane < experts)
          firsts[first + lane] = sum + upTo - own;
        sum += __shfl_sync(0xffffffffu, upTo, 31);
      }
      if (lane == 0)
        divide(p, block, sum, work);
    }
    __syncthreads();
    // 3. This block's groups and their rows.
    int unitsOfGroup = int(p.N / 16), first = work.FirstGroup;
    int groups = work.Begin < work.End ? (work.End - 1) / unitsOfGroup - first + 1 : 0;
    for (int expert = threadIdx.x; expert < experts; expert += Threads)
      for (int i = larger(firsts[expert], first); i < first + groups; ++i) {
        int left = totals[expert] - (i - firsts[expert]) * Tokens;
        if (left <= 0)
          break;
        work.Groups[i - first] = {expert, smaller(left, Tokens)};
      }
    countRows<(Tokens > 64)>(p, counts, loaded, [&](int row, int expert, int place) {
      int group = firsts[expert] + place / Tokens - first;
      if (group >= 0 && group < groups) {
        work.Rows[group][place % Tokens] = row;
        work.Sources[group][place % Tokens] = int(uint32_t(row) / uint32_t(p.SharedRows));
      }
    });
    __syncthreads();
  }

  /// A block's share of the units of `groups` groups. Where there are many, it begins and ends with a whole product.
  static __device__ void divide(const Params &p, int64_t block, int groups, Work &work) {
    int unitsOfGroup = int(p.N / 16), units = groups * unitsOfGroup, blocks = int(tiles(p)), grain = 1;
#pragma unroll
    for (int whole = 4; whole <= 8; whole += 4) // N is a multiple of 64
      if (unitsOfGroup % whole == 0 && units / (8 * whole) >= blocks)
        grain = whole;
    // Not as many for each and the rest for the first: blocks that begin at equal distances meet at few of the memory's
    // channels, which took up to a fifth longer.
    work.Begin = int(units / grain * block / blocks) * grain;
    work.End = int(units / grain * (block + 1) / blocks) * grain;
    work.FirstGroup = work.Begin / unitsOfGroup;
  }

  /// Up to eight units of one group.
  struct Piece {
    int Unit, Count, Place; ///< units of the group's expert; Place: which of the block's groups
    Group Of;
    int Depth; ///< in 64s

    __device__ Piece(const Params &p, const Work &work, int begin) {
      int each = int(p.N / 16), group = begin / each;
      Unit = begin - group * each;
      Count = smaller(smaller(Units, each - Unit), work.End - begin);
      Place = group - work.FirstGroup;
      Of = work.Groups[Place];
      Depth = Of.Expert < int(p.Experts) ? int(ceilDiv<int64_t>(p.K, PackedTileSize)) : 0;
    }
  };

  static __device__ void fetchWeights(const Params &p, const Work &work, char *ring, Barriers &barriers) {
    int slot = threadIdx.x % 32;
    RingPosition<Stages> next;
#pragma unroll 1
    for (int begin = work.Begin; begin < work.End;) {
      // A lane for each unit; the first of those that lie together copies them all.
      Piece piece(p, work, begin);
      int64_t row = piece.Of.Expert * (p.N / 16) + piece.Unit + slot;
      int place = int(row % 4), length = smaller(4 - place, piece.Count - slot);
      bool copies = slot < piece.Count && (slot == 0 || place == 0);
      const char *source =
          reinterpret_cast<const char *>(p.W) + row / 4 * piece.Depth * PackedTileBytes + place * UnitBytes;
#pragma unroll 1
      for (int k = 0; k < piece.Depth; ++k, source += PackedTileBytes) {
        uint64_t *full = barriers.Full + next.Stage;
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
        if (slot == 0)
          arriveExpecting(full, uint32_t(piece.Count) * UnitBytes);
        __syncwarp();
        if (copies)
          copyBulk(ring + next.Stage * StageBytes + slot * UnitBytes, source, length * UnitBytes, full);
        next.advance();
      }
      begin += piece.Count;
    }
  }

  static __device__ void fetchRows(const Params &p, const Work &work, char *ring, Barriers &barriers) {
    MatrixView<Element> x(p.X, p.Rows / p.SharedRows, p.K, p.K);
    RingPosition<Stages> next;
    int chunk = threadIdx.x % 8, first = threadIdx.x % Fetchers / 8;
    int64_t whole = x.Aligned ? p.K / PackedTileSize : 0; // steps without a test in them
#pragma unroll 1
    for (int begin = work.Begin; begin < work.End;) {
      Piece piece(p, work, begin);
      const int *sources = work.Sources[piece.Place];
      uint32_t offsets[Tokens / FetchRows]; // in chunks
#pragma unroll
      for (int i = 0; i < Tokens / FetchRows; ++i) {
        int row = first + i * FetchRows;
        offsets[i] = row < piece.Of.Rows ? uint32_t(sources[row]) * uint32_t(p.K / 8) : 0;
      }
      const char *source = reinterpret_cast<const char *>(p.X) + chunk * 16;
#pragma unroll 1
      for (int k = 0; k < piece.Depth; ++k, source += 128) {
        char *target = ring + next.Stage * StageBytes + WeightBytes + chunkOffset<8>(first, chunk);
        waitBarrier(barriers.Empty + next.Stage, next.Round ^ 1);
        if (k < whole) {
#pragma unroll
          for (int i = 0; i < Tokens / FetchRows; ++i)
            if (first + i * FetchRows < piece.Of.Rows)
              copyAsync16(target + i * FetchRows * 128, source + int64_t(offsets[i]) * 16, 16);
        } else {
#pragma unroll 1
          for (int row = first; row < piece.Of.Rows; row += FetchRows)
            loadChunk(target + (row - first) * 128, x, sources[row], int64_t(k) * PackedTileSize + chunk * 8);
        }
        if (x.Aligned)
          arriveAfterCopies(barriers.Landed + next.Stage);
        else
          arrive(barriers.Landed + next.Stage);
        next.advance();
      }
      begin += piece.Count;
    }
  }

  /// Shows the tensor cores rows that have come: see packed_matmul_batch_sm90.cuh.
  static __device__ void showRows(const Params &p, const Work &work, Barriers &barriers) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int begin = work.Begin; begin < work.End;) {
      Piece piece(p, work, begin);
#pragma unroll 1
      for (int k = 0; k < piece.Depth; ++k) {
        waitBarrier(barriers.Landed + next.Stage, next.Round);
        fenceAsync();
        arrive(barriers.Full + next.Stage);
        next.advance();
      }
      begin += piece.Count;
    }
  }

  /// The products of a piece with `Columns` rows of X. A warpgroup whose rows of W are not of the piece goes along.
  template <int Columns>
  static __device__ void multiplyPiece(const Piece &piece, const char *ring, Barriers &barriers,
                                       RingPosition<Stages> &next, float (&all)[Tokens / 2]) {
    float (&sums)[Columns / 2] = reinterpret_cast<float (&)[Columns / 2]>(all);
    int lane = threadIdx.x % 32, group = threadIdx.x / 128, last = 0;
    bool multiplies = group * 4 < piece.Count;
#pragma unroll 1
    for (int k = 0; k < piece.Depth; ++k) {
      const char *stage = ring + next.Stage * StageBytes;
      waitBarrier(barriers.Full + next.Stage, next.Round);
      if (multiplies) {
        uint64_t left = matrixDescriptor(stage + group * (4 * UnitBytes)),
                 right = matrixDescriptor(stage + WeightBytes);
        beginWarpgroup();
#pragma unroll
        for (int i = 0; i < 4; ++i)
          multiplyWarpgroup<Element, Columns>(sums, left + 2 * i, right + 2 * i);
        commitWarpgroup();
        waitWarpgroup<1>();
      }
      if (k > 0 && lane == 0)
        arrive(barriers.Empty + last);
      last = next.Stage;
      next.advance();
    }
    waitWarpgroup<0>();
    holdAccumulators(sums);
    if (piece.Depth > 0 && lane == 0)
      arrive(barriers.Empty + last);
  }

  /// As multiplyPiece, with as many columns as the piece has rows of X, in steps of 32.
  template <int Columns = Tokens>
  static __device__ void choose(const Piece &piece, const char *ring, Barriers &barriers, RingPosition<Stages> &next,
                                float (&sums)[Tokens / 2]) {
    constexpr int Fewer = Columns > 32 ? Columns - 32 : 16;
    if constexpr (Columns > 16)
      if (piece.Of.Rows <= Fewer)
        return choose<Fewer>(piece, ring, barriers, next, sums);
    multiplyPiece<Columns>(piece, ring, barriers, next, sums);
  }

  template <class Epilogue>
  static __device__ void multiply(const Params &p, const Work &work, const char *ring, float *turn, Barriers &barriers,
                                  const Epilogue &epilogue) {
    RingPosition<Stages> next;
#pragma unroll 1
    for (int begin = work.Begin; begin < work.End;) {
      Piece piece(p, work, begin);
      float sums[Tokens / 2];
#pragma unroll
      for (int i = 0; i < Tokens / 2; ++i)
        sums[i] = 0;
      holdAccumulators(sums);
      choose(piece, ring, barriers, next, sums);
      store(p, work, piece, sums, turn, epilogue);
      begin += piece.Count;
    }
  }

  /// A warp's unit. Sums are turned round, so that a lane has four columns of a row.
  template <class Epilogue>
  static __device__ void store(const Params &p, const Work &work, const Piece &piece, const float (&sums)[Tokens / 2],
                               float *turn, const Epilogue &epilogue) {
    int lane = threadIdx.x % 32, g = lane / 4, t = lane % 4, slot = threadIdx.x / 32;
    if (slot >= piece.Count)
      return;
    int64_t col = int64_t(piece.Unit + slot) * 16 + t * 4;
#pragma unroll
    for (int j = 0; j < Tokens / 8; j += Turned) {
      if (j * 8 >= piece.Of.Rows)
        continue;
#pragma unroll
      for (int i = 0; i < Turned * 4; ++i)
        turn[i / 4 * 160 + (2 * t + i % 2) * 20 + g + i / 2 % 2 * 8] = sums[j * 4 + i];
      __syncwarp();
      float four[Turned][4][1], values[Turned][4];
#pragma unroll
      for (int i = 0; i < Turned * 4; ++i)
        four[i / 4][i % 4][0] = turn[i / 4 * 160 + g * 20 + t * 4 + i % 4];
      __syncwarp();
      // Several at once, so that what epilogues load is under way together.
      int64_t rows[Turned];
#pragma unroll
      for (int b = 0; b < Turned; ++b) {
        rows[b] = work.Rows[piece.Place][smaller((j + b) * 8 + g, piece.Of.Rows - 1)];
        finishNeighbours(epilogue, four[b], rows[b], col, values[b]);
      }
#pragma unroll
      for (int b = 0; b < Turned; ++b)
        if ((j + b) * 8 + g < piece.Of.Rows)
          storeVector(p.C + rows[b] * p.N + col, 0, values[b]);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    auto *turns = reinterpret_cast<float *>(smem + Stages * StageBytes);
    auto &work = *reinterpret_cast<Work *>(smem + Stages * StageBytes + TurnBytes);
    auto &barriers = *reinterpret_cast<Barriers *>(smem + Stages * StageBytes + TurnBytes + sizeof(Work));
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(barriers.Full + i, 2);
        initBarrier(barriers.Empty + i, Consumers / 32);
        initBarrier(barriers.Landed + i, Fetchers);
      }
      publishBarriers();
    }
    sort(p, tile, work, reinterpret_cast<int *>(smem));
    fenceAsync(); // bulk copies come to where counts were
    __syncthreads();
    int warp = int(threadIdx.x) / 32, helper = warp - Consumers / 32;
    if (helper < 0) {
      multiply(p, work, smem, turns + warp * TurnFloats, barriers, epilogue);
    } else {
      if (helper < Fetchers / 32)
        fetchRows(p, work, smem, barriers);
      else if (helper > Fetchers / 32)
        fetchWeights(p, work, smem, barriers);
      else if (threadIdx.x % 32 == 0)
        showRows(p, work, barriers);
    }
    endBarriers(barriers.Full, barriers.Empty, barriers.Landed);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_EXPERT_MATMUL_SM90_CUH
