// Blocks in the order in which tensor cores read them: what the CUDA kernels of quantized products take.
//
// A tile is 16 rows of a matrix and `columns` columns, in `bytes` bytes. A matrix [N, K] is ceil(N / 16) rows of
// ceil(K / columns) tiles; rows and columns past the end are zeros in every byte, which decodes to zero. Where they
// fill their tiles, the bytes are as many as the blocks'.
//
// Codes lie as a matrix instruction holds its left operand. Lane 4g + t of a warp owns rows g and g + 8, and of every
// 32 columns eight: c = 16 i + {2t, 2t + 8, 2t + 1, 2t + 9} for i = 0 and 1. Its 16 bytes of these columns are four
// words, of row g with i = 0, row g + 8 with i = 0, row g with i = 1, row g + 8 with i = 1; a word has a byte for each
// of the four columns, in this order. 32 lanes make a chunk of 512 bytes. A chunk of codes of 4 bits holds 64 columns:
// the first 32 in the low halves of its bytes, the next 32 in the high halves.
//
//   q8_0  128 columns, 2,176 bytes
//         [0, 2048)     4 chunks, a byte a code
//         [2048, 2176)  a lane: d of rows g and g + 8, of columns 32 t .. 32 t + 31
//   q4_0  128 columns, 1,152 bytes
//         [0, 1024)     2 chunks
//         [1024, 1152)  as in q8_0
//   q4_k  256 columns, 2,304 bytes. A lane has scales s and minima m of groups of 32 columns t ("0") and t + 4 ("1"),
//         of rows g and h = g + 8
//         [0, 128)      a lane: m0g | m0h << 6 | (s1g & 15) << 12 | m1g << 16 | m1h << 22 | (s1h & 15) << 28
//         [128, 192)    a lane: s0g | s0h << 6 | s1g >> 4 << 12 | s1h >> 4 << 14
//         [192, 256)    for each g: d and dmin of row g, d and dmin of row h
//         [256, 2304)   4 chunks
//   q6_k  256 columns, 3,360 bytes
//         [0, 2048)     4 chunks. Of the first 32 columns of a chunk the low 4 bits of a code, of the next the high 4
//         [2048, 3072)  2 chunks of what is left of 128 columns each, 2 bits of each group of 32: of group 0 at bit 4,
//                       of group 1 at bit 2, of group 2 at bit 6, of group 3 at bit 0
//         [3072, 3328)  a lane: the scales of groups of 16 columns t, t + 4, t + 8, t + 12 of row g, then of row g + 8
//         [3328, 3360)  for each g: d of rows g and g + 8
//
// Codes that are places in a table lie in other halves of their bytes: of the first 32 columns of a chunk in the first
// two bytes of a word, of the next in the last two; of these four codes the first and third in low halves.
//
//   iq4_nl  128 columns, 1,152 bytes
//         [0, 1024)     2 chunks
//         [1024, 1152)  as in q8_0
//   mxfp4  128 columns, 1,088 bytes
//         [0, 1024)     2 chunks
//         [1024, 1088)  a lane: the scales of rows g and g + 8, of columns 32 t .. 32 t + 31
//   nvfp4  128 columns, 1,152 bytes
//         [0, 1024)     2 chunks
//         [1024, 1152)  a lane: of row g the scales of columns 16 t .. 16 t + 15 and 64 + 16 t .. 64 + 16 t + 15, of
//                       row g + 8 the same
#ifndef LATHE_RUNTIME_GGUF_BLOCKTILES_H
#define LATHE_RUNTIME_GGUF_BLOCKTILES_H

#include "runtime/gguf/BlockFormat.h"

namespace lathe::gguf {

struct BlockTiles {
  static constexpr int64_t Rows = 16;

  const BlockFormat *format;
  int64_t columns, bytes;

  /// Bytes of 16 rows of a matrix.
  int64_t rowBytes(int64_t matrixColumns) const { return (matrixColumns + columns - 1) / columns * bytes; }
};

/// How tiles of a format are laid out, or null where there is no product that reads them.
const BlockTiles *findBlockTiles(const BlockFormat &format);

/// Writes rows of tiles [begin, end) of a matrix of `rows` rows to `target`, which holds row `begin` first. `columns`
/// is a multiple of the format's weights.
void packTiles(const BlockTiles &tiles, int64_t rows, int64_t columns, const void *blocks, void *target, int64_t begin,
               int64_t end);

/// The reverse, of all rows; what lies behind the last row and column is not looked at.
void unpackTiles(const BlockTiles &tiles, int64_t rows, int64_t columns, const void *source, void *blocks);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_BLOCKTILES_H
