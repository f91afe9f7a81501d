// The operations of the `lathe` dialect that are written as loops (Lathe_LoopOp): apart from Lathe.h, which most
// sources include, because this list is long.
#ifndef LATHE_DIALECTS_LATHE_LOOPOPS_H
#define LATHE_DIALECTS_LATHE_LOOPOPS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

// What the verifiers of these operations share; each fails with a diagnostic on `op`.

/// `value` of attribute `name` must be one of `words`.
llvm::LogicalResult verifyWord(mlir::Operation *op, llvm::StringRef name, llvm::StringRef value,
                               llvm::ArrayRef<llvm::StringRef> words);
/// `axis` must be a dimension of a tensor of this rank.
llvm::LogicalResult verifyAxis(mlir::Operation *op, int64_t axis, int64_t rank);
/// `result` must have these dimensions, dynamic ones agreeing with any, and if `element` is set this element type,
/// which is not quantized.
llvm::LogicalResult verifyShape(mlir::Operation *op, llvm::StringRef name, mlir::Value result,
                                llvm::ArrayRef<int64_t> shape, mlir::Type element = {});

} // namespace lathe

#define GET_OP_CLASSES
#include "dialects/lathe/LoopOps.h.inc"

#endif // LATHE_DIALECTS_LATHE_LOOPOPS_H
