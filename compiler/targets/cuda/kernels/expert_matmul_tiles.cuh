// What expert_matmul.cuh computes for many rows, on tensor cores: rows that chose one expert are multiplied together.
//
//   ExpertMatmulTiles<Format, Element, Index, Output, Tile, Strip>
//   Format  as there; weights are rounded from f32 to Element, f16 or bf16
//
// Params are those of ExpertMatmul; at most MaxExperts experts. Rows are sorted by expert in their own order and cut
// into tiles of Tile::M, the last of an expert short; those without an expert are one more group, of zeros. No other
// kernel sorts: each block counts who chose what, finds its own rows in that, and then computes Strip tiles of columns
// of them. The bits of a row depend on nothing else in the batch.
// Grid: (ceil(Rows / Tile::M) + min(Experts + 1, Rows)) * ceil(N / (Tile::N * Strip)), of which the last may find
// nothing to do; block Tile::Threads; shared SharedBytes.
#ifndef LATHE_KERNELS_EXPERT_MATMUL_TILES_CUH
#define LATHE_KERNELS_EXPERT_MATMUL_TILES_CUH

#include "expert_matmul.cuh"
#include "mma_tile.cuh"

namespace lathe::kernels {

template <class Format, HalfElement Element, class Index, class Output, class Tile, int Strip>
struct ExpertMatmulTiles {
  static constexpr int Threads = Tile::Threads, MinBlocks = Tile::MinBlocks, Warps = Threads / 32;
  static constexpr int MaxExperts = 511;
  using Params = typename ExpertMatmul<Format, Element, Index, Output>::Params;
  /// Whether weights are copied as they are; else they are decoded, one step ahead.
  static constexpr bool Copied = IsSame<Format, Plain<Element>> || IsSame<Format, PackedPlain<Element>>;
  static constexpr int LeftBytes = Tile::M * Tile::K * 2, RightBytes = Tile::N * Tile::K * 2;
  static constexpr int RightStages = Copied ? Tile::Stages : 2, Chunks = Tile::K / 8;
  static constexpr int TileBytes = Tile::Stages * LeftBytes + RightStages * RightBytes;
  static constexpr int SharedBytes = TileBytes + 4 * Tile::M;
  static_assert(4 * (MaxExperts + 1) <= TileBytes, "the counts lie where the tiles come to lie; use a larger tile");
  static_assert(Tile::Stages >= 3, "a stage is refilled while the one before it is read; use 3 stages or more");

  static __host__ __device__ int64_t rowTiles(const Params &p) {
    return ceilDiv<int64_t>(p.Rows, Tile::M) + smaller<int64_t>(p.Experts + 1, p.Rows);
  }
  static __host__ __device__ int64_t tiles(const Params &p) {
    return rowTiles(p) * ceilDiv<int64_t>(p.N, Tile::N * Strip);
  }

  /// The rows of a tile, those of one expert from number First on.
  struct Group {
    int Expert, First; ///< Expert -1: there is no such tile
  };

  static __device__ int expertOf(const Params &p, int64_t row) {
    Index expert = p.Chosen[row];
    return expert >= 0 && expert < Index(p.Experts) ? int(expert) : int(p.Experts);
  }

  /// The group of tile `tile`, by one warp, from how many rows each expert has.
  static __device__ Group findGroup(const int *counts, int experts, int tile) {
    int lane = threadIdx.x % 32;
    for (int first = 0; first <= experts; first += 32) {
      int mine = first + lane <= experts ? ceilDiv(counts[first + lane], Tile::M) : 0, before = mine;
#pragma unroll
      for (int distance = 1; distance < 32; distance *= 2) {
        int other = __shfl_sync(0xffffffffu, before, lane < distance ? lane : lane - distance);
        before += lane < distance ? 0 : other;
      }
      int total = __shfl_sync(0xffffffffu, before, 31);
      if (tile >= total) {
        tile -= total;
        continue;
      }
      int owner = __popc(__ballot_sync(0xffffffffu, before <= tile));
      int inside = tile - __shfl_sync(0xffffffffu, before - mine, owner);
      return {first + owner, inside * Tile::M};
    }
    return {-1, 0};
  }

