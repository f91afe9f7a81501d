// Which kernels a product on CUDA becomes: what the passes of `fuse` decide by, and what foresees them asks.
#ifndef LATHE_PASSES_FUSION_PRODUCTRULES_H
#define LATHE_PASSES_FUSION_PRODUCTRULES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// Up to so many rows a product is bound by reading its weights once: one warp for each row of weights, no tiles.
inline constexpr int64_t FewRows = 8;

/// From so many rows on, blocks that every tile of rows would take apart for itself cost more than writing their values
/// to memory and reading them again.
inline constexpr int64_t ManyRows = 65;

/// Elements of rows, in powers of two, that products of few rows have room for in shared memory to normalize them.
inline constexpr int64_t MostNormalized = 32768;

struct KernelChoice {
  std::string kernelTemplate, variant, reason;
};

/// The kernel of a product on a matrix as it is, or on several. `fewRows`: how many rows kernels for few rows take, 0
/// where there is to be none; `tf32`: whether products of f32 may round their operands.
KernelChoice chooseProduct(mlir::RankedTensorType lhs, mlir::RankedTensorType rhs, bool transposeRhs, int64_t maxRows,
                           int64_t fewRows, bool tf32);

/// The kernel of a product on a matrix in tiles.
KernelChoice chooseTileProduct(int64_t maxRows, int64_t fewRows);

/// Why the weights `rhs` of a product of `lhs` are not packed into tiles, or an empty string.
std::string findTileObstacle(mlir::RankedTensorType lhs, mlir::RankedTensorType rhs, bool tf32);

/// Whether a product of `lhs` on blocks that are in no tiles may read their values in tiles of 64 x 64 instead.
bool canUnpack(mlir::RankedTensorType lhs, mlir::RankedTensorType blocks);

/// Whether tensor cores read such blocks in tiles.
bool hasTiles(mlir::RankedTensorType blocks);

/// The type of a matrix of blocks, which have tiles, in tiles.
mlir::RankedTensorType getBlockTiles(mlir::RankedTensorType blocks);

/// Whether tiles of blocks of `tiledColumns` columns reach no further than the tiles of 64 of `columns` that a product
/// on their values takes.
bool fillsTiles(int64_t tiledColumns, int64_t columns);

} // namespace lathe

#endif // LATHE_PASSES_FUSION_PRODUCTRULES_H
