// Verifiers and shapes of Collectives.td.
#include "dialects/lathe/Collectives.h"

using namespace mlir;
using namespace lathe;

#define GET_OP_CLASSES
#include "dialects/lathe/Collectives.cpp.inc"

StringRef lathe::getCollectiveAxis(Operation *collective) {
  return collective->getAttrOfType<StringAttr>("axis").getValue();
}

/// The ranks along `axis`; nothing where the module has no grid. Fails with a diagnostic on `op` when it has one
/// without that axis.
static FailureOr<std::optional<int64_t>> getRanks(Operation *op, StringRef axis) {
  auto module = op->getParentOfType<ModuleOp>();
  if (!module || !module->hasAttr(GridAttrName))
    return std::optional<int64_t>();
  if (failed(verifyGrid(module)))
    return failure();
  Grid grid = Grid::of(module);
  if (grid.find(axis))
    return std::optional<int64_t>(grid.getSize(axis));
  InFlightDiagnostic error = op->emitOpError() << "is along '" << axis << "', but the grid has";
  for (const GridAxis &known : grid.getAxes())
    error << " '" << known.name << "'";
  return error;
}

static LogicalResult inferLike(RankedTensorType type, ArrayRef<AffineExpr> dims, SmallVectorImpl<DimList> &results) {
  DimList list(dims);
  for (auto [size, dim] : llvm::zip_equal(type.getShape(), list))
    if (!ShapedType::isDynamic(size))
      dim = getAffineConstantExpr(size, type.getContext());
  results.push_back(std::move(list));
  return success();
}

//===- take_shard -------------------------------------------------------------------------------------------------===//

LogicalResult TakeShardOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  int64_t dim = getDim(), parts = getParts();
  // (C1)
  if (dim < 0 || dim >= input.getRank() || parts < 1)
    return emitOpError() << "dim is " << dim << " and parts " << parts << ", needed a dimension of " << input
                         << " and one part or more";
  int64_t size = input.getDimSize(dim);
  if (ShapedType::isDynamic(size) || size % parts != 0)
    return emitOpError() << "dimension " << dim << " of " << input << " cannot be cut into " << parts << " equal parts";
  SmallVector<int64_t> shape(input.getShape());
  shape[dim] = size / parts;
  if (result != input.clone(shape))
    return emitOpError() << "result is " << result << ", needed " << input.clone(shape);
  // (C2)
  if (auto quantized = dyn_cast<QuantizedTypeInterface>(input.getElementType())) {
    SmallVector<int64_t> offsets(shape.size(), 0);
    offsets[dim] = parts > 1 ? shape[dim] : 0;
    if (!quantized.isLegalSlice(input.getShape(), offsets, shape))
      return emitOpError() << "parts of " << shape[dim] << " of " << input << " do not end on the borders of blocks of "
                           << quantized.getBlockShape()[0] << "x" << quantized.getBlockShape()[1];
  }
  // (C3)
  FailureOr<std::optional<int64_t>> ranks = getRanks(*this, getAxis());
  if (failed(ranks))
    return failure();
  if (*ranks && **ranks % parts != 0)
    return emitOpError() << "has " << parts << " parts for " << **ranks << " ranks along '" << getAxis()
                         << "', needed a number that divides them";
  return success();
}

LogicalResult TakeShardOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  return inferLike(getResult().getType(), operands[0], results);
}

//===- Collectives ------------------------------------------------------------------------------------------------===//

LogicalResult AllReduceOp::verify() {
  // (C1)
  return getRanks(*this, getAxis());
}

LogicalResult AllReduceOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

/// `many` is `one` once for each rank.
static LogicalResult verifyStacked(Operation *op, StringRef axis, RankedTensorType one, RankedTensorType many) {
  // (C1)
  FailureOr<std::optional<int64_t>> ranks = getRanks(op, axis);
  if (failed(ranks))
    return failure();
  // (C2)
  bool stacked = many.getRank() == one.getRank() + 1 && !many.isDynamicDim(0) && many.getDimSize(0) > 0 &&
                 many.getElementType() == one.getElementType() && (!*ranks || many.getDimSize(0) == **ranks) &&
                 llvm::all_of(llvm::zip(many.getShape().drop_front(), one.getShape()),
                              [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); });
  if (stacked)
    return success();
  InFlightDiagnostic error = op->emitOpError() << "has " << one << " for each rank and " << many
                                               << " for all, needed one dimension more in front";
  if (*ranks)
    error << ", of size " << **ranks;
  return error;
}

LogicalResult AllGatherOp::verify() {
  return verifyStacked(*this, getAxis(), getInput().getType(), getResult().getType());
}

LogicalResult AllGatherOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = {getAffineConstantExpr(getResult().getType().getDimSize(0), getContext())};
  llvm::append_range(dims, operands[0]);
  results.push_back(std::move(dims));
  return success();
}

LogicalResult ReduceScatterOp::verify() {
  return verifyStacked(*this, getAxis(), getResult().getType(), getInput().getType());
}

LogicalResult ReduceScatterOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(DimList(ArrayRef(operands[0]).drop_front()));
  return success();
}
