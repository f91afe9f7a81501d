#include "runtime/gguf/MatrixTiles.h"

#include <algorithm>
#include <cstring>

namespace lathe::gguf {

/// Rounds f32 to tf32 in place, to the nearest, ties away from zero. What is no number stays none.
static void roundToTf32(unsigned char *elements, int64_t count) {
  constexpr uint32_t Dropped = 0x1fff, Half = 0x1000, Exponent = 0x7f800000, Quiet = 0x400000;
  for (int64_t i = 0; i != count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, elements + i * 4, 4);
    if ((bits & Exponent) == Exponent)
      bits |= bits & Dropped ? Quiet : 0;
    else
      bits += Half;
    bits &= ~Dropped;
    std::memcpy(elements + i * 4, &bits, 4);
  }
}

void packMatrixTiles(MatrixTiles tiles, int64_t rows, int64_t columns, const void *source, void *target, int64_t begin,
                     int64_t end) {
  const auto *from = static_cast<const unsigned char *>(source);
  auto *to = static_cast<unsigned char *>(target);
  int64_t bytes = tiles.ElementBytes, width = MatrixTiles::PieceBytes / bytes, first = begin * MatrixTiles::Rows;
  for (int64_t row = first; row != end * MatrixTiles::Rows; ++row)
    for (int64_t k = 0; k != tiles.count(columns) * tiles.columns(); k += width) {
      unsigned char *piece = to + tiles.place(row - first, k, columns) * bytes;
      int64_t count = row < rows ? std::clamp<int64_t>(columns - k, 0, width) : 0;
      std::memcpy(piece, from + (row * columns + k) * bytes, size_t(count * bytes));
      std::memset(piece + count * bytes, 0, size_t((width - count) * bytes));
      if (bytes == 4)
        roundToTf32(piece, count);
    }
}

} // namespace lathe::gguf
