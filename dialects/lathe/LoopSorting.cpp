// Verifiers and shapes of LoopSorting.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

static AffineExpr number(Operation *op, int64_t value) { return getAffineConstantExpr(value, op->getContext()); }

LogicalResult TopKOp::verify() {
  RankedTensorType input = getInput().getType(), values = getValues().getType();
  // (C1)
  if (failed(verifySizes(*this, "sizes", getSizes())) || failed(verifyResultSizes(*this, getSizes(), values)))
    return failure();
  // (C2)
  if (failed(verifyAxis(*this, getAxis(), input.getRank())))
    return failure();
  SmallVector<int64_t> shape(input.getShape());
  shape[getAxis()] = ShapedType::kDynamic;
  if (failed(verifyShape(*this, "values", getValues(), shape, input.getElementType())) ||
      failed(verifyShape(*this, "indices", getIndices(), values.getShape())))
    return failure();
  int64_t all = input.getDimSize(getAxis()), some = values.getDimSize(getAxis());
  if (!ShapedType::isDynamic(all) && some > all)
    return emitOpError() << "takes " << some << " elements of dimension " << getAxis() << ", which has " << all;
  return success();
}

LogicalResult TopKOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  results.push_back(results.back());
  return success();
}

void TopKOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append({number(*this, getAxis()), number(*this, getLargest())});
}

LogicalResult UniqueOp::verify() {
  RankedTensorType input = getInput().getType();
  // (C1)
  if (failed(verifyAxis(*this, getAxis(), input.getRank())) ||
      failed(verifyShape(*this, "values", getValues(), input.getShape(), input.getElementType())))
    return failure();
  for (auto [name, value] :
       {std::pair("first", getFirst()), std::pair("inverse", getInverse()), std::pair("counts", getCounts())})
    if (failed(verifyShape(*this, name, value, {input.getDimSize(getAxis())})))
      return failure();
  return verifyShape(*this, "count", getCount(), {1});
}

LogicalResult UniqueOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList slices = {operands[0][getAxis()]};
  results.append({operands[0], slices, slices, slices, {number(*this, 1)}});
  return success();
}

void UniqueOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append({number(*this, getAxis()), number(*this, getSorted())});
}

LogicalResult CumulativeOp::verify() {
  // (C1)
  if (failed(verifyAxis(*this, getAxis(), getInput().getType().getRank())))
    return failure();
  // (C2)
  return verifyWord(*this, "kind", getKind(), {"sum", "prod"});
}

LogicalResult CumulativeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

void CumulativeOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append({number(*this, getAxis()), number(*this, getKind() == "prod"), number(*this, getExclusive()),
                     number(*this, getReverse())});
}

LogicalResult NmsOp::verify() {
  RankedTensorType boxes = getBoxes().getType(), scores = getScores().getType();
  // (C1)
  if (failed(verifyShape(*this, "boxes", getBoxes(), {scores.getDimSize(0), scores.getDimSize(2), 4})) ||
      failed(verifyShape(*this, "scores", getScores(),
                         {boxes.getDimSize(0), ShapedType::kDynamic, boxes.getDimSize(1)})) ||
      failed(verifyShape(*this, "selected", getSelected(), {ShapedType::kDynamic, 3})))
    return failure();
  return verifyShape(*this, "count", getCount(), {1});
}

LogicalResult NmsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  const DimList &scores = operands[1];
  results.push_back({scores[0] * scores[1] * scores[2], number(*this, 3)});
  results.push_back({number(*this, 1)});
  return success();
}

void NmsOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, getCenter()));
}
