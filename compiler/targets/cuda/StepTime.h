// What products of an entry point take on a GPU, foreseen before phase `fuse` has made launches of them.
#ifndef LATHE_COMPILER_TARGETS_CUDA_STEPTIME_H
#define LATHE_COMPILER_TARGETS_CUDA_STEPTIME_H

#include "compiler/targets/cuda/KernelPrinter.h"
#include "dialects/lathe/SymbolicDims.h"
#include <map>

namespace lathe::cuda {

/// Products with weights that read one left side and become one launch, as JoinProducts and LaunchTogether make it.
struct ForeseenLaunch {
  mlir::AffineExpr Rows; ///< over the entry point's symbols
  mlir::RankedTensorType Lhs;
  llvm::SmallVector<mlir::RankedTensorType> Weights; ///< before or after PackProducts
  bool TransposeRhs;
  bool Packed;       ///< into tiles
  bool Meets;        ///< two, whose sums meet in one epilogue
  bool HasNorm;      ///< rows come from a norm
  int64_t Count = 1; ///< launches that are alike
};

/// Seconds of a launch whose weights are blocks, with so many rows, on a kernel for so many at most.
struct UnpackTimes {
  double Apart; ///< taken apart before, in a launch of their own for each matrix
  double Read;  ///< read as they are; infinite where a kernel would take them apart several times
};
UnpackTimes predictUnpacking(const ForeseenLaunch &launch, const KernelChooser &chooser, unsigned target, int64_t most);

/// The launches of products of an entry point that is not cut into clones yet. Of what else it computes nothing is
/// known, which takes as long whatever the clone, as a rule.
class StepTime {
public:
  /// Fails with a diagnostic where sizes cannot be told. `symbol` is what clones are cut by.
  static llvm::FailureOr<StepTime> create(mlir::func::FuncOp entry, llvm::StringRef symbol, bool batchInvariant,
                                          bool tf32);

  llvm::ArrayRef<ForeseenLaunch> getLaunches() const { return Launches; }
  /// Bytes of the weights of `getLaunches`, and of products whose kernels nothing is predicted of.
  double getKnownBytes() const { return KnownBytes; }
  double getUnknownBytes() const { return UnknownBytes; }

  /// Seconds of the products of a call of `count`, on a clone for `least` to `most`.
  double predict(const KernelChooser &chooser, unsigned target, int64_t least, int64_t most, int64_t count) const;

private:
  /// The kernels of a launch, as they are chosen for its most rows. M of them is s0.
  using Kernels = std::vector<TemplateUse>;

  void collect(mlir::func::FuncOp entry, const SymbolicDims &dims);
  ForeseenLaunch describe(llvm::SmallVectorImpl<MatmulOp> &group, const SymbolicDims &dims) const;
  /// The value of an expression where the symbol has `count` and others are as large, or as small, as may be.
  int64_t evaluate(mlir::AffineExpr rows, int64_t count, bool largest) const;
  /// `many`: whether a call has never fewer rows than blocks may be taken apart for.
  const Kernels &choose(const KernelChooser &chooser, unsigned target, size_t launch, int64_t most, bool many) const;

  llvm::SmallVector<SymbolAttr> Symbols;
  std::string Symbol;
  bool BatchInvariant = false, Tf32 = false;
  std::vector<ForeseenLaunch> Launches;
  double KnownBytes = 0, UnknownBytes = 0;
  mutable std::map<std::tuple<const KernelChooser *, unsigned, size_t, int64_t, bool>, Kernels> Known;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_STEPTIME_H
