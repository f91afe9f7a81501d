// Elementwise operations of tensors whose shapes broadcast.
#ifndef LATHE_FRONTENDS_ONNX_OPS_BROADCAST_H
#define LATHE_FRONTENDS_ONNX_OPS_BROADCAST_H

#include "frontends/onnx/ops/Operators.h"

namespace lathe::onnx {

/// `Op` of two values that broadcast for every value of the symbols.
template <typename Op> mlir::FailureOr<mlir::Value> createBinary(NodeImporter &node, mlir::Value lhs, mlir::Value rhs) {
  if (failed(node.broadcastDims({DimList(node.dims(lhs)), DimList(node.dims(rhs))})))
    return mlir::failure();
  return node.create<Op>(node.elementType(lhs), lhs, rhs);
}

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_BROADCAST_H
