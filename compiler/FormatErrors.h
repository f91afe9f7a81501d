// What each format that a weight may get would lose, measured by packing the weight.
#ifndef LATHE_COMPILER_FORMATERRORS_H
#define LATHE_COMPILER_FORMATERRORS_H

#include "compiler/QuantizationLedger.h"
#include "passes/quantization/QuantizableWeights.h"

namespace lathe {

/// A weight and a format whose blocks fit it.
struct FormatTrial {
  QuantizableValue value;
  std::string format;
};

/// The error of each trial, all of whose values are packed, piece by piece, by the context's threads. Adds operations
/// to the module that nothing reads, and takes no more memory than a few pieces for each thread. `progress` is called
/// by any thread when so many are done. Fails with a diagnostic.
llvm::FailureOr<std::vector<QuantizationError>> measureFormats(mlir::MLIRContext &context,
                                                               llvm::ArrayRef<FormatTrial> trials,
                                                               llvm::function_ref<void(size_t done)> progress);

} // namespace lathe

#endif // LATHE_COMPILER_FORMATERRORS_H
