// Turns a GGUF model file into a module of the lathe dialect.
#ifndef LATHE_FRONTENDS_GGUF_GGUFIMPORTER_H
#define LATHE_FRONTENDS_GGUF_GGUFIMPORTER_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

#include "llvm/ADT/StringMap.h"

namespace lathe {

struct GgufImportOptions {
  /// Tokens that a sequence may hold; 0 is what the model was trained for.
  int64_t contextLength = 0;
  /// A decoder gives hidden states of whole texts, as an encoder does, instead of logits.
  bool embeddings = false;
  /// A language model gives, beside logits, the likeliest token of each row, and a second entry the likeliest ones, for
  /// devices far from who chooses tokens.
  bool likeliestTokens = false;
  /// Bounds, both included, that replace the defaults of the symbols tokens, sequences, pages and rows.
  llvm::StringMap<std::pair<int64_t, int64_t>> dims;
};

/// Imports the model at `path` as a language-model entry `@forward`, or an encoder `@encode`, with f32 activations.
/// Everything that is wrong with the file is reported as a diagnostic before failure is returned. The lathe and func
/// dialects must be loadable.
llvm::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>> importGguf(mlir::MLIRContext &context, llvm::StringRef path,
                                                              const GgufImportOptions &options = {});

} // namespace lathe

#endif