  /// Writes the rows of tile `tile` to `rows`, -1 behind the last. `scratch` is read and written by all threads.
  static __device__ Group findRows(const Params &p, int64_t tile, int *rows, int *scratch) {
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    // 1. Count the rows of each expert.
    for (int i = threadIdx.x; i <= p.Experts; i += Threads)
      scratch[i] = 0;
    for (int i = threadIdx.x; i < Tile::M; i += Threads)
      rows[i] = -1;
    __syncthreads();
    for (int64_t row = threadIdx.x; row < p.Rows; row += Threads)
      atomicAdd(scratch + expertOf(p, row), 1);
    __syncthreads();
    // 2. Which expert's rows these are: every warp finds it for itself.
    Group group = findGroup(scratch, int(p.Experts), int(tile));
    __syncthreads();
    if (group.Expert < 0)
      return group;
    // 3. Each warp counts in its share of all rows, then numbers them on from the warps before it.
    int share = int(ceilDiv<int64_t>(p.Rows, Warps * 32)) * 32;
    int begin = warp * share, end = int(smaller<int64_t>(begin + share, p.Rows));
    auto matches = [&](int first) {
      int row = first + lane;
      return __ballot_sync(0xffffffffu, row < end && expertOf(p, row) == group.Expert);
    };
    int found = 0;
    for (int first = begin; first < end; first += 32)
      found += __popc(matches(first));
    if (lane == 0)
      scratch[warp] = found;
    __syncthreads();
    int number = -group.First;
    for (int i = 0; i < warp; ++i)
      number += scratch[i];
    if (number + found > 0)
      for (int first = begin; first < end && number < Tile::M; first += 32) {
        uint32_t lanes = matches(first);
        int place = number + __popc(lanes & ((1u << lane) - 1));
        if ((lanes >> lane & 1) && place >= 0 && place < Tile::M)
          rows[place] = first + lane;
        number += __popc(lanes);
      }
    __syncthreads();
    return group;
  }

