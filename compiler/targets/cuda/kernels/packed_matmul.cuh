// Products of rows with packed weights: c[m, n] = epilogue(sum_k a[m, k] * w[n, k], m, n), summed in f32.
//
//   PackedMatmulFewRows<Element, Outputs, Rows, Left>   M <= Rows (1, 2, 4, 8), bound by reading W
//   PackedMatmul<Element, Outputs, Tile>                any M; Tile::K is 64
//
// For sm_80 and up; packed_matmul_few_sm90.cuh and packed_matmul_sm90.cuh compute the same from the same Params.
//
// A [M, K] f16 or bf16, LdA elements between rows. W packed, [N, K]: tiles of 64 rows x 64 k, 8192 contiguous bytes.
// Row r of a tile is 128 bytes at r * 128, and its 16-byte chunk c stands at place c ^ (r & 7). Tile (n, k) is at
// ((n * ceil(K / 64)) + k) * 8192; rows and columns past the end are zeros. W is aligned to 16 bytes.
//
// Element Tf32 is f32 in memory, and a tile has 32 k then: read 32 for 64 along K everywhere. W is rounded to tf32
// already, A is rounded here: both to the nearest, ties away from zero (matmul.cuh says what that loses).
//
// Element Float8 is f8E4M3FN, and a tile has 128 k: codes, whose scales are the epilogue's. Warps widen both sides to
// f16, which is exact; warpgroups multiply codes, and keep fewer bits of a sum than an f32 has.
//
// `Outputs` (joined.cuh) says what one launch computes from A; each part has its own W, N, C. `Left`
// (normalized_rows.cuh) says what A is of the memory it is read from.
//
// Grid, block, dynamic shared bytes:
//   PackedMatmulFewRows   the sum of ceil(N / 16) over the parts; 128; 256 * Rows * sums an element
//   PackedMatmul          ceil(M / Tile::M) * the sum of ceil(N / Tile::N); Tile::Threads; Stages * (M + N * sums) *
//   128
// Order of summation depends on K and the template alone.
#ifndef LATHE_KERNELS_PACKED_MATMUL_CUH
#define LATHE_KERNELS_PACKED_MATMUL_CUH

#include "joined.cuh"
#include "mma_tile.cuh"
#include "normalized_rows.cuh"

