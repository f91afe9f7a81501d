// Matrix products: result[m, n] = sum_k lhs[m, k] * rhs[n, k] or rhs[k, n], accumulated in f32.
//
// Weights in blocks are read as they are (lathe_matmul_transposed): with few rows, reading them is what takes time. All
// others go through panels (Products.h), which those of 16 bits are widened into. The sum behind one element depends on
// k alone, so a row gives the same bits alone and in any batch.
#include "compiler/targets/cpu/kernels/Products.h"

using namespace lathe::cpu;

namespace {

constexpr int64_t Columns = 16, Rows = 16;

/// Partial sums of a block of the result.
struct Sums {
  Vector lanes[Rows][Columns];
};

/// Adds the products of `steps` vectors of R rows and C columns to their partial sums.
template <int R, int C>
LATHE_INLINE void multiply(Sums &sums, int64_t row, int64_t column, const float *const *lhs, const float *const *rhs,
                           int64_t steps) {
  Vector accumulators[R][C];
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c)
      accumulators[r][c] = sums.lanes[row + r][column + c];
  for (int64_t step = 0; step < steps; ++step) {
    Vector weights[C];
    for (int c = 0; c < C; ++c)
      weights[c] = loadVector(rhs[c] + step * Lanes);
    for (int r = 0; r < R; ++r) {
      Vector values = loadVector(lhs[row + r] + step * Lanes);
      for (int c = 0; c < C; ++c)
        accumulators[r][c] = multiplyAdd(values, weights[c], accumulators[r][c]);
    }
  }
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c)
      sums.lanes[row + r][column + c] = accumulators[r][c];
}

template <int C>
LATHE_INLINE void multiplyColumns(Sums &sums, int64_t rows, int64_t column, const float *const *lhs,
                                  const float *const *rhs, int64_t steps) {
  int64_t row = 0;
#pragma clang loop unroll(disable)
  for (; row + 4 <= rows; row += 4)
    multiply<4, C>(sums, row, column, lhs, rhs, steps);
#pragma clang loop unroll(disable)
  for (; row < rows; ++row)
    multiply<1, C>(sums, row, column, lhs, rhs, steps);
}

/// A matrix whose rows run along k.
struct Operand {
  const char *base;
  int64_t rowBytes;
  Unpack unpack;
  bool isF32;
  int64_t rowElements = 0; ///< where rows have no address of their own: elements that `unpack` counts for each

  /// Elements [first, first + count) of a row in whole vectors: where they lie, if that is possible, else in `values`.
  LATHE_INLINE const float *read(int64_t row, int64_t first, int64_t count, float *values) const {
    const char *address = base + row * rowBytes;
    if (isF32 && count % Lanes == 0)
      return reinterpret_cast<const float *>(address) + first;
    unpackPadded(unpack, address, first + row * rowElements, count, values);
    return values;
  }
};

/// Adds the products of elements [first, first + count) of k to the sums of a block. Column 0 is row `matrix` of rhs.
LATHE_INLINE void multiplyChunk(Sums &sums, const Operand &lhs, const Operand &rhs, int64_t row, int64_t rows,
                                int64_t column, int64_t columns, int64_t first, int64_t count, int64_t matrix = 0) {
  alignas(64) float lhsValues[Rows][Chunk], rhsValues[4][Chunk];
  const float *lhsRows[Rows], *rhsRows[4];
  int64_t steps = (count + Lanes - 1) / Lanes;
  for (int64_t r = 0; r < rows; ++r)
    lhsRows[r] = lhs.read(row + r, first, count, lhsValues[r]);
  int64_t c = 0;
#pragma clang loop unroll(disable)
  for (; c + 4 <= columns; c += 4) {
    for (int64_t i = 0; i < 4; ++i)
      rhsRows[i] = rhs.read(matrix + column + c + i, first, count, rhsValues[i]);
    multiplyColumns<4>(sums, rows, c, lhsRows, rhsRows, steps);
  }
#pragma clang loop unroll(disable)
  for (; c < columns; ++c) {
    rhsRows[0] = rhs.read(matrix + column + c, first, count, rhsValues[0]);
    multiplyColumns<1>(sums, rows, c, lhsRows, rhsRows, steps);
  }
}

} // namespace

