// Blocks one row high, each with a scale of its own, in the order in which tensor cores read them: as BlockTiles.h has
// it for the blocks of GGUF files, of formats that no file names.
//
// All have 16 rows and 128 columns; what lies behind the last row and column is zeros in every byte.
//
//   nf4  1,152 bytes
//         [0, 1024)     2 chunks, codes as places in a table
//         [1024, 1152)  a lane: the f32 scale of row g + 8 (t % 2), of columns 64 (t / 2) .. 64 (t / 2) + 63
//   uint4_g32, uint4_g64, uint4_g128  1,216, 1,120 or 1,072 bytes: codes of up to 4 bits, of groups of so many columns
//         [0, 1024)     2 chunks
//         then          for each g, for each group: the f16 scales of rows g and g + 8
//         then          for each g, for each group: the zeros of rows g and g + 8, integers with a sign
//   e4m3, e5m2  2,112 bytes
//         [0, 2048)     4 chunks, a byte a code
//         [2048, 2112)  for each g: the f32 scales of rows g and g + 8
#ifndef LATHE_RUNTIME_GGUF_ROWTILES_H
#define LATHE_RUNTIME_GGUF_ROWTILES_H

#include <cstdint>
#include <string_view>

namespace lathe::gguf {

/// Blocks of a row: each is its scale, its zero, then its codes, the low bits of a byte first.
struct RowBlocks {
  int64_t columns; ///< that share a scale: a multiple of the tile's, or all of the matrix
  int64_t codeBits, zeroBytes;
};

struct RowTiles {
  static constexpr int64_t Rows = 16, Columns = 128;

  const char *name;
  int64_t group;      ///< columns of a tile that share a scale
  int64_t codeBits;   ///< in a tile
  int64_t scaleBytes; ///< 4: f32, 2: f16
  int64_t zeroBytes;
  bool isTable; ///< codes lie as places in a table

  int64_t groups() const { return Columns / group; }
  int64_t scalesAt() const { return Rows * Columns * codeBits / 8; }
  int64_t zerosAt() const { return scalesAt() + Rows * groups() * scaleBytes; }
  int64_t bytes() const { return zerosAt() + Rows * groups() * zeroBytes; }
  /// Bytes of 16 rows of a matrix.
  int64_t rowBytes(int64_t matrixColumns) const { return (matrixColumns + Columns - 1) / Columns * bytes(); }
};

/// The tiles of this name, or null.
const RowTiles *findRowTiles(std::string_view name);

/// Writes rows of tiles [begin, end) of a matrix of `rows` rows to `target`, which holds row `begin` first.
void packRowTiles(const RowTiles &tiles, const RowBlocks &blocks, int64_t rows, int64_t columns, const void *source,
                  void *target, int64_t begin, int64_t end);

/// All values of a matrix in tiles: (code - zero) * scale, each operation rounded to f32.
void unpackRowTiles(const RowTiles &tiles, int64_t rows, int64_t columns, const void *source, float *values);

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_ROWTILES_H
