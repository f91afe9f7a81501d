// The meaning of Elementwise.td. The expressions of ScalarOps.def are compiled here, in float.
#include "dialects/lathe/reference/Evaluator.h"
#include "dialects/lathe/reference/ScalarFunctions.h"

using namespace mlir;
using namespace lathe;

static LogicalResult evaluateUnary(Operation *op, float (*scalar)(float), const ReferenceValue &input,
                                   SmallVectorImpl<ReferenceValue> &results) {
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(op->getResult(0)), input.getShape());
  for (int64_t i = 0, n = input.getNumElements(); i < n; ++i)
    result.setFloat(i, scalar(float(input.getFloat(i))));
  results.push_back(std::move(result));
  return success();
}

/// NumPy's broadcast of two shapes, or nothing when a pair of sizes is neither equal nor has a 1.
static std::optional<SmallVector<int64_t>> broadcast(ArrayRef<int64_t> lhs, ArrayRef<int64_t> rhs) {
  SmallVector<int64_t> shape(std::max(lhs.size(), rhs.size()), 1);
  for (ArrayRef<int64_t> operand : {lhs, rhs})
    for (size_t i = 0; i < operand.size(); ++i) {
      int64_t &size = shape[shape.size() - operand.size() + i];
      if (size != operand[i] && size != 1 && operand[i] != 1)
        return std::nullopt;
      if (size == 1)
        size = operand[i];
    }
  return shape;
}

/// The index into an operand of `shape` of the element that element `index` of a `result` shape reads.
static int64_t broadcastIndex(int64_t index, ArrayRef<int64_t> result, ArrayRef<int64_t> shape) {
  int64_t operandIndex = 0, stride = 1;
  for (size_t i = 1; i <= shape.size(); ++i) {
    int64_t size = shape[shape.size() - i], resultSize = result[result.size() - i];
    if (size != 1)
      operandIndex += index % resultSize * stride;
    index /= resultSize;
    stride *= size;
  }
  return operandIndex;
}

static LogicalResult evaluateBinary(Operation *op, float (*scalar)(float, float), ArrayRef<ReferenceValue> operands,
                                    SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &lhs = operands[0], &rhs = operands[1];
  auto shape = broadcast(lhs.getShape(), rhs.getShape());
  if (!shape)
    return op->emitOpError() << "operands have shapes " << formatShape(lhs.getShape()) << " and "
                             << formatShape(rhs.getShape()) << ", needed shapes that broadcast";
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(op->getResult(0)), *shape);
  for (int64_t i = 0, n = result.getNumElements(); i < n; ++i)
    result.setFloat(i, scalar(float(lhs.getFloat(broadcastIndex(i, *shape, lhs.getShape()))),
                              float(rhs.getFloat(broadcastIndex(i, *shape, rhs.getShape())))));
  results.push_back(std::move(result));
  return success();
}

#define LATHE_UNARY(Op, mnemonic, expression)                                                                          \
  LogicalResult Op::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {            \
    return evaluateUnary(*this, scalar::mnemonic, operands[0], results);                                               \
  }
#define LATHE_BINARY(Op, mnemonic, expression)                                                                         \
  LogicalResult Op::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {            \
    return evaluateBinary(*this, scalar::mnemonic, operands, results);                                                 \
  }
#include "dialects/lathe/ScalarOps.def"

LogicalResult CastOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  FailureOr<std::vector<float>> values = operands[0].toFloats();
  if (failed(values))
    return emitOpError() << "input has " << operands[0].getBytes().size() << " bytes, which are not the blocks of "
                         << getInput().getType();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), operands[0].getShape());
  for (auto [i, value] : llvm::enumerate(*values))
    result.setFloat(i, value);
  results.push_back(std::move(result));
  return success();
}
