// Verifiers and shapes of LoopMovement.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

/// True when elements of `input` can be moved to `result` as they are.
static bool movesElements(RankedTensorType input, RankedTensorType result) {
  return input.getElementType() == result.getElementType() && !isa<QuantizedTypeInterface>(input.getElementType());
}

LogicalResult SliceOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  size_t rank = input.getRank();
  // (C1)
  if (result.getRank() != input.getRank() || getStarts().getNumResults() != rank || getSteps().size() != rank ||
      getSizes().getNumResults() != rank)
    return emitOpError() << "has " << getStarts().getNumResults() << " starts, " << getSteps().size() << " steps and "
                         << getSizes().getNumResults() << " sizes for " << input << " and " << result
                         << ", needed one for each dimension";
  // (C2)
  if (failed(verifySizes(*this, "starts", getStarts())) || failed(verifySizes(*this, "sizes", getSizes())) ||
      failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  // (C3)
  if (llvm::is_contained(getSteps(), 0) || !movesElements(input, result))
    return emitOpError() << "takes " << input << " to " << result << " in steps of [" << getSteps()
                         << "], needed steps that are not 0 and one element type that is not quantized";
  // (C4)
  for (size_t d = 0; d < rank; ++d) {
    auto start = dyn_cast<AffineConstantExpr>(getStarts().getResult(d));
    auto size = dyn_cast<AffineConstantExpr>(getSizes().getResult(d));
    if (!start || !size || input.isDynamicDim(d) || size.getValue() == 0)
      continue;
    int64_t first = start.getValue(), last = first + (size.getValue() - 1) * getSteps()[d];
    if (std::min(first, last) < 0 || std::max(first, last) >= input.getDimSize(d))
      return emitOpError() << "reads elements " << first << " to " << last << " of dimension " << d << ", which has "
                           << input.getDimSize(d);
  }
  return success();
}

LogicalResult SliceOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void SliceOp::getLoopAttributes(ArrayRef<DimList> operands, SmallVectorImpl<AffineExpr> &attributes) {
  llvm::append_range(attributes, inferSizes(getStarts(), operands));
  for (int64_t step : getSteps())
    attributes.push_back(getAffineConstantExpr(step, getContext()));
}

LogicalResult ExpandOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (failed(verifySizes(*this, "sizes", getSizes())) || failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  // (C2)
  int64_t missing = result.getRank() - input.getRank();
  bool fits = missing >= 0;
  for (int64_t d = 0; fits && d < input.getRank(); ++d)
    fits = input.getDimSize(d) == 1 || dimsAgree(input.getDimSize(d), result.getDimSize(d + missing));
  if (!fits)
    return emitOpError() << "cannot repeat " << input << " to " << result;
  // (C3)
  if (!movesElements(input, result))
    return emitOpError() << "takes " << input << " to " << result << ", needed one element type that is not quantized";
  return success();
}

LogicalResult ExpandOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void ExpandOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &) {}

LogicalResult ReshapeToOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (failed(verifySizes(*this, "sizes", getSizes())) || failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  // (C2)
  bool agrees =
      !input.hasStaticShape() || !result.hasStaticShape() || input.getNumElements() == result.getNumElements();
  if (!movesElements(input, result) || !agrees)
    return emitOpError() << "takes " << input << " to " << result
                         << ", needed as many elements, of one type that is not quantized";
  return success();
}

LogicalResult ReshapeToOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void ReshapeToOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &) {}

LogicalResult ConcatOp::verify() {
  RankedTensorType result = getResult().getType();
  int64_t axis = getAxis(), sum = 0;
  // (C1)
  if (getInputs().empty())
    return emitOpError() << "has no inputs, needed at least one";
  if (failed(verifyAxis(*this, axis, result.getRank())))
    return failure();
  // (C1), (C2)
  for (Value input : getInputs()) {
    SmallVector<int64_t> shape(result.getShape());
    auto type = cast<RankedTensorType>(input.getType());
    shape[axis] = ShapedType::kDynamic;
    if (failed(verifyShape(*this, "an input", input, shape, result.getElementType())))
      return failure();
    sum = type.isDynamicDim(axis) || ShapedType::isDynamic(sum) ? ShapedType::kDynamic : sum + type.getDimSize(axis);
  }
  if (!dimsAgree(sum, result.getDimSize(axis)))
    return emitOpError() << "result dimension " << axis << " is " << result.getDimSize(axis) << " but the inputs have "
                         << sum << " together";
  return success();
}

