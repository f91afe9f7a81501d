#include "runtime/gguf/BlockTiles.h"

#include "runtime/gguf/TileOrder.h"

#include <algorithm>
#include <cstring>

namespace lathe::gguf {

namespace {

using Row = TileRow;

uint32_t loadWord(const uint8_t *bytes) {
  uint32_t word;
  std::memcpy(&word, bytes, 4);
  return word;
}

void orWord(uint8_t *bytes, uint32_t bits) {
  bits |= loadWord(bytes);
  std::memcpy(bytes, &bits, 4);
}

void orPair(uint8_t *bytes, uint32_t bits) {
  bytes[0] |= uint8_t(bits);
  bytes[1] |= uint8_t(bits >> 8);
}

// Each format moves one block of one row, to a tile that holds zeros or from a tile to a block that holds zeros. `part`
// is the number of the block in its row of the tile.

struct Q8_0 {
  static constexpr int64_t Columns = 128, Bytes = 2176;
  static constexpr size_t Scales = 2048;
  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t part) {
    std::memcpy(tile + Scales + row.lane(part) * 4 + row.h * 2, block, 2);
    uint8_t *chunk = tile + part * ChunkBytes + row.chunk();
    for (uint32_t j = 0; j != 32; ++j)
      chunk[ColumnOffsets[j]] = block[2 + j];
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t part) {
    std::memcpy(block, tile + Scales + row.lane(part) * 4 + row.h * 2, 2);
    const uint8_t *chunk = tile + part * ChunkBytes + row.chunk();
    for (uint32_t j = 0; j != 32; ++j)
      block[2 + j] = chunk[ColumnOffsets[j]];
  }
};

struct Q4_0 {
  static constexpr int64_t Columns = 128, Bytes = 1152;
  static constexpr size_t Scales = 1024;
  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t part) {
    std::memcpy(tile + Scales + row.lane(part) * 4 + row.h * 2, block, 2);
    uint8_t *chunk = tile + part / 2 * ChunkBytes + row.chunk();
    uint32_t shift = part % 2 * 4;
    for (uint32_t j = 0; j != 16; ++j) {
      chunk[ColumnOffsets[j]] |= uint8_t((block[2 + j] & 15) << shift);
      chunk[ColumnOffsets[j + 16]] |= uint8_t(block[2 + j] >> 4 << shift);
    }
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t part) {
    std::memcpy(block, tile + Scales + row.lane(part) * 4 + row.h * 2, 2);
    const uint8_t *chunk = tile + part / 2 * ChunkBytes + row.chunk();
    uint32_t shift = part % 2 * 4;
    for (uint32_t j = 0; j != 16; ++j)
      block[2 + j] =
          uint8_t((chunk[ColumnOffsets[j]] >> shift & 15) | (chunk[ColumnOffsets[j + 16]] >> shift & 15) << 4);
  }
};

// Of formats whose codes are places in a table: code j of group `group` of 32 in a tile of 128 columns.

void packTableCode(uint8_t *tile, Row row, uint32_t group, uint32_t j, uint32_t code) {
  CodePlace place = findTableCode(row, group, j);
  tile[place.byte] |= uint8_t((code & 15) << place.shift);
}
uint32_t unpackTableCode(const uint8_t *tile, Row row, uint32_t group, uint32_t j) {
  CodePlace place = findTableCode(row, group, j);
  return tile[place.byte] >> place.shift & 15u;
}

/// A scale of `ScaleBytes` before 32 codes, of which the low halves of bytes are the first 16.
template <size_t ScaleBytes> struct TableOf32 {
  static constexpr int64_t Columns = 128, Bytes = 1024 + 64 * ScaleBytes;
  static constexpr size_t Scales = 1024;
  static size_t scale(Row row, uint32_t part) { return Scales + (row.lane(part) * 2 + row.h) * ScaleBytes; }
  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t part) {
    std::memcpy(tile + scale(row, part), block, ScaleBytes);
    for (uint32_t j = 0; j != 32; ++j)
      packTableCode(tile, row, part, j, uint32_t(block[ScaleBytes + j % 16]) >> j / 16 * 4);
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t part) {
    std::memcpy(block, tile + scale(row, part), ScaleBytes);
    for (uint32_t j = 0; j != 32; ++j)
      block[ScaleBytes + j % 16] |= uint8_t(unpackTableCode(tile, row, part, j) << j / 16 * 4);
  }
};
using Iq4Nl = TableOf32<2>;
using Mxfp4 = TableOf32<1>;

