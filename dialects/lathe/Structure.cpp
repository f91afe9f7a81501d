// Verifiers, shapes and folds of Structure.td.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

static LogicalResult inferStaticDims(RankedTensorType type, SmallVectorImpl<DimList> &results) {
  DimList dims;
  for (int64_t dim : type.getShape()) {
    if (ShapedType::isDynamic(dim))
      return failure();
    dims.push_back(getAffineConstantExpr(dim, type.getContext()));
  }
  results.push_back(std::move(dims));
  return success();
}

LogicalResult WeightOp::verify() {
  RankedTensorType type = getResult().getType();
  // (C1)
  if (!type.hasStaticShape())
    return emitOpError() << "'" << getName() << "' has type " << type << ", needed a static shape";
  // (C2)
  FailureOr<int64_t> wanted = getTensorBytes(type);
  if (failed(wanted))
    return emitOpError() << "'" << getName() << "' has type " << type << ", whose shape is not made of whole blocks";
  if (*wanted != int64_t(getBytes()))
    return emitOpError() << "'" << getName() << "' has " << getBytes() << " bytes but its type takes " << *wanted;
  return success();
}

LogicalResult WeightOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  return inferStaticDims(getResult().getType(), results);
}

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult ConstantOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  return inferStaticDims(cast<RankedTensorType>(getResult().getType()), results);
}

LogicalResult WeightProgramOp::verifyRegions() {
  Block &block = getBody().front();
  // (C1) Isolation from above keeps other values out; operations without operands must be weights or constants.
  for (Operation &op : block)
    if (op.getNumOperands() == 0 && !isa<WeightOp, ConstantOp, YieldOp>(op))
      return emitOpError() << "'" << getName() << "' holds '" << op.getName()
                           << "', needed operations on 'lathe.weight' and 'lathe.constant' alone";
  // (C2)
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getNumOperands() != 1 || yield.getOperand(0).getType() != getResult().getType())
    return emitOpError() << "'" << getName() << "' yields " << yield.getOperandTypes() << ", needed one value of type "
                         << getResult().getType();
  if (!getResult().getType().hasStaticShape())
    return emitOpError() << "'" << getName() << "' has type " << getResult().getType() << ", needed a static shape";
  return success();
}

LogicalResult WeightProgramOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  return inferStaticDims(getResult().getType(), results);
}

LogicalResult FusionOp::verifyRegions() {
  Block &block = getBody().front();
  // (C1)
  if (block.getArgumentTypes() != getOperandTypes())
    return emitOpError() << "region takes (" << block.getArgumentTypes() << ") but the operands are ("
                         << getOperandTypes() << ")";
  // (C2)
  auto yield = cast<YieldOp>(block.getTerminator());
  if (yield.getOperandTypes() != getResultTypes())
    return emitOpError() << "region yields (" << yield.getOperandTypes() << ") but the results are ("
                         << getResultTypes() << ")";
  return success();
}

LogicalResult FusionOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  llvm::DenseMap<Value, DimList> dims;
  for (auto [argument, list] : llvm::zip_equal(getBody().getArguments(), operands))
    dims[argument] = list;
  for (Operation &op : getBody().front().without_terminator()) {
    auto shaped = dyn_cast<ShapeOpInterface>(op);
    SmallVector<DimList> inputs, outputs;
    for (Value operand : op.getOperands())
      inputs.push_back(dims[operand]);
    if (!shaped || failed(shaped.inferResultDims(inputs, outputs)))
      return failure();
    for (auto [result, list] : llvm::zip_equal(op.getResults(), outputs))
      dims[result] = list;
  }
  for (Value value : getBody().front().getTerminator()->getOperands())
    results.push_back(dims[value]);
  return success();
}

LogicalResult ReadSizesOp::verify() {
  size_t rank = getResult().getType().getRank();
  // (C1)
  if (getInput().getType().getDimSize(0) != int64_t(rank) || getMin().size() != rank || getMax().size() != rank)
    return emitOpError() << "reads " << getInput().getType() << " with " << getMin().size() << " minima and "
                         << getMax().size() << " maxima, needed " << rank << " of each";
  // (C2)
  for (auto [i, min, max] : llvm::enumerate(getMin(), getMax()))
    if (min < 0 || max < min)
      return emitOpError() << "size " << i << " is from " << min << " to " << max << ", needed 0 <= min <= max";
  return success();
}

LogicalResult ReadSizesOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &) {
  return failure(); // They are symbols of their own: SymbolicDims makes them.
}
