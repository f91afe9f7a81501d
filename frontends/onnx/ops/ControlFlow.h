// How an importer builds a choice between two computations.
#ifndef LATHE_FRONTENDS_ONNX_OPS_CONTROLFLOW_H
#define LATHE_FRONTENDS_ONNX_OPS_CONTROLFLOW_H

#include "frontends/onnx/ops/Operators.h"

namespace lathe::onnx {

using BuildBranch = llvm::function_ref<mlir::FailureOr<llvm::SmallVector<mlir::Value>>()>;

/// `lathe.if` whose branches are what the functions build where the builder stands: as many values of the same element
/// types and ranks. A size that differs between the branches, or is found in one, becomes a symbol.
mlir::FailureOr<llvm::SmallVector<mlir::Value>> buildIf(NodeImporter &node, mlir::Value condition,
                                                        BuildBranch thenBranch, BuildBranch elseBranch);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_CONTROLFLOW_H
