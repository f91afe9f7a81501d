// Verifiers and shapes of Elementwise.td.
#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace lathe;

bool lathe::isElementwise(Operation *op) {
  return isa<
#define LATHE_UNARY(Op, mnemonic, types, expression) Op,
#define LATHE_PREDICATE LATHE_UNARY
#define LATHE_BINARY LATHE_UNARY
#define LATHE_COMPARISON LATHE_UNARY
#include "dialects/lathe/ScalarOps.def"
      SelectOp, CastOp>(op);
}

Type lathe::getBoolSameShape(Type type) {
  return cast<RankedTensorType>(type).clone(IntegerType::get(type.getContext(), 1));
}

static LogicalResult inferSameDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

/// NumPy's rule on expressions: a size of 1 gives way to the other.
static LogicalResult inferBroadcastDims(MLIRContext *context, ArrayRef<DimList> operands,
                                        SmallVectorImpl<DimList> &results) {
  size_t rank = 0;
  for (const DimList &operand : operands)
    rank = std::max(rank, operand.size());
  DimList dims(rank, getAffineConstantExpr(1, context));
  for (const DimList &operand : operands)
    for (size_t i = 0; i < operand.size(); ++i) {
      AffineExpr &dim = dims[rank - operand.size() + i];
      if (dim == getAffineConstantExpr(1, context))
        dim = operand[i];
    }
  results.push_back(std::move(dims));
  return success();
}

static LogicalResult verifyOneType(Operation *op, ArrayRef<RankedTensorType> types) {
  Type first = types.front().getElementType();
  if (llvm::all_of(types, [&](RankedTensorType type) { return type.getElementType() == first; }))
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError() << "element types are ";
  for (auto [i, type] : llvm::enumerate(types))
    diagnostic << (i == 0 ? "" : i + 1 == types.size() ? " and " : ", ") << type.getElementType();
  return diagnostic << ", needed one type";
}

static LogicalResult verifyBroadcast(Operation *op, ArrayRef<RankedTensorType> operands, RankedTensorType result) {
  SmallVector<int64_t> shape;
  bool broadcasts = true;
  for (RankedTensorType operand : operands) {
    SmallVector<int64_t> wider;
    broadcasts &= OpTrait::util::getBroadcastedShape(shape, operand.getShape(), wider);
    shape = std::move(wider);
  }
  if (broadcasts && shape.size() == result.getShape().size() &&
      llvm::all_of(llvm::zip(shape, result.getShape()),
                   [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); }))
    return success();
  InFlightDiagnostic diagnostic = op->emitOpError() << "operands ";
  for (auto [i, type] : llvm::enumerate(operands))
    diagnostic << (i == 0 ? "" : i + 1 == operands.size() ? " and " : ", ") << type;
  return diagnostic << " do not broadcast to " << result;
}

static LogicalResult verifyBinary(Operation *op, RankedTensorType lhs, RankedTensorType rhs, RankedTensorType result) {
  // (C1), (C2)
  return failure(failed(verifyOneType(op, {lhs, rhs, result})) || failed(verifyBroadcast(op, {lhs, rhs}, result)));
}

static LogicalResult verifyComparison(Operation *op, RankedTensorType lhs, RankedTensorType rhs,
                                      RankedTensorType result) {
  // (C1), (C2)
  return failure(failed(verifyOneType(op, {lhs, rhs})) || failed(verifyBroadcast(op, {lhs, rhs}, result)));
}

#define LATHE_UNARY(Op, mnemonic, types, expression)                                                                   \
  LogicalResult Op::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {                   \
    return inferSameDims(operands, results);                                                                           \
  }
#define LATHE_PREDICATE LATHE_UNARY
#define LATHE_TWO_OPERANDS(Op, verifyTypes)                                                                            \
  LogicalResult Op::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {                   \
    return inferBroadcastDims(getContext(), operands, results);                                                        \
  }                                                                                                                    \
  LogicalResult Op::verify() {                                                                                         \
    return verifyTypes(*this, getLhs().getType(), getRhs().getType(), getResult().getType());                          \
  }
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_TWO_OPERANDS(Op, verifyBinary)
#define LATHE_COMPARISON(Op, mnemonic, types, expression) LATHE_TWO_OPERANDS(Op, verifyComparison)
#include "dialects/lathe/ScalarOps.def"

LogicalResult SelectOp::verify() {
  RankedTensorType onTrue = getOnTrue().getType(), onFalse = getOnFalse().getType(), result = getResult().getType();
  // (C1), (C2)
  return failure(failed(verifyOneType(*this, {onTrue, onFalse, result})) ||
                 failed(verifyBroadcast(*this, {getCondition().getType(), onTrue, onFalse}, result)));
}

LogicalResult SelectOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  return inferBroadcastDims(getContext(), operands, results);
}

LogicalResult CastOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getShape() != result.getShape())
    return emitOpError() << "input is " << input << " but the result is " << result << ", needed one shape";
  // (C2)
  Type element = result.getElementType();
  if (isa<QuantizedTypeInterface>(input.getElementType()) && !element.isF32() && !element.isF16() && !element.isBF16())
    return emitOpError() << "input has blocks of type " << input.getElementType() << " but the result is of type "
                         << element << ", needed f32, f16 or bf16";
  return success();
}

LogicalResult CastOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  return inferSameDims(operands, results);
}
