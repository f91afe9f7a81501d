// The tiles of convolution_sm90.cuh, which convolutions and some products may take.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H
#define LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H

#include "compiler/report/KernelTime.h"
#include "llvm/ADT/StringRef.h"
#include <vector>

namespace lathe::cuda {

/// A convolution as a product.
struct ConvolutionShape {
  int64_t Rows, Outputs; ///< places and filters
  int64_t Depth;         ///< 64 along K
};

/// M places x N filters. The template has the same numbers; a kernel that disagrees does not compile.
struct ConvolutionTile {
  llvm::StringRef Name;
  int64_t M = 0, N = 0, Stages = 0, Threads = 0, MinBlocks = 1;
  int64_t Split = 1; ///< blocks of a cluster that share a tile
  int64_t getSharedBytes() const { return Stages * (M + N) * 128 + M * 8 + 256; }
  int64_t countTiles(const ConvolutionShape &shape) const;
  /// What it makes of a launch, but for items, blocks, steps and the epilogue. `overlap`: windows do.
  report::KernelWork describeWork(bool overlap) const;
};

/// All tiles, in as large clusters as the GPU has room for; there is at least one.
std::vector<ConvolutionTile> listConvolutionTiles(const ConvolutionShape &shape, const report::Machine &machine);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H
