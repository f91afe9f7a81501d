// Verifiers and shapes of LoopWindows.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

static AffineExpr number(Operation *op, int64_t value) { return getAffineConstantExpr(value, op->getContext()); }

static void append(Operation *op, SmallVectorImpl<AffineExpr> &attributes, ArrayRef<int64_t> values) {
  for (int64_t value : values)
    attributes.push_back(number(op, value));
}

/// Each list must have an entry for each dimension behind the second.
static LogicalResult verifyLists(Operation *op, RankedTensorType input, ArrayRef<ArrayRef<int64_t>> lists) {
  for (ArrayRef<int64_t> list : lists)
    if (input.getRank() < 3 || int64_t(list.size()) != input.getRank() - 2)
      return op->emitOpError() << "has a list of " << list.size() << " numbers for an input of rank " << input.getRank()
                               << ", needed one for each dimension behind the second";
  return success();
}

LogicalResult PoolOp::verify() {
  // (C1)
  if (failed(verifyLists(*this, getInput().getType(),
                         {getWindow(), getStrides(), getPads(), getPadEnd(), getDilations()})))
    return failure();
  // (C2)
  if (failed(verifySizes(*this, "sizes", getSizes())) ||
      failed(verifyResultSizes(*this, getSizes(), getResult().getType())))
    return failure();
  // (C3)
  if (getP() < 1)
    return emitOpError() << "p is " << getP() << ", needed at least 1";
  return verifyWord(*this, "kind", getKind(), {"max", "average", "lp"});
}

LogicalResult PoolOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void PoolOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  append(*this, attributes,
         {getKind() == "max"       ? 0
          : getKind() == "average" ? 1
                                   : 2,
          getIncludePad(), int64_t(getP())});
  for (ArrayRef<int64_t> list : {getWindow(), getStrides(), getPads(), getDilations(), getPadEnd()})
    append(*this, attributes, list);
}

LogicalResult MaxPoolIndicesOp::verify() {
  // (C1)
  if (failed(verifyLists(*this, getInput().getType(), {getWindow(), getStrides(), getPads(), getDilations()})))
    return failure();
  // (C2)
  if (failed(verifySizes(*this, "sizes", getSizes())))
    return failure();
  return verifyResultSizes(*this, getSizes(), getResult().getType());
}

LogicalResult MaxPoolIndicesOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void MaxPoolIndicesOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  append(*this, attributes, {getColumnMajor()});
  for (ArrayRef<int64_t> list : {getWindow(), getStrides(), getPads(), getDilations()})
    append(*this, attributes, list);
}

/// What convolutions share. `channels` is the filter's dimension that belongs to the input's channels.
template <typename Op> static LogicalResult verifyConvolution(Op op, int64_t channels, int64_t perGroup) {
  RankedTensorType input = op.getInput().getType(), filter = op.getFilter().getType();
  // (C1)
  if (input.getRank() != filter.getRank())
    return op.emitOpError() << "has an input of rank " << input.getRank() << " and a filter of rank "
                            << filter.getRank() << ", needed one rank";
  if (failed(verifyLists(op, input, {op.getStrides(), op.getPads(), op.getDilations()})))
    return failure();
  // (C2)
  if (failed(verifySizes(op, "sizes", op.getSizes())) ||
      failed(verifyResultSizes(op, op.getSizes(), op.getResult().getType())))
    return failure();
  // (C3)
  int64_t groups = op.getGroups(), found = filter.getDimSize(channels), all = input.getDimSize(1);
  bool divides = groups > 0 && (ShapedType::isDynamic(all) || all % groups == 0);
  if (!divides || !dimsAgree(found, ShapedType::isDynamic(all) ? all : perGroup ? all / groups : all))
    return op.emitOpError() << "has " << groups << " groups of " << input << " with the filter " << filter
                            << ", needed channels that they divide";
  return success();
}

template <typename Op> static void appendConvolution(Op op, SmallVectorImpl<AffineExpr> &attributes) {
  append(op, attributes, {int64_t(op.getGroups())});
  for (ArrayRef<int64_t> list : {op.getStrides(), op.getPads(), op.getDilations()})
    append(op, attributes, list);
}

LogicalResult ConvNdOp::verify() { return verifyConvolution(*this, 1, true); }

LogicalResult ConvNdOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void ConvNdOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendConvolution(*this, attributes);
}

LogicalResult IntegerConvOp::verify() {
  if (failed(verifyConvolution(*this, 1, true)))
    return failure();
  // (C4)
  RankedTensorType filter = getFilter().getType(), inputZero = getInputZero().getType(),
                   filterZero = getFilterZero().getType();
  bool one = filterZero.getRank() == 0,
       each = filterZero.getRank() == 1 && dimsAgree(filterZero.getDimSize(0), filter.getDimSize(0));
  if (inputZero.getElementType() != getInput().getType().getElementType() ||
      filterZero.getElementType() != filter.getElementType() || inputZero.getRank() != 0 || !(one || each))
    return emitOpError() << "has zeros " << inputZero << " of " << getInput().getType() << " and " << filterZero
                         << " of " << filter << ", needed one of the same type for all, or one for each filter";
  return success();
}

LogicalResult IntegerConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void IntegerConvOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendConvolution(*this, attributes);
}

LogicalResult ConvTransposeOp::verify() { return verifyConvolution(*this, 0, false); }

LogicalResult ConvTransposeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void ConvTransposeOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendConvolution(*this, attributes);
}
