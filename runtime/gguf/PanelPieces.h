// What panels of blocks are made of, for those who pack them and for kernels.
#ifndef LATHE_RUNTIME_GGUF_PANELPIECES_H
#define LATHE_RUNTIME_GGUF_PANELPIECES_H

#include "runtime/gguf/BlockPanels.h"

#include <array>

namespace lathe::gguf::panels {

using Piece = BlockPanels::Piece;

inline constexpr Piece Q4_0[] = {{2, 4, 4}, {0, 2, 1}};
inline constexpr Piece Q8_0[] = {{2, 4, 8}, {0, 2, 1}};
inline constexpr Piece Q4K[] = {{16, 4, 32}, {4, 4, 3}, {0, 2, 2}};

/// Codes of Q6_K in the order in which they are needed: in each half, 8 times 4 bytes from each of both runs of low
/// nibbles and from the run of high bits.
inline constexpr auto Q6K = [] {
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

/// The same with all pieces of a block, of row `row` of a panel.
template <typename Copy> void walkBlock(std::span<const Piece> pieces, size_t row, Copy copy) {
  size_t base = 0;
  for (const Piece &piece : pieces) {
    if (piece.unit == 4)
      walkUnits<4>(piece, base + row * 4, copy);
    else
      walkUnits<2>(piece, base + row * 2, copy);
    base += size_t(piece.unit) * piece.count * BlockPanels::Rows;
  }
}

} // namespace lathe::gguf::panels

#endif // LATHE_RUNTIME_GGUF_PANELPIECES_H