namespace lathe::kernels {

using PackedLargeTile = MatmulTile<128, 128, 64, 2, 4, 3>; ///< 256 threads, 96 KiB
using PackedMediumTile = MatmulTile<64, 64, 64, 2, 2, 3>;  ///< 128 threads, 48 KiB
using PackedSmallTile = SmallTile;                         ///< 128 threads, 40 KiB

constexpr int PackedTileBytes = 8192, PackedTileSize = 64;
/// Along K in a packed tile.
template <MmaElement Element> inline constexpr int PackedDepth = 8 * ChunkSize<Element>;

template <MmaElement Element, int Sums> struct ProductPart {
  const InMemory<Element> *W[Sums];
  void *C; ///< of the part's output type
  int64_t N, LdC;
};

template <MmaElement Element, class Outputs, class Left = AsIs> struct PackedMatmulParams {
  using Form = OutputsOf<Outputs>;
  using Part = ProductPart<Element, Form::Sums>;
  const typename Left::template SourceOf<InMemory<Element>> *A;
  int64_t M, K, LdA;
  int64_t Blocks; ///< of sm_90a's templates: at most so many are of use, the multiprocessors
  Part Parts[Form::Parts];
  Left Norm = {};

  /// Column tiles of `width`, over all parts.
  __host__ __device__ int64_t colTiles(int width) const {
    int64_t sum = 0;
#pragma unroll
    for (int i = 0; i < Form::Parts; ++i)
      sum += ceilDiv<int64_t>(Parts[i].N, width);
    return sum;
  }

  /// The part that `tile` belongs to, whose number counts within the part from then on; a part has
  /// rowTiles * ceil(N / width) tiles.
  __device__ int findPart(int64_t &tile, int64_t rowTiles, int width, Part &part) const {
    int index = 0;
    part = Parts[0];
#pragma unroll
    for (int i = 1; i < Form::Parts; ++i) {
      int64_t before = rowTiles * ceilDiv<int64_t>(part.N, width);
      if (index == i - 1 && tile >= before) {
        tile -= before;
        part = Parts[i];
        index = i;
      }
    }
    return index;
  }
};

/// Passes the sums of neighbouring elements (row, col ..) of part `index`, which all exist, through its epilogue. `I`
/// counts the parts until it is `index`.
template <class Outputs, int I = 0, int Count, int Sums, class Body>
__device__ inline void finishPart(int index, const float (&sums)[Count][Sums], int64_t row, int64_t col,
                                  const Body &body, float (&values)[Count]) {
  if constexpr (I + 1 < OutputsOf<Outputs>::Parts)
    if (index != I)
      return finishPart<Outputs, I + 1>(index, sums, row, col, body, values);
  finishNeighbours(epilogueOf<I>(body), sums, row, col, values);
}

/// Stores neighbouring elements of part `index`, which all exist.
template <class Outputs, int I = 0, int Count, int Sums, class Element>
__device__ inline void storeValues(int index, const ProductPart<Element, Sums> &part, const float (&values)[Count],
                                   int64_t row, int64_t col) {
  if constexpr (I + 1 < OutputsOf<Outputs>::Parts)
    if (index != I)
      return storeValues<Outputs, I + 1>(index, part, values, row, col);
  using Output = typename OutputsOf<Outputs>::template Output<I>;
  storeVector(static_cast<Output *>(part.C) + row * part.LdC + col, 0, values);
}

/// Passes the sums of neighbouring elements (row, col ..) of part `index` through its epilogue and stores those that
/// exist. `I` counts the parts until it is `index`.
template <class Outputs, int I = 0, int Count, int Sums, class Element, class Body>
__device__ inline void storePart(int index, const ProductPart<Element, Sums> &part, const float (&sums)[Count][Sums],
                                 int64_t row, int64_t col, const Body &body) {
  if constexpr (I + 1 < OutputsOf<Outputs>::Parts)
    if (index != I)
      return storePart<Outputs, I + 1>(index, part, sums, row, col, body);
  using Output = typename OutputsOf<Outputs>::template Output<I>;
  const auto &epilogue = epilogueOf<I>(body);
  Output *target = static_cast<Output *>(part.C) + row * part.LdC + col;
  if (col + Count <= part.N) {
    float values[Count];
    finishNeighbours(epilogue, sums, row, col, values);
    storeVector(target, 0, values);
    return;
  }
#pragma unroll
  for (int i = 0; i < Count; ++i)
    if (col + i < part.N) {
      if constexpr (Sums == 1)
        target[i] = fromValue<Output>(epilogue(sums[i][0], row, col + i));
      else
        target[i] = fromValue<Output>(epilogue(sums[i][0], sums[i][1], row, col + i));
    }
}

/// 16 bytes of a row of `a` from column `col` on, zero past the end of the matrix.
template <MmaElement Element>
__device__ inline uint4 loadRowChunk(const MatrixView<Element> &a, int64_t row, int64_t col) {
  constexpr int Size = ChunkSize<Element>;
  const InMemory<Element> *source = a.Data + row * a.Stride + col;
  if (row < a.Rows && a.Aligned && col + Size <= a.Cols)
    return *reinterpret_cast<const uint4 *>(source);
  Packet<InMemory<Element>, Size> packet;
#pragma unroll
  for (int e = 0; e < Size; ++e)
    packet.Elements[e] = row < a.Rows && col + e < a.Cols ? source[e] : InMemory<Element>{0};
  return packet.Raw[0];
}

/// One packed tile's 16 rows x 64 k times up to 8 rows of A, by a warp. Lane 4g+t reads 16 neighbours along k, so that
/// every load is of 16 bytes; k is dealt to the steps of mma in that order on both sides, which a sum does not notice.
template <MmaElement Element> struct FewRowsFragments {
  uint4 Low[2], High[2]; ///< W: chunks 2t, 2t+1 of rows g and g+8
  uint4 X[2];            ///< A: the same chunks of row g, zero from the last row on

  __device__ void loadWeights(const char *rows) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      Low[i] = *reinterpret_cast<const uint4 *>(rows + chunkOffset<8>(g, 2 * t + i));
      High[i] = *reinterpret_cast<const uint4 *>(rows + chunkOffset<8>(g + 8, 2 * t + i));
    }
  }

  /// sums[0..1] of row g of W and columns (rows of A) 2t, 2t+1; sums[2..3] of row g+8. Two chains of sums.
  __device__ void multiply(float (&sums)[2][4]) const {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const uint32_t first[4] = {Low[i].x, High[i].x, Low[i].y, High[i].y};
      const uint32_t second[4] = {Low[i].z, High[i].z, Low[i].w, High[i].w};
      uint32_t x[4] = {X[i].x, X[i].y, X[i].z, X[i].w};
      roundOperands<Element>(x);
      multiplyAccumulate<Element>(sums[0], first, x[0], x[1]);
      multiplyAccumulate<Element>(sums[1], second, x[2], x[3]);
    }
  }
};