LogicalResult ConcatOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = operands[0];
  for (const DimList &other : operands.drop_front())
    dims[getAxis()] = dims[getAxis()] + other[getAxis()];
  results.push_back(std::move(dims));
  return success();
}

void ConcatOp::getLoopAttributes(ArrayRef<DimList> operands, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(getAffineConstantExpr(getAxis(), getContext()));
  attributes.push_back(getAffineConstantExpr(operands.size(), getContext()));
}

LogicalResult PadOp::verify() {
  RankedTensorType input = getInput().getType(), value = getValue().getType(), result = getResult().getType();
  // (C1)
  if (failed(verifySizes(*this, "low", getLow())) || failed(verifySizes(*this, "sizes", getSizes())) ||
      failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  if (int64_t(getLow().getNumResults()) != input.getRank() || result.getRank() != input.getRank())
    return emitOpError() << "takes " << input << " to " << result << " with " << getLow().getNumResults()
                         << " pads, needed one for each dimension";
  // (C2)
  if (failed(verifyWord(*this, "mode", getMode(), {"constant", "edge", "reflect", "wrap"})))
    return failure();
  // (C3)
  if (!movesElements(input, result) || value.getRank() != 0 || value.getElementType() != input.getElementType())
    return emitOpError() << "takes " << input << " and " << value << " to " << result
                         << ", needed one element type that is not quantized and a value of rank 0";
  return success();
}

LogicalResult PadOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void PadOp::getLoopAttributes(ArrayRef<DimList> operands, SmallVectorImpl<AffineExpr> &attributes) {
  int64_t mode = getMode() == "constant" ? 0 : getMode() == "edge" ? 1 : getMode() == "reflect" ? 2 : 3;
  attributes.push_back(getAffineConstantExpr(mode, getContext()));
  llvm::append_range(attributes, inferSizes(getLow(), operands));
}

LogicalResult IotaOp::verify() {
  // (C1)
  if (failed(verifySizes(*this, "sizes", getSizes())) ||
      failed(verifyResultSizes(*this, getSizes(), getResult().getType())))
    return failure();
  // (C2)
  return verifyAxis(*this, getAxis(), getResult().getType().getRank());
}

LogicalResult IotaOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void IotaOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(getAffineConstantExpr(getAxis(), getContext()));
}

LogicalResult WriteSizesOp::verify() {
  // (C1)
  if (failed(verifySizes(*this, "values", getValues())))
    return failure();
  // (C2)
  if (getResult().getType().getDimSize(0) != int64_t(getValues().getNumResults()))
    return emitOpError() << "has " << getValues().getNumResults() << " values and gives " << getResult().getType()
                         << ", needed an element for each";
  return success();
}

LogicalResult WriteSizesOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  results.push_back({getAffineConstantExpr(getValues().getNumResults(), getContext())});
  return success();
}

void WriteSizesOp::getLoopAttributes(ArrayRef<DimList> operands, SmallVectorImpl<AffineExpr> &attributes) {
  llvm::append_range(attributes, inferSizes(getValues(), operands));
}

LogicalResult ReverseSequenceOp::verify() {
  int64_t rank = getInput().getType().getRank(), time = getTimeAxis(), batch = getBatchAxis();
  // (C1)
  if (failed(verifyAxis(*this, time, rank)) || failed(verifyAxis(*this, batch, rank)))
    return failure();
  if (time == batch || !dimsAgree(getLengths().getType().getDimSize(0), getInput().getType().getDimSize(batch)))
    return emitOpError() << "has axes " << time << " and " << batch << " of " << getInput().getType() << " and lengths "
                         << getLengths().getType() << ", needed two axes and a length for each sequence";
  return success();
}

LogicalResult ReverseSequenceOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

void ReverseSequenceOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  for (int64_t axis : {getTimeAxis(), getBatchAxis()})
    attributes.push_back(getAffineConstantExpr(axis, getContext()));
}
