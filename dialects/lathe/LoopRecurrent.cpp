// Verifiers and shapes of LoopRecurrent.td and LoopSignal.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

static AffineExpr number(Operation *op, int64_t value) { return getAffineConstantExpr(value, op->getContext()); }

/// The shapes at the head of LoopRecurrent.td.
template <typename Op> static LogicalResult verifyRecurrent(Op op, int64_t gates) {
  // (C2)
  if (failed(verifyWord(op, "direction", op.getDirection(), {"forward", "reverse", "bidirectional"})))
    return failure();
  // (C1)
  RankedTensorType input = op.getInput().getType(), recurrence = op.getRecurrence().getType();
  if (input.getRank() != 3 || recurrence.getRank() != 3 || recurrence.isDynamicDim(2))
    return op.emitOpError() << "has input " << input << " and recurrence " << recurrence
                            << ", needed rank 3 and a known number of units";
  Type element = input.getElementType();
  int64_t t = input.getDimSize(0), b = input.getDimSize(1), i = input.getDimSize(2), h = recurrence.getDimSize(2);
  int64_t d = op.getDirection() == "bidirectional" ? 2 : 1;
  if (failed(verifyShape(op, "weights", op.getWeights(), {d, gates * h, i}, element)) ||
      failed(verifyShape(op, "recurrence", op.getRecurrence(), {d, gates * h, h}, element)) ||
      failed(verifyShape(op, "bias", op.getBias(), {d, 2 * gates * h}, element)) ||
      failed(verifyShape(op, "lengths", op.getLengths(), {b})) ||
      failed(verifyShape(op, "initial_h", op.getInitialH(), {d, b, h}, element)) ||
      failed(verifyShape(op, "outputs", op.getOutputs(), {t, d, b, h}, element)))
    return failure();
  return verifyShape(op, "last_h", op.getLastH(), {d, b, h}, element);
}

static void inferRecurrent(Operation *op, ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  const DimList &input = operands[0], &recurrence = operands[2];
  results.push_back({input[0], recurrence[0], input[1], recurrence[2]});
  for (unsigned i = 1; i < op->getNumResults(); ++i)
    results.push_back({recurrence[0], input[1], recurrence[2]});
}

static void appendRecurrent(Operation *op, StringRef direction, const APFloat &clip,
                            SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(number(op, direction == "forward" ? 0 : direction == "reverse" ? 1 : 2));
  attributes.push_back(number(op, std::bit_cast<int32_t>(clip.convertToFloat())));
}

LogicalResult LstmOp::verify() {
  if (failed(verifyRecurrent(*this, 4)))
    return failure();
  ArrayRef<int64_t> state = getInitialH().getType().getShape();
  Type element = getInput().getType().getElementType();
  if (failed(verifyShape(*this, "initial_c", getInitialC(), state, element)) ||
      failed(verifyShape(*this, "peepholes", getPeepholes(), {state[0], 3 * state[2]}, element)))
    return failure();
  return verifyShape(*this, "last_c", getLastC(), state, element);
}

LogicalResult LstmOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  inferRecurrent(*this, operands, results);
  return success();
}

void LstmOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendRecurrent(*this, getDirection(), getClip(), attributes);
  attributes.push_back(number(*this, getInputForget()));
}

LogicalResult GruOp::verify() { return verifyRecurrent(*this, 3); }

LogicalResult GruOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  inferRecurrent(*this, operands, results);
  return success();
}

void GruOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendRecurrent(*this, getDirection(), getClip(), attributes);
  attributes.push_back(number(*this, getLinearBeforeReset()));
}

LogicalResult RnnOp::verify() {
  if (failed(verifyRecurrent(*this, 1)))
    return failure();
  return verifyWord(*this, "activation", getActivation(), {"tanh", "relu", "sigmoid"}); // (C2)
}

LogicalResult RnnOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  inferRecurrent(*this, operands, results);
  return success();
}

void RnnOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  appendRecurrent(*this, getDirection(), getClip(), attributes);
  attributes.push_back(number(*this, getActivation() == "tanh" ? 0 : getActivation() == "relu" ? 1 : 2));
}

LogicalResult DftOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (failed(verifySizes(*this, "length", getLength())) || failed(verifySizes(*this, "sizes", getSizes())) ||
      failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  if (getLength().getNumResults() != 1)
    return emitOpError() << "has " << getLength().getNumResults() << " lengths, needed one";
  // (C2)
  auto isComplex = [](RankedTensorType type) {
    return type.getRank() == 3 && (type.getDimSize(2) == 1 || type.getDimSize(2) == 2);
  };
  if (!isComplex(input) || !isComplex(result))
    return emitOpError() << "takes " << input << " to " << result << ", needed [batch, n, 1 or 2]";
  return success();
}

LogicalResult DftOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void DftOp::getLoopAttributes(ArrayRef<DimList> operands, SmallVectorImpl<AffineExpr> &attributes) {
  llvm::append_range(attributes, inferSizes(getLength(), operands));
  attributes.push_back(number(*this, getInverse()));
}
