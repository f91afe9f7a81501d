// What is known of values that are made of weights alone.
#ifndef LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H
#define LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// True when a weight program can compute `value`: from weights and constants, and from at least one weight.
bool isOfWeightsAlone(mlir::Value value);

/// The weight that `value` is made of, the first if there are several; null when there is none.
WeightOp findSourceWeight(mlir::Value value);

} // namespace lathe

#endif // LATHE_PASSES_QUANTIZATION_WEIGHTVALUES_H
