// Verifiers and shapes of Reductions.td, and of sliding windows.
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/Windows.h"

using namespace mlir;
using namespace lathe;

LogicalResult RmsNormOp::verify() {
  // (C1)
  int64_t row = getInput().getType().getRank() ? getInput().getType().getShape().back() : 1;
  int64_t weight = getWeight().getType().getShape()[0];
  if (!dimsAgree(row, weight))
    return emitOpError() << "weight has " << weight << " elements but the last dimension of input has " << row;
  // (C2)
  if (!(getEpsilon().convertToFloat() > 0))
    return emitOpError() << "epsilon is " << getEpsilon().convertToFloat() << ", needed > 0";
  return success();
}

LogicalResult RmsNormOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult LayerNormOp::verify() {
  RankedTensorType input = getInput().getType();
  // (C1)
  if (int64_t(getAxis()) < 0 || int64_t(getAxis()) >= input.getRank())
    return emitOpError() << "axis is " << int64_t(getAxis()) << " but the input has " << input.getRank()
                         << " dimensions";
  // (C2)
  ArrayRef<int64_t> row = input.getShape().drop_front(getAxis());
  for (auto [name, operand] : {std::pair<StringRef, Value>("scale", getScale()), {"bias", getBias()}}) {
    if (!operand)
      continue;
    ArrayRef<int64_t> shape = cast<RankedTensorType>(operand.getType()).getShape();
    if (shape.size() != row.size() ||
        !llvm::all_of(llvm::zip(shape, row), [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); }))
      return emitOpError() << name << " is " << operand.getType() << ", needed the dimensions of " << input << " from "
                           << getAxis() << " on";
  }
  // (C3)
  if (!(getEpsilon().convertToFloat() >= 0))
    return emitOpError() << "epsilon is " << getEpsilon().convertToFloat() << ", needed >= 0";
  return success();
}

LogicalResult LayerNormOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult SoftmaxOp::verify() {
  // (C1)
  if (getInput().getType().getRank() == 0)
    return emitOpError() << "input has rank 0, needed at least 1";
  return success();
}

LogicalResult SoftmaxOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

LogicalResult Windows::verify(Operation *op) const {
  auto above = [](ArrayRef<int64_t> values, int64_t least) {
    return llvm::all_of(values, [=](int64_t value) { return value >= least; });
  };
  if (strides.size() != 2 || !above(strides, 1))
    return op->emitOpError() << "strides are [" << strides << "], needed 2 positive numbers";
  if (dilations.size() != 2 || !above(dilations, 1))
    return op->emitOpError() << "dilations are [" << dilations << "], needed 2 positive numbers";
  if (pads.size() != 4 || !above(pads, 0))
    return op->emitOpError() << "pads are [" << pads << "], needed 4 numbers that are not negative";
  if (!above(size, 1))
    return op->emitOpError() << "window is [" << size[0] << ", " << size[1] << "], needed positive numbers";
  return success();
}

LogicalResult Windows::verifyResult(Operation *op, RankedTensorType input, RankedTensorType result, int first) const {
  for (int d = 0; d < 2; ++d) {
    int64_t size = input.getDimSize(d + first);
    if (ShapedType::isDynamic(size))
      continue;
    if (size + pads[d] + pads[d + 2] < extent(d))
      return op->emitOpError() << "window of extent " << extent(d) << " does not fit into dimension " << d + first
                               << ", which has " << size << " and pads " << pads[d] << " and " << pads[d + 2];
    if (!dimsAgree(result.getDimSize(d + first), resultSize(d, size)))
      return op->emitOpError() << "result dimension " << d + first << " is " << result.getDimSize(d + first)
                               << " but the windows give " << resultSize(d, size);
  }
  return success();
}

LogicalResult MaxPoolOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || result.getRank() != 4 || input.getElementType() != result.getElementType())
    return emitOpError() << "input is " << input << " and result " << result << ", needed rank 4 and one element type";
  // (C2)
  if (getWindow().size() != 2)
    return emitOpError() << "window has " << getWindow().size() << " sizes, needed 2";
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  for (int d = 0; d < 2; ++d)
    if (std::max(getPads()[d], getPads()[d + 2]) >= windows.extent(d))
      return emitOpError() << "pads are [" << getPads() << "] but windows reach over " << windows.extent(d)
                           << " elements of dimension " << d + 2 << ", so some would be empty";
  // (C3)
  if (!dimsAgree(input.getDimSize(0), result.getDimSize(0)) || !dimsAgree(input.getDimSize(1), result.getDimSize(1)))
    return emitOpError() << "input is " << input << " but the result " << result;
  return windows.verifyResult(*this, input, result);
}

LogicalResult MaxPoolOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  results.push_back(
      {operands[0][0], operands[0][1], windows.resultDim(0, operands[0][2]), windows.resultDim(1, operands[0][3])});
  return success();
}
