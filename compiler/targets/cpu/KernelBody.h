// What a launch computes, as its kernel is built from it.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H

#include "dialects/plan/Plan.h"

namespace lathe::cpu {

/// An operation whose result is one element for each element of its operands, at the same place or at one that follows
/// from it: generated code, no template.
bool isGenerated(mlir::Operation *op);

/// Operations of a launch that share no computed value with the others: a kernel of its own, launched with others.
struct KernelPart {
  llvm::SmallVector<mlir::Operation *> Ops; ///< in order
  /// The operations that templates compute. Where there are several, they are products of one shape that cover the same
  /// elements in the same tiles; each but the last leaves its result in the memory of the part's only output.
  llvm::SmallVector<mlir::Operation *> Roots;
  llvm::SmallVector<unsigned> Outputs; ///< numbers of yielded values

  /// The last root, or null.
  mlir::Operation *getRoot() const { return Roots.empty() ? nullptr : Roots.back(); }
};

/// The body of a launch with the size of each value. Sizes are expressions over s0, s1, ...: the kernel's `dims`.
class KernelBody {
public:
  /// Fails with a diagnostic on the operation that has no kernel.
  static llvm::FailureOr<KernelBody> analyze(plan::LaunchOp launch);

  plan::LaunchOp getLaunch() const { return Launch; }
  mlir::Block &getBlock() const { return Launch->getRegion(0).front(); }
  mlir::Operation *getYield() const { return getBlock().getTerminator(); }
  llvm::ArrayRef<KernelPart> getParts() const { return Parts; }
  /// The buffer that output `number` is written to, counted behind the arguments.
  mlir::Value getOutput(unsigned number) const { return getYield()->getOperand(number); }
  llvm::ArrayRef<mlir::AffineExpr> getDims(mlir::Value value) const { return Dims.find(value)->second; }
  mlir::AffineExpr getDim(mlir::Value value, unsigned d) const { return getDims(value)[d]; }
  /// Product of all sizes, or of those in [begin, end).
  mlir::AffineExpr getElements(mlir::Value value) const;
  mlir::AffineExpr getElements(mlir::Value value, unsigned begin, unsigned end) const;

  /// The argument behind a value that the root reads, through reshapes and casts, which change no element that a
  /// template sees. Null when the value is computed.
  static mlir::BlockArgument findArgument(mlir::Value value);

  /// True when the template of a product reads its right operand row by row, in fewer bits than f32.
  static bool readsNarrowWeights(MatmulOp op);

  /// Operations with a `layer`: its number is passed behind `dims`, so that layers share a kernel.
  llvm::ArrayRef<mlir::Operation *> getLayered() const { return Layered; }
  static int64_t getLayer(mlir::Operation *op);
  /// Number of `dims` that come from sizes; layers follow.
  unsigned getNumSizes() const { return NumSizes; }

  /// Text that is equal for launches which one kernel can serve.
  std::string getKey() const;

private:
  void formParts();
  llvm::LogicalResult checkRoots(const KernelPart &part) const;

  plan::LaunchOp Launch;
  llvm::SmallVector<KernelPart> Parts;
  llvm::SmallVector<mlir::Operation *> Layered;
  llvm::DenseMap<mlir::Value, DimList> Dims;
  llvm::SmallVector<llvm::SmallVector<int64_t>> DimIndices;
  unsigned NumSizes = 0;
};

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELBODY_H
