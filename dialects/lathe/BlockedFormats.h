// Names of blocked types, for users and recipes. One table: BlockedFormats.cpp.
#ifndef LATHE_DIALECTS_LATHE_BLOCKEDFORMATS_H
#define LATHE_DIALECTS_LATHE_BLOCKEDFORMATS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

struct BlockedFormat {
  llvm::StringRef Name;
  /// What it is, for a list of formats.
  llvm::StringRef Summary;
};

/// All of them, in the order in which they are listed.
llvm::ArrayRef<BlockedFormat> getBlockedFormats();

/// The type of this name for weights of `shape`, whose last dimension is the row that products sum over; null when
/// there is no such name. Where the shape holds no whole blocks of it, `getByteSize` of the type fails.
BlockedType getBlockedType(mlir::MLIRContext *context, llvm::StringRef name, llvm::ArrayRef<int64_t> shape);

/// The name of a type, or none.
std::optional<llvm::StringRef> getBlockedName(BlockedType type);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_BLOCKEDFORMATS_H
