// Matrices of 16-bit elements in the order in which tensor cores read them: what the CUDA kernels of products take.
//
// A tile is 64 rows of a matrix [N, K] and 64 columns, in 8,192 bytes: row r begins at byte 128 r, and its eight pieces
// of 16 bytes lie in another order, piece c at place c ^ (r & 7), which spreads a column over all banks of shared
// memory (the "128-byte swizzle"). Tiles along K follow each other, ceil(K / 64) of them, then those of the next 64
// rows. Rows and columns past the end are zeros.
#ifndef LATHE_RUNTIME_GGUF_MATRIXTILES_H
#define LATHE_RUNTIME_GGUF_MATRIXTILES_H

#include <cstdint>

namespace lathe::gguf {

struct MatrixTiles {
  static constexpr int64_t Rows = 64, Columns = 64, Bytes = Rows * Columns * 2;

  /// Where an element is, in elements, in a matrix of so many columns.
  static int64_t place(int64_t row, int64_t column, int64_t columns) {
    int64_t tile = row / Rows * ((columns + Columns - 1) / Columns) + column / Columns;
    int64_t piece = column % Columns / 8 ^ row % 8;
    return tile * Rows * Columns + row % Rows * Columns + piece * 8 + column % 8;
  }
};

/// Writes rows of tiles [begin, end) of a matrix of `rows` rows to `target`, which holds row `begin` first. `source` is
/// the whole matrix, row by row.
void packMatrixTiles(int64_t rows, int64_t columns, const void *source, void *target, int64_t begin, int64_t end);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_MATRIXTILES_H
