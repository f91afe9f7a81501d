// Blocked types whose rows stand alone: blocks one row high, each with a scale of its own.
#ifndef LATHE_DIALECTS_LATHE_ROWBLOCKS_H
#define LATHE_DIALECTS_LATHE_ROWBLOCKS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The type that holds the values of `type`, to the bit, in blocks one row high whose scale is an f32 or f16 and is the
/// only one: `type` itself where it is like that. Blocks without a scale become whole rows, of `columns`. Null for
/// codes that do not begin at a byte.
BlockedType getRowBlocks(BlockedType type, int64_t columns);

/// Writes the blocks of a tensor of `type` as those of `getRowBlocks`, which have to be other ones.
void spreadRowBlocks(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes,
                     llvm::MutableArrayRef<uint8_t> rowBlocks);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_ROWBLOCKS_H
