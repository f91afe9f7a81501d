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
