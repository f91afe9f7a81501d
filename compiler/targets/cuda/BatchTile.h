// Which tiles of packed_matmul_batch_sm90.cuh a product of some rows may take.
#ifndef LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H
#define LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H

#include "compiler/report/KernelTime.h"
#include <vector>

namespace lathe::cuda {

/// Products of one left side that share a launch.
struct BatchShape {
  int64_t Rows;  ///< of the left side, at most
  int64_t Units; ///< 16 rows of weights each, over all parts
  int64_t Depth; ///< along K, in 64s
  int64_t Sums;  ///< 2 where an epilogue takes sums of two weights
};

/// The template's numbers: 16 * Units rows of weights x Tokens rows an item, K shared by Split blocks, Deep times 64 of
/// it a stage.
struct BatchTile {
  int64_t Tokens, Units, Warpgroups, Split, Stages, Deep, SharedBytes;

  int64_t getThreads() const { return Warpgroups * 128 + 128; }
  int64_t countItems(const BatchShape &shape) const;
  /// What it makes of a launch, but for items, blocks and steps.
  lathe::report::KernelWork describeWork(const BatchShape &shape) const;
};

/// All tiles that registers and shared memory of Hopper have room for; there is at least one. At most `maxSplit` blocks
/// share K; results with one are those of packed_matmul_wide_sm90.cuh to the bit.
std::vector<BatchTile> listBatchTiles(const BatchShape &shape, int64_t maxSplit);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H
