// Matrix products: result[m, n] = sum_k lhs[m, k] * rhs[n, k] or rhs[k, n], accumulated in f32.
//
// A tile is `Columns` columns of the result, all rows: a tile's weights are read and unpacked once for each `Rows`
// rows. The sum behind one element depends on k alone, so a row gives the same bits alone and in any batch.
#include "compiler/targets/cpu/kernels/Kernel.h"

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

  /// Elements [first, first + count) of a row in whole vectors: where they lie, if that is possible, else in `values`.
  LATHE_INLINE const float *read(int64_t row, int64_t first, int64_t count, float *values) const {
    const char *address = base + row * rowBytes;
    if (isF32 && count % Lanes == 0)
      return reinterpret_cast<const float *>(address) + first;
    unpackPadded(unpack, address, first, count, values);
    return values;
  }
};

/// Adds the products of elements [first, first + count) of k to the sums of a block.
LATHE_INLINE void multiplyChunk(Sums &sums, const Operand &lhs, const Operand &rhs, int64_t row, int64_t rows,
                                int64_t column, int64_t columns, int64_t first, int64_t count) {
  alignas(64) float lhsValues[Rows][Chunk], rhsValues[4][Chunk];
  const float *lhsRows[Rows], *rhsRows[4];
  int64_t steps = (count + Lanes - 1) / Lanes;
  for (int64_t r = 0; r < rows; ++r)
    lhsRows[r] = lhs.read(row + r, first, count, lhsValues[r]);
  int64_t c = 0;
#pragma clang loop unroll(disable)
  for (; c + 4 <= columns; c += 4) {
    for (int64_t i = 0; i < 4; ++i)
      rhsRows[i] = rhs.read(column + c + i, first, count, rhsValues[i]);
    multiplyColumns<4>(sums, rows, c, lhsRows, rhsRows, steps);
  }
#pragma clang loop unroll(disable)
  for (; c < columns; ++c) {
    rhsRows[0] = rhs.read(column + c, first, count, rhsValues[0]);
    multiplyColumns<1>(sums, rows, c, lhsRows, rhsRows, steps);
  }
}

} // namespace

/// rhs is [N, K]; either operand may be in any format that has an unpack function.
LATHE_TEMPLATE void lathe_matmul_transposed(const void *lhs, const void *rhs, int64_t m, int64_t n, int64_t k,
                                            int64_t lhsRowBytes, int64_t rhsRowBytes, Unpack lhsUnpack,
                                            Unpack rhsUnpack, bool lhsIsF32, bool rhsIsF32, Store store,
                                            const Launch *launch, int64_t begin, int64_t end) {
  Operand left{static_cast<const char *>(lhs), lhsRowBytes, lhsUnpack, lhsIsF32};
  Operand right{static_cast<const char *>(rhs), rhsRowBytes, rhsUnpack, rhsIsF32};
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

/// rhs is [K, N], not quantized: lanes are columns, k runs in order.
LATHE_TEMPLATE void lathe_matmul_plain(const void *lhs, const void *rhs, int64_t m, int64_t n, int64_t k,
                                       int64_t lhsRowBytes, int64_t rhsRowBytes, Unpack lhsUnpack, Unpack rhsUnpack,
                                       Store store, const Launch *launch, int64_t begin, int64_t end) {
  constexpr int64_t Block = 8;
  static_assert(Columns == Lanes, "one vector holds the columns of a tile");
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t column = tile * Columns, columns = smaller(Columns, n - column);
    for (int64_t row = 0; row < m; row += Block) {
      int64_t rows = smaller(Block, m - row);
      Vector sums[Block] = {};
      for (int64_t first = 0; first < k; first += Chunk) {
        int64_t count = smaller(Chunk, k - first);
        alignas(64) float lhsValues[Block][Chunk], rhsValues[Lanes];
        for (int64_t r = 0; r < rows; ++r)
          lhsUnpack(static_cast<const char *>(lhs) + (row + r) * lhsRowBytes, first, count, lhsValues[r]);
        for (int64_t i = 0; i < count; ++i) {
          unpackPadded(rhsUnpack, static_cast<const char *>(rhs) + (first + i) * rhsRowBytes, column, columns,
                       rhsValues);
          Vector weights = loadVector(rhsValues);
          for (int64_t r = 0; r < rows; ++r)
            sums[r] = multiplyAdd(Vector{} + lhsValues[r][i], weights, sums[r]);
        }
      }
      for (int64_t r = 0; r < rows; ++r)
        store(launch, reinterpret_cast<const float *>(&sums[r]), (row + r) * n + column, columns);
    }
  }
}
