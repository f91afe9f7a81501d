// The step that the kernel of a launch is chosen for, and measured with.
#ifndef LATHE_COMPILER_TARGETS_CUDA_LAUNCHSTEP_H
#define LATHE_COMPILER_TARGETS_CUDA_LAUNCHSTEP_H

#include "compiler/targets/cuda/LaunchBody.h"
#include "llvm/ADT/MapVector.h"
#include <string>
#include <vector>

namespace lathe::cuda {

/// With at most so many tokens most sequences of a step have one.
inline constexpr int64_t MostSingleRows = 256;

/// A step of a launch's clone: the greatest sizes. Of attention over pages the texts are as many as there may be, where
/// the tokens could be one of each, or else as few as have room for them; all are as long as block tables allow.
class LaunchStep {
public:
  explicit LaunchStep(const LaunchBody &body);

  /// Of the kernel's dims.
  llvm::ArrayRef<int64_t> getSizes() const { return Sizes; }
  int64_t evaluate(mlir::AffineExpr expression) const;

  /// Lays out the memory of the state that the launch reads, if there is one, in up to so many bytes. False where an
  /// input says something that is not known.
  bool fill(int64_t freeBytes);
  /// After `fill`: what an input of the launch holds, in each of the buffers that launches take in turn. Empty: any
  /// numbers will do.
  std::vector<std::string> getContents(mlir::Value input) const { return Contents.lookup(input); }
  /// After `fill`: bytes of a port, whatever its type.
  int64_t countBytes(mlir::Value port) const;
  /// After `fill`: layers of the state, 0 without one, and launches that it takes to read so much of it that the next
  /// one does not find it in a cache.
  int64_t getLayers() const { return Layers; }
  int64_t getLaunches() const { return Launches; }

private:
  void chooseSizes(PagedAttentionOp op);
  void chooseSizes(RaggedAttentionOp op);
  void setSize(mlir::AffineExpr dim, int64_t value);
  void fillPages(PagedAttentionOp op, int64_t freeBytes);
  void fillOffsets(mlir::Value offsets);
  /// Numbers of an input, once for each buffer.
  void hold(mlir::Value input, llvm::ArrayRef<std::vector<int64_t>> buffers);

  LaunchBody Body;
  llvm::SmallVector<int64_t> Sizes;
  llvm::MapVector<mlir::Value, std::vector<std::string>> Contents;
  int64_t PoolPages = 0, Layers = 0, Launches = 1;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_LAUNCHSTEP_H
