// Which tensors hold whole blocks of a quantized type.
#ifndef LATHE_DIALECTS_LATHE_BLOCKSHAPES_H
#define LATHE_DIALECTS_LATHE_BLOCKSHAPES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// Blocks of `block` rows and columns in a tensor; fails when its last two dimensions are no multiples of them.
llvm::FailureOr<int64_t> countBlocks(llvm::ArrayRef<int64_t> shape, std::array<int64_t, 2> block);

/// True when a slice starts and ends on the borders of blocks.
bool isOnBlockBorders(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> offsets, llvm::ArrayRef<int64_t> sizes,
                      std::array<int64_t, 2> block);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_BLOCKSHAPES_H
