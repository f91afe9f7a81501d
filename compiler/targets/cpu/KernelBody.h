// What a launch computes, as its kernel is built from it.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H

#include "dialects/plan/Plan.h"

namespace lathe::cpu {

/// An operation whose result is one element for each element of its operands, at the same place or at one that follows
/// from it: generated code, no template.
bool isGenerated(mlir::Operation *op);

/// The body of a launch with the size of each value. Sizes are expressions over s0, s1, ...: the kernel's `dims`.
class KernelBody {
public:
  /// Fails with a diagnostic on the operation that has no kernel.
  static llvm::FailureOr<KernelBody> analyze(plan::LaunchOp launch);

  plan::LaunchOp getLaunch() const { return Launch; }
  mlir::Block &getBlock() const { return Launch->getRegion(0).front(); }
  mlir::Operation *getYield() const { return getBlock().getTerminator(); }
  /// The operation that a template computes, or null.
  mlir::Operation *getRoot() const { return Root; }
  llvm::ArrayRef<mlir::AffineExpr> getDims(mlir::Value value) const { return Dims.find(value)->second; }
  mlir::AffineExpr getDim(mlir::Value value, unsigned d) const { return getDims(value)[d]; }
  /// Product of all sizes, or of those in [begin, end).
  mlir::AffineExpr getElements(mlir::Value value) const;
  mlir::AffineExpr getElements(mlir::Value value, unsigned begin, unsigned end) const;

  /// The argument behind a value that the root reads, through reshapes and casts, which change no element that a
  /// template sees. Null when the value is computed.
  static mlir::BlockArgument findArgument(mlir::Value value);

  /// Operations with a `layer`: its number is passed behind `dims`, so that layers share a kernel.
  llvm::ArrayRef<mlir::Operation *> getLayered() const { return Layered; }
  static int64_t getLayer(mlir::Operation *op);
  /// Number of `dims` that come from sizes; layers follow.
  unsigned getNumSizes() const { return NumSizes; }

  /// Text that is equal for launches which one kernel can serve.
  std::string getKey() const;

private:
  plan::LaunchOp Launch;
  mlir::Operation *Root = nullptr;
  llvm::SmallVector<mlir::Operation *> Layered;
  llvm::DenseMap<mlir::Value, DimList> Dims;
  llvm::SmallVector<llvm::SmallVector<int64_t>> DimIndices;
  unsigned NumSizes = 0;
};

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H
