// The meaning of Linear.td: products accumulate in f64 and round once.
#include "dialects/lathe/Windows.h"
#include "dialects/lathe/reference/Evaluator.h"

using namespace mlir;
using namespace lathe;

LogicalResult MatmulOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  bool transposed = getTransposeRhs();
  ArrayRef<int64_t> lhsShape = operands[0].getShape(), rhsShape = operands[1].getShape();
  int64_t m = lhsShape[0], k = lhsShape[1], n = rhsShape[transposed ? 0 : 1];
  if (rhsShape[transposed ? 1 : 0] != k)
    return emitOpError() << "k is " << k << " in lhs but " << rhsShape[transposed ? 1 : 0] << " in rhs";
  FailureOr<std::vector<float>> lhs = operands[0].toFloats(), rhs = operands[1].toFloats();
  if (failed(lhs) || failed(rhs))
    return emitOpError() << "rhs has " << operands[1].getBytes().size() << " bytes, which are not the blocks of "
                         << getRhs().getType();
  int64_t columnStride = transposed ? k : 1, rowStride = transposed ? 1 : n;
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), {m, n});
  for (int64_t row = 0; row < m; ++row)
    for (int64_t column = 0; column < n; ++column) {
      const float *a = lhs->data() + row * k, *b = rhs->data() + column * columnStride;
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += double(a[i]) * b[i * rowStride];
      result.setFloat(row * n + column, sum);
    }
  results.push_back(std::move(result));
  return success();
}

namespace {
/// Sizes of one convolution and its operands' values.
struct Convolution {
  std::vector<float> Input, Filter;
  ArrayRef<int64_t> InputShape, FilterShape;
  int64_t Groups;
  Windows Geometry;

  double evaluate(int64_t image, int64_t channel, int64_t y, int64_t x) const;
};
} // namespace

double Convolution::evaluate(int64_t image, int64_t channel, int64_t y, int64_t x) const {
  int64_t channels = FilterShape[1], firstChannel = channel / (FilterShape[0] / Groups) * channels;
  double sum = 0;
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < FilterShape[2]; ++i)
      for (int64_t j = 0; j < FilterShape[3]; ++j) {
        int64_t inY = y * Geometry.strides[0] + i * Geometry.dilations[0] - Geometry.pads[0];
        int64_t inX = x * Geometry.strides[1] + j * Geometry.dilations[1] - Geometry.pads[1];
        if (inY < 0 || inY >= InputShape[2] || inX < 0 || inX >= InputShape[3])
          continue;
        int64_t input = ((image * InputShape[1] + firstChannel + c) * InputShape[2] + inY) * InputShape[3] + inX;
        int64_t filter = ((channel * channels + c) * FilterShape[2] + i) * FilterShape[3] + j;
        sum += double(Input[input]) * Filter[filter];
      }
  return sum;
}

LogicalResult ConvOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> input = operands[0].getShape(), filter = operands[1].getShape();
  Convolution convolution{*operands[0].toFloats(),
                          *operands[1].toFloats(),
                          input,
                          filter,
                          int64_t(getGroups()),
                          Windows{{filter[2], filter[3]}, getStrides(), getPads(), getDilations()}};
  const Windows &windows = convolution.Geometry;
  if (input[1] != filter[1] * int64_t(getGroups()))
    return emitOpError() << "input has " << input[1] << " channels, needed " << filter[1] << " in each of "
                         << getGroups() << " groups";
  if (failed(checkFits(*this, windows, input)))
    return failure();
  int64_t height = windows.resultSize(0, input[2]), width = windows.resultSize(1, input[3]), next = 0;
  ReferenceValue result =
      ReferenceValue::tensor(getEvaluatedElementType(getResult()), {input[0], filter[0], height, width});
  for (int64_t image = 0; image < input[0]; ++image)
    for (int64_t channel = 0; channel < filter[0]; ++channel)
      for (int64_t y = 0; y < height; ++y)
        for (int64_t x = 0; x < width; ++x)
          result.setFloat(next++, convolution.evaluate(image, channel, y, x));
  results.push_back(std::move(result));
  return success();
}
