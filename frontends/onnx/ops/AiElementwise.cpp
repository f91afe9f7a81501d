#include "frontends/onnx/ops/Ai.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

template <typename Op> static LogicalResult importUnary(NodeImporter &node) {
  FailureOr<Value> input = node.input(0);
  if (failed(input))
    return failure();
  FailureOr<Value> result = node.create<Op>(node.elementType(*input), *input);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

template <typename Op> FailureOr<Value> lathe::onnx::createBinary(NodeImporter &node, Value lhs, Value rhs) {
  ArrayRef<AffineExpr> left = node.dims(lhs), right = node.dims(rhs);
  AffineExpr one = getAffineConstantExpr(1, node.context());
  for (size_t i = 1; i <= std::min(left.size(), right.size()); ++i) {
    AffineExpr a = left[left.size() - i], b = right[right.size() - i];
    if (a != one && b != one &&
        failed(node.requireSame(a, b, "dimension " + Twine(std::max(left.size(), right.size()) - i))))
      return failure();
  }
  return node.create<Op>(node.elementType(lhs), lhs, rhs);
}
template FailureOr<Value> lathe::onnx::createBinary<AddOp>(NodeImporter &, Value, Value);
template FailureOr<Value> lathe::onnx::createBinary<MulOp>(NodeImporter &, Value, Value);

/// Combines `count` inputs, from the first on.
template <typename Op> static LogicalResult importChain(NodeImporter &node, size_t count) {
  FailureOr<Value> result = node.input(0);
  for (size_t i = 1; i < count && succeeded(result); ++i) {
    FailureOr<Value> next = node.input(i);
    result = succeeded(next) ? createBinary<Op>(node, *result, *next) : next;
  }
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

LogicalResult lathe::onnx::importExp(NodeImporter &node) { return importUnary<ExpOp>(node); }
LogicalResult lathe::onnx::importNeg(NodeImporter &node) { return importUnary<NegOp>(node); }
LogicalResult lathe::onnx::importRelu(NodeImporter &node) { return importUnary<ReluOp>(node); }
LogicalResult lathe::onnx::importSigmoid(NodeImporter &node) { return importUnary<SigmoidOp>(node); }
LogicalResult lathe::onnx::importTanh(NodeImporter &node) { return importUnary<TanhOp>(node); }

LogicalResult lathe::onnx::importAdd(NodeImporter &node) { return importChain<AddOp>(node, 2); }
LogicalResult lathe::onnx::importSub(NodeImporter &node) { return importChain<SubOp>(node, 2); }
LogicalResult lathe::onnx::importMul(NodeImporter &node) { return importChain<MulOp>(node, 2); }
LogicalResult lathe::onnx::importDiv(NodeImporter &node) { return importChain<DivOp>(node, 2); }
LogicalResult lathe::onnx::importMax(NodeImporter &node) { return importChain<MaximumOp>(node, node.numInputs()); }
LogicalResult lathe::onnx::importMin(NodeImporter &node) { return importChain<MinimumOp>(node, node.numInputs()); }

LogicalResult lathe::onnx::importCast(NodeImporter &node) {
  // Both concern 8-bit floats alone.
  node.intAttribute("saturate", 1);
  node.stringAttribute("round_mode", "up");
  auto to = DataType(node.intAttribute("to", 0));
  FailureOr<Value> input = node.input(0);
  if (failed(input))
    return failure();
  if (to != DataType::Float && to != DataType::Float16 && to != DataType::Bfloat16)
    return node.fail("'to' is {0}, only float, float16 and bfloat16 are supported", dataTypeName(to));
  FailureOr<Value> result = node.create<CastOp>(convertType(node.context(), to), *input);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}