/// What the warps have summed of 16 columns: one [Warps][16][Rows] array in shared memory.
template <int Rows, int Warps> struct FewRowsSums {
  static constexpr int Bytes = Warps * 16 * Rows * 4;

  static __device__ void write(float *shared, int warp, const float (&sums)[2][4]) {
    int g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int row = 2 * t + i % 2;
      if (row < Rows)
        shared[(warp * 16 + g + i / 2 * 8) * Rows + row] = sums[0][i] + sums[1][i];
    }
  }

  /// Thread col + 16 * row finishes element (row, col0 + col); the first Warps / Sums warps hold the first sum.
  template <class Outputs, int Sums, class Element, class Epilogue>
  static __device__ void finish(const float *shared, int index, const ProductPart<Element, Sums> &part, int64_t rows,
                                int64_t col0, const Epilogue &epilogue) {
    int col = threadIdx.x % 16, row = threadIdx.x / 16;
    if (row >= Rows || row >= rows || col0 + col >= part.N)
      return;
    float sums[1][Sums];
#pragma unroll
    for (int s = 0; s < Sums; ++s) {
      float sum = 0;
#pragma unroll
      for (int warp = 0; warp < Warps / Sums; ++warp)
        sum += shared[((s * (Warps / Sums) + warp) * 16 + col) * Rows + row];
      sums[0][s] = sum;
    }
    storePart<Outputs>(index, part, sums, row, col0 + col, epilogue);
  }
};

template <MmaElement Element, class Outputs, int Rows, class Left = AsIs> struct PackedMatmulFewRows {
  static_assert(Rows == 1 || Rows == 2 || Rows == 4 || Rows == 8,
                "Rows must be 1, 2, 4 or 8; use PackedMatmul for more");
  using Params = PackedMatmulParams<Element, Outputs, Left>;
  using Form = OutputsOf<Outputs>;
  static constexpr int Threads = 128, MinBlocks = 4, Warps = Threads / 32, Sums = Form::Sums;
  static constexpr int Depth = PackedDepth<Element>;
  using Shared = FewRowsSums<Rows, Warps * Sums>;
  static constexpr int SharedBytes = Shared::Bytes;

  static __host__ __device__ int64_t tiles(const Params &p) { return p.M > 0 ? p.colTiles(16) : 0; }

  static __device__ auto viewRows(const Params &p, float *shared) {
    if constexpr (Left::Normalizes)
      return NormalizedView<Element, Left>::template create<Rows, Threads>(p.Norm, p.A, p.M, p.K, p.LdA, shared);
    else
      return MatrixView<Element>(p.A, p.M, p.K, p.LdA);
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    typename Params::Part part;
    int index = p.findPart(tile, 1, 16, part);
    int warp = threadIdx.x / 32, g = threadIdx.x % 32 / 4, t = threadIdx.x % 4;
    int64_t depth = ceilDiv<int64_t>(p.K, Depth);
    float *shared = reinterpret_cast<float *>(smem);
    auto a = viewRows(p, shared);
    // 1. Each warp its share of K.
    float sums[Sums][2][4] = {};
    int64_t offset = tile / 4 * depth * PackedTileBytes + tile % 4 * 2048;
#pragma unroll 2
    for (int64_t k = warp; k < depth; k += Warps) {
      FewRowsFragments<Element> fragments;
#pragma unroll
      for (int i = 0; i < 2; ++i)
        fragments.X[i] = g < Rows ? loadRowChunk(a, g, k * Depth + (2 * t + i) * ChunkSize<Element>) : uint4{};
#pragma unroll
      for (int s = 0; s < Sums; ++s) {
        fragments.loadWeights(reinterpret_cast<const char *>(part.W[s]) + offset + k * PackedTileBytes);
        fragments.multiply(sums[s]);
      }
    }
    // 2. Sum over the warps, epilogue, store.
#pragma unroll
    for (int s = 0; s < Sums; ++s)
      Shared::write(shared, s * Warps + warp, sums[s]);
    __syncthreads();
    Shared::template finish<Outputs, Sums>(shared, index, part, p.M, tile * 16, epilogue);
  }
};

