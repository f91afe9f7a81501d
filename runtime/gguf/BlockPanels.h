// Blocks of 16 rows side by side, as products read them: one vector register holds a piece of each row.
//
// A panel is 16 rows of a matrix. It is a sequence of cells, one for each block of a row; a cell holds the bytes of the
// 16 blocks, in pieces, one behind the other:
//
//   piece        `count` units of `unit` bytes, which begin `offset` bytes into a block
//   in a cell    unit 0 of rows 0 to 15, then unit 1 of rows 0 to 15, and so on
//
// Pieces cover a block, so a panel is as large as the blocks that it is made of. Codes come first, in units of 4 bytes:
// products add four codes of a row at a time.
#ifndef LATHE_RUNTIME_GGUF_BLOCKPANELS_H
#define LATHE_RUNTIME_GGUF_BLOCKPANELS_H

#include "runtime/gguf/BlockFormat.h"

namespace lathe::gguf {

struct BlockPanels {
  static constexpr int64_t Rows = 16;
  struct Piece {
    uint32_t offset, unit, count;
  };

  const BlockFormat *format;
  std::span<const Piece> pieces;
};

/// How panels of a format are laid out, or null where there is no product that reads them.
const BlockPanels *findBlockPanels(const BlockFormat &format);

/// Writes panels [begin, end) of a matrix of `rows` rows to `target`, which holds panel `begin` first. Rows behind the
/// last one are zeros.
void packPanels(const BlockPanels &panels, int64_t rows, int64_t columns, const void *blocks, void *target,
                int64_t begin, int64_t end);

/// The reverse, of all rows; `rows` is a multiple of 16.
void unpackPanels(const BlockPanels &panels, int64_t rows, int64_t columns, const void *source, void *blocks);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_BLOCKPANELS_H
