// Packing a tensor of `!lathe.blocked` whose values come piece by piece: what holds for all blocks first.
#ifndef LATHE_DIALECTS_LATHE_BLOCKEDPACKING_H
#define LATHE_DIALECTS_LATHE_BLOCKEDPACKING_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// Takes the next values of a tensor.
using ValueSink = llvm::function_ref<llvm::LogicalResult(llvm::ArrayRef<float>)>;

/// The outer scale that `BlockedType::pack` gives a tensor, 1 where the type has none. `read` passes all values on, row
/// by row, in pieces of any size: their borders change nothing. It is called once where scales stand beside the outer
/// one, else up to four times. Fails when it does, or the sink, which refuses what is not finite.
llvm::FailureOr<float> findOuterScale(BlockedType type, llvm::function_ref<llvm::LogicalResult(ValueSink)> read);

/// As `BlockedType::pack`, with an outer scale that was found before, of a larger tensor for instance: `values` may be
/// a part of one, and `bytes` are then those of a tensor of `shape`.
llvm::LogicalResult packWithOuterScale(BlockedType type, float outer, llvm::ArrayRef<int64_t> shape,
                                       llvm::ArrayRef<float> values, llvm::MutableArrayRef<uint8_t> bytes);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_BLOCKEDPACKING_H
