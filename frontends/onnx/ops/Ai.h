// Importers of the operators of ONNX's own domain, by group. The table in Ai.cpp names them.
#ifndef LATHE_FRONTENDS_ONNX_OPS_AI_H
#define LATHE_FRONTENDS_ONNX_OPS_AI_H

#include "frontends/onnx/NodeImporter.h"

namespace lathe::onnx {

// AiElementwise.cpp
mlir::LogicalResult importAdd(NodeImporter &node);
mlir::LogicalResult importCast(NodeImporter &node);
mlir::LogicalResult importDiv(NodeImporter &node);
mlir::LogicalResult importExp(NodeImporter &node);
mlir::LogicalResult importMax(NodeImporter &node);
mlir::LogicalResult importMin(NodeImporter &node);
mlir::LogicalResult importMul(NodeImporter &node);
mlir::LogicalResult importNeg(NodeImporter &node);
mlir::LogicalResult importRelu(NodeImporter &node);
mlir::LogicalResult importSigmoid(NodeImporter &node);
mlir::LogicalResult importSub(NodeImporter &node);
mlir::LogicalResult importTanh(NodeImporter &node);

/// `Op` of two values that broadcast for every value of the symbols.
template <typename Op> mlir::FailureOr<mlir::Value> createBinary(NodeImporter &node, mlir::Value lhs, mlir::Value rhs);

// AiLinear.cpp
mlir::LogicalResult importGemm(NodeImporter &node);
mlir::LogicalResult importMatMul(NodeImporter &node);

// AiMovement.cpp
mlir::LogicalResult importConstant(NodeImporter &node);
mlir::LogicalResult importFlatten(NodeImporter &node);
mlir::LogicalResult importIdentity(NodeImporter &node);
mlir::LogicalResult importReshape(NodeImporter &node);
mlir::LogicalResult importSoftmax(NodeImporter &node);
mlir::LogicalResult importTranspose(NodeImporter &node);

// AiWindows.cpp
mlir::LogicalResult importConv(NodeImporter &node);
mlir::LogicalResult importMaxPool(NodeImporter &node);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_AI_H
