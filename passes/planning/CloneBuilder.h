// Builds the plan of one function: launches in order, control flow, memory for every value.
#ifndef LATHE_PASSES_PLANNING_CLONEBUILDER_H
#define LATHE_PASSES_PLANNING_CLONEBUILDER_H

#include "dialects/lathe/SymbolicDims.h"
#include "dialects/plan/Plan.h"

namespace lathe {

/// The `plan.data` operations of a module: one for each distinct weight, shared by all programs.
class WeightTable {
public:
  explicit WeightTable(mlir::ModuleOp module) : Module(module), Builder(module.getContext()) {}

  /// The symbol of the data that `op` (a weight, constant or weight program) names; made on first sight.
  mlir::FlatSymbolRefAttr get(mlir::Operation *op);

private:
  mlir::ModuleOp Module;
  mlir::OpBuilder Builder;
  llvm::StringMap<plan::DataOp> Known;
  plan::DataOp Last; ///< the next one goes behind it; what else is in the module comes and goes
  int64_t Next = 0;
};

/// Where a value is to be written, asked when the sizes of the value are known; the builder stands before the writer.
using Destination = std::function<mlir::Value(mlir::OpBuilder &)>;

/// Every value gets memory of its own: a `plan.buffer` at offset 0, or a `plan.allocate` with a slot of its own where
/// its size depends on data. `placeMemory` lets them share.
class CloneBuilder {
public:
  CloneBuilder(mlir::func::FuncOp function, const SymbolicDims &dims, WeightTable &weights)
      : Function(function), Dims(dims), Weights(weights), Top(function.getContext()) {}

  /// Adds a clone for the function to `program`. Fails with a diagnostic.
  llvm::FailureOr<plan::CloneOp> build(plan::ProgramOp program);

private:
  llvm::LogicalResult checkOperations();
  llvm::LogicalResult placeResults(plan::ProgramOp program);
  llvm::LogicalResult buildBlock(mlir::Block &block, mlir::OpBuilder &builder);
  llvm::LogicalResult buildLaunch(FusionOp fusion, mlir::OpBuilder &builder);
  void buildReadSizes(ReadSizesOp read, mlir::OpBuilder &builder);
  llvm::LogicalResult buildIf(IfOp op, mlir::OpBuilder &builder);
  llvm::LogicalResult buildLoop(LoopOp op, mlir::OpBuilder &builder);

  /// Has `value` written to `where` if the operation that computes it stands in `block` and nobody else has a wish;
  /// returns false otherwise.
  bool wish(mlir::Value value, mlir::Block *block, Destination where);
  /// Writes `value`, which is computed, to `where`.
  void copyTo(mlir::OpBuilder &builder, mlir::Value value, const Destination &where);

  mlir::Value getAddress(mlir::OpBuilder &builder, mlir::Value value);
  /// Memory of `bytes` bytes, which are known where `builder` stands.
  mlir::Value createMemory(mlir::OpBuilder &builder, mlir::Location location, mlir::AffineExpr bytes);
  mlir::Value createView(mlir::OpBuilder &builder, mlir::Value buffer, mlir::AffineExpr offset, mlir::AffineExpr bytes);
  mlir::AffineExpr getBytes(mlir::Type element, llvm::ArrayRef<mlir::AffineExpr> dims) const;
  mlir::AffineExpr getBytes(mlir::Value value) const;
  mlir::AffineMap toMap(llvm::ArrayRef<mlir::AffineExpr> expressions) const;

  struct LoopBuilder;

  mlir::func::FuncOp Function;
  const SymbolicDims &Dims;
  WeightTable &Weights;
  mlir::OpBuilder Top;                                ///< within the clone's own block, before what is being built
  llvm::DenseMap<mlir::Value, mlir::Value> Addresses; ///< storage -> !plan.buffer
  llvm::DenseMap<mlir::Value, Destination> Wishes;    ///< storage -> where to write it
  llvm::DenseSet<mlir::Value> Replaced;               ///< states that a launch has changed
  llvm::SmallVector<std::pair<mlir::Value, Destination>> Copies; ///< returned values that are copied at the end
  mlir::Value Null;
  int64_t NextSlot = 0;
};

/// Gives the buffers of a clone offsets in the arena and its allocations slots, such that those share which are never
/// in use at the same time. Sets the clone's `arena` and says in a remark how large it may become.
void placeMemory(plan::CloneOp clone, llvm::StringRef name);

} // namespace lathe

#endif // LATHE_PASSES_PLANNING_CLONEBUILDER_H
