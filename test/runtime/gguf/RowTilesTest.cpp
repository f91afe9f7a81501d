// Blocks one row high in the order in which tensor cores read them.
#include "runtime/gguf/RowTiles.h"
#include "runtime/SmallNumbers.h"

#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace lathe;
using namespace lathe::gguf;

namespace {

using Bytes = std::vector<unsigned char>;

constexpr const char *Names[] = {"nf4", "uint4_g32", "uint4_g64", "uint4_g128", "e4m3", "e5m2"};

Bytes number(size_t count) {
  Bytes bytes(count);
  uint32_t state = 1;
  for (unsigned char &byte : bytes)
    byte = static_cast<unsigned char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

/// Blocks of `columns` columns with codes of `codeBits`, whose scales are powers of two, and their values.
struct Matrix {
  Bytes Blocks;
  std::vector<float> Values;

  Matrix(const RowTiles &tiles, const RowBlocks &blocks, int64_t rows, int64_t columns) {
    int64_t header = tiles.scaleBytes + blocks.zeroBytes, bytes = header + blocks.columns * blocks.codeBits / 8;
    Blocks = number(size_t(rows * columns / blocks.columns * bytes));
    for (size_t at = 0, i = 0; at != Blocks.size(); at += size_t(bytes), ++i) {
      unsigned char *own = &Blocks[at];
      float scale = i % 3 == 0 ? 0.5f : i % 3 == 1 ? -2.0f : 0.0f;
      uint16_t half = i % 3 == 0 ? 0x3800 : i % 3 == 1 ? 0xC000 : 0;
      std::memcpy(own, tiles.scaleBytes == 4 ? static_cast<void *>(&scale) : &half, size_t(tiles.scaleBytes));
      for (int64_t j = 0; j != blocks.columns; ++j) {
        uint32_t code = 0;
        for (int64_t bit = 0; bit != blocks.codeBits; ++bit)
          code |= (own[header + (j * blocks.codeBits + bit) / 8] >> (j * blocks.codeBits + bit) % 8 & 1u) << bit;
        std::string_view name = tiles.name;
        float value = name == "nf4"    ? Nf4Values[code]
                      : name == "e4m3" ? E4M3::widen(uint8_t(code))
                      : name == "e5m2" ? E5M2::widen(uint8_t(code))
                                       : float(code) - float(int8_t(own[tiles.scaleBytes]));
        Values.push_back(value * scale);
      }
    }
  }
};

TEST(RowTiles, HaveWholeSixteensOfBytes) {
  const int64_t bytes[] = {1152, 1216, 1120, 1072, 2112, 2112};
  for (size_t i = 0; i != std::size(Names); ++i) {
    const RowTiles *tiles = findRowTiles(Names[i]);
    ASSERT_NE(tiles, nullptr) << Names[i];
    EXPECT_EQ(tiles->bytes(), bytes[i]) << Names[i];
    EXPECT_EQ(tiles->bytes() % 16, 0) << "bulk copies move 16 bytes";
    EXPECT_EQ(tiles->rowBytes(129), 2 * tiles->bytes());
  }
  EXPECT_EQ(findRowTiles("q4_0"), nullptr);
}

// Every size is packed in one piece and by pieces, and its values come back to the bit; blocks that are whole rows, and
// codes of 3 bits too.
TEST(RowTiles, HoldTheValuesOfBlocks) {
  for (const char *name : Names) {
    const RowTiles &tiles = *findRowTiles(name);
    for (int64_t rows : {1, 8, 15, 16, 17, 40})
      for (int64_t columns : {128, 384, 96})
        for (bool whole : {false, true}) {
          if (columns % tiles.group && (!whole || tiles.zeroBytes))
            continue;
          RowBlocks blocks{whole ? columns : tiles.group, tiles.zeroBytes && columns == 384 ? 3 : tiles.codeBits,
                           tiles.zeroBytes};
          Matrix matrix(tiles, blocks, rows, columns);
          int64_t tileRows = (rows + 15) / 16, rowBytes = tiles.rowBytes(columns);
          Bytes packed(size_t(tileRows * rowBytes), 0xAB), last(size_t(rowBytes), 0xCD);
          packRowTiles(tiles, blocks, rows, columns, matrix.Blocks.data(), packed.data(), 0, tileRows);
          std::vector<float> found(matrix.Values.size());
          unpackRowTiles(tiles, rows, columns, packed.data(), found.data());
          for (size_t i = 0; i != found.size(); ++i)
            ASSERT_TRUE(found[i] == matrix.Values[i] || (found[i] != found[i] && matrix.Values[i] != matrix.Values[i]))
                << name << " " << rows << " x " << columns << " element " << i;
          packRowTiles(tiles, blocks, rows, columns, matrix.Blocks.data(), last.data(), tileRows - 1, tileRows);
          EXPECT_EQ(last, Bytes(packed.end() - rowBytes, packed.end())) << name << rows;
        }
  }
}

// Where there is no weight there is no bit, so that what lies there decodes to zero.
TEST(RowTiles, AreZeroBehindTheLastRowAndColumn) {
  for (const char *name : Names) {
    const RowTiles &tiles = *findRowTiles(name);
    RowBlocks blocks{tiles.group, tiles.codeBits, tiles.zeroBytes};
    size_t bytes = size_t(tiles.scaleBytes + tiles.zeroBytes + tiles.group * tiles.codeBits / 8);
    Bytes block(bytes, 0xFF), packed(size_t(tiles.bytes()), 0xAB);
    packRowTiles(tiles, blocks, 1, tiles.group, block.data(), packed.data(), 0, 1);
    int count = std::accumulate(packed.begin(), packed.end(), 0,
                                [](int sum, int byte) { return sum + __builtin_popcount(unsigned(byte)); });
    EXPECT_EQ(count, int(bytes) * 8) << name;
  }
}

// One code, scale and zero of each where the header says that it is: row 11 is row g = 3 plus 8, column 32 + 16 + 9 is
// the last of the four of lane t = 0 with i = 1.
TEST(RowTiles, DealNumbersOutToLanes) {
  size_t lane = 3 * 4 * 16 + 3 * 4 + 3;
  auto pack = [](const char *name, size_t byte, unsigned char value) {
    const RowTiles &tiles = *findRowTiles(name);
    RowBlocks blocks{tiles.group, tiles.codeBits, tiles.zeroBytes};
    size_t bytes = size_t(tiles.scaleBytes + tiles.zeroBytes + tiles.group * tiles.codeBits / 8);
    Bytes source(16 * bytes * size_t(tiles.groups())), packed(size_t(tiles.bytes()));
    source[11 * bytes * size_t(tiles.groups()) + byte] = value;
    packRowTiles(tiles, blocks, 16, 128, source.data(), packed.data(), 0, 1);
    return packed;
  };
  auto only = [](size_t bytes, size_t at, unsigned char value) {
    Bytes expected(bytes);
    expected[at] = value;
    return expected;
  };
  EXPECT_EQ(pack("nf4", 4 + 57 / 2, 0xA0), only(1152, lane, 0xA0));
  EXPECT_EQ(pack("nf4", 36 + 3, 0x77), only(1152, 1024 + (3 * 4 + 2 + 1) * 4 + 3, 0x77));
  EXPECT_EQ(pack("uint4_g32", 19 + 3 + 25 / 2, 0xA0), only(1216, lane, 0xA0));
  EXPECT_EQ(pack("uint4_g32", 19, 0x77), only(1216, 1024 + (3 * 4 + 1) * 4 + 2, 0x77));
  EXPECT_EQ(pack("uint4_g32", 19 + 2, 0x77), only(1216, 1152 + (3 * 4 + 1) * 2 + 1, 0x77));
  EXPECT_EQ(pack("uint4_g128", 2, 0x77), only(1072, 1056 + 3 * 2 + 1, 0x77));
  EXPECT_EQ(pack("e4m3", 4 + 57, 0x5A), only(2112, 512 + lane, 0x5A));
  EXPECT_EQ(pack("e5m2", 3, 0x5A), only(2112, 2048 + 3 * 8 + 4 + 3, 0x5A));
}

} // namespace
