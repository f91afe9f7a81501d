#include "runtime/gguf/BlockPanels.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace lathe::gguf {

namespace {

using Piece = BlockPanels::Piece;

constexpr Piece Q4_0[] = {{2, 4, 4}, {0, 2, 1}};
constexpr Piece Q8_0[] = {{2, 4, 8}, {0, 2, 1}};
constexpr Piece Q4K[] = {{16, 4, 32}, {4, 4, 3}, {0, 2, 2}};

/// Codes of Q6_K in the order in which they are needed: in each half, 8 times 4 bytes from each of both runs of low
/// nibbles and from the run of high bits.
constexpr auto Q6K = [] {
  std::array<Piece, 50> pieces = {};
  for (uint32_t i = 0; i != 48; ++i) {
    uint32_t half = i / 24, quad = i % 24 / 3, run = i % 3;
    pieces[i] = {run == 2 ? 128 + half * 32 + quad * 4 : half * 64 + run * 32 + quad * 4, 4, 1};
  }
  pieces[48] = {192, 4, 4};
  pieces[49] = {208, 2, 1};
  return pieces;
}();

/// Calls `copy(cell, block, bytes)` with the places of each unit of one block: in its cell, and in the block.
template <uint32_t Unit, typename Copy> void walkUnits(const Piece &piece, size_t cell, Copy copy) {
  for (uint32_t i = 0; i != piece.count; ++i)
    copy(cell + size_t(i) * BlockPanels::Rows * Unit, piece.offset + i * Unit, std::integral_constant<size_t, Unit>());
}

template <typename Copy> void walkBlock(const BlockPanels &panels, size_t row, Copy copy) {
  size_t base = 0;
  for (const Piece &piece : panels.pieces) {
    if (piece.unit == 4)
      walkUnits<4>(piece, base + row * 4, copy);
    else
      walkUnits<2>(piece, base + row * 2, copy);
    base += size_t(piece.unit) * piece.count * BlockPanels::Rows;
  }
}

} // namespace

const BlockPanels *findBlockPanels(const BlockFormat &format) {
  static const BlockPanels all[] = {
      {findBlockFormat("q4_0"), Q4_0},
      {findBlockFormat("q8_0"), Q8_0},
      {findBlockFormat("q4_k"), Q4K},
      {findBlockFormat("q6_k"), Q6K},
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
        walkBlock(panels, size_t(row),
                  [&](size_t cell, size_t offset, auto bytes) { std::memcpy(to + cell, block + offset, bytes); });
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
        walkBlock(panels, size_t(row),
                  [&](size_t cell, size_t offset, auto bytes) { std::memcpy(block + offset, from + cell, bytes); });
      }
}

} // namespace lathe::gguf
