// The tiles of convolution_sm90.cuh, and which of them a convolution, or a product, is fastest with.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H
#define LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H

#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <vector>

namespace lathe::cuda {

/// A convolution as a product.
struct ConvolutionShape {
  int64_t Rows, Outputs; ///< places and filters
  int64_t Depth;         ///< 64 along K
  bool ReadsRows;        ///< the epilogue reads an element for each result
};

/// M places x N filters. The template has the same numbers; a kernel that disagrees does not compile.
struct ConvolutionTile {
  llvm::StringRef Name;
  int64_t M = 0, N = 0, Stages = 0, Threads = 0, MinBlocks = 1;
  int64_t Split = 1; ///< blocks of a cluster that share a tile
  double Time = 0;   ///< microseconds expected
  int64_t getSharedBytes() const { return Stages * (M + N) * 128 + M * 8 + 256; }
  int64_t countTiles(const ConvolutionShape &shape) const;
};

/// All tiles, in as large clusters as so many multiprocessors of Hopper have room for; there is at least one.
std::vector<ConvolutionTile> listConvolutionTiles(const ConvolutionShape &shape, int64_t multiprocessors);

/// The one of these that is expected to take the least time.
ConvolutionTile chooseConvolutionTile(const ConvolutionShape &shape, int64_t multiprocessors);

/// The microseconds that packed_matmul_wide_sm90.cuh is expected to take for a convolution of images of one place.
double estimateWideProduct(const ConvolutionShape &shape, int64_t multiprocessors);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_CONVOLUTIONTILE_H
