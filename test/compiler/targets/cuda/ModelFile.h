// What the test programs of this folder do to a model file before code generation.
#ifndef LATHE_TEST_COMPILER_TARGETS_CUDA_MODELFILE_H
#define LATHE_TEST_COMPILER_TARGETS_CUDA_MODELFILE_H

#include "compiler/Pipeline.h"
#include "llvm/Support/SourceMgr.h"

namespace lathe::test {

/// Reads IR in text form, a GGUF or an ONNX file; null after a diagnostic. `sources` keeps the text for later
/// diagnostics.
mlir::OwningOpRef<mlir::ModuleOp> readModel(const std::string &path, mlir::MLIRContext &context,
                                            llvm::SourceMgr &sources);

/// Runs the phases from `first` up to, but without, `last`; an empty `last` stands for the end.
llvm::LogicalResult runPhases(mlir::ModuleOp module, const PipelineOptions &options, llvm::StringRef first,
                              llvm::StringRef last);

} // namespace lathe::test

#endif // LATHE_TEST_COMPILER_TARGETS_CUDA_MODELFILE_H
