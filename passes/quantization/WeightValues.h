// What is known of values that are made of weights alone, and what their readers need to read blocks.
#ifndef LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H
#define LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// True when a weight program can compute `value`: from weights and constants, and from at least one weight.
bool isOfWeightsAlone(mlir::Value value);

/// The same of weights and constants, or of constants alone.
bool isOfModel(mlir::Value value);

/// The weight that `value` is made of, the first if there are several; null when there is none.
WeightOp findSourceWeight(mlir::Value value);

/// A gather from blocks gives f32: what others read is cast back.
void widenGather(GatherOp gather);

/// Erases what makes `values` as far as nobody reads it.
void eraseUnused(mlir::ValueRange values);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H
