// What products and convolutions share: blocks of a product whose operands lie in scratch memory or in panels.
//
// A panel is 16 columns of the right operand: [k][16], one vector for each step of k. Rows of the left operand are
// copied to scratch memory of a fixed row length, so that a block's rows are at constant distances from one pointer and
// never fall onto each other in the cache. Blocks keep their sums in registers over `Depth` steps of k; the sums of
// such runs are added in order. What stands behind one element depends on k alone, neither on the block nor on the
// other rows.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTS_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTS_H

#include "compiler/targets/cpu/kernels/Kernel.h"

namespace lathe::cpu {

/// Steps of k in one run of sums, and the floats between two rows of the left operand in scratch memory: a length whose
/// multiples are spread over the sets of a cache.
constexpr int64_t Depth = 384, RowFloats = Depth + Lanes;
/// Rows and columns of the result that a thread computes before it hands them to the store function, at most.
constexpr int64_t BlockRows = 140, BlockColumns = 128;
/// Columns of a tile: those that share the registers of a block.
constexpr int64_t TileColumns = 2 * Lanes;

/// sums[r][j] (+)= sum_k lhs[r * RowFloats + k] * rhs[panel(j) + k * Lanes + j % Lanes].
struct Block {
  const float *lhs;
  const float *rhs;
  int64_t panelFloats; ///< from one panel of `rhs` to the next
  int64_t steps;       ///< of k, at most Depth
  float *sums;
  int64_t sumFloats; ///< from one row of `sums` to the next
  bool add;          ///< to what `sums` holds; else it is overwritten
};

/// Computes `rows` rows of `panels` panels. One function for all kernels of an image (Blocks.cpp).
extern "C" void lathe_multiply_block(const Block *block, int64_t rows, int64_t panels);

/// Length of the runs that k is cut into: equal ones, each at most Depth.
LATHE_INLINE int64_t getRunLength(int64_t k) {
  int64_t runs = (k + Depth - 1) / Depth;
  return runs ? (k + runs - 1) / runs : 1;
}

/// Part `i` of [0, count) cut into `parts` equal pieces begins here.
LATHE_INLINE int64_t getPart(int64_t count, int64_t parts, int64_t i) { return count * i / parts; }

/// Tiles of a product [m, n]: numbered along n first. As RootEmitter counts them.
struct ProductTiles {
  int64_t m, n;
  int64_t blockRows = BlockRows, spanColumns = BlockColumns;

  LATHE_INLINE int64_t countRowBlocks() const { return (m + blockRows - 1) / blockRows; }
  LATHE_INLINE int64_t countColumnTiles() const { return (n + TileColumns - 1) / TileColumns; }
};

/// The part of a product that one thread computes at a time.
struct ProductSpan {
  int64_t matrix, row, rows, column, columns;
};

/// Calls `compute` for tiles [begin, end): neighbours that share rows together, so that rows are copied once, in spans
/// of equal width, since rows of a narrow one are copied for little.
template <typename Compute>
LATHE_INLINE void forEachSpan(ProductTiles tiles, int64_t begin, int64_t end, Compute compute) {
  int64_t rowBlocks = tiles.countRowBlocks(), columnTiles = tiles.countColumnTiles();
  for (int64_t tile = begin; tile < end;) {
    int64_t first = tile % columnTiles, block = tile / columnTiles % rowBlocks;
    int64_t left = smaller(columnTiles - first, end - tile);
    int64_t most = tiles.spanColumns / TileColumns, spans = (left + most - 1) / most;
    int64_t count = (left + spans - 1) / spans;
    int64_t row = getPart(tiles.m, rowBlocks, block), column = first * TileColumns;
    compute(ProductSpan{tile / columnTiles / rowBlocks, row, getPart(tiles.m, rowBlocks, block + 1) - row, column,
                        smaller(count * TileColumns, tiles.n - column)});
    tile += count;
  }
}

/// rows[i][j] = rows[j][i]: quarters, then quarters of quarters change places.
LATHE_INLINE void transposeSquare(Vector (&rows)[Lanes]) {
  auto swap = [&](auto keep, auto take, int distance) {
    for (int i = 0; i < Lanes; ++i)
      if (!(i & distance)) {
        Vector low = rows[i], high = rows[i + distance];
        rows[i] = keep(low, high);
        rows[i + distance] = take(low, high);
      }
  };
#define LATHE_SHUFFLE(...) [](Vector a, Vector b) { return __builtin_shufflevector(a, b, __VA_ARGS__); }
  swap(LATHE_SHUFFLE(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
       LATHE_SHUFFLE(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31), 8);
  swap(LATHE_SHUFFLE(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
       LATHE_SHUFFLE(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31), 4);
  swap(LATHE_SHUFFLE(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
       LATHE_SHUFFLE(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31), 2);
  swap(LATHE_SHUFFLE(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
       LATHE_SHUFFLE(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31), 1);
#undef LATHE_SHUFFLE
}

/// A matrix that becomes panels on the way: its rows run along k (transposed) or along the columns of the result.
struct RightMatrix {
  const char *base;
  int64_t rowBytes;
  Unpack unpack;

  /// Panel [count][16] of columns [column, column + columns) whose rows run along the columns; zeros behind the last
  /// one.
  LATHE_INLINE void packRows(int64_t first, int64_t count, int64_t column, int64_t columns, float *panel) const {
    for (int64_t k = 0; k < count; ++k)
      unpackPadded(unpack, base + (first + k) * rowBytes, column, columns, panel + k * Lanes);
  }
  /// The same of a matrix whose rows run along k.
  LATHE_INLINE void packColumns(int64_t first, int64_t count, int64_t column, int64_t columns, float *panel) const {
    for (int64_t k = 0; k < count; k += Lanes) {
      Vector square[Lanes];
      int64_t steps = smaller(Lanes, count - k);
      for (int64_t j = 0; j < Lanes; ++j) {
        alignas(64) float values[Lanes];
        storeVector(values, Vector{});
        if (j < columns)
          unpack(base + (column + j) * rowBytes, first + k, steps, values);
        square[j] = loadVector(values);
      }
      transposeSquare(square);
      for (int64_t i = 0; i < steps; ++i)
        storeVector(panel + (k + i) * Lanes, square[i]);
    }
  }
};

/// Scratch memory of a span.
struct ProductScratch {
  alignas(64) float lhs[BlockRows * RowFloats];
  alignas(64) float sums[BlockRows * BlockColumns];
};

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_PRODUCTS_H
