// The reference evaluator: runs functions and regions of `lathe` operations through their ReferenceOpInterface.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_EVALUATOR_H
#define LATHE_DIALECTS_LATHE_REFERENCE_EVALUATOR_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/MemoryBuffer.h"
#include <map>
#include <mutex>
#include <string>

namespace lathe {

class RankGroup;

/// The element type in which the reference keeps `value`: its own, but f32 for f16 and bf16 values that stay inside of
/// a kernel (`lathe.fusion`, `plan.launch`), which are never stored and hence not rounded.
mlir::Type getEvaluatedElementType(mlir::Value value);

/// `value` in the element type of `type`: what leaves a fusion is stored, and rounds here.
ReferenceValue roundToStored(const ReferenceValue &value, mlir::Type type);

/// Emits on `op` when a window is larger than the padded image that `input` is the shape of, with places from dimension
/// `first` on.
llvm::LogicalResult checkFits(mlir::Operation *op, const struct Windows &windows, llvm::ArrayRef<int64_t> input,
                              int first = 2);

/// Prints a shape for a diagnostic: `[2, 3]`.
std::string formatShape(llvm::ArrayRef<int64_t> shape);

/// Evaluates one version of a module. It keeps the model files mapped, which the weights among its values point into,
/// and the results of weight programs; make a new one after a pass has changed the module.
class Evaluator {
public:
  /// Relative paths of `lathe.files` are looked up in `directory`, or where the process runs if that is empty.
  explicit Evaluator(llvm::StringRef directory = "") : Directory(directory) {}

  /// Evaluates as this rank of `group`, with which it meets at collectives; evaluators of all ranks run at once.
  void joinRanks(RankGroup &group, int64_t rank) {
    Ranks = &group;
    Rank = rank;
  }

  /// Runs a function. Fails with a diagnostic when an argument does not fit its type or an operation fails.
  llvm::FailureOr<llvm::SmallVector<ReferenceValue>> evaluateFunction(mlir::func::FuncOp function,
                                                                      llvm::ArrayRef<ReferenceValue> arguments);

  /// Runs a block that uses no values from outside and returns the operands of its terminator.
  llvm::FailureOr<llvm::SmallVector<ReferenceValue>> evaluateBlock(mlir::Block &block,
                                                                   llvm::ArrayRef<ReferenceValue> arguments);

  /// The bytes of a weight, borrowed from the mapped file. Any number of threads may call it.
  llvm::FailureOr<ReferenceValue> readWeight(WeightOp weight);

private:
  /// The values of a block while it runs, and of the blocks around it, which its operations may read too.
  struct Scope;

  llvm::FailureOr<llvm::SmallVector<ReferenceValue>> runBlock(mlir::Block &block,
                                                              llvm::ArrayRef<ReferenceValue> arguments, Scope *outer);
  llvm::LogicalResult evaluateOperation(mlir::Operation *op, llvm::ArrayRef<ReferenceValue> operands, Scope &scope,
                                        llvm::SmallVectorImpl<ReferenceValue> &results);
  llvm::LogicalResult evaluateAsRank(mlir::Operation *op, llvm::ArrayRef<ReferenceValue> operands,
                                     llvm::SmallVectorImpl<ReferenceValue> &results);
  llvm::LogicalResult evaluateIf(IfOp op, llvm::ArrayRef<ReferenceValue> operands, Scope &scope,
                                 llvm::SmallVectorImpl<ReferenceValue> &results);
  llvm::LogicalResult evaluateLoop(LoopOp op, llvm::ArrayRef<ReferenceValue> operands, Scope &scope,
                                   llvm::SmallVectorImpl<ReferenceValue> &results);

  std::string Directory;
  RankGroup *Ranks = nullptr;
  int64_t Rank = 0;
  std::mutex FilesMutex;
  std::map<std::string, std::unique_ptr<llvm::MemoryBuffer>> Files;
  llvm::DenseMap<mlir::Operation *, ReferenceValue> WeightPrograms;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_EVALUATOR_H
