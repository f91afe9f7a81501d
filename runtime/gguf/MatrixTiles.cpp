#include "runtime/gguf/MatrixTiles.h"

#include <algorithm>
#include <cstring>

namespace lathe::gguf {

void packMatrixTiles(int64_t rows, int64_t columns, const void *source, void *target, int64_t begin, int64_t end) {
  constexpr int64_t Piece = 8; // elements
  const auto *from = static_cast<const uint16_t *>(source);
  auto *to = static_cast<uint16_t *>(target);
  int64_t first = begin * MatrixTiles::Rows;
  for (int64_t row = first; row != end * MatrixTiles::Rows; ++row)
    for (int64_t column = 0; column < columns; column += MatrixTiles::Columns)
      for (int64_t k = column; k != column + MatrixTiles::Columns; k += Piece) {
        uint16_t *piece = to + MatrixTiles::place(row - first, k, columns);
        int64_t count = row < rows ? std::clamp<int64_t>(columns - k, 0, Piece) : 0;
        std::memcpy(piece, from + row * columns + k, size_t(count) * 2);
        std::memset(piece + count, 0, size_t(Piece - count) * 2);
      }
}

} // namespace lathe::gguf
