// What the products on mma.sync share: tiles in shared memory, one step along K, and the way out of the accumulators.
//
// A tile in shared memory is rows of 16-byte chunks (eight 16-bit elements, four of f32). Chunks are permuted within
// their row so that the eight rows that ldmatrix reads at once lie in different banks.
#ifndef LATHE_KERNELS_MMA_TILE_CUH
#define LATHE_KERNELS_MMA_TILE_CUH

#include "joined.cuh"

namespace lathe::kernels {

/// M x N results a block, K elements of 16 bits or K / 2 of f32 deep a step, by WarpsM x WarpsN warps, Stages steps in
/// shared memory.
template <int M_, int N_, int K_, int WarpsM_, int WarpsN_, int Stages_> struct MatmulTile {
  static constexpr int M = M_, N = N_, K = K_, WarpsM = WarpsM_, WarpsN = WarpsN_, Stages = Stages_;
  static constexpr int Threads = WarpsM * WarpsN * 32;
  static constexpr int MinBlocks = 512 / Threads; ///< caps a thread at 128 registers
  static constexpr int WarpM = M / WarpsM, WarpN = N / WarpsN;
  static_assert(WarpM % 16 == 0 && WarpN % 16 == 0, "a warp's share must be a multiple of 16 x 16; use fewer warps");
  static_assert(K == 16 || K == 32 || K == 64, "K must be 16, 32 or 64");
};

using LargeTile = MatmulTile<128, 128, 32, 2, 4, 4>; ///< 256 threads, 64 KiB: many rows
using MediumTile = MatmulTile<64, 64, 32, 2, 2, 4>;  ///< 128 threads, 32 KiB: 33 rows and up, or few tiles
using SmallTile = MatmulTile<16, 64, 64, 1, 4, 4>;   ///< 128 threads, 40 KiB: 9 to 32 rows

/// How the right operand of a product lies in memory.
enum class Rhs {
  NK, ///< W[n, k]: the rows of a weight matrix, transpose_rhs
  KN, ///< W[k, n]
};

/// Byte offset of chunk `chunk` of row `row` in a tile of `Chunks` chunks a row.
template <int Chunks> __device__ inline int chunkOffset(int row, int chunk) {
  if constexpr (Chunks >= 8)
    chunk ^= row & 7;
  else if constexpr (Chunks == 4)
    chunk ^= (row >> 1) & 3;
  else
    chunk ^= (row >> 2) & 1;
  return (row * Chunks + chunk) * 16;
}

/// A matrix in global memory, [Rows, Cols] with `Stride` elements between rows.
template <MmaElement Element> struct MatrixView {
  const InMemory<Element> *Data;
  int64_t Rows, Cols, Stride;
  bool Aligned; ///< 16-byte copies are legal at every multiple of ChunkSize columns

  __device__ MatrixView(const InMemory<Element> *data, int64_t rows, int64_t cols, int64_t stride)
      : Data(data), Rows(rows), Cols(cols), Stride(stride),
        Aligned(isAligned(data, 16) && stride % ChunkSize<Element> == 0) {}
};

/// Starts copying the columns from `col` on that 16 bytes hold, of row `row` of `view`, to `target`, which is aligned
/// to 16; outside is zero.
template <MmaElement Element>
__device__ inline void loadChunk(char *target, const MatrixView<Element> &view, int64_t row, int64_t col) {
  constexpr int Size = ChunkSize<Element>;
  int64_t left = row < view.Rows ? view.Cols - col : 0;
  int valid = left <= 0 ? 0 : left >= Size ? Size : int(left);
  const InMemory<Element> *source = view.Data + (valid ? row * view.Stride + col : 0);
  if (view.Aligned) {
    copyAsync16(target, source, valid * int(sizeof(*source)));
  } else {
    Packet<InMemory<Element>, Size> packet;
#pragma unroll
    for (int e = 0; e < Size; ++e)
      packet.Elements[e] = e < valid ? source[e] : InMemory<Element>{0};
    *reinterpret_cast<uint4 *>(target) = packet.Raw[0];
  }
}

/// Starts copying rows row0.., columns col0.. of `view`, anything that loadChunk takes, into a tile of Rows x (Chunks *
/// Size); outside is zero.
template <int Rows, int Chunks, int Threads, int Size = 8, class View>
__device__ inline void loadTile(char *tile, const View &view, int64_t row0, int64_t col0) {
#pragma unroll
  for (int i = threadIdx.x; i < Rows * Chunks; i += Threads) {
    int row = i / Chunks, chunk = i % Chunks;
    loadChunk(tile + chunkOffset<Chunks>(row, chunk), view, row0 + row, col0 + chunk * Size);
  }
}

/// Rounds words of memory to what a product takes; 16-bit elements are that already.
template <MmaElement Element> __device__ inline void roundOperands(uint32_t (&words)[4]) {
  if constexpr (IsSame<Element, Tf32>)
#pragma unroll
    for (uint32_t &word : words)
      word = roundTf32(word);
}

/// The same for Count times 16 bytes in shared memory, `Stride` bytes from each other.
template <MmaElement Element, int Count, int Stride> __device__ inline void roundChunks(char *first) {
  uint4 chunks[Count]; // all, for the compiler does not load behind a store
#pragma unroll
  for (int i = 0; i < Count; ++i)
    chunks[i] = *reinterpret_cast<uint4 *>(first + i * Stride);
#pragma unroll
  for (int i = 0; i < Count; ++i) {
    uint32_t words[4] = {chunks[i].x, chunks[i].y, chunks[i].z, chunks[i].w};
    roundOperands<Element>(words);
    *reinterpret_cast<uint4 *>(first + i * Stride) = {words[0], words[1], words[2], words[3]};
  }
}

/// c[16x8] += a * b of 32 codes along K, widened to f16, which holds all of them: before sm_89 there is no other
/// product. A word's halves are two steps; a sum does not notice which of K they are, as both sides are dealt alike.
__device__ inline void multiplyFloat8(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    uint32_t x0 = a[2 * i], x1 = a[2 * i + 1], y = i ? b1 : b0;
    const uint32_t left[4] = {widenFloat8(uint16_t(x0)), widenFloat8(uint16_t(x1)), widenFloat8(uint16_t(x0 >> 16)),
                              widenFloat8(uint16_t(x1 >> 16))};
    multiplyHalf(c, left, widenFloat8(uint16_t(y)), widenFloat8(uint16_t(y >> 16)));
  }
}

