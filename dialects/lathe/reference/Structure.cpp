// The meaning of Structure.td: weights, constants and regions.
#include "dialects/lathe/reference/Evaluator.h"

using namespace mlir;
using namespace lathe;

LogicalResult WeightOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &results) {
  Evaluator evaluator;
  FailureOr<ReferenceValue> value = evaluator.readWeight(*this);
  if (failed(value))
    return failure();
  (void)value->mutableBytes(); // The evaluator unmaps the file: keep a copy.
  results.push_back(*value);
  return success();
}

LogicalResult ConstantOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &results) {
  results.push_back(ReferenceValue::fromElements(getValue()));
  return success();
}

LogicalResult ReadSizesOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  SmallVector<int64_t> sizes;
  for (auto [i, min, max] : llvm::enumerate(getMin(), getMax())) {
    sizes.push_back(operands[0].getInt(i));
    if (sizes.back() < min || sizes.back() > max)
      return emitOpError() << "size " << i << " is " << sizes.back() << ", needed " << min << " to " << max;
  }
  results.emplace_back(getResult().getType(), sizes, 0);
  return success();
}

LogicalResult WeightProgramOp::evaluate(ArrayRef<ReferenceValue>, SmallVectorImpl<ReferenceValue> &results) {
  Evaluator evaluator;
  auto values = evaluator.evaluateBlock(getBody().front(), {});
  if (failed(values))
    return failure();
  (void)values->front().mutableBytes(); // It may be a weight itself, and the evaluator unmaps the file.
  results.push_back(values->front());
  return success();
}

LogicalResult FusionOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  Evaluator evaluator;
  auto values = evaluator.evaluateBlock(getBody().front(), operands);
  if (failed(values))
    return failure();
  for (auto [value, result] : llvm::zip_equal(*values, getResults()))
    results.push_back(roundToStored(value, result.getType()));
  return success();
}
