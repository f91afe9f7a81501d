// Products with a matrix, or with a batch of them, as the portable templates compute them: which tile there is, and how
// long it takes, from sizes alone.
#ifndef LATHE_COMPILER_TARGETS_CUDA_MATRIXPRODUCT_H
#define LATHE_COMPILER_TARGETS_CUDA_MATRIXPRODUCT_H

#include "compiler/targets/cuda/KernelPrinter.h"

namespace lathe::cuda {

/// A tile of mma_tile.cuh, K in elements of 16 bits.
struct MmaTile {
  llvm::StringRef Name;
  int64_t M, N, K, Stages, Threads;
};
/// The one for so many rows and columns; without `mayBeLarge` not the largest.
MmaTile chooseMmaTile(int64_t rows, int64_t columns, bool mayBeLarge);

/// What a tile of mma_tile.cuh makes of a launch, of M x N results, K deep, whose weights take so many bytes each and
/// come by as many columns of tiles.
report::KernelWork describeMmaTile(int64_t m, int64_t n, int64_t k, int64_t stages, int64_t threads, double weightBytes,
                                   double columns);

/// Bytes of an element in memory; of one in blocks, its share.
double getBytesOfElement(mlir::Type element);

/// What a product computes.
struct MatrixProduct {
  mlir::AffineExpr M, N, K, Batch;
  std::string LhsStride = "0", RhsStride = "0"; ///< from one matrix of the batch to the next
  int64_t MaxRows = 0, MaxColumns = 0;          ///< of M, and of N of all products of the launch together
  bool Quantized = false, TransposedRhs = true;
  bool ReadsTiles = false;      ///< of blocks
  bool Dual = false;            ///< one of two whose sums meet
  double WeightBytes;           ///< of an element of the right side
  std::string Lhs, Rhs, Output; ///< element types, or the block format
  PrintedLeft Left;
  EpilogueWork Epilogue;
};

struct MatrixUse : TemplateUse {
  int64_t SumsOfThread = 1; ///< at most, of a tile
};

/// The template for a variant: few_rows, which takes at most 8 rows; tiles or unsplit, which are one; tf32; or simt.
MatrixUse useMatrixProduct(const MatrixProduct &product, llvm::StringRef variant);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_MATRIXPRODUCT_H
