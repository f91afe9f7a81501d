// Verifiers and shapes of reduce, arg_max and arg_min.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

/// The sizes that are left when `axes` go, or become 1 with `keep`.
template <typename Size>
static SmallVector<Size> dropAxes(ArrayRef<Size> sizes, ArrayRef<int64_t> axes, bool keep, Size one) {
  SmallVector<Size> left;
  for (auto [d, size] : llvm::enumerate(sizes))
    if (!llvm::is_contained(axes, int64_t(d)))
      left.push_back(size);
    else if (keep)
      left.push_back(one);
  return left;
}

static LogicalResult verifyShape(Operation *op, RankedTensorType input, ArrayRef<int64_t> axes, bool keep,
                                 RankedTensorType result) {
  SmallVector<int64_t> shape = dropAxes<int64_t>(input.getShape(), axes, keep, 1);
  if (shape.size() == result.getShape().size() && llvm::all_of(llvm::zip(shape, result.getShape()), [](auto pair) {
        return dimsAgree(std::get<0>(pair), std::get<1>(pair));
      }))
    return success();
  return op->emitOpError() << "input " << input << " without dimensions [" << axes << "] does not give " << result;
}

LogicalResult ReduceOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  int64_t last = -1;
  for (int64_t axis : getAxes()) {
    if (axis <= last || axis >= input.getRank())
      return emitOpError() << "axes are [" << getAxes() << "], needed dimensions of " << input << " in ascending order";
    last = axis;
  }
  // (C2)
  if (input.getElementType() != result.getElementType())
    return emitOpError() << "element types are " << input.getElementType() << " and " << result.getElementType()
                         << ", needed one type";
  if (failed(verifyShape(*this, input, getAxes(), getKeep(), result)))
    return failure();
  // (C3)
  bool takesBits = getKind() == ReduceKind::And || getKind() == ReduceKind::Or;
  Type element = input.getElementType();
  if (takesBits ? isa<FloatType>(element) : element.isInteger(1))
    return emitOpError() << "'" << stringifyReduceKind(getKind()) << "' of elements of type " << element << ", needed "
                         << (takesBits ? "integers or i1" : "numbers");
  return success();
}

LogicalResult ReduceOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(dropAxes<AffineExpr>(operands[0], getAxes(), getKeep(), getAffineConstantExpr(1, getContext())));
  return success();
}

OpFoldResult ReduceOp::fold(FoldAdaptor) {
  return getAxes().empty() && getInput().getType() == getResult().getType() ? OpFoldResult(getInput()) : OpFoldResult();
}

/// Of arg_max and arg_min.
static LogicalResult verifyArg(Operation *op, RankedTensorType input, int64_t axis, bool keep,
                               RankedTensorType result) {
  // (C1)
  if (axis >= input.getRank())
    return op->emitOpError() << "axis is " << axis << ", needed a dimension of " << input;
  // (C2)
  return verifyShape(op, input, axis, keep, result);
}

#define LATHE_ARG(Op)                                                                                                  \
  LogicalResult Op::verify() {                                                                                         \
    return verifyArg(*this, getInput().getType(), getAxis(), getKeep(), getResult().getType());                        \
  }                                                                                                                    \
  LogicalResult Op::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {                   \
    results.push_back(                                                                                                 \
        dropAxes<AffineExpr>(operands[0], int64_t(getAxis()), getKeep(), getAffineConstantExpr(1, getContext())));     \
    return success();                                                                                                  \
  }
LATHE_ARG(ArgMaxOp)
LATHE_ARG(ArgMinOp)
