// Products on weights in tiles: which templates and tiles there are, for which GPUs, and how long they take, from sizes
// alone.
#ifndef LATHE_COMPILER_TARGETS_CUDA_TILEPRODUCT_H
#define LATHE_COMPILER_TARGETS_CUDA_TILEPRODUCT_H

#include "compiler/targets/cuda/ElementWork.h"
#include "compiler/targets/cuda/KernelPrinter.h"

namespace lathe::cuda {

/// One product of a launch, or two whose sums meet in one epilogue.
struct ProductPart {
  llvm::SmallVector<std::string, 2> Weights; ///< parameters
  std::string Result, Output;
  int64_t N;
  GgufTilesType Blocks; ///< null for weights of 16 bits
};

/// What kernels call the type of a product's operands.
llvm::StringRef getProductElement(mlir::Type element);

/// What a launch computes: M rows of K by each part.
struct TileProduct {
  mlir::AffineExpr M;
  int64_t K, MaxRows, Sums = 1;
  std::string Element; ///< of types.cuh: Half, BFloat16, Float8, or Tf32 for f32
  PrintedLeft Left;
  bool IsAlone = false;  ///< of few rows: no two of its blocks share a multiprocessor
  EpilogueWork Epilogue; ///< of each sum, or pair of sums
  std::vector<ProductPart> Parts;

  /// Elements of K in a row of a packed tile, and such tiles along K.
  int64_t getTileDepth() const { return Element == "Tf32" ? 32 : Element == "Float8" ? 128 : 64; }
  int64_t getDepth() const { return llvm::divideCeil(K, getTileDepth()); }
  /// Tiles of so many columns, of all parts.
  int64_t countColumnTiles(int64_t width) const {
    int64_t count = 0;
    for (const ProductPart &part : Parts)
      count += llvm::divideCeil(part.N, width);
    return count;
  }
  /// Says what is computed to whoever has measured it.
  std::string describe() const;
  /// The templates' parameter `Outputs`.
  std::string printOutputs() const;
  std::string printLeftType() const { return Left.Type.empty() ? "" : ", " + Left.Type; }
};

/// Whether one template computes all parts, for the variant that ChooseKernels names; else each is a product of
/// MatrixProduct.h.
bool isOneTemplate(const TileProduct &product, llvm::StringRef variant, unsigned target);

/// All ways to compute a product that is one template, for its variant: few_rows, which takes at most 8; tiles; or
/// unsplit, whose sums are one block's each. A product whose rows are normalized has few.
std::vector<TemplateUse> listUses(const TileProduct &product, llvm::StringRef variant, unsigned target,
                                  const report::Machine &machine);

/// The kernel that takes blocks of a matrix [N, K] apart before a product of many rows.
TemplateUse useDequantize(mlir::RankedTensorType blocks, llvm::StringRef types);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_TILEPRODUCT_H
