// The weights of a model that may be blocks.
#ifndef LATHE_PASSES_QUANTIZATION_QUANTIZABLEWEIGHTS_H
#define LATHE_PASSES_QUANTIZATION_QUANTIZABLEWEIGHTS_H

#include "dialects/lathe/Lathe.h"
#include "passes/quantization/QuantizationRecipe.h"

namespace lathe {

/// A weight as products read it, and the operands that do.
struct QuantizableValue {
  mlir::Value values;      ///< floats or blocks, before casts that lose nothing
  bool transposed = false; ///< rows of the blocks are its columns
  WeightOp source;
  llvm::SmallVector<mlir::OpOperand *> uses;

  llvm::SmallVector<int64_t> getShape() const;
  QuantizableWeight describe() const;
};

/// What products, products of experts and gathers read that is made of weights alone, in the order of the first reader.
/// Other operands of theirs are missed remarks.
std::vector<QuantizableValue> findQuantizableValues(mlir::ModuleOp module);

/// The blocks of a value, behind what makes it. Nothing reads them yet.
mlir::Value quantize(const QuantizableValue &value, QuantizedTypeInterface blocks);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_QUANTIZABLEWEIGHTS_H
