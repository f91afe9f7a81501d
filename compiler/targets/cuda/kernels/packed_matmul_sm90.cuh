// PackedMatmul of packed_matmul.cuh for sm_90a: products of warpgroups on operands in shared memory.
//
//   PackedMatmulSm90<Element, Outputs, Tile>   any M, N, K
//
// Grid at most Params::Blocks; block Tile::Threads; shared bytes: SharedBytes, aligned to 1024.
//
// A block takes every Blocks-th tile of Tile::M rows of A x Tile::N columns. One warpgroup fetches: a thread of it the
// weights, whole pieces of packed tiles by bulk copies, the first ones before the kernels that come before have ended;
// all of them the rows of A, by cp.async with the same swizzle, so that A may lie anyhow. The other Tile::M / 64
// warpgroups multiply 64 rows each. The ring goes on across tiles. For Dual the first half of a tile's columns is of
// the first weights, the second half of the same columns of the second ones.
#ifndef LATHE_KERNELS_PACKED_MATMUL_SM90_CUH
#define LATHE_KERNELS_PACKED_MATMUL_SM90_CUH

#include "packed_matmul.cuh"
#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

/// M rows of A x N rows of W, and `Stages` times 64 of both along K in shared memory. A step is `Depth` of those: what
/// a step costs beside its products is the same for all, so narrow tiles take long ones.
template <int M_, int N_, int Stages_, int Depth_> struct WarpgroupTile {
  static constexpr int M = M_, N = N_, Stages = Stages_, Depth = Depth_;
  static constexpr int Consumers = M / 64, Threads = (Consumers + 1) * 128;
  static_assert(M == 64 || M == 128, "a tile must have 64 or 128 rows");
  static_assert(Stages % Depth == 0 && Stages / Depth >= 3, "a ring must have whole steps, at least three");
};

using PackedRowsTile = WarpgroupTile<64, 128, 8, 2>; ///< 256 threads, 192 KiB: fewer than packed_matmul_wide_sm90.cuh
using PackedThinTile = WarpgroupTile<64, 32, 16, 4>; ///< 256 threads, 192 KiB: few of both

/// Of `number`, up to `most`.
__host__ __device__ constexpr int largestDivisor(int number, int most) {
  int divisor = smaller(number, most);
  while (number % divisor != 0)
    --divisor;
  return divisor;
}

