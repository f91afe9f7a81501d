// Blocks of 16 rows side by side.
#include "runtime/gguf/BlockPanels.h"

#include <gtest/gtest.h>
#include <numeric>
#include <vector>

using namespace lathe::gguf;

namespace {

std::vector<unsigned char> number(size_t count) {
  std::vector<unsigned char> bytes(count);
  for (size_t i = 0; i != count; ++i)
    bytes[i] = static_cast<unsigned char>(i * 7 + i / 251);
  return bytes;
}

std::vector<const BlockPanels *> listAll() {
  std::vector<const BlockPanels *> all;
  for (const BlockFormat &format : blockFormats())
    if (const BlockPanels *panels = findBlockPanels(format))
      all.push_back(panels);
  return all;
}

TEST(BlockPanels, CoverBlocksInUnits) {
  EXPECT_EQ(listAll().size(), 4u);
  EXPECT_EQ(findBlockPanels(*findBlockFormat("f16")), nullptr);
  for (const BlockPanels *panels : listAll()) {
    std::vector<int> covered(panels->format->bytes);
    for (const BlockPanels::Piece &piece : panels->pieces)
      for (uint32_t i = 0; i != piece.unit * piece.count; ++i)
        ++covered.at(piece.offset + i);
    EXPECT_EQ(covered, std::vector<int>(panels->format->bytes, 1)) << panels->format->name;
  }
}

TEST(BlockPanels, DealUnitsOutToRows) {
  const BlockPanels &panels = *findBlockPanels(*findBlockFormat("q8_0"));
  std::vector<unsigned char> blocks = number(16 * 2 * 34), packed(blocks.size());
  packPanels(panels, 16, 64, blocks.data(), packed.data(), 0, 1);
  // The second block of row 5: codes 8 to 11, and the scale.
  const unsigned char *block = &blocks[(5 * 2 + 1) * 34], *cell = &packed[16 * 34];
  EXPECT_EQ(std::vector(block + 2 + 8, block + 2 + 12), std::vector(cell + (2 * 16 + 5) * 4, cell + (2 * 16 + 6) * 4));
  EXPECT_EQ(std::vector(block, block + 2), std::vector(cell + 16 * 32 + 5 * 2, cell + 16 * 32 + 6 * 2));
}

TEST(BlockPanels, ComeBackAsTheyWere) {
  for (const BlockPanels *panels : listAll())
    for (int64_t rows : {1, 15, 16, 17, 40}) {
      int64_t columns = 3 * panels->format->weights, rowBytes = 3 * panels->format->bytes, count = (rows + 15) / 16;
      std::vector<unsigned char> blocks = number(size_t(rows * rowBytes)), packed(size_t(count * 16 * rowBytes), 0xAB);
      std::vector<unsigned char> found(packed.size());
      packPanels(*panels, rows, columns, blocks.data(), packed.data(), 0, count);
      unpackPanels(*panels, count * 16, columns, packed.data(), found.data());
      blocks.resize(found.size()); // rows behind the last one are zeros
      EXPECT_EQ(found, blocks) << panels->format->name << " " << rows;
      // A part of the panels gives that part.
      std::vector<unsigned char> last(size_t(16 * rowBytes), 0xCD);
      unsigned char *from = packed.data() + (count - 1) * 16 * rowBytes;
      packPanels(*panels, rows, columns, blocks.data(), last.data(), count - 1, count);
      EXPECT_EQ(last, std::vector<unsigned char>(from, from + last.size())) << panels->format->name << " " << rows;
    }
}

} // namespace
