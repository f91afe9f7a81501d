// What quantizing costs a model, measured when it is compiled.
#ifndef LATHE_TOOLS_QUANTIZATIONCHECK_H
#define LATHE_TOOLS_QUANTIZATIONCHECK_H

#include "compiler/Compiler.h"
#include "tools/lathe/Eval.h"

namespace lathe::tools {

/// Compares a model as it is with the same quantized, both compiled for this machine's CPU with f32 activations, so
/// that nothing differs but the weights. Artifacts lie in a temporary folder as long as the object lives.
class QuantizationCheck {
public:
  /// `inputs`: one text file for a language model, NAME=FILE for tensors.
  QuantizationCheck(mlir::MLIRContext &context, const CompileOptions &options, std::vector<std::string> inputs);
  ~QuantizationCheck();
  QuantizationCheck(const QuantizationCheck &) = delete;

  /// What `lathe eval` prints as JSON, without times and places, in four digits; "divergence" is the greatest of a
  /// model's outputs. `step` says what is under way. Problems of compiling are diagnostics; fails with a message, which
  /// is empty after those.
  llvm::Expected<nlohmann::ordered_json> compare(llvm::StringRef recipe, const std::vector<std::string> &formatChoices,
                                                 llvm::StringRef activations, llvm::StringRef step);

  /// The name of the text, or of the inputs' files.
  std::string describeInputs() const;

private:
  bool compileTo(CompileOptions options, const std::string &path);
  CompileOptions optionsFor(llvm::StringRef step) const;
  std::string place(llvm::StringRef name) const;

  mlir::MLIRContext &Context;
  const CompileOptions &Options;
  std::vector<std::string> Inputs;
  llvm::SmallString<128> Folder; ///< goes with its files
  std::error_code FolderError;
  bool HasSource = false;             ///< the model as it is has been compiled
  std::unique_ptr<TextSource> Source; ///< of a language model
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_QUANTIZATIONCHECK_H
