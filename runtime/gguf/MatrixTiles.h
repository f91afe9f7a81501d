// Matrices in the order in which tensor cores read them: what the CUDA kernels of products take.
//
// A tile is 64 rows of a matrix [N, K] and 64 columns of 16-bit elements, or 32 of f32, in 8,192 bytes: row r begins at
// byte 128 r, and its eight pieces of 16 bytes lie in another order, piece c at place c ^ (r & 7), which spreads a
// column over all banks of shared memory (the "128-byte swizzle"). Tiles along K follow each other, then those of the
// next 64 rows. Rows and columns past the end are zeros. Elements of f32 are rounded to tf32, which products take: to
// the nearest of 11 bits of fraction with the leading one, ties away from zero.
#ifndef LATHE_RUNTIME_GGUF_MATRIXTILES_H
#define LATHE_RUNTIME_GGUF_MATRIXTILES_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace lathe::gguf {

/// Tiles of elements of 2 or 4 bytes.
struct MatrixTiles {
  static constexpr int64_t Rows = 64, RowBytes = 128, Bytes = Rows * RowBytes, PieceBytes = 16;

  int64_t ElementBytes;

  constexpr int64_t columns() const { return RowBytes / ElementBytes; }
  /// Tiles along K.
  constexpr int64_t count(int64_t columns) const { return (columns + this->columns() - 1) / this->columns(); }
  /// Where an element is, in elements, in a matrix of so many columns.
  constexpr int64_t place(int64_t row, int64_t column, int64_t columns) const {
    int64_t width = this->columns(), piece = PieceBytes / ElementBytes;
    int64_t tile = row / Rows * count(columns) + column / width, place = (column % width / piece) ^ row % 8;
    return (tile * Rows + row % Rows) * width + place * piece + column % piece;
  }
};

/// Tiles of elements that are called so: f16, bf16, or tf32, which is made of f32.
inline std::optional<MatrixTiles> findMatrixTiles(std::string_view element) {
  if (element == "tf32")
    return MatrixTiles{4};
  return element == "f16" || element == "bf16" ? std::optional(MatrixTiles{2}) : std::nullopt;
}

/// Writes rows of tiles [begin, end) of a matrix of `rows` rows to `target`, which holds row `begin` first. `source` is
/// the whole matrix, row by row.
void packMatrixTiles(MatrixTiles tiles, int64_t rows, int64_t columns, const void *source, void *target, int64_t begin,
                     int64_t end);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_MATRIXTILES_H
