// What quantizing costs a model, measured when it is compiled.
#ifndef LATHE_TOOLS_QUANTIZATIONCHECK_H
#define LATHE_TOOLS_QUANTIZATIONCHECK_H

#include "compiler/Compiler.h"

namespace lathe::tools {

/// Compiles the model as it is and as `options` quantize it, both for this machine's CPU with f32 activations, so that
/// nothing differs but the weights, and compares them on `inputs`: one text file for a language model, NAME=FILE for
/// tensors. Returns what `lathe eval` prints as JSON, without times and places, in four digits; "divergence" is the
/// greatest of a model's outputs. Artifacts lie in a temporary folder meanwhile. Problems of compiling are diagnostics;
/// fails with a message, which is empty after those.
llvm::Expected<nlohmann::ordered_json> evaluateQuantization(mlir::MLIRContext &context, const CompileOptions &options,
                                                            const std::vector<std::string> &inputs);

} // namespace lathe::tools

#endif // LATHE_TOOLS_QUANTIZATIONCHECK_H
