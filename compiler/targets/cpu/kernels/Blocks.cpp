// Register blocks of products. A block holds its sums in registers while k runs; each step reads one vector of each
// panel and broadcasts one element of each row. 14 rows of 2 panels fill the 32 registers of 64 bytes, 6 rows of one
// panel (two registers wide) the 16 of 32 bytes.
#include "compiler/targets/cpu/kernels/Products.h"

using namespace lathe::cpu;

namespace {

template <int Rows, int Panels>
[[gnu::noinline]] void multiply(const Block &block, const float *lhs, const float *rhs, float *sums) {
  Vector accumulators[Rows][Panels];
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p)
      accumulators[r][p] = Vector{};
#pragma clang loop unroll(disable)
  for (int64_t k = 0; k < block.steps; ++k) {
    Vector columns[Panels];
    for (int p = 0; p < Panels; ++p)
      columns[p] = loadVector(rhs + p * block.panelFloats + k * Lanes);
    for (int r = 0; r < Rows; ++r) {
      Vector value = broadcast(lhs[r * RowFloats + k]);
      for (int p = 0; p < Panels; ++p)
        accumulators[r][p] = multiplyAdd(value, columns[p], accumulators[r][p]);
    }
  }
  if (block.add)
    for (int r = 0; r < Rows; ++r)
      for (int p = 0; p < Panels; ++p)
        accumulators[r][p] += loadVector(sums + r * block.sumFloats + p * Lanes);
  for (int r = 0; r < Rows; ++r)
    for (int p = 0; p < Panels; ++p)
      storeVector(sums + r * block.sumFloats + p * Lanes, accumulators[r][p]);
}

/// multiply<rows, Panels> for 1 <= rows <= Most.
template <int Most, int Panels>
LATHE_INLINE void multiplyRows(int64_t rows, const Block &block, const float *lhs, const float *rhs, float *sums) {
  if (rows == Most)
    return multiply<Most, Panels>(block, lhs, rhs, sums);
  if constexpr (Most > 1)
    multiplyRows<Most - 1, Panels>(rows, block, lhs, rhs, sums);
}

/// Cuts rows into equal blocks of at most `Rows`. The rows of a block stay in the first cache while panels pass by.
template <int Rows, int Panels> LATHE_INLINE void multiplyAll(const Block &block, int64_t rows, int64_t panels) {
  int64_t blocks = (rows + Rows - 1) / Rows;
  for (int64_t i = 0; i < blocks; ++i) {
    int64_t row = getPart(rows, blocks, i), count = getPart(rows, blocks, i + 1) - row;
    const float *lhs = block.lhs + row * RowFloats, *rhs = block.rhs;
    float *sums = block.sums + row * block.sumFloats;
    int64_t panel = 0;
    for (; panel + Panels <= panels; panel += Panels)
      multiplyRows<Rows, Panels>(count, block, lhs, rhs + panel * block.panelFloats, sums + panel * Lanes);
    for (; panel < panels; ++panel)
      multiplyRows<Rows, 1>(count, block, lhs, rhs + panel * block.panelFloats, sums + panel * Lanes);
  }
}

} // namespace

extern "C" [[gnu::noinline]] void lathe_multiply_block(const Block *block, int64_t rows, int64_t panels) {
  if (lathe_register_bytes == 64)
    multiplyAll<14, 2>(*block, rows, panels);
  else
    multiplyAll<6, 1>(*block, rows, panels);
}
