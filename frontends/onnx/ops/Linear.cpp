#include "frontends/onnx/ops/Broadcast.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Both factors of a product, which must have rank 2.
static LogicalResult getFactors(NodeImporter &node, Value &lhs, Value &rhs) {
  FailureOr<Value> a = node.floatInput(0), b = node.floatInput(1);
  if (failed(a) || failed(b))
    return failure();
  if (node.rank(*a) != 2 || node.rank(*b) != 2)
    return node.fail("inputs have ranks {0} and {1}, only 2 is supported", node.rank(*a), node.rank(*b));
  lhs = *a;
  rhs = *b;
  return success();
}

static FailureOr<Value> createMatmul(NodeImporter &node, Value lhs, Value rhs, bool transposeRhs) {
  if (failed(node.requireSame(node.dims(lhs)[1], node.dims(rhs)[transposeRhs ? 1 : 0], "the dimension summed over")))
    return failure();
  return node.create<MatmulOp>(node.elementType(lhs), lhs, rhs, transposeRhs);
}

static LogicalResult importMatMul(NodeImporter &node) {
  Value lhs, rhs;
  if (failed(getFactors(node, lhs, rhs)))
    return failure();
  FailureOr<Value> result = createMatmul(node, lhs, rhs, /*transposeRhs=*/false);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

/// `value`, or its product with a factor other than 1.
static FailureOr<Value> scale(NodeImporter &node, Value value, float factor) {
  if (factor == 1.0f)
    return value;
  return createBinary<MulOp>(node, value, node.scalar(node.elementType(value), factor));
}

static LogicalResult importGemm(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1.0f), beta = node.floatAttribute("beta", 1.0f);
  bool transposeLhs = node.intAttribute("transA", 0), transposeRhs = node.intAttribute("transB", 0);
  Value lhs, rhs;
  if (failed(getFactors(node, lhs, rhs)))
    return failure();
  FailureOr<Value> result = lhs;
  if (transposeLhs)
    result = node.transpose(lhs, {1, 0});
  if (succeeded(result))
    result = createMatmul(node, *result, rhs, transposeRhs);
  if (succeeded(result))
    result = scale(node, *result, alpha);
  if (succeeded(result) && node.hasInput(2)) {
    FailureOr<Value> bias = node.floatInput(2);
    if (failed(bias))
      return failure();
    int64_t rank = node.rank(*bias);
    if (rank > 2)
      return node.fail("C has rank {0}, needed at most 2", rank);
    // C broadcasts to the product, never the other way.
    for (int64_t i = 1; i <= rank; ++i)
      if (node.size(*bias, rank - i) != 1 &&
          failed(node.requireSame(node.dims(*bias)[rank - i], node.dims(*result)[2 - i], "a dimension of C")))
        return failure();
    bias = scale(node, *bias, beta);
    result = succeeded(bias) ? createBinary<AddOp>(node, *result, *bias) : bias;
  }
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "Gemm", 7, NewestOpset, "float types", importGemm},
    {"", "MatMul", 1, NewestOpset, "rank 2, float types", importMatMul},
};

llvm::ArrayRef<Operator> lathe::onnx::linearOperators() { return Operators; }