/// c[16x8] += a * b, 32 bytes deep, of operands that are rounded.
template <MmaElement Element>
__device__ inline void multiplyAccumulate(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  if constexpr (IsSame<Element, Half>)
    multiplyHalf(c, a, b0, b1);
  else if constexpr (IsSame<Element, BFloat16>)
    multiplyBFloat16(c, a, b0, b1);
  else if constexpr (IsSame<Element, Tf32>)
    multiplyTf32(c, a, b0, b1);
  else
    multiplyFloat8(c, a, b0, b1);
}

/// The accumulators of one warp.
template <class Tile> struct Accumulators {
  static constexpr int RowBlocks = Tile::WarpM / 16, ColBlocks = Tile::WarpN / 8;
  float Sum[RowBlocks][ColBlocks][4];

  __device__ void clear() {
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
      for (int j = 0; j < ColBlocks; ++j)
#pragma unroll
        for (int e = 0; e < 4; ++e)
          Sum[i][j][e] = 0;
  }

  /// Right operands of columns col .. col+15, 32 bytes deep at step k: mma's two words of each eight columns.
  template <MmaElement Element, Rhs Layout>
  static __device__ void loadRight(uint32_t (&right)[4], const char *w, int col, int k) {
    int lane = threadIdx.x % 32;
    constexpr int KChunks = Tile::K / 8, NChunks = Tile::N / ChunkSize<Element>;
    if constexpr (Layout == Rhs::NK) {
      loadMatrix4(right, w + chunkOffset<KChunks>(col + lane % 8 + lane / 16 * 8, k * 2 + lane / 8 % 2));
    } else if constexpr (HalfElement<Element>) {
      loadMatrix4Transposed(right, w + chunkOffset<NChunks>(k * 16 + lane % 16, col / 8 + lane / 16));
    } else { // ldmatrix turns elements of 16 bits alone
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        int row = k * 8 + lane % 4 + i % 2 * 4, own = col + i / 2 * 8 + lane / 4;
        right[i] = *reinterpret_cast<const uint32_t *>(w + chunkOffset<NChunks>(row, own / 4) + own % 4 * 4);
      }
    }
    roundOperands<Element>(right);
  }

  /// Adds the product of tile `a` [M][K] and tile `w` ([N][K], or [K][N] for Rhs::KN).
  template <MmaElement Element, Rhs Layout> __device__ void add(const char *a, const char *w) {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int row0 = warp / Tile::WarpsN * Tile::WarpM, col0 = warp % Tile::WarpsN * Tile::WarpN;
    constexpr int KChunks = Tile::K / 8;
#pragma unroll
    for (int k = 0; k < Tile::K / 16; ++k) {
      uint32_t left[RowBlocks][4];
#pragma unroll
      for (int i = 0; i < RowBlocks; ++i) {
        loadMatrix4(left[i], a + chunkOffset<KChunks>(row0 + i * 16 + lane % 16, k * 2 + lane / 16));
        roundOperands<Element>(left[i]);
      }
#pragma unroll
      for (int j = 0; j < ColBlocks; j += 2) {
        uint32_t right[4];
        loadRight<Element, Layout>(right, w, col0 + j * 8, k);
#pragma unroll
        for (int i = 0; i < RowBlocks; ++i) {
          multiplyAccumulate<Element>(Sum[i][j], left[i], right[0], right[1]);
          multiplyAccumulate<Element>(Sum[i][j + 1], left[i], right[2], right[3]);
        }
      }
    }
  }

  /// Passes every sum of the tile at (row0, col0) through the epilogue and stores it: c[row, col] for row < rows and
  /// col < cols. The epilogue sees `epilogueRow` + row.
  template <class Output, class Epilogue>
  __device__ void store(Output *c, int64_t stride, int64_t row0, int64_t col0, int64_t rows, int64_t cols,
                        int64_t epilogueRow, const Epilogue &epilogue) const {
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    row0 += warp / Tile::WarpsN * Tile::WarpM + lane / 4;
    col0 += warp % Tile::WarpsN * Tile::WarpN + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < RowBlocks; ++i)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int64_t row = row0 + i * 16 + half * 8;
        if (row >= rows)
          continue;
#pragma unroll
        for (int j = 0; j < ColBlocks; ++j) {
          int64_t col = col0 + j * 8;
          if (col + 1 < cols) {
            const float sums[2][1] = {{Sum[i][j][half * 2]}, {Sum[i][j][half * 2 + 1]}};
            float pair[2];
            finishNeighbours(epilogue, sums, epilogueRow + row, col, pair);
            storeVector(c, row * stride + col, pair);
          } else if (col < cols) {
            c[row * stride + col] = fromValue<Output>(epilogue(Sum[i][j][half * 2], epilogueRow + row, col));
          }
        }
      }
  }
};

/// Where tile number `tile` of a grid of rowTiles x colTiles stands. Eight column tiles go together down the rows, so
/// that concurrent blocks share both operands in the L2.
struct TilePosition {
  int64_t Row, Col;
  __device__ TilePosition(int64_t tile, int64_t rowTiles, int64_t colTiles) {
    int64_t group = tile / (rowTiles * 8), first = group * 8;
    int64_t width = smaller<int64_t>(8, colTiles - first), inside = tile - first * rowTiles;
    Row = inside / width;
    Col = first + inside % width;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_MMA_TILE_CUH
