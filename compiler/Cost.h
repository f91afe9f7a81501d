// What a launch computes and moves, as expressions over the symbols of its program: the numbers behind the report.
#ifndef LATHE_COMPILER_COST_H
#define LATHE_COMPILER_COST_H

#include "dialects/plan/Plan.h"

namespace lathe {

struct LaunchCost {
  /// Floating-point operations as people count them: a multiply-add is two, a function such as exp is one.
  mlir::AffineExpr Flops;
  /// Bytes that the launch reads of each input and writes of each output. Of a table that is gathered from, the rows
  /// taken; of paged state, all that the block tables have room for.
  llvm::SmallVector<mlir::AffineExpr> Reads, Writes;
  /// Mnemonics of the operations in the body, without `lathe.`.
  std::vector<std::string> Ops;
  /// The element type that products read: "f32", "f16", "bf16", "i8".
  std::string Math = "f32";
};

LaunchCost computeCost(plan::LaunchOp launch);

/// Floating-point operations of one operation, from the dimensions of its operands and results.
mlir::AffineExpr countFlops(mlir::Operation *op, llvm::ArrayRef<DimList> operands, llvm::ArrayRef<DimList> results);

} // namespace lathe

#endif // LATHE_COMPILER_COST_H