template <MmaElement Element, class Outputs, class Tile> struct PackedMatmul {
  static_assert(Tile::K == 64 && Tile::N % 64 == 0, "a tile must be whole packed tiles; use K 64 and N 64 or 128");
  using Params = PackedMatmulParams<Element, Outputs>;
  using Form = OutputsOf<Outputs>;
  static constexpr int Threads = Tile::Threads, Sums = Form::Sums, Depth = PackedDepth<Element>;
  static constexpr int MinBlocks = Tile::MinBlocks / (Sums == 2 && Tile::M > 16 ? 2 : 1);
  static_assert(MinBlocks >= 1 && Tile::WarpM * Tile::WarpN * Sums <= 2048,
                "two sums an element do not fit the registers; use PackedMediumTile");
  static constexpr int LeftBytes = Tile::M * 128, RightBytes = Tile::N * 128;
  static constexpr int StageBytes = LeftBytes + Sums * RightBytes;
  static constexpr int SharedBytes = Tile::Stages * StageBytes;

  static __host__ __device__ int64_t tiles(const Params &p) {
    return ceilDiv<int64_t>(p.M, Tile::M) * p.colTiles(Tile::N);
  }

  static __device__ void loadStage(char *stage, const MatrixView<Element> &a, const typename Params::Part &part,
                                   int64_t row0, int64_t panel0, int64_t depth, int64_t k) {
    loadTile<Tile::M, 8, Threads, ChunkSize<Element>>(stage, a, row0, k * Depth);
    int64_t panels = ceilDiv<int64_t>(part.N, 64);
#pragma unroll
    for (int s = 0; s < Sums; ++s)
#pragma unroll 1 // the addresses of all would take registers
      for (int i = threadIdx.x; i < RightBytes / 16; i += Threads) {
        int64_t panel = panel0 + i / 512;
        bool exists = panel < panels;
        const char *source = reinterpret_cast<const char *>(part.W[s]) +
                             (exists ? (panel * depth + k) * PackedTileBytes + i % 512 * 16 : 0);
        copyAsync16(stage + LeftBytes + s * RightBytes + i * 16, source, exists ? 16 : 0);
      }
  }

  template <class Epilogue>
  static __device__ void run(const Params &p, int64_t tile, char *smem, const Epilogue &epilogue) {
    typename Params::Part part;
    int64_t rowTiles = ceilDiv<int64_t>(p.M, Tile::M);
    int index = p.findPart(tile, rowTiles, Tile::N, part);
    TilePosition position(tile, rowTiles, ceilDiv<int64_t>(part.N, Tile::N));
    int64_t row0 = position.Row * Tile::M, col0 = position.Col * Tile::N;
    MatrixView<Element> a(p.A, p.M, p.K, p.LdA);
    // 1. Fill all stages but one.
    int64_t depth = ceilDiv<int64_t>(p.K, Depth);
    for (int stage = 0; stage < Tile::Stages - 1; ++stage) {
      if (stage < depth)
        loadStage(smem + stage * StageBytes, a, part, row0, col0 / 64, depth, stage);
      commitAsync();
    }
    // 2. As Matmul does.
    Accumulators<Tile> sums[Sums];
#pragma unroll
    for (int s = 0; s < Sums; ++s)
      sums[s].clear();
    int current = 0, refill = Tile::Stages - 1;
#pragma unroll 1
    for (int64_t step = 0; step < depth; ++step) {
      waitAsync<Tile::Stages - 2>();
      __syncthreads();
      int64_t next = step + Tile::Stages - 1;
      if (next < depth)
        loadStage(smem + refill * StageBytes, a, part, row0, col0 / 64, depth, next);
      commitAsync();
      const char *stage = smem + current * StageBytes;
#pragma unroll
      for (int s = 0; s < Sums; ++s)
        sums[s].template add<Element, Rhs::NK>(stage, stage + LeftBytes + s * RightBytes);
      current = current + 1 == Tile::Stages ? 0 : current + 1;
      refill = refill + 1 == Tile::Stages ? 0 : refill + 1;
    }
    waitAsync<0>();
    // 3. Out through the epilogue.
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    row0 += warp / Tile::WarpsN * Tile::WarpM + lane / 4;
    col0 += warp % Tile::WarpsN * Tile::WarpN + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < Accumulators<Tile>::RowBlocks; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int64_t row = row0 + i * 16 + half * 8;
        if (row >= p.M)
          continue;
#pragma unroll
        for (int j = 0; j < Accumulators<Tile>::ColBlocks; ++j) {
          float pair[2][Sums];
#pragma unroll
          for (int e = 0; e < 2; ++e)
#pragma unroll
            for (int s = 0; s < Sums; ++s)
              pair[e][s] = sums[s].Sum[i][j][half * 2 + e];
          if (col0 + j * 8 < part.N)
            storePart<Outputs>(index, part, pair, row, col0 + j * 8, epilogue);
        }
      }
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_PACKED_MATMUL_CUH
