// Verifiers, shapes and folds of ControlFlow.td.
#include "dialects/lathe/Lathe.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace lathe;

/// True when a value of type `from` may take the place of one of type `to`.
static bool agrees(Type from, Type to) {
  auto a = dyn_cast<RankedTensorType>(from), b = dyn_cast<RankedTensorType>(to);
  return a && b && a.getElementType() == b.getElementType() && a.getRank() == b.getRank() &&
         llvm::all_of(llvm::zip_equal(a.getShape(), b.getShape()),
                      [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); });
}

static bool agree(TypeRange from, TypeRange to) {
  return from.size() == to.size() && llvm::all_of(llvm::zip_equal(from, to), [](auto pair) {
           return agrees(std::get<0>(pair), std::get<1>(pair));
         });
}

static bool isScalar(Value value) { return cast<RankedTensorType>(value.getType()).getRank() == 0; }

LogicalResult IfOp::verifyRegions() {
  // (C1)
  if (!isScalar(getCondition()))
    return emitOpError() << "condition is " << getCondition().getType() << ", needed tensor<i1>";
  // (C2)
  for (Region *region : getRegions()) {
    StringRef name = region == &getThenBody() ? "first" : "second";
    Block &block = region->front();
    TypeRange yielded = block.getTerminator()->getOperandTypes();
    if (block.getNumArguments() != 0)
      return emitOpError() << "the " << name << " region takes " << block.getNumArguments()
                           << " arguments, needed none";
    if (!agree(yielded, getResultTypes()))
      return emitOpError() << "the " << name << " region yields (" << yielded << ") but the results are ("
                           << getResultTypes() << ")";
  }
  return success();
}

LogicalResult IfOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &) {
  return failure(); // the regions see more than the operands: SymbolicDims looks into them
}

/// A condition that is known leaves one of the branches, in the place of the operation.
LogicalResult IfOp::canonicalize(IfOp op, PatternRewriter &rewriter) {
  auto constant = op.getCondition().getDefiningOp<ConstantOp>();
  if (!constant)
    return failure();
  bool isTrue = constant.getValue().getSplatValue<APInt>().getBoolValue();
  Block &block = (isTrue ? op.getThenBody() : op.getElseBody()).front();
  if (TypeRange(block.getTerminator()->getOperandTypes()) != op.getResultTypes())
    return failure(); // the readers were made for the result's type
  SmallVector<Value> values(block.getTerminator()->getOperands());
  rewriter.eraseOp(block.getTerminator());
  rewriter.inlineBlockBefore(&block, op);
  rewriter.replaceOp(op, values);
  return success();
}

Value LoopOp::getYieldedCondition() {
  return getCondition() ? getBody().front().getTerminator()->getOperand(0) : Value();
}

OperandRange LoopOp::getYieldedCarried() {
  return getBody().front().getTerminator()->getOperands().slice(getCondition() ? 1 : 0, getCarried().size());
}

OperandRange LoopOp::getYieldedRows() {
  return getBody().front().getTerminator()->getOperands().drop_front((getCondition() ? 1 : 0) + getCarried().size());
}

/// The type of one row of `type`.
static RankedTensorType getRowType(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  return RankedTensorType::get(tensor.getShape().drop_front(), tensor.getElementType());
}

LogicalResult LoopOp::verifyRegions() {
  // (C1)
  if (!getTrip() && !getCondition() && getScanned().empty())
    return emitOpError() << "has no trip, no condition and no scanned value, needed one of them to end it";
  if (getTrip() && !getScanned().empty())
    return emitOpError() << "has a trip and scanned values, needed one of them";
  for (Value value : {getTrip(), getCondition()})
    if (value && !isScalar(value))
      return emitOpError() << "trip or condition is " << value.getType() << ", needed no dimensions";
  // (C2)
  Block &block = getBody().front();
  Builder builder(getContext());
  SmallVector<Type> taken = {RankedTensorType::get({}, builder.getI64Type())}, yielded;
  llvm::append_range(taken, getCarried().getTypes());
  for (Type type : getScanned().getTypes()) {
    if (cast<RankedTensorType>(type).getRank() == 0)
      return emitOpError() << "scans a value of type " << type << ", needed one with a dimension";
    taken.push_back(getRowType(type));
  }
  if (!agree(block.getArgumentTypes(), taken))
    return emitOpError() << "region takes (" << block.getArgumentTypes() << "), needed (" << taken << ")";
  // (C3)
  if (getCondition())
    yielded.push_back(RankedTensorType::get({}, builder.getI1Type()));
  for (auto [i, type] : llvm::enumerate(getResultTypes())) {
    bool stacked = i >= getCarried().size();
    if (stacked && cast<RankedTensorType>(type).getRank() == 0)
      return emitOpError() << "result " << i << " is " << type << " but stacks rows, needed a dimension for them";
    yielded.push_back(stacked ? getRowType(type) : type);
  }
  TypeRange found = block.getTerminator()->getOperandTypes();
  if (!agree(found, yielded))
    return emitOpError() << "region yields (" << found << "), needed (" << yielded << ")";
  // (C4)
  size_t carried = getCarried().size();
  if (getNumResults() < carried ||
      TypeRange(getResultTypes()).take_front(carried) != TypeRange(block.getArgumentTypes()).slice(1, carried))
    return emitOpError() << "results are (" << getResultTypes() << ") but the region carries ("
                         << TypeRange(block.getArgumentTypes()).slice(1, carried) << ")";
  return success();
}

LogicalResult LoopOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &) {
  return failure(); // the region sees more than the operands: SymbolicDims looks into it
}
