// What a launch computes, as its kernel is printed from it.
#ifndef LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H
#define LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H

#include "compiler/targets/cuda/PtxTargets.h"
#include "dialects/plan/Plan.h"

namespace lathe::cuda {

class KernelChooser;

/// What one template of a launch computes, with the sizes of each value: expressions over s0, s1, ..., the kernel's
/// `dims`. A launch of several templates has one for each: operations that do not need each other.
class LaunchBody {
public:
  /// The parts of a launch. Fails with a diagnostic on an operation that no kernel of the target computes.
  static llvm::FailureOr<std::vector<LaunchBody>> analyze(plan::LaunchOp launch, unsigned target,
                                                          const KernelChooser &chooser);

  plan::LaunchOp getLaunch() const { return Launch; }
  /// Who chooses among several ways to compute it.
  const KernelChooser &getChooser() const { return *Chooser; }
  /// Which of PtxTargets the kernel is printed for.
  unsigned getTarget() const { return Target; }
  mlir::Block &getBlock() const { return Launch->getRegion(0).front(); }
  /// The operations that the template computes, in order: none when all are elementwise.
  llvm::ArrayRef<mlir::Operation *> getRoots() const { return Roots; }
  /// The last of them, or null.
  mlir::Operation *getRoot() const { return Roots.empty() ? nullptr : Roots.back(); }
  /// The norm that a product of the launch computes of its left operand, or null. It is no root.
  RmsNormOp getNorm() const { return Norm; }
  /// What tells the names of this part from those of others: its number, or nothing when the launch is one.
  llvm::StringRef getSuffix() const { return Suffix; }

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
  /// Whether `value` comes in as an input of the call or as a weight, so that no kernel of the call writes it.
  bool isNeverWritten(mlir::Value value) const;
  /// Number of the port of `getYielded()[yielded]`.
  unsigned getOutputPort(unsigned yielded) const { return getBlock().getNumArguments() + Outputs[yielded]; }
  /// The results of the launch that this part computes.
  llvm::ArrayRef<mlir::Value> getYielded() const { return Yielded; }

private:
  llvm::LogicalResult inferDims(mlir::Operation &op);
  std::vector<LaunchBody> split() const;

  plan::LaunchOp Launch;
  unsigned Target = 0;
  const KernelChooser *Chooser = nullptr;
  llvm::SmallVector<mlir::Operation *, 2> Roots;
  RmsNormOp Norm;
  llvm::SmallVector<mlir::Value> Yielded;
  llvm::SmallVector<unsigned> Outputs; ///< numbers of `Yielded` among the launch's results
  std::string Suffix;
  llvm::SmallVector<mlir::Type> PortTypes;
  llvm::SmallVector<mlir::AffineExpr> ProgramDims; ///< the kernel's dims over the program's symbols
  llvm::DenseMap<mlir::Value, DimList> Dims;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_LAUNCHBODY_H