/// Passes the sums of a tile at (row0, col0) through the epilogue of part `index` and stores those of rows < `rows`.
/// Threads from 128 on multiply, a warpgroup 64 rows; of two sums an element the second ones are the second half.
template <class Outputs, int I = 0, int Count, class Element, int Sums, class Body>
__device__ inline void storeWarpgroups(int index, const ProductPart<Element, Sums> &part, const float (&sums)[Count],
                                       int64_t row0, int64_t col0, int64_t rows, const Body &body) {
  if constexpr (I + 1 < OutputsOf<Outputs>::Parts)
    if (index != I)
      return storeWarpgroups<Outputs, I + 1>(index, part, sums, row0, col0, rows, body);
  using Output = typename OutputsOf<Outputs>::template Output<I>;
  const auto &epilogue = epilogueOf<I>(body);
  constexpr int Cols = 2 * Count / Sums, Stores = largestDivisor(Cols / 16, 8 / Sums); // stores computed together
  int lane = threadIdx.x % 32, warp = threadIdx.x / 32 - 4;
  bool odd = lane % 2 != 0;
  // Without a test in it nothing keeps the loads of epilogues from being under way together.
  bool whole = row0 + warp * 16 + 16 <= rows && col0 + Cols <= part.N && part.LdC % 4 == 0 &&
               isAligned(static_cast<Output *>(part.C), 4 * sizeof(Output));
  row0 += warp * 16 + lane / 4;
  col0 += lane % 4 / 2 * 4 + (odd ? 8 : 0);
  // Of two blocks of eight columns an even lane takes its neighbour's pair in the first, an odd one in the second: four
  // columns a lane, whole sectors of memory a store.
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    int64_t row = row0 + half * 8;
    Output *target = static_cast<Output *>(part.C) + row * part.LdC + col0;
#pragma unroll
    for (int j0 = 0; j0 < Cols / 8; j0 += 2 * Stores) {
      float fours[Stores][4][Sums];
#pragma unroll
      for (int b = 0; b < Stores; ++b)
#pragma unroll
        for (int s = 0; s < Sums; ++s)
#pragma unroll
          for (int e = 0; e < 2; ++e) {
            int i = (s * (Cols / 8) + j0 + 2 * b) * 4 + half * 2 + e;
            float other = __shfl_xor_sync(0xffffffffu, odd ? sums[i] : sums[i + 4], 1);
            fours[b][e][s] = odd ? other : sums[i];
            fours[b][e + 2][s] = odd ? sums[i + 4] : other;
          }
      auto finish = [&](int b, int e) {
        if constexpr (Sums == 1)
          return epilogue(fours[b][e][0], row, col0 + (j0 + 2 * b) * 8 + e);
        else
          return epilogue(fours[b][e][0], fours[b][e][1], row, col0 + (j0 + 2 * b) * 8 + e);
      };
      if (whole) {
        float values[Stores][4];
#pragma unroll
        for (int b = 0; b < Stores; ++b)
          finishNeighbours(epilogue, fours[b], row, col0 + (j0 + 2 * b) * 8, values[b]);
#pragma unroll
        for (int b = 0; b < Stores; ++b)
          storeAligned(target + (j0 + 2 * b) * 8, values[b]);
      } else {
#pragma unroll
        for (int b = 0; b < Stores; ++b)
#pragma unroll
          for (int e = 0; e < 4; ++e)
            if (row < rows && col0 + (j0 + 2 * b) * 8 + e < part.N)
              target[(j0 + 2 * b) * 8 + e] = fromValue<Output>(finish(b, e));
      }
    }
  }
}

