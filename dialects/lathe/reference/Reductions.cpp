// The meaning of Reductions.td: sums accumulate in f64 and round once.
#include "dialects/lathe/Windows.h"
#include "dialects/lathe/reference/Evaluator.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

LogicalResult RmsNormOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0], &weight = operands[1];
  int64_t length = input.getShape().empty() ? 1 : input.getShape().back();
  if (weight.getNumElements() != length)
    return emitOpError() << "weight has " << weight.getNumElements() << " elements but the last dimension of input has "
                         << length;
  double epsilon = getEpsilon().convertToFloat();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), input.getShape());
  for (int64_t start = 0, n = input.getNumElements(); start < n; start += length) {
    double squares = 0;
    for (int64_t i = 0; i < length; ++i)
      squares += input.getFloat(start + i) * input.getFloat(start + i);
    double scale = 1 / std::sqrt(squares / length + epsilon);
    for (int64_t i = 0; i < length; ++i)
      result.setFloat(start + i, input.getFloat(start + i) * scale * weight.getFloat(i));
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult LayerNormOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  const ReferenceValue *scale = getScale() ? &operands[1] : nullptr, *bias = getBias() ? &operands.back() : nullptr;
  int64_t length = 1;
  for (int64_t size : input.getShape().drop_front(getAxis()))
    length *= size;
  for (auto [name, operand] : {std::pair<StringRef, const ReferenceValue *>("scale", scale), {"bias", bias}})
    if (operand && operand->getNumElements() != length)
      return emitOpError() << name << " has " << operand->getNumElements() << " elements but a row of input has "
                           << length;
  double epsilon = getEpsilon().convertToFloat();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), input.getShape());
  for (int64_t start = 0, n = input.getNumElements(); start < n; start += length) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < length; ++i)
      sum += input.getFloat(start + i);
    double mean = sum / length;
    for (int64_t i = 0; i < length; ++i)
      squares += (input.getFloat(start + i) - mean) * (input.getFloat(start + i) - mean);
    double factor = 1 / std::sqrt(squares / length + epsilon);
    for (int64_t i = 0; i < length; ++i)
      result.setFloat(start + i, (input.getFloat(start + i) - mean) * factor * (scale ? scale->getFloat(i) : 1) +
                                     (bias ? bias->getFloat(i) : 0));
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult SoftmaxOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  int64_t length = input.getShape().back();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), input.getShape());
  for (int64_t start = 0, n = input.getNumElements(); start < n; start += length) {
    double largest = -INFINITY, sum = 0;
    for (int64_t i = 0; i < length; ++i)
      largest = std::max(largest, input.getFloat(start + i));
    for (int64_t i = 0; i < length; ++i)
      sum += std::exp(input.getFloat(start + i) - largest);
    for (int64_t i = 0; i < length; ++i)
      result.setFloat(start + i, std::exp(input.getFloat(start + i) - largest) / sum);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult lathe::checkFits(Operation *op, const Windows &windows, ArrayRef<int64_t> input, int first) {
  for (int d = 0; d < 2; ++d)
    if (input[d + first] + windows.pads[d] + windows.pads[d + 2] < windows.extent(d))
      return op->emitOpError() << "window of extent " << windows.extent(d) << " does not fit into dimension "
                               << d + first << ", which has " << input[d + first] << " and pads " << windows.pads[d]
                               << " and " << windows.pads[d + 2];
  return success();
}

/// The largest element of the window at (y, x) of one channel that starts at `plane`; NaN when one of them is.
static double findLargest(const ReferenceValue &input, int64_t plane, const Windows &windows, int64_t y, int64_t x) {
  int64_t height = input.getShape()[2], width = input.getShape()[3];
  double largest = -INFINITY;
  for (int64_t i = 0; i < windows.size[0]; ++i)
    for (int64_t j = 0; j < windows.size[1]; ++j) {
      int64_t inY = y * windows.strides[0] + i * windows.dilations[0] - windows.pads[0];
      int64_t inX = x * windows.strides[1] + j * windows.dilations[1] - windows.pads[1];
      if (inY < 0 || inY >= height || inX < 0 || inX >= width)
        continue;
      double value = input.getFloat(plane + inY * width + inX);
      if (value > largest || std::isnan(value))
        largest = value;
    }
  return largest;
}

LogicalResult MaxPoolOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  ArrayRef<int64_t> shape = input.getShape();
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  if (failed(checkFits(*this, windows, shape)))
    return failure();
  int64_t height = windows.resultSize(0, shape[2]), width = windows.resultSize(1, shape[3]), next = 0;
  ReferenceValue result =
      ReferenceValue::tensor(getEvaluatedElementType(getResult()), {shape[0], shape[1], height, width});
  for (int64_t plane = 0; plane < shape[0] * shape[1]; ++plane)
    for (int64_t y = 0; y < height; ++y)
      for (int64_t x = 0; x < width; ++x)
        result.setFloat(next++, findLargest(input, plane * shape[2] * shape[3], windows, y, x));
  results.push_back(std::move(result));
  return success();
}
