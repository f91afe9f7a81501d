// Which tile of packed_matmul_batch_sm90.cuh a product of some rows takes.
#ifndef LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H
#define LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H

#include <cstdint>
#include <optional>

namespace lathe::cuda {

/// Products of one left side that share a launch.
struct BatchShape {
  int64_t Rows;  ///< of the left side, at most
  int64_t Units; ///< 16 rows of weights each, over all parts
  int64_t Depth; ///< along K, in 64s
  int64_t Sums;  ///< 2 where an epilogue takes sums of two weights
};

/// The template's numbers: 16 * Units rows of weights x Tokens rows an item, K shared by Split blocks.
struct BatchTile {
  int64_t Tokens, Units, Warpgroups, Split, Stages, SharedBytes;

  int64_t getThreads() const { return Warpgroups * 128 + 128; }
  int64_t countItems(const BatchShape &shape) const;
  /// Clusters of `Split` blocks that run at a time: no cluster stretches over two of the chip's groups of
  /// multiprocessors, which are of several sizes. An H200 has room for 66 clusters of 2 and for 30 of 4.
  int64_t countClusters(int64_t multiprocessors) const;
};

/// The tile that is expected to take the least time on so many multiprocessors of Hopper. At most `maxSplit` blocks
/// share K; results with one are those of packed_matmul_wide_sm90.cuh to the bit.
BatchTile chooseBatchTile(const BatchShape &shape, int64_t multiprocessors, int64_t maxSplit);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_BATCHTILE_H