  /// One tile of columns.
  template <class Epilogue> struct Strips {
    const Params &P;
    const MatrixView<Element> &A;
    const int *Rows;
    int64_t Expert;
    char *Left, *Right;
    const Epilogue &Out;

    __device__ void loadLeft(int stage, int64_t k) const {
#pragma unroll
      for (int i = threadIdx.x; i < Tile::M * Chunks; i += Threads) {
        int row = i / Chunks, chunk = i % Chunks;
        int64_t source = Rows[row] < 0 ? A.Rows : Rows[row] / P.SharedRows;
        loadChunk(Left + stage * LeftBytes + chunkOffset<Chunks>(row, chunk), A, source, k + chunk * 8);
      }
    }

    /// Columns col0 .. of the expert's matrix, elements k .. of K; what is outside, or no expert's, is zero.
    __device__ void decode(char *target, int64_t col0, int64_t k) const {
#pragma unroll
      for (int i = threadIdx.x; i < Tile::N * Chunks; i += Threads) {
        int row = i / Chunks, chunk = i % Chunks;
        int64_t n = col0 + row, first = k + chunk * 8;
        float w[8] = {};
        if (n < P.N && first < P.K && Expert < P.Experts)
          ExpertMatmul<Format, Element, Index, Output>::load8(P, Expert, n, first, w);
        *reinterpret_cast<uint4 *>(target + chunkOffset<Chunks>(row, chunk)) = {
            packPair<Element>(w[0], w[1]), packPair<Element>(w[2], w[3]), packPair<Element>(w[4], w[5]),
            packPair<Element>(w[6], w[7])};
      }
    }

    __device__ void loadRight(int stage, int64_t col0, int64_t k) const {
      if constexpr (IsPacked<Format>) {
        for (int i = threadIdx.x; i < Tile::N * Chunks; i += Threads) {
          int row = i / Chunks, chunk = i % Chunks;
          bool exists = col0 + row < P.N && Expert < P.Experts; // columns past the last one are zeros in memory
          PlainRow<Format> w(P.W, exists ? Expert * P.N + col0 + row : 0, P.K);
          copyAsync16(Right + stage * RightBytes + chunkOffset<Chunks>(row, chunk),
                      exists ? w.from(k + chunk * 8) : P.W, exists ? 16 : 0);
        }
      } else if constexpr (Copied) {
        int64_t rows = Expert < P.Experts ? P.N : 0;
        MatrixView<Element> w(P.W + (rows ? Expert * P.N * P.K : 0), rows, P.K, P.K);
        loadTile<Tile::N, Chunks, Threads>(Right + stage * RightBytes, w, col0, k);
      }
    }

    __device__ void run(int64_t col0) const {
      int64_t steps = ceilDiv<int64_t>(P.K, Tile::K);
      for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
        if (stage < steps) {
          loadLeft(stage, int64_t(stage) * Tile::K);
          loadRight(stage, col0, int64_t(stage) * Tile::K);
        }
        commitAsync();
      }
      if constexpr (!Copied)
        decode(Right, col0, 0);
      Accumulators<Tile> sums;
      sums.clear();
      int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1
      for (int64_t step = 0; step < steps; ++step) {
        waitAsync<Tile::Stages - 2>();
        __syncthreads();
        int64_t next = step + Tile::Stages - 1;
        if (next < steps) {
          loadLeft(refill, next * Tile::K);
          loadRight(refill, col0, next * Tile::K);
        }
        commitAsync();
        if constexpr (!Copied)
          if (step + 1 < steps)
            decode(Right + (step + 1) % 2 * RightBytes, col0, (step + 1) * Tile::K);
        sums.template add<Element, Rhs::NK>(Left + current * LeftBytes,
                                            Right + (Copied ? current : int(step % 2)) * RightBytes);
        current = current + 1 == Tile::Stages ? 0 : current + 1;
        refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
      }
      waitAsync<0>();
      store(sums, col0);
      __syncthreads(); // the next tile is copied to where this one was
    }

    __device__ void store(const Accumulators<Tile> &sums, int64_t col0) const {
      int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
      int row0 = warp / Tile::WarpsN * Tile::WarpM + lane / 4;
      col0 += warp % Tile::WarpsN * Tile::WarpN + lane % 4 * 2;
#pragma unroll
      for (int i = 0; i < Accumulators<Tile>::RowBlocks; ++i)
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          int64_t row = Rows[row0 + i * 16 + half * 8];
          if (row < 0)
            continue;
#pragma unroll
          for (int j = 0; j < Accumulators<Tile>::ColBlocks; ++j)
#pragma unroll
            for (int e = 0; e < 2; ++e)
              if (int64_t col = col0 + j * 8 + e; col < P.N)
                P.C[row * P.N + col] = fromValue<Output>(Out(sums.Sum[i][j][half * 2 + e], row, col));
        }
    }
  };

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    int *rows = reinterpret_cast<int *>(smem + TileBytes);
    int64_t rowTile = tile % rowTiles(p), strip = tile / rowTiles(p);
    Group group = findRows(p, rowTile, rows, reinterpret_cast<int *>(smem));
    if (group.Expert < 0)
      return;
    MatrixView<Element> a(p.X, p.Rows / p.SharedRows, p.K, p.K);
    Strips<Epilogue> strips{p, a, rows, group.Expert, smem, smem + Tile::Stages * LeftBytes, epilogue};
#pragma unroll 1
    for (int i = 0; i < Strip; ++i)
      if (int64_t col0 = (strip * Strip + i) * Tile::N; col0 < p.N)
        strips.run(col0);
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_EXPERT_MATMUL_TILES_CUH
