#include "runtime/gguf/RowTiles.h"

#include "runtime/SmallNumbers.h"
#include "runtime/gguf/TileOrder.h"

#include <algorithm>
#include <cstring>

namespace lathe::gguf {

namespace {

constexpr RowTiles Known[] = {
    {"nf4", 64, 4, 4, 0, true},          {"uint4_g32", 32, 4, 2, 1, false}, {"uint4_g64", 64, 4, 2, 1, false},
    {"uint4_g128", 128, 4, 2, 1, false}, {"e4m3", 128, 8, 4, 0, false},     {"e5m2", 128, 8, 4, 0, false},
};

/// Of a group of a tile, the number among all groups of the tile: rows g and g + 8 stand side by side.
int64_t numberGroup(const RowTiles &tiles, TileRow row, int64_t group) {
  return (row.g * tiles.groups() + group) * 2 + row.h;
}

CodePlace findPlace(const RowTiles &tiles, TileRow row, uint32_t column) {
  uint32_t group = column / 32, j = column % 32;
  if (tiles.codeBits == 8)
    return {group * ChunkBytes + row.chunk() + ColumnOffsets[j], 0};
  return tiles.isTable ? findTableCode(row, group, j) : findCode(row, group, j);
}

/// Code number `index` of some that lie one after the other.
uint32_t readCode(const uint8_t *codes, int64_t index, int64_t bits) {
  int64_t bit = index * bits;
  uint32_t code = uint32_t(codes[bit / 8]) >> bit % 8;
  if (bit % 8 + bits > 8)
    code |= uint32_t(codes[bit / 8 + 1]) << (8 - bit % 8);
  return code & ((1u << bits) - 1);
}

/// The exact value of an f16 that is finite. The decoder's halfToFloat is not there where tests of kernels are built.
float widenHalf(uint16_t bits) {
  float magnitude = __builtin_bit_cast(float, (bits & 0x7FFFu) << 13) * 0x1p112f;
  return bits & 0x8000u ? -magnitude : magnitude;
}

float valueOf(const RowTiles &tiles, uint32_t code) {
  if (tiles.isTable)
    return Nf4Values[code];
  if (tiles.codeBits == 4)
    return float(code);
  return std::string_view(tiles.name) == "e4m3" ? E4M3::widen(uint8_t(code)) : E5M2::widen(uint8_t(code));
}

} // namespace

const RowTiles *findRowTiles(std::string_view name) {
  for (const RowTiles &tiles : Known)
    if (name == tiles.name)
      return &tiles;
  return nullptr;
}

void packRowTiles(const RowTiles &tiles, const RowBlocks &blocks, int64_t rows, int64_t columns, const void *source,
                  void *target, int64_t begin, int64_t end) {
  const auto *from = static_cast<const uint8_t *>(source);
  auto *to = static_cast<uint8_t *>(target);
  int64_t blockBytes = tiles.scaleBytes + blocks.zeroBytes + blocks.columns * blocks.codeBits / 8;
  int64_t rowBytes = columns / blocks.columns * blockBytes;
  std::memset(to, 0, size_t((end - begin) * tiles.rowBytes(columns)));
  for (int64_t at = begin; at != end; ++at, to += tiles.rowBytes(columns)) {
    int64_t first = at * RowTiles::Rows, filled = std::clamp<int64_t>(rows - first, 0, RowTiles::Rows);
    for (int64_t r = 0; r != filled; ++r)
      for (int64_t column = 0; column < columns; column += tiles.group) {
        TileRow row(r);
        uint8_t *tile = to + column / RowTiles::Columns * tiles.bytes();
        int64_t group = numberGroup(tiles, row, column % RowTiles::Columns / tiles.group);
        const uint8_t *block = from + (first + r) * rowBytes + column / blocks.columns * blockBytes;
        std::memcpy(tile + tiles.scalesAt() + group * tiles.scaleBytes, block, size_t(tiles.scaleBytes));
        if (tiles.zeroBytes)
          tile[tiles.zerosAt() + group] = block[tiles.scaleBytes];
        const uint8_t *codes = block + tiles.scaleBytes + blocks.zeroBytes;
        for (int64_t j = column; j < std::min(column + tiles.group, columns); ++j) {
          CodePlace place = findPlace(tiles, row, uint32_t(j % RowTiles::Columns));
          tile[place.byte] |= uint8_t(readCode(codes, j % blocks.columns, blocks.codeBits) << place.shift);
        }
      }
  }
}

void unpackRowTiles(const RowTiles &tiles, int64_t rows, int64_t columns, const void *source, float *values) {
  const auto *from = static_cast<const uint8_t *>(source);
  for (int64_t r = 0; r != rows; ++r)
    for (int64_t column = 0; column != columns; ++column) {
      TileRow row(r % RowTiles::Rows);
      const uint8_t *tile =
          from + r / RowTiles::Rows * tiles.rowBytes(columns) + column / RowTiles::Columns * tiles.bytes();
      int64_t group = numberGroup(tiles, row, column % RowTiles::Columns / tiles.group);
      const uint8_t *number = tile + tiles.scalesAt() + group * tiles.scaleBytes;
      float scale;
      if (tiles.scaleBytes == 4)
        std::memcpy(&scale, number, 4);
      else
        scale = widenHalf(uint16_t(number[0] | number[1] << 8));
      float zero = tiles.zeroBytes ? float(int8_t(tile[tiles.zerosAt() + group])) : 0;
      CodePlace place = findPlace(tiles, row, uint32_t(column % RowTiles::Columns));
      uint32_t code = tile[place.byte] >> place.shift & ((1u << tiles.codeBits) - 1);
      float shifted = valueOf(tiles, code) - zero;
      *values++ = shifted * scale;
    }
}

} // namespace lathe::gguf
