// Verifiers, shapes and folds of Elementwise.td.
#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace lathe;

bool lathe::isElementwise(Operation *op) {
  return isa<
#define LATHE_UNARY(Op, mnemonic, expression) Op,
#define LATHE_BINARY(Op, mnemonic, expression) Op,
#include "dialects/lathe/ScalarOps.def"
      CastOp>(op);
}

static LogicalResult inferSameDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

static LogicalResult verifyBinary(Operation *op, RankedTensorType lhs, RankedTensorType rhs, RankedTensorType result) {
  // (C1)
  if (lhs.getElementType() != rhs.getElementType() || lhs.getElementType() != result.getElementType())
    return op->emitOpError() << "element types are " << lhs.getElementType() << ", " << rhs.getElementType() << " and "
                             << result.getElementType() << ", needed one type";
  // (C2)
  SmallVector<int64_t> shape;
  bool broadcasts = OpTrait::util::getBroadcastedShape(lhs.getShape(), rhs.getShape(), shape);
  if (!broadcasts || shape.size() != result.getShape().size() ||
      !llvm::all_of(llvm::zip(shape, result.getShape()),
                    [](auto pair) { return dimsAgree(std::get<0>(pair), std::get<1>(pair)); }))
    return op->emitOpError() << "operands " << lhs << " and " << rhs << " do not broadcast to " << result;
  return success();
}

/// NumPy's rule on expressions: a size of 1 gives way to the other.
static LogicalResult inferBroadcastDims(MLIRContext *context, ArrayRef<DimList> operands,
                                        SmallVectorImpl<DimList> &results) {
  size_t rank = std::max(operands[0].size(), operands[1].size());
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

#define LATHE_UNARY(Op, mnemonic, expression)                                                                          \
  LogicalResult Op::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {                   \
    return inferSameDims(operands, results);                                                                           \
  }
#define LATHE_BINARY(Op, mnemonic, expression)                                                                         \
  LogicalResult Op::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {                   \
    return inferBroadcastDims(getContext(), operands, results);                                                        \
  }                                                                                                                    \
  LogicalResult Op::verify() {                                                                                         \
    return verifyBinary(*this, getLhs().getType(), getRhs().getType(), getResult().getType());                         \
  }
#include "dialects/lathe/ScalarOps.def"

LogicalResult CastOp::verify() {
  // (C1)
  if (getInput().getType().getShape() != getResult().getType().getShape())
    return emitOpError() << "input is " << getInput().getType() << " but the result is " << getResult().getType()
                         << ", needed one shape";
  return success();
}

LogicalResult CastOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  return inferSameDims(operands, results);
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  return {};
}
