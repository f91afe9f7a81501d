// What a launch computes, as its kernel is printed from it.
#ifndef LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H
#define LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H

#include "compiler/targets/cuda/PtxTargets.h"
#include "dialects/plan/Plan.h"

namespace lathe::cuda {

/// The body of a launch with the sizes of each value: expressions over s0, s1, ..., the kernel's `dims`.
class LaunchBody {
public:
  /// Fails with a diagnostic on an operation that no kernel of the target computes.
  static llvm::FailureOr<LaunchBody> analyze(plan::LaunchOp launch, unsigned target);

  plan::LaunchOp getLaunch() const { return Launch; }
  /// Which of PtxTargets the kernel is printed for.
  unsigned getTarget() const { return Target; }
  mlir::Block &getBlock() const { return Launch->getRegion(0).front(); }
  /// The operation that a template computes, or null when all are elementwise.
  mlir::Operation *getRoot() const { return Root; }

  llvm::ArrayRef<mlir::AffineExpr> getDims(mlir::Value value) const { return Dims.find(value)->second; }
  mlir::AffineExpr getDim(mlir::Value value, unsigned d) const { return getDims(value)[d]; }
  /// Product of the sizes [begin, end) of `dims`.
  static mlir::AffineExpr getProduct(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::MLIRContext *context);
  /// The largest value that an expression over the kernel's `dims` takes in this launch's clone.
  int64_t getMax(mlir::AffineExpr expression) const;
  unsigned getNumDims() const { return ProgramDims.size(); }

  // Ports are the inputs, then the outputs: the kernel's pointers.
  llvm::ArrayRef<mlir::Type> getPortTypes() const { return PortTypes; }
  /// Number of the port that `value` came in by. Fails with a diagnostic on `user` when it was computed in the launch.
  llvm::FailureOr<unsigned> getInputPort(mlir::Operation *user, mlir::Value value) const;
  unsigned getOutputPort(unsigned yielded) const { return getBlock().getNumArguments() + yielded; }
  mlir::OperandRange getYielded() const { return getBlock().getTerminator()->getOperands(); }

private:
  llvm::LogicalResult inferDims(mlir::Operation &op);

  plan::LaunchOp Launch;
  unsigned Target = 0;
  mlir::Operation *Root = nullptr;
  llvm::SmallVector<mlir::Type> PortTypes;
  llvm::SmallVector<mlir::AffineExpr> ProgramDims; ///< the kernel's dims over the program's symbols
  llvm::DenseMap<mlir::Value, DimList> Dims;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H
