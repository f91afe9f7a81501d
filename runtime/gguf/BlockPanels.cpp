#include "runtime/gguf/PanelPieces.h"

#include <algorithm>
#include <cstring>

namespace lathe::gguf {

const BlockPanels *findBlockPanels(const BlockFormat &format) {
  static const BlockPanels all[] = {
      {findBlockFormat("q4_0"), panels::Q4_0},
      {findBlockFormat("q8_0"), panels::Q8_0},
      {findBlockFormat("q4_k"), panels::Q4K},
      {findBlockFormat("q6_k"), panels::Q6K},
  };
  for (const BlockPanels &panels : all)
    if (panels.format->id == format.id)
      return &panels;
  return nullptr;
}

void packPanels(const BlockPanels &panels, int64_t rows, int64_t columns, const void *blocks, void *target,
                int64_t begin, int64_t end) {
  int64_t blockBytes = panels.format->bytes, count = columns / panels.format->weights;
  auto *to = static_cast<unsigned char *>(target);
  for (int64_t panel = begin; panel != end; ++panel) {
    int64_t first = panel * BlockPanels::Rows, filled = std::clamp<int64_t>(rows - first, 0, BlockPanels::Rows);
    if (filled != BlockPanels::Rows)
      std::memset(to, 0, size_t(count * blockBytes * BlockPanels::Rows));
    for (int64_t i = 0; i != count; ++i, to += blockBytes * BlockPanels::Rows)
      for (int64_t row = 0; row != filled; ++row) {
        const auto *block = static_cast<const unsigned char *>(blocks) + ((first + row) * count + i) * blockBytes;
        panels::walkBlock(panels.pieces, size_t(row), [&](size_t cell, size_t offset, auto bytes) {
          std::memcpy(to + cell, block + offset, bytes);
        });
      }
  }
}

void unpackPanels(const BlockPanels &panels, int64_t rows, int64_t columns, const void *source, void *blocks) {
  int64_t blockBytes = panels.format->bytes, count = columns / panels.format->weights;
  const auto *from = static_cast<const unsigned char *>(source);
  for (int64_t first = 0; first != rows; first += BlockPanels::Rows)
    for (int64_t i = 0; i != count; ++i, from += blockBytes * BlockPanels::Rows)
      for (int64_t row = 0; row != BlockPanels::Rows; ++row) {
        auto *block = static_cast<unsigned char *>(blocks) + ((first + row) * count + i) * blockBytes;
        panels::walkBlock(panels.pieces, size_t(row), [&](size_t cell, size_t offset, auto bytes) {
          std::memcpy(block + offset, from + cell, bytes);
        });
      }
}

} // namespace lathe::gguf
