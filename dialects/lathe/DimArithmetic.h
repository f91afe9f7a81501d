// Arithmetic on sizes: expressions over the symbols of an entry point, whose bounds are known.
#ifndef LATHE_DIALECTS_LATHE_DIMARITHMETIC_H
#define LATHE_DIALECTS_LATHE_DIMARITHMETIC_H

#include "mlir/IR/AffineExpr.h"
#include <optional>

namespace lathe {

/// The least and the largest value of a symbol or of an expression.
using DimRange = std::pair<int64_t, int64_t>;

/// The same value as a sum of products in a fixed order, so that expressions which differ in form alone become one.
/// Expressions with coefficients beyond 64 bits or very many terms stay as they are.
mlir::AffineExpr normalizeDim(mlir::AffineExpr expression);

/// True when both have the same value whatever the symbols are; false may mean "not proved".
bool isSameDim(mlir::AffineExpr a, mlir::AffineExpr b);

/// `dividend / divisor` where that leaves no rest for any value of the symbols; null otherwise.
mlir::AffineExpr divideDimExactly(mlir::AffineExpr dividend, mlir::AffineExpr divisor);

/// An enclosure of the values, from the bounds of the symbols by position; nothing if it leaves 62 bits or divides by
/// zero.
std::optional<DimRange> getDimRange(mlir::AffineExpr expression, llvm::ArrayRef<DimRange> symbols);

/// What a reduction over `axes` sees of a tensor: the sizes of neighbouring dimensions that are all kept or all
/// reduced, by turns, kept ones first and last; 1 where there is none.
llvm::SmallVector<mlir::AffineExpr> groupReducedDims(llvm::ArrayRef<mlir::AffineExpr> dims,
                                                     llvm::ArrayRef<int64_t> axes, mlir::MLIRContext *context);

/// Sizes of a product of matrices: the dimensions before the last two of both operands, which broadcast, then `columns`
/// behind the rows of `lhs`.
llvm::SmallVector<mlir::AffineExpr> joinMatrixDims(llvm::ArrayRef<mlir::AffineExpr> lhs,
                                                   llvm::ArrayRef<mlir::AffineExpr> rhs, mlir::AffineExpr columns);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_DIMARITHMETIC_H