template <MmaElement Element, class Outputs, class Tile> struct PackedMatmulSm90 {
  using Params = PackedMatmulParams<Element, Outputs>;
  using Form = OutputsOf<Outputs>;
  static constexpr bool WaitsItself = true;
  static constexpr int Sums = Form::Sums, Threads = Tile::Threads, Depth = Tile::Depth;
  static constexpr int Stages = Tile::Stages / Depth; ///< steps in the ring
  static constexpr int TileDepth = PackedDepth<Element>;
  static constexpr int Lag = Stages >= 4 ? 2 : 1; ///< steps whose rows of A are under way
  static constexpr int Cols = Tile::N / Sums;     ///< of C in a tile
  static constexpr int PieceRows = smaller(Cols, PackedTileSize), Pieces = Tile::N / PieceRows;
  static constexpr int PieceBytes = PieceRows * 128;
  static_assert(PieceRows % 16 == 0, "a tile must have 16 columns of each weights; use a wider one");
  static constexpr int LeftBytes = Tile::M * 128, TileBytes = LeftBytes + Tile::N * 128;
  static constexpr int StageBytes = Depth * TileBytes;
  static constexpr int SharedBytes = Stages * StageBytes + 256;
  static constexpr int MinBlocks = 1;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return smaller<int64_t>(p.Blocks, ceilDiv<int64_t>(p.M, Tile::M) * p.colTiles(Cols));
  }

  /// Where a tile stands.
  struct Target {
    typename Params::Part Part;
    int Index;
    int64_t Row0, Col0;

    __device__ Target(const Params &p, int64_t tile, int64_t rowTiles) {
      Index = p.findPart(tile, rowTiles, Cols, Part);
      TilePosition position(tile, rowTiles, ceilDiv<int64_t>(Part.N, Cols));
      Row0 = position.Row * Tile::M;
      Col0 = position.Col * Cols;
    }
  };

  /// One thread: the weights of a step. Pieces past the last panel are not fetched and not stored.
  static __device__ void fetchWeights(const Target &target, int64_t depth, int64_t step, char *stage, uint64_t *full) {
    int64_t rows = ceilDiv<int64_t>(target.Part.N, PackedTileSize) * PackedTileSize;
    int pieces = int(smaller<int64_t>(Cols / PieceRows, (rows - target.Col0) / PieceRows));
    int count = int(smaller<int64_t>(Depth, depth - step * Depth));
    arriveExpecting(full, count * pieces * Sums * PieceBytes);
#pragma unroll 1
    for (int d = 0; d < count; ++d)
#pragma unroll
      for (int s = 0; s < Sums; ++s)
#pragma unroll
        for (int i = 0; i < Cols / PieceRows; ++i) {
          int64_t row = target.Col0 + i * PieceRows;
          if (i < pieces)
            copyBulk(stage + d * TileBytes + LeftBytes + (s * (Cols / PieceRows) + i) * PieceBytes,
                     reinterpret_cast<const char *>(target.Part.W[s]) +
                         (row / PackedTileSize * depth + step * Depth + d) * PackedTileBytes +
                         row % PackedTileSize * 128,
                     PieceBytes, full);
        }
  }

  static __device__ void produce(const Params &p, int64_t first, int64_t stride, char *ring, uint64_t *full,
                                 uint64_t *empty) {
    int64_t depth = ceilDiv<int64_t>(p.K, TileDepth), rowTiles = ceilDiv<int64_t>(p.M, Tile::M);
    int64_t steps = ceilDiv<int64_t>(depth, Depth), count = rowTiles * p.colTiles(Cols);
    // 1. Weights of the first steps, before the kernels that come before have ended.
    int early = int(smaller<int64_t>(Stages, steps));
    if (threadIdx.x == 0) {
      Target target(p, first, rowTiles);
      for (int step = 0; step < early; ++step)
        fetchWeights(target, depth, step, ring + step * StageBytes, full + step);
    }
    waitForPrevious();
    // 2. Everything else, a step at a time as stages become free. That rows of A have come is said `Lag` steps later,
    // by who has waited for them: a fence that consumers would have to make costs them more than all else in a step.
    MatrixView<Element> a(p.A, p.M, p.K, p.LdA);
    RingPosition<Stages> next, arrived;
    int chunk = threadIdx.x % 8, row = threadIdx.x / 8, started = 0;
    auto show = [&] {
      if constexpr (IsSame<Element, Tf32>)
        roundRows(ring + arrived.Stage * StageBytes + chunkOffset<8>(row, chunk));
      fenceAsync();
      arrive(full + arrived.Stage);
      arrived.advance();
    };
#pragma unroll 1
    for (int64_t tile = first; tile < count; tile += stride) {
      Target target(p, tile, rowTiles);
#pragma unroll 1
      for (int64_t step = 0; step < steps; ++step) {
        char *stage = ring + next.Stage * StageBytes;
        waitBarrier(empty + next.Stage, next.Round ^ 1);
        if (threadIdx.x == 0 && (tile != first || step >= early))
          fetchWeights(target, depth, step, stage, full + next.Stage);
#pragma unroll 1
        for (int d = 0; d < Depth; ++d) {
          int64_t col = (step * Depth + d) * TileDepth + chunk * ChunkSize<Element>;
#pragma unroll 4 // the addresses of more would take registers
          for (int i = 0; i < Tile::M; i += 16)
            loadChunk(stage + d * TileBytes + chunkOffset<8>(row + i, chunk), a, target.Row0 + row + i, col);
        }
        commitAsync();
        next.advance();
        if (started < Lag) {
          ++started;
          continue;
        }
        waitAsync<Lag>();
        show();
      }
    }
    waitAsync<0>();
    for (; started > 0; --started)
      show();
  }

  /// What this thread has fetched of the rows of a step, from `first` on, as a product takes it.
  static __device__ void roundRows(char *first) {
#pragma unroll 1
    for (int d = 0; d < Depth; ++d)
      roundChunks<Element, Tile::M / 16, 16 * 128>(first + d * TileBytes);
  }

  template <class Epilogue>
  static __device__ void consume(const Params &p, int64_t first, int64_t stride, const char *ring, uint64_t *full,
                                 uint64_t *empty, const Epilogue &epilogue) {
    int64_t depth = ceilDiv<int64_t>(p.K, TileDepth), rowTiles = ceilDiv<int64_t>(p.M, Tile::M);
    int64_t count = rowTiles * p.colTiles(Cols);
    int group = threadIdx.x / 128 - 1, lane = threadIdx.x % 32;
    RingPosition<Stages> next;
    // What the epilogue reads may come from the kernel before.
    waitForPrevious();
#pragma unroll 1
    for (int64_t tile = first; tile < count; tile += stride) {
      float sums[Tile::N / 2];
#pragma unroll
      for (int i = 0; i < Tile::N / 2; ++i)
        sums[i] = 0;
      holdAccumulators(sums);
      auto multiply = [&](const char *stage) {
        uint64_t left = matrixDescriptor(stage + group * 8192), right = matrixDescriptor(stage + LeftBytes);
#pragma unroll
        for (int i = 0; i < 4; ++i)
          multiplyWarpgroup<Element, Tile::N>(sums, left + 2 * i, right + 2 * i);
      };
      // 1. Whole steps. The stage before one is free once its products are done.
      int last = 0;
      int64_t whole = depth / Depth;
#pragma unroll 1
      for (int64_t step = 0; step < whole; ++step) {
        waitBarrier(full + next.Stage, next.Round);
        beginWarpgroup();
#pragma unroll
        for (int d = 0; d < Depth; ++d)
          multiply(ring + next.Stage * StageBytes + d * TileBytes);
        commitWarpgroup();
        waitWarpgroup<1>();
        if (step > 0 && lane == 0)
          arrive(empty + last);
        last = next.Stage;
        next.advance();
      }
      waitWarpgroup<0>();
      holdAccumulators(sums);
      if (whole > 0 && lane == 0)
        arrive(empty + last);
      // 2. The last one may be shorter.
      if (int rest = int(depth % Depth); rest > 0) {
        waitBarrier(full + next.Stage, next.Round);
#pragma unroll 1
        for (int d = 0; d < rest; ++d) {
          holdAccumulators(sums);
          beginWarpgroup();
          multiply(ring + next.Stage * StageBytes + d * TileBytes);
          commitWarpgroup();
          waitWarpgroup<0>();
          holdAccumulators(sums);
        }
        if (lane == 0)
          arrive(empty + next.Stage);
        next.advance();
      }
      Target target(p, tile, rowTiles);
      storeWarpgroups<Outputs>(target.Index, target.Part, sums, target.Row0, target.Col0, p.M, epilogue);
    }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    uint64_t *full = reinterpret_cast<uint64_t *>(smem + Stages * StageBytes), *empty = full + Stages;
    startNext();
    if (threadIdx.x == 0) {
      for (int i = 0; i < Stages; ++i) {
        initBarrier(full + i, 129);
        initBarrier(empty + i, Tile::Consumers * 4);
      }
      publishBarriers();
    }
    __syncthreads();
    int64_t stride = tiles(p);
    if (threadIdx.x < 128) {
      if constexpr (Tile::Consumers == 2)
        lowerRegisters<56>();
      produce(p, tile, stride, smem, full, empty);
    } else {
      if constexpr (Tile::Consumers == 2)
        raiseRegisters<224>();
      consume(p, tile, stride, smem, full, empty, epilogue);
    }
    __syncthreads();
    if (threadIdx.x == 0)
      for (int i = 0; i < 2 * Stages; ++i)
        endBarrier(full + i);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_SM90_CUH
