// Attributes that give sizes: affine maps `()[s0, s1, ...] -> (...)` over the dimensions of all operands of an
// operation, one symbol for each dimension, in order. A size thus follows from what the operation reads, never from the
// function that it stands in; operands that matter for their dimensions alone may be tensors or `!lathe.sizes`.
#ifndef LATHE_DIALECTS_LATHE_SIZES_H
#define LATHE_DIALECTS_LATHE_SIZES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The sizes of a type: of a tensor its shape, of `!lathe.sizes<N>` N dynamic ones, none for other types.
llvm::SmallVector<int64_t> getShapeOf(mlir::Type type);

/// The results of `sizes` for operands of these dimensions.
DimList inferSizes(mlir::AffineMap sizes, llvm::ArrayRef<DimList> operands);

/// The same where the operands' dimensions are numbers. Divisors must not be 0.
llvm::SmallVector<int64_t> evaluateSizes(mlir::AffineMap sizes, llvm::ArrayRef<ReferenceValue> operands);

/// Fails with a diagnostic on `op` unless attribute `name` has one symbol for each dimension of its operands.
llvm::LogicalResult verifySizes(mlir::Operation *op, llvm::StringRef name, mlir::AffineMap sizes);

/// Fails with a diagnostic on `op` unless the sizes in `sizes` that are numbers are those of `result`, and the others
/// dynamic there.
llvm::LogicalResult verifyResultSizes(mlir::Operation *op, mlir::AffineMap sizes, mlir::RankedTensorType result);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_SIZES_H