/// rhs is [N, K]; either operand may be in any format that has an unpack function. A tile is `Columns` columns of the
/// result, all rows: a tile's weights are read and unpacked once for each `Rows` rows.
LATHE_TEMPLATE void lathe_matmul_transposed(const void *lhs, const void *rhs, int64_t m, int64_t n, int64_t k,
                                            int64_t lhsRowBytes, int64_t rhsRowBytes, int64_t rhsRowElements,
                                            Unpack lhsUnpack, Unpack rhsUnpack, bool lhsIsF32, bool rhsIsF32,
                                            Store store, const Launch *launch, int64_t begin, int64_t end) {
  Operand left{static_cast<const char *>(lhs), lhsRowBytes, lhsUnpack, lhsIsF32};
  Operand right{static_cast<const char *>(rhs), rhsRowBytes, rhsUnpack, rhsIsF32, rhsRowElements};
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t column = tile * Columns, columns = smaller(Columns, n - column);
    for (int64_t row = 0; row < m; row += Rows) {
      int64_t rows = smaller(Rows, m - row);
      Sums sums;
      for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c)
          sums.lanes[r][c] = Vector{};
      for (int64_t first = 0; first < k; first += Chunk)
        multiplyChunk(sums, left, right, row, rows, column, columns, first, smaller(Chunk, k - first));
      for (int64_t r = 0; r < rows; ++r) {
        float values[Columns];
        for (int64_t c = 0; c < columns; ++c)
          values[c] = sumLanes(sums.lanes[r][c]);
        store(launch, values, (row + r) * n + column, columns);
      }
    }
  }
}

/// result[t, j, n] = sum_k input[t, j, k] * weights[experts[t, j], n, k]; `shared` inputs have one row for all j. A
/// tile is `Columns` columns of one pair of a row and its expert.
LATHE_TEMPLATE void lathe_expert_matmul(const void *input, const void *weights, const void *experts, bool isI64,
                                        bool shared, int64_t choices, int64_t matrices, int64_t n, int64_t k,
                                        int64_t inputRowBytes, int64_t weightRowBytes, int64_t weightRowElements,
                                        Unpack inputUnpack, Unpack weightUnpack, bool inputIsF32, bool weightIsF32,
                                        Store store, const Launch *launch, int64_t begin, int64_t end) {
  Operand left{static_cast<const char *>(input), inputRowBytes, inputUnpack, inputIsF32};
  Operand right{static_cast<const char *>(weights), weightRowBytes, weightUnpack, weightIsF32, weightRowElements};
  int64_t columnTiles = (n + Columns - 1) / Columns;
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t pair = tile / columnTiles, column = tile % columnTiles * Columns, columns = smaller(Columns, n - column);
    int64_t expert = isI64 ? static_cast<const int64_t *>(experts)[pair] : static_cast<const int32_t *>(experts)[pair];
    Sums sums;
    for (int64_t c = 0; c < columns; ++c)
      sums.lanes[0][c] = Vector{};
    if (expert >= 0 && expert < matrices) {
      for (int64_t first = 0; first < k; first += Chunk)
        multiplyChunk(sums, left, right, shared ? pair / choices : pair, 1, column, columns, first,
                      smaller(Chunk, k - first), expert * n);
    }
    float values[Columns];
    for (int64_t c = 0; c < columns; ++c)
      values[c] = sumLanes(sums.lanes[0][c]);
    store(launch, values, pair * n + column, columns);
  }
}

namespace {

/// The matrices of a batch: for each leading dimension its size, and how many matrices an operand moves on.
struct Batch {
  const int64_t *dims;
  int64_t rank;

  /// Numbers of the operands' matrices that matrix `number` of the result is made from.
  LATHE_INLINE void locate(int64_t number, int64_t &lhs, int64_t &rhs) const {
    lhs = rhs = 0;
    for (int64_t d = rank; d-- > 0;) {
      int64_t place = number % dims[3 * d];
      number /= dims[3 * d];
      lhs += place * dims[3 * d + 1];
      rhs += place * dims[3 * d + 2];
    }
  }
};

LATHE_INLINE void readRow(const char *row, Unpack unpack, bool isF32, int64_t first, int64_t count, float *values) {
  if (isF32)
    copyFloats(reinterpret_cast<const float *>(row) + first, count, values);
  else
    unpack(row, first, count, values);
}

/// Hands the sums of a span to the store function, row by row.
LATHE_INLINE void storeSpan(const ProductSpan &span, int64_t m, int64_t n, const float *sums, Store store,
                            const Launch *launch) {
  for (int64_t r = 0; r < span.rows; ++r)
    store(launch, sums + r * BlockColumns, (span.matrix * m + span.row + r) * n + span.column, span.columns);
}

} // namespace

