// Blocks in the order in which tensor cores read them.
#include "runtime/gguf/BlockTiles.h"

#include <cstring>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace lathe::gguf;

namespace {

using Bytes = std::vector<unsigned char>;

Bytes number(size_t count) {
  Bytes bytes(count);
  uint32_t state = 1;
  for (unsigned char &byte : bytes)
    byte = static_cast<unsigned char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

std::vector<const BlockTiles *> listAll() {
  std::vector<const BlockTiles *> all;
  for (const BlockFormat &format : blockFormats())
    if (const BlockTiles *tiles = findBlockTiles(format))
      all.push_back(tiles);
  return all;
}

TEST(BlockTiles, AreAsLargeAsTheirBlocks) {
  EXPECT_EQ(listAll().size(), 7u);
  EXPECT_EQ(findBlockTiles(*findBlockFormat("q5_k")), nullptr);
  for (const BlockTiles *tiles : listAll()) {
    EXPECT_EQ(tiles->bytes, BlockTiles::Rows * tiles->columns / tiles->format->weights * tiles->format->bytes);
    EXPECT_EQ(tiles->bytes % 16, 0) << "bulk copies move 16 bytes";
    EXPECT_EQ(tiles->rowBytes(tiles->columns), tiles->bytes);
    EXPECT_EQ(tiles->rowBytes(tiles->columns + tiles->format->weights), 2 * tiles->bytes);
  }
}

// Every size is packed in one piece and by pieces, and comes back to the bit.
TEST(BlockTiles, ComeBackAsTheyWere) {
  for (const BlockTiles *tiles : listAll())
    for (int64_t rows : {1, 8, 15, 16, 17, 40})
      for (int64_t count : {1, 3, 4, 5}) {
        int64_t columns = count * tiles->format->weights, tileRows = (rows + 15) / 16;
        size_t rowBytes = size_t(tiles->rowBytes(columns));
        Bytes blocks = number(size_t(rows * count * tiles->format->bytes));
        Bytes packed(size_t(tileRows) * rowBytes, 0xAB), last(rowBytes, 0xCD), found(blocks.size(), 0xEF);
        packTiles(*tiles, rows, columns, blocks.data(), packed.data(), 0, tileRows);
        unpackTiles(*tiles, rows, columns, packed.data(), found.data());
        EXPECT_EQ(found, blocks) << tiles->format->name << " " << rows << " x " << columns;
        packTiles(*tiles, rows, columns, blocks.data(), last.data(), tileRows - 1, tileRows);
        EXPECT_EQ(last, Bytes(packed.end() - std::ptrdiff_t(rowBytes), packed.end())) << tiles->format->name << rows;
      }
}

// Where there is no weight there is no bit, so that what lies there decodes to zero.
TEST(BlockTiles, AreZeroBehindTheLastRowAndColumn) {
  for (const BlockTiles *tiles : listAll()) {
    Bytes block(tiles->format->bytes, 0xFF), packed(size_t(tiles->bytes), 0xAB);
    packTiles(*tiles, 1, tiles->format->weights, block.data(), packed.data(), 0, 1);
    auto count = [](const Bytes &bytes) {
      return std::accumulate(bytes.begin(), bytes.end(), 0,
                             [](int sum, int byte) { return sum + __builtin_popcount(unsigned(byte)); });
    };
    EXPECT_EQ(count(packed), int(tiles->format->bytes) * 8) << tiles->format->name;
  }
}

// One code of each format where the header says that it is: row 11 is row g = 3 plus 8, column 32 + 16 + 9 is the last
// of the four of lane t = 0 with i = 1.
TEST(BlockTiles, DealCodesOutToLanes) {
  size_t lane = 3 * 4 * 16 + 3 * 4 + 3;
  auto pack = [](const char *name, size_t byte, unsigned char value) {
    const BlockTiles &tiles = *findBlockTiles(*findBlockFormat(name));
    size_t count = size_t(tiles.columns / tiles.format->weights), rowBytes = count * tiles.format->bytes;
    Bytes blocks(16 * rowBytes), packed(size_t(tiles.bytes));
    blocks[11 * rowBytes + byte] = value;
    packTiles(tiles, 16, tiles.columns, blocks.data(), packed.data(), 0, 1);
    return packed;
  };
  auto only = [](size_t bytes, size_t at, unsigned char value) {
    Bytes expected(bytes);
    expected[at] = value;
    return expected;
  };
  EXPECT_EQ(pack("q8_0", 34 + 2 + 25, 0x5A), only(2176, 512 + lane, 0x5A));
  EXPECT_EQ(pack("q4_0", 18 + 2 + 9, 0xA0), only(1152, lane, 0xA0));
  EXPECT_EQ(pack("iq4_nl", 18 + 2 + 9, 0xA0), only(1152, lane, 0xA0));
  EXPECT_EQ(pack("iq4_nl", 2 + 9, 0xA0), only(1152, lane - 2, 0xA0));
  EXPECT_EQ(pack("mxfp4", 17 + 1 + 9, 0xA0), only(1088, lane, 0xA0));
  EXPECT_EQ(pack("mxfp4", 17, 0x77), only(1088, 1024 + (3 * 4 + 1) * 2 + 1, 0x77));
  EXPECT_EQ(pack("nvfp4", 4 + 24 + 1, 0xA0), only(1152, lane, 0xA0));
  EXPECT_EQ(pack("nvfp4", 36 + 3, 0x77), only(1152, 1024 + (3 * 4 + 3) * 4 + 3, 0x77));
  EXPECT_EQ(pack("q4_k", 16 + 25, 0xA0), only(2304, 256 + lane, 0xA0));
  EXPECT_EQ(pack("q6_k", 32 + 25, 0x0C), only(3360, lane, 0x30));
  EXPECT_EQ(pack("q6_k", 32 + 25, 0x03), only(3360, 2048 + lane, 0x0C));
  EXPECT_EQ(pack("q6_k", 208, 0x77), only(3360, 3328 + 3 * 4 + 2, 0x77));
}

} // namespace
