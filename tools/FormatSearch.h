// `lathec --max-size`: formats by measured sensitivity.
#ifndef LATHE_TOOLS_FORMATSEARCH_H
#define LATHE_TOOLS_FORMATSEARCH_H

#include "tools/QuantizationCheck.h"

namespace lathe::tools {

/// What was chosen for the weights that a recipe leaves to a size, and why.
struct FoundFormats {
  std::vector<std::string> choices;   ///< as `PipelineOptions::formatChoices`
  nlohmann::ordered_json description; ///< for the manifest, see docs/artifact.md
};

/// Chooses a format for each weight that the recipe of `options` leaves open (`fit`), so that the weights of the
/// artifact take at most `limit` bytes and the model loses the least.
///
/// 1. Where the model fits as it is, all of them are kept.
/// 2. The error of each format that fits a weight is measured: squared error over the squares of the values, e.
/// 3. What an error costs: with `check`, weights of one part of a model in a third of its layers are quantized, and
///    nothing else, to about as many bits as there are on average, and what its inputs tell apart is divided by the sum
///    of their e: near the model, divergence grows with the square of what moves it. That times e is a format's loss.
///    Without `check`, the loss is e times the number of weights.
/// 4. Sizes and losses go to `chooseWithin`; the plan of a compilation says what the weights take, padding included.
///
/// Problems of compiling are diagnostics; fails with a message, which is empty after those: when no weight is left
/// open, and when the smallest formats take more than `limit`.
llvm::Expected<FoundFormats> findFormats(mlir::MLIRContext &context, const CompileOptions &options, int64_t limit,
                                         QuantizationCheck *check);

} // namespace lathe::tools

#endif // LATHE_TOOLS_FORMATSEARCH_H
