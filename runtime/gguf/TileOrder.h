// Where codes lie in a tile of 16 rows: BlockTiles.h says what for. Shared by those who write tiles.
#ifndef LATHE_RUNTIME_GGUF_TILEORDER_H
#define LATHE_RUNTIME_GGUF_TILEORDER_H

#include <array>
#include <cstddef>
#include <cstdint>

namespace lathe::gguf {

inline constexpr size_t ChunkBytes = 512;

/// Where column j of 32 lies in a chunk, for row 0.
inline constexpr auto ColumnOffsets = [] {
  std::array<uint16_t, 32> offsets = {};
  for (uint32_t j = 0; j != 32; ++j)
    offsets[j] = uint16_t(j % 8 / 2 * 16 + j / 16 * 8 + j % 2 * 2 + j % 16 / 8);
  return offsets;
}();

/// One of the 16 rows of a tile.
struct TileRow {
  uint32_t g, h; ///< row g + 8 h

  explicit TileRow(int64_t row) : g(uint32_t(row % 8)), h(uint32_t(row / 8)) {}
  size_t chunk() const { return g * 64 + h * 4; }
  uint32_t lane(uint32_t t) const { return g * 4 + t; }
};

/// Where a code of 4 bits lies: a byte of a tile, and a bit of it.
struct CodePlace {
  size_t byte;
  uint32_t shift;
};

/// Of a code that is a place in a table: number j of group `group` of 32 columns.
inline CodePlace findTableCode(TileRow row, uint32_t group, uint32_t j) {
  return {group / 2 * ChunkBytes + row.chunk() + ColumnOffsets[j] / 4u * 4 + group % 2 * 2 + ColumnOffsets[j] % 4u / 2,
          ColumnOffsets[j] % 2u * 4};
}

/// Of any other.
inline CodePlace findCode(TileRow row, uint32_t group, uint32_t j) {
  return {group / 2 * ChunkBytes + row.chunk() + ColumnOffsets[j], group % 2 * 4};
}

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_TILEORDER_H
