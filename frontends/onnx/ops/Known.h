// What operators give on tensors whose elements are known while importing. Each function sets all outputs, or fails and
// leaves the node to the importer that builds operations.
#ifndef LATHE_FRONTENDS_ONNX_OPS_KNOWN_H
#define LATHE_FRONTENDS_ONNX_OPS_KNOWN_H

#include "frontends/onnx/ops/Operators.h"

namespace lathe::onnx {

// KnownArithmetic.cpp
mlir::LogicalResult evaluateAbs(NodeImporter &node);
mlir::LogicalResult evaluateAdd(NodeImporter &node);
mlir::LogicalResult evaluateAnd(NodeImporter &node);
mlir::LogicalResult evaluateCast(NodeImporter &node);
mlir::LogicalResult evaluateCeil(NodeImporter &node);
mlir::LogicalResult evaluateDiv(NodeImporter &node);
mlir::LogicalResult evaluateEqual(NodeImporter &node);
mlir::LogicalResult evaluateFloor(NodeImporter &node);
mlir::LogicalResult evaluateGreater(NodeImporter &node);
mlir::LogicalResult evaluateGreaterOrEqual(NodeImporter &node);
mlir::LogicalResult evaluateLess(NodeImporter &node);
mlir::LogicalResult evaluateLessOrEqual(NodeImporter &node);
mlir::LogicalResult evaluateMax(NodeImporter &node);
mlir::LogicalResult evaluateMin(NodeImporter &node);
mlir::LogicalResult evaluateMod(NodeImporter &node);
mlir::LogicalResult evaluateMul(NodeImporter &node);
mlir::LogicalResult evaluateNeg(NodeImporter &node);
mlir::LogicalResult evaluateNot(NodeImporter &node);
mlir::LogicalResult evaluateOr(NodeImporter &node);
mlir::LogicalResult evaluateReduceMax(NodeImporter &node);
mlir::LogicalResult evaluateReduceMin(NodeImporter &node);
mlir::LogicalResult evaluateReduceProd(NodeImporter &node);
mlir::LogicalResult evaluateReduceSum(NodeImporter &node);
mlir::LogicalResult evaluateSqrt(NodeImporter &node);
mlir::LogicalResult evaluateSub(NodeImporter &node);
mlir::LogicalResult evaluateWhere(NodeImporter &node);

// KnownMovement.cpp
mlir::LogicalResult evaluateConcat(NodeImporter &node);
mlir::LogicalResult evaluateConstantOfShape(NodeImporter &node);
mlir::LogicalResult evaluateExpand(NodeImporter &node);
mlir::LogicalResult evaluateGather(NodeImporter &node);
mlir::LogicalResult evaluateGatherElements(NodeImporter &node);
mlir::LogicalResult evaluateIdentity(NodeImporter &node);
mlir::LogicalResult evaluateNonZero(NodeImporter &node);
mlir::LogicalResult evaluateRange(NodeImporter &node);
mlir::LogicalResult evaluateReshape(NodeImporter &node);
mlir::LogicalResult evaluateShape(NodeImporter &node);
mlir::LogicalResult evaluateSize(NodeImporter &node);
mlir::LogicalResult evaluateSlice(NodeImporter &node);
mlir::LogicalResult evaluateSplit(NodeImporter &node);
mlir::LogicalResult evaluateSqueeze(NodeImporter &node);
mlir::LogicalResult evaluateTile(NodeImporter &node);
mlir::LogicalResult evaluateTranspose(NodeImporter &node);
mlir::LogicalResult evaluateUnsqueeze(NodeImporter &node);

/// Advances a row-major index; false after the last one.
bool nextIndex(llvm::ArrayRef<int64_t> shape, llvm::MutableArrayRef<int64_t> index);
int64_t offsetOf(llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<int64_t> index);
/// Sets an output of `shape` whose element at an index is that of `input` at `position`; fails where that is negative.
mlir::LogicalResult setGathered(NodeImporter &node, size_t output, const KnownTensor &input,
                                llvm::SmallVector<int64_t> shape,
                                llvm::function_ref<int64_t(llvm::ArrayRef<int64_t>)> position);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_KNOWN_H
