// Verifiers and shapes of LoopIndexing.td.
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

static AffineExpr number(Operation *op, int64_t value) { return getAffineConstantExpr(value, op->getContext()); }

static int64_t getReduction(StringRef word) {
  return word == "none" ? 0 : word == "add" ? 1 : word == "mul" ? 2 : word == "max" ? 3 : 4;
}

static constexpr StringRef Reductions[] = {"none", "add", "mul", "max", "min"};

/// Dimensions of `input` with those of `indices` in place of `axis`; works on sizes and expressions alike.
template <typename T> static SmallVector<T> replaceAxis(ArrayRef<T> input, ArrayRef<T> indices, int64_t axis) {
  SmallVector<T> dims(input.take_front(axis));
  llvm::append_range(dims, indices);
  llvm::append_range(dims, input.drop_front(axis + 1));
  return dims;
}

LogicalResult GatherAlongOp::verify() {
  RankedTensorType input = getInput().getType();
  // (C1)
  if (failed(verifyAxis(*this, getAxis(), input.getRank())))
    return failure();
  // (C2)
  return verifyShape(*this, "result", getResult(),
                     replaceAxis(input.getShape(), getIndices().getType().getShape(), getAxis()),
                     input.getElementType());
}

LogicalResult GatherAlongOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(DimList(replaceAxis<AffineExpr>(operands[0], operands[1], getAxis())));
  return success();
}

void GatherAlongOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, getAxis()));
}

LogicalResult GatherElementsOp::verify() {
  RankedTensorType input = getInput().getType(), indices = getIndices().getType();
  // (C1)
  if (input.getRank() != indices.getRank())
    return emitOpError() << "has an input of rank " << input.getRank() << " and indices of rank " << indices.getRank()
                         << ", needed one rank";
  if (failed(verifyAxis(*this, getAxis(), input.getRank())))
    return failure();
  // (C2)
  return verifyShape(*this, "result", getResult(), indices.getShape(), input.getElementType());
}

LogicalResult GatherElementsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[1]);
  return success();
}

void GatherElementsOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, getAxis()));
}

/// Dimensions b, i, s of gather_nd.
template <typename T>
static SmallVector<T> gatherTuples(ArrayRef<T> input, ArrayRef<T> indices, int64_t batchDims, int64_t tuple) {
  SmallVector<T> dims(indices.drop_back());
  llvm::append_range(dims, input.drop_front(batchDims + tuple));
  return dims;
}

LogicalResult GatherNdOp::verify() {
  RankedTensorType input = getInput().getType(), indices = getIndices().getType();
  int64_t batchDims = getBatchDims(), rank = indices.getRank();
  // (C1)
  bool fits = batchDims >= 0 && batchDims < rank && !indices.isDynamicDim(rank - 1) &&
              batchDims + indices.getDimSize(rank - 1) <= input.getRank();
  if (!fits)
    return emitOpError() << "has tuples " << indices << " into " << input << " with " << batchDims
                         << " batch dimensions, needed tuples of static length that fit behind them";
  // (C2)
  return verifyShape(*this, "result", getResult(),
                     gatherTuples(input.getShape(), indices.getShape(), batchDims, indices.getDimSize(rank - 1)),
                     input.getElementType());
}

LogicalResult GatherNdOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  int64_t tuple = getIndices().getType().getShape().back();
  results.push_back(DimList(gatherTuples<AffineExpr>(operands[0], operands[1], getBatchDims(), tuple)));
  return success();
}

void GatherNdOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, getBatchDims()));
}

LogicalResult ScatterElementsOp::verify() {
  RankedTensorType input = getInput().getType(), indices = getIndices().getType();
  // (C1)
  if (failed(verifyAxis(*this, getAxis(), input.getRank())))
    return failure();
  if (indices.getRank() != input.getRank())
    return emitOpError() << "has an input of rank " << input.getRank() << " and indices of rank " << indices.getRank()
                         << ", needed one rank";
  if (failed(verifyShape(*this, "updates", getUpdates(), indices.getShape(), input.getElementType())))
    return failure();
  // (C2)
  return verifyWord(*this, "reduction", getReduction(), Reductions);
}

LogicalResult ScatterElementsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

void ScatterElementsOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, ::getReduction(getReduction())));
  attributes.push_back(number(*this, getAxis()));
}

LogicalResult ScatterNdOp::verify() {
  RankedTensorType input = getInput().getType(), indices = getIndices().getType();
  // (C1)
  if (indices.getRank() == 0 || indices.isDynamicDim(indices.getRank() - 1) ||
      indices.getShape().back() > input.getRank())
    return emitOpError() << "has tuples " << indices << " into " << input
                         << ", needed tuples of static length, at most its rank";
  // (C2)
  if (failed(verifyShape(*this, "updates", getUpdates(),
                         gatherTuples(input.getShape(), indices.getShape(), 0, indices.getShape().back()),
                         input.getElementType())))
    return failure();
  // (C3)
  return verifyWord(*this, "reduction", getReduction(), Reductions);
}

LogicalResult ScatterNdOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

void ScatterNdOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(*this, ::getReduction(getReduction())));
}

LogicalResult NonzeroOp::verify() {
  RankedTensorType input = getInput().getType();
  int64_t elements = input.hasStaticShape() ? input.getNumElements() : ShapedType::kDynamic;
  // (C1)
  if (failed(verifyShape(*this, "indices", getIndices(), {input.getRank(), elements})))
    return failure();
  return verifyShape(*this, "count", getCount(), {1});
}

LogicalResult NonzeroOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  AffineExpr elements = number(*this, 1);
  for (AffineExpr dim : operands[0])
    elements = elements * dim;
  results.push_back({number(*this, operands[0].size()), elements});
  results.push_back({number(*this, 1)});
  return success();
}

void NonzeroOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &) {}
