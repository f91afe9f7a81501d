// What the passes of this folder have in common: how they look at operations, and how they say what they did.
#ifndef LATHE_PASSES_CLEANUP_MATCHERS_H
#define LATHE_PASSES_CLEANUP_MATCHERS_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// The number that every element of a constant is; nothing for other values.
std::optional<double> getScalar(mlir::Value value);
/// True when `value` is a constant that is `number`, as its element type rounds it.
bool isScalar(mlir::Value value, double number);

/// `value` as `factor` times another value of the same type: products with and quotients by constants, and negations.
struct Scaled {
  mlir::Value value;
  double factor = 1;
};
Scaled splitScale(mlir::Value value);

/// The other operand of a binary operation when `operand` is one of them; else null.
mlir::Value getOther(mlir::Operation *op, mlir::Value operand);

/// The only operation that reads `value`, once, if it is an `Op`.
template <typename Op> Op getOnlyUser(mlir::Value value) {
  return value.hasOneUse() ? llvm::dyn_cast<Op>(*value.user_begin()) : Op();
}

/// `value` when it is a mean of `input` along its last dimensions, kept: the first of these. Else nothing.
std::optional<int64_t> getMeanAxis(mlir::Value value, mlir::Value input);
/// What `value` is the square of; null if it is none.
mlir::Value getSquareRoot(mlir::Value value);

/// 1 / sqrt(variance + epsilon).
struct InverseRoot {
  mlir::Value variance;
  double epsilon = 0;
};
/// `dividend / sqrt(...)` or `dividend * (1 / sqrt(...))`, as exporters write it.
struct Standardized {
  mlir::Value dividend;
  InverseRoot root;
};
std::optional<InverseRoot> readInverseRoot(mlir::Value value);
/// All ways to read `op`, a product or a quotient, like that.
llvm::SmallVector<Standardized, 2> readStandardized(mlir::Operation *op);

/// `value` as a tensor of exactly the dimensions of `type` from `axis` on, without further ones of size 1 in front;
/// null if that cannot be told.
mlir::Value getRowShaped(mlir::OpBuilder &builder, mlir::Value value, mlir::RankedTensorType type, int64_t axis);

/// True when nothing but weights and constants decides the value.
bool dependsOnWeightsAlone(mlir::Value value);

/// The number of a map's result, if it is one.
std::optional<int64_t> getConstantResult(mlir::AffineMap map, unsigned result);

/// Puts `value` in place of the result of `op`, which is named by a passed remark of category `cleanup`.
void replaceWith(mlir::Operation *op, mlir::Value value, llvm::StringRef pass, const llvm::Twine &what);
void refuse(mlir::Operation *op, llvm::StringRef pass, const llvm::Twine &why);
/// Erases operations whose results nobody reads.
void eraseUnread(mlir::func::FuncOp function);

/// Calls `rewrite` for every operation outside of fusions and weight programs whose result is read, in order, then
/// erases what is not read any more. `rewrite` replaces results and erases nothing.
void rewriteEach(mlir::func::FuncOp function, llvm::function_ref<void(mlir::Operation *)> rewrite);

} // namespace lathe

#endif // LATHE_PASSES_CLEANUP_MATCHERS_H
