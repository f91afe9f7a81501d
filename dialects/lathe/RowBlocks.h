// Blocked types whose rows stand alone: blocks one row high, each with a scale of its own.
#ifndef LATHE_DIALECTS_LATHE_ROWBLOCKS_H
#define LATHE_DIALECTS_LATHE_ROWBLOCKS_H

#include "dialects/lathe/Lathe.h"
#include "runtime/gguf/RowTiles.h"

namespace lathe {

/// The type that holds the values of `type`, to the bit, in blocks one row high whose scale is an f32 or f16 and is the
/// only one: `type` itself where it is like that. Blocks without a scale become whole rows, of `columns`. Null for
/// codes that do not begin at a byte.
BlockedType getRowBlocks(BlockedType type, int64_t columns);

/// Writes the blocks of a tensor of `type` as those of `getRowBlocks`, which have to be other ones.
void spreadRowBlocks(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes,
                     llvm::MutableArrayRef<uint8_t> rowBlocks);

/// How such blocks lie where tensor cores read them; null where no kernel does.
///
///   !lathe.nf4, f32 scales, columns a multiple of 64 or all of the row                       nf4
///   unsigned codes of up to 4 bits, f16 scales, zeros i8, columns a multiple of 32           uint4_g32, _g64, _g128
///   f8E4M3FN or f8E5M2, f32 scales, columns a multiple of 128 or all of the row              e4m3, e5m2
const gguf::RowTiles *findRowTiles(BlockedType type, int64_t columns);

/// Writes the row blocks of a matrix as tiles, which have to be there; `shape` is the matrix's.
void packRowTiles(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> rowBlocks,
                  llvm::MutableArrayRef<uint8_t> tiles);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_ROWBLOCKS_H