struct Nvfp4 {
  static constexpr int64_t Columns = 128, Bytes = 1152;
  static constexpr size_t Scales = 1024;
  static size_t scale(Row row, uint32_t part, uint32_t i) { return Scales + row.lane(i) * 4 + row.h * 2 + part; }
  /// Of each 16 codes the first eight are the low halves of their bytes.
  static size_t byte(uint32_t j) { return 4 + j / 16 * 8 + j % 8; }
  static uint32_t shift(uint32_t j) { return j % 16 / 8 * 4; }
  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t part) {
    for (uint32_t i = 0; i != 4; ++i)
      tile[scale(row, part, i)] = block[i];
    for (uint32_t j = 0; j != 64; ++j)
      packTableCode(tile, row, part * 2 + j / 32, j % 32, uint32_t(block[byte(j)]) >> shift(j));
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t part) {
    for (uint32_t i = 0; i != 4; ++i)
      block[i] = tile[scale(row, part, i)];
    for (uint32_t j = 0; j != 64; ++j)
      block[byte(j)] |= uint8_t(unpackTableCode(tile, row, part * 2 + j / 32, j % 32) << shift(j));
  }
};

struct Q4_K {
  static constexpr int64_t Columns = 256, Bytes = 2304;
  static constexpr size_t Halves = 128, Factors = 192, Codes = 256;

  // Of one lane and row: the scales and minima of groups t and t + 4.
  struct Group {
    uint32_t s0, s1, m0, m1;
  };

  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t) {
    std::memcpy(tile + Factors + row.g * 8 + row.h * 4, block, 4);
    const uint8_t *packed = block + 4;
    for (uint32_t t = 0; t != 4; ++t) {
      uint32_t s0 = packed[t] & 63u, m0 = packed[t + 4] & 63u;
      uint32_t s1 = (packed[t + 8] & 15u) | uint32_t(packed[t] >> 6) << 4;
      uint32_t m1 = uint32_t(packed[t + 8] >> 4) | uint32_t(packed[t + 4] >> 6) << 4;
      orWord(tile + row.lane(t) * 4, m0 << row.h * 6 | (s1 & 15) << (12 + row.h * 16) | m1 << (16 + row.h * 6));
      orPair(tile + Halves + row.lane(t) * 2, s0 << row.h * 6 | s1 >> 4 << (12 + row.h * 2));
    }
    for (uint32_t c = 0; c != 4; ++c) {
      uint8_t *chunk = tile + Codes + c * ChunkBytes + row.chunk();
      for (uint32_t j = 0; j != 32; ++j)
        chunk[ColumnOffsets[j]] = block[16 + c * 32 + j];
    }
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t) {
    std::memcpy(block, tile + Factors + row.g * 8 + row.h * 4, 4);
    uint8_t *packed = block + 4;
    for (uint32_t t = 0; t != 4; ++t) {
      uint32_t word = loadWord(tile + row.lane(t) * 4);
      const uint8_t *half = tile + Halves + row.lane(t) * 2;
      uint32_t pair = half[0] | uint32_t(half[1]) << 8;
      uint32_t m0 = word >> row.h * 6 & 63, m1 = word >> (16 + row.h * 6) & 63;
      uint32_t s0 = pair >> row.h * 6 & 63;
      uint32_t s1 = (word >> (12 + row.h * 16) & 15) | (pair >> (12 + row.h * 2) & 3) << 4;
      packed[t] = uint8_t(s0 | s1 >> 4 << 6);
      packed[t + 4] = uint8_t(m0 | m1 >> 4 << 6);
      packed[t + 8] = uint8_t((s1 & 15) | (m1 & 15) << 4);
    }
    for (uint32_t c = 0; c != 4; ++c) {
      const uint8_t *chunk = tile + Codes + c * ChunkBytes + row.chunk();
      for (uint32_t j = 0; j != 32; ++j)
        block[16 + c * 32 + j] = chunk[ColumnOffsets[j]];
    }
  }
};

struct Q6_K {
  static constexpr int64_t Columns = 256, Bytes = 3360;
  static constexpr size_t Rest = 2048, Scales = 3072, Factors = 3328;
  static constexpr uint32_t RestShift[4] = {4, 2, 6, 0};