/// lhs [..., m, k], rhs [..., k, n] or, transposed, [..., n, k], neither quantized nor packed: panels of the right
/// operand are made on the way. A tile is TileColumns columns of up to BlockRows rows.
LATHE_TEMPLATE void lathe_matmul(const void *lhs, const void *rhs, const int64_t *batchDims, int64_t batchRank,
                                 int64_t m, int64_t n, int64_t k, int64_t lhsRowBytes, int64_t rhsRowBytes,
                                 bool transposed, Unpack lhsUnpack, Unpack rhsUnpack, bool lhsIsF32, Store store,
                                 const Launch *launch, int64_t begin, int64_t end) {
  ProductScratch scratch;
  alignas(64) float panels[BlockColumns * Depth];
  Batch batch{batchDims, batchRank};
  int64_t run = getRunLength(k);
  forEachSpan({m, n}, begin, end, [&](const ProductSpan &span) {
    int64_t lhsMatrix, rhsMatrix, count = (span.columns + Lanes - 1) / Lanes;
    batch.locate(span.matrix, lhsMatrix, rhsMatrix);
    const char *rows = static_cast<const char *>(lhs) + (lhsMatrix * m + span.row) * lhsRowBytes;
    RightMatrix right{static_cast<const char *>(rhs) + rhsMatrix * (transposed ? n : k) * rhsRowBytes, rhsRowBytes,
                      rhsUnpack};
    for (int64_t first = 0; first < larger(k, 1); first += run) {
      int64_t steps = smaller(run, k - first);
      for (int64_t r = 0; r < span.rows; ++r)
        readRow(rows + r * lhsRowBytes, lhsUnpack, lhsIsF32, first, steps, scratch.lhs + r * RowFloats);
      for (int64_t p = 0; p < count; ++p) {
        int64_t column = span.column + p * Lanes, columns = smaller(Lanes, n - column);
        if (transposed)
          right.packColumns(first, steps, column, columns, panels + p * steps * Lanes);
        else
          right.packRows(first, steps, column, columns, panels + p * steps * Lanes);
      }
      Block block{scratch.lhs, panels, steps * Lanes, steps, scratch.sums, BlockColumns, first > 0};
      lathe_multiply_block(&block, span.rows, count);
    }
    storeSpan(span, m, n, scratch.sums, store, launch);
  });
}

namespace {

/// The products of a run with panels of 16-bit elements: two panels are widened at a time, which then lie in the first
/// cache while all rows pass by.
LATHE_INLINE void multiplyNarrow(Block block, const char *panels, int64_t panelBytes, Unpack unpack, int64_t rows,
                                 int64_t count) {
  alignas(64) float wide[2 * Depth * Lanes];
  block.rhs = wide;
  block.panelFloats = block.steps * Lanes;
  for (int64_t panel = 0; panel < count; panel += 2, block.sums += 2 * Lanes) {
    int64_t pair = smaller(2, count - panel);
    for (int64_t p = 0; p < pair; ++p)
      unpack(panels + (panel + p) * panelBytes, 0, block.panelFloats, wide + p * block.panelFloats);
    lathe_multiply_block(&block, rows, pair);
  }
}

} // namespace

/// lhs [m, k], panels [ceil(n / 16), k, 16] (lathe.pack_columns) of elements of `panelElementBytes`.
LATHE_TEMPLATE void lathe_panel_matmul(const void *lhs, const void *panels, int64_t m, int64_t n, int64_t k,
                                       int64_t lhsRowBytes, int64_t panelElementBytes, Unpack lhsUnpack,
                                       Unpack panelUnpack, bool lhsIsF32, bool panelsAreF32, Store store,
                                       const Launch *launch, int64_t begin, int64_t end) {
  ProductScratch scratch;
  int64_t run = getRunLength(k);
  forEachSpan({m, n}, begin, end, [&](const ProductSpan &span) {
    const char *rows = static_cast<const char *>(lhs) + span.row * lhsRowBytes;
    for (int64_t first = 0; first < larger(k, 1); first += run) {
      int64_t steps = smaller(run, k - first);
      for (int64_t r = 0; r < span.rows; ++r)
        readRow(rows + r * lhsRowBytes, lhsUnpack, lhsIsF32, first, steps, scratch.lhs + r * RowFloats);
      const char *right = static_cast<const char *>(panels) + (span.column * k + first * Lanes) * panelElementBytes;
      int64_t count = (span.columns + Lanes - 1) / Lanes;
      Block block{scratch.lhs, reinterpret_cast<const float *>(right), k * Lanes, steps, scratch.sums, BlockColumns,
                  first > 0};
      if (panelsAreF32)
        lathe_multiply_block(&block, span.rows, count);
      else
        multiplyNarrow(block, right, k * Lanes * panelElementBytes, panelUnpack, span.rows, count);
    }
    storeSpan(span, m, n, scratch.sums, store, launch);
  });
}
