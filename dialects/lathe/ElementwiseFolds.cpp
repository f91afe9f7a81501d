// Folds of Elementwise.td: operations that give back an operand, bit for bit (NaN stays a NaN).
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

/// True when `value` is a constant whose elements all are `number`. Zero is taken with its sign.
static bool isConstant(Value value, double number) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<SplatElementsAttr>(constant.getValue()) : SplatElementsAttr();
  if (!elements)
    return false;
  Type type = elements.getElementType();
  if (isa<FloatType>(type)) {
    APFloat wanted(number);
    bool losesInfo;
    wanted.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return elements.getSplatValue<APFloat>().bitwiseIsEqual(wanted);
  }
  APInt found = elements.getSplatValue<APInt>();
  return found == APInt(found.getBitWidth(), uint64_t(int64_t(number)), true, /*implicitTrunc=*/true);
}

/// True when `operand` has the type of `result` and the size of each dimension, whatever `other` is broadcast to.
static bool hasShapeOf(Value operand, Value other, Value result) {
  if (operand.getType() != result.getType())
    return false;
  ArrayRef<int64_t> shape = cast<RankedTensorType>(operand.getType()).getShape(),
                    beside = cast<RankedTensorType>(other.getType()).getShape();
  return beside.size() <= shape.size() &&
         llvm::all_of(llvm::zip(shape.take_back(beside.size()), beside), [](auto pair) {
           auto [own, theirs] = pair;
           return theirs == 1 || (own == theirs && !ShapedType::isDynamic(own));
         });
}

/// True when the operation gives back its left operand for a right one that is `neutral` everywhere.
static std::optional<double> getRightNeutral(Operation *op, bool floats) {
  if (isa<AddOp>(op))
    return floats ? -0.0 : 0.0; // -0 + 0 is 0
  if (isa<SubOp, OrOp, XorOp, ShiftLeftOp, ShiftRightOp>(op))
    return 0.0;
  if (isa<MulOp, DivOp, PowOp>(op))
    return 1.0;
  if (isa<AndOp>(op))
    return -1.0;
  return std::nullopt;
}

static OpFoldResult foldBinary(Operation *op) {
  Value lhs = op->getOperand(0), rhs = op->getOperand(1), result = op->getResult(0);
  if (lhs == rhs && isa<AndOp, OrOp, MaximumOp, MinimumOp>(op) && lhs.getType() == result.getType())
    return lhs;
  std::optional<double> neutral = getRightNeutral(op, isa<FloatType>(getElementTypeOrSelf(lhs)));
  if (!neutral)
    return {};
  if (isConstant(rhs, *neutral) && hasShapeOf(lhs, rhs, result))
    return lhs;
  if (op->hasTrait<OpTrait::IsCommutative>() && isConstant(lhs, *neutral) && hasShapeOf(rhs, lhs, result))
    return rhs;
  return {};
}

/// Operations that do nothing to their own result, and those that undo themselves.
static OpFoldResult foldUnary(Operation *op) {
  Operation *inner = op->getOperand(0).getDefiningOp();
  if (!inner || inner->getName() != op->getName())
    return {};
  if (isa<AbsOp, CeilOp, FloorOp, ReluOp, RoundE4M3Op, RoundOp, SignOp>(op))
    return inner->getResult(0);
  if (isa<NegOp, NotOp>(op))
    return inner->getOperand(0);
  return {};
}

#define LATHE_UNARY(Op, mnemonic, types, expression)                                                                   \
  OpFoldResult Op::fold(FoldAdaptor) { return foldUnary(*this); }
#define LATHE_BINARY(Op, mnemonic, types, expression)                                                                  \
  OpFoldResult Op::fold(FoldAdaptor) { return foldBinary(*this); }
#include "dialects/lathe/ScalarOps.def"

OpFoldResult SelectOp::fold(FoldAdaptor) {
  auto isWhole = [&](Value choice, Value other) {
    return hasShapeOf(choice, getCondition(), getResult()) && hasShapeOf(choice, other, getResult());
  };
  if ((getOnTrue() == getOnFalse() || isConstant(getCondition(), 1)) && isWhole(getOnTrue(), getOnFalse()))
    return getOnTrue();
  if (isConstant(getCondition(), 0) && isWhole(getOnFalse(), getOnTrue()))
    return getOnFalse();
  return {};
}

/// True when `to` has every value of `from`.
static bool holdsAll(Type from, Type to) {
  if (from == to || from.isInteger(1))
    return true;
  auto toFloat = dyn_cast<FloatType>(to);
  if (auto fromFloat = dyn_cast<FloatType>(from))
    return toFloat && toFloat.getFPMantissaWidth() >= fromFloat.getFPMantissaWidth() &&
           toFloat.getWidth() > fromFloat.getWidth();
  auto integer = dyn_cast<IntegerType>(from);
  if (!integer || to.isInteger(1))
    return false;
  unsigned bits = integer.getWidth() - !integer.isUnsigned();
  // Powers of two beyond the mantissa fit, too; f16 ends at 65504, which 16 bits exceed.
  if (toFloat)
    return toFloat.getFPMantissaWidth() >= bits;
  auto wider = cast<IntegerType>(to);
  return wider.getWidth() > integer.getWidth() && (integer.isUnsigned() || !wider.isUnsigned());
}

OpFoldResult CastOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType())
    return getInput();
  // The way round by a type that loses nothing.
  auto inner = getInput().getDefiningOp<CastOp>();
  if (!inner || !holdsAll(getElementTypeOrSelf(inner.getInput()), getElementTypeOrSelf(getInput())))
    return {};
  if (inner.getInput().getType() == getResult().getType())
    return inner.getInput();
  // A float saturates where an integer keeps its low bits.
  auto isInteger = [](Value value) { return isa<IntegerType>(getElementTypeOrSelf(value)); };
  if (isInteger(inner.getInput()) && !isInteger(getInput()) && isInteger(getResult()))
    return {};
  getInputMutable().assign(inner.getInput());
  return getResult();
}