  static void pack(const uint8_t *block, uint8_t *tile, Row row, uint32_t) {
    for (uint32_t group = 0; group != 8; ++group) {
      uint32_t half = group / 4, part = group % 4, odd = group % 2;
      const uint8_t *low = block + half * 64 + part % 2 * 32, *high = block + 128 + half * 32;
      uint8_t *codes = tile + group / 2 * ChunkBytes + row.chunk(),
              *rest = tile + Rest + half * ChunkBytes + row.chunk();
      for (uint32_t j = 0; j != 32; ++j) {
        uint32_t code = (low[j] >> part / 2 * 4 & 15u) | (high[j] >> part * 2 & 3u) << 4;
        codes[ColumnOffsets[j]] |= uint8_t(odd ? code >> 2 << 4 : code & 15);
        rest[ColumnOffsets[j]] |= uint8_t((odd ? code & 3 : code >> 4) << RestShift[part]);
      }
    }
    for (uint32_t i = 0; i != 16; ++i)
      tile[Scales + row.lane(i % 4) * 8 + row.h * 4 + i / 4] = block[192 + i];
    std::memcpy(tile + Factors + row.g * 4 + row.h * 2, block + 208, 2);
  }
  static void unpack(const uint8_t *tile, uint8_t *block, Row row, uint32_t) {
    for (uint32_t group = 0; group != 8; ++group) {
      uint32_t half = group / 4, part = group % 4, odd = group % 2;
      uint8_t *low = block + half * 64 + part % 2 * 32, *high = block + 128 + half * 32;
      const uint8_t *codes = tile + group / 2 * ChunkBytes + row.chunk(),
                    *rest = tile + Rest + half * ChunkBytes + row.chunk();
      for (uint32_t j = 0; j != 32; ++j) {
        uint32_t four = codes[ColumnOffsets[j]] >> odd * 4 & 15u, two = rest[ColumnOffsets[j]] >> RestShift[part] & 3u;
        uint32_t code = odd ? four << 2 | two : four | two << 4;
        low[j] |= uint8_t((code & 15) << part / 2 * 4);
        high[j] |= uint8_t(code >> 4 << part * 2);
      }
    }
    for (uint32_t i = 0; i != 16; ++i)
      block[192 + i] = tile[Scales + row.lane(i % 4) * 8 + row.h * 4 + i / 4];
    std::memcpy(block + 208, tile + Factors + row.g * 4 + row.h * 2, 2);
  }
};

/// Calls `move(block, tile, row, part)` for each block of rows of tiles [begin, end), with offsets into the blocks and
/// into the tiles.
template <typename Move>
void walkBlocks(const BlockTiles &tiles, int64_t rows, int64_t columns, int64_t begin, int64_t end, Move move) {
  const BlockFormat &format = *tiles.format;
  int64_t count = columns / format.weights, inTile = tiles.columns / format.weights;
  for (int64_t at = begin; at != end; ++at) {
    int64_t first = at * BlockTiles::Rows, filled = std::clamp<int64_t>(rows - first, 0, BlockTiles::Rows);
    for (int64_t row = 0; row != filled; ++row)
      for (int64_t i = 0; i != count; ++i)
        move(((first + row) * count + i) * format.bytes,
             (at - begin) * tiles.rowBytes(columns) + i / inTile * tiles.bytes, Row(row), uint32_t(i % inTile));
  }
}

/// Calls `work` with the struct of the format.
template <typename Work> void withLayout(const BlockTiles &tiles, Work work) {
  switch (tiles.format->id) {
  case 2:
    return work(Q4_0());
  case 8:
    return work(Q8_0());
  case 12:
    return work(Q4_K());
  case 20:
    return work(Iq4Nl());
  case 39:
    return work(Mxfp4());
  case 40:
    return work(Nvfp4());
  default:
    return work(Q6_K());
  }
}

} // namespace

const BlockTiles *findBlockTiles(const BlockFormat &format) {
  static const BlockTiles all[] = {
      {findBlockFormat("q4_0"), Q4_0::Columns, Q4_0::Bytes},
      {findBlockFormat("q8_0"), Q8_0::Columns, Q8_0::Bytes},
      {findBlockFormat("q4_k"), Q4_K::Columns, Q4_K::Bytes},
      {findBlockFormat("q6_k"), Q6_K::Columns, Q6_K::Bytes},
      {findBlockFormat("iq4_nl"), Iq4Nl::Columns, Iq4Nl::Bytes},
      {findBlockFormat("mxfp4"), Mxfp4::Columns, Mxfp4::Bytes},
      {findBlockFormat("nvfp4"), Nvfp4::Columns, Nvfp4::Bytes},
  };
  for (const BlockTiles &tiles : all)
    if (tiles.format->id == format.id)
      return &tiles;
  return nullptr;
}

void packTiles(const BlockTiles &tiles, int64_t rows, int64_t columns, const void *blocks, void *target, int64_t begin,
               int64_t end) {
  const auto *from = static_cast<const uint8_t *>(blocks);
  auto *to = static_cast<uint8_t *>(target);
  std::memset(to, 0, size_t((end - begin) * tiles.rowBytes(columns)));
  withLayout(tiles, [&](auto layout) {
    walkBlocks(tiles, rows, columns, begin, end, [&](int64_t block, int64_t tile, Row row, uint32_t part) {
      decltype(layout)::pack(from + block, to + tile, row, part);
    });
  });
}

void unpackTiles(const BlockTiles &tiles, int64_t rows, int64_t columns, const void *source, void *blocks) {
  const auto *from = static_cast<const uint8_t *>(source);
  auto *to = static_cast<uint8_t *>(blocks);
  std::memset(to, 0, size_t(rows * (columns / tiles.format->weights) * tiles.format->bytes));
  withLayout(tiles, [&](auto layout) {
    walkBlocks(tiles, rows, columns, 0, (rows + BlockTiles::Rows - 1) / BlockTiles::Rows,
               [&](int64_t block, int64_t tile, Row row, uint32_t part) {
                 decltype(layout)::unpack(from + tile, to + block, row, part);
               });
  });
}

} // namespace lathe::gguf
