// Operators that compute each element from the elements at the same place and are one operation of the dialect.
#include "frontends/onnx/ops/Terms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

template <typename Op> static LogicalResult importUnary(NodeImporter &node) {
  return setOutput(node, 0, apply<Op>(input(node, 0)));
}

template <typename Op> static LogicalResult importBinary(NodeImporter &node) {
  return setOutput(node, 0, apply<Op>(input(node, 0), input(node, 1)));
}

template <typename Op> static LogicalResult importComparison(NodeImporter &node) {
  return setOutput(node, 0, test<Op>(input(node, 0), input(node, 1)));
}

/// The comparison with its sides exchanged.
template <typename Op> static LogicalResult importExchanged(NodeImporter &node) {
  return setOutput(node, 0, test<Op>(input(node, 1), input(node, 0)));
}

template <typename Op> static LogicalResult importChain(NodeImporter &node) {
  return setOutput(node, 0, combineInputs<Op>(node));
}

static LogicalResult importMean(NodeImporter &node) {
  return setOutput(node, 0, combineInputs<AddOp>(node) / double(node.numInputs()));
}

static LogicalResult importBitShift(NodeImporter &node) {
  StringRef direction = node.stringAttribute("direction", "");
  Term value = input(node, 0), shift = input(node, 1);
  if (!value || !shift)
    return failure();
  if (direction == "LEFT")
    return setOutput(node, 0, apply<ShiftLeftOp>(value, shift));
  if (direction != "RIGHT")
    return node.fail("'direction' is '{0}', needed LEFT or RIGHT", direction);
  if (value.isUnsigned())
    return setOutput(node, 0, apply<ShiftRightOp>(value, shift));
  // Shifts beyond the width leave the sign.
  double last = value.type().getIntOrFloatBitWidth() - 1;
  Term tooFar = apply<OrOp>(test<LessOp>(shift, constant(shift, 0)), test<LessOp>(constant(shift, last), shift));
  return setOutput(node, 0, apply<ShiftRightOp>(value, select(tooFar, constant(shift, last), shift)));
}

static LogicalResult importCastTo(NodeImporter &node, DataType to) {
  // Both concern 8-bit floats alone.
  node.intAttribute("saturate", 1);
  node.stringAttribute("round_mode", "up");
  Type type = convertType(node.context(), to);
  if (!type)
    return node.fail("the result has element type {0}, which is not supported", dataTypeName(to));
  Term value = input(node, 0);
  if (value && value.type() == type)
    return node.forwardInput(0);
  return setOutput(node, 0, cast(value, type));
}

static LogicalResult importCast(NodeImporter &node) { return importCastTo(node, DataType(node.intAttribute("to", 0))); }

static LogicalResult importCastLike(NodeImporter &node) { return importCastTo(node, node.inputType(1)); }

static LogicalResult importIsInf(NodeImporter &node) {
  bool negative = node.intAttribute("detect_negative", 1), positive = node.intAttribute("detect_positive", 1);
  Term value = realInput(node, 0);
  if (negative && positive)
    return setOutput(node, 0, test<IsInfOp>(value));
  if (!negative && !positive)
    return setOutput(node, 0, test<LessOp>(value, value));
  double infinity = negative ? -HUGE_VAL : HUGE_VAL;
  return setOutput(node, 0, test<EqualOp>(value, constant(value, infinity)));
}

static LogicalResult importIsNaN(NodeImporter &node) { return setOutput(node, 0, test<IsNanOp>(input(node, 0))); }

static LogicalResult importMod(NodeImporter &node) {
  bool dividend = node.intAttribute("fmod", 0);
  Term a = input(node, 0), b = input(node, 1);
  if (!a || !a.isFloat() || dividend)
    return setOutput(node, 0, dividend ? apply<FmodOp>(a, b) : apply<ModOp>(a, b));
  // The rest takes the divisor's sign.
  Term rest = apply<FmodOp>(a, b), zero = constant(a, 0);
  Term differ = apply<XorOp>(test<LessOp>(rest, zero), test<LessOp>(b, zero));
  return setOutput(node, 0, select(apply<AndOp>(apply<NotOp>(test<EqualOp>(rest, zero)), differ), rest + b, rest));
}

static LogicalResult importPow(NodeImporter &node) {
  Term base = input(node, 0), exponent = input(node, 1);
  if (!base || !exponent)
    return failure();
  Type type = base.type();
  // Integers to the power of a fraction are computed as it is.
  if (!base.isFloat() && exponent.isFloat())
    return setOutput(
        node, 0,
        cast(apply<PowOp>(cast(base, node.builder().getF64Type()), cast(exponent, node.builder().getF64Type())), type));
  if (!base.isFloat() && exponent.type() != type) {
    bool isUnsigned = base.isUnsigned() || exponent.isUnsigned();
    Type wide = isUnsigned ? node.builder().getIntegerType(64, /*isSigned=*/false) : node.builder().getI64Type();
    return setOutput(node, 0, cast(apply<PowOp>(cast(base, wide), cast(exponent, wide)), type));
  }
  return setOutput(node, 0, apply<PowOp>(base, cast(exponent, type)));
}

static LogicalResult importWhere(NodeImporter &node) {
  return setOutput(node, 0, select(input(node, 0), input(node, 1), input(node, 2)));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Abs", 6, NewestOpset, "", importUnary<AbsOp>},
    {"", "Acos", 7, NewestOpset, "", importUnary<AcosOp>},
    {"", "Acosh", 9, NewestOpset, "", importUnary<AcoshOp>},
    {"", "Add", 7, NewestOpset, "", importBinary<AddOp>},
    {"", "And", 7, NewestOpset, "", importBinary<AndOp>},
    {"", "Asin", 7, NewestOpset, "", importUnary<AsinOp>},
    {"", "Asinh", 9, NewestOpset, "", importUnary<AsinhOp>},
    {"", "Atan", 7, NewestOpset, "", importUnary<AtanOp>},
    {"", "Atanh", 9, NewestOpset, "", importUnary<AtanhOp>},
    {"", "BitShift", 11, NewestOpset, "", importBitShift},
    {"", "BitwiseAnd", 18, NewestOpset, "", importBinary<AndOp>},
    {"", "BitwiseNot", 18, NewestOpset, "", importUnary<NotOp>},
    {"", "BitwiseOr", 18, NewestOpset, "", importBinary<OrOp>},
    {"", "BitwiseXor", 18, NewestOpset, "", importBinary<XorOp>},
    {"", "Cast", 6, NewestOpset, "no strings, floats and integers of less than 16 and 8 bits", importCast},
    {"", "CastLike", 15, NewestOpset, "as Cast", importCastLike},
    {"", "Ceil", 6, NewestOpset, "", importUnary<CeilOp>},
    {"", "Cos", 7, NewestOpset, "", importUnary<CosOp>},
    {"", "Cosh", 9, NewestOpset, "", importUnary<CoshOp>},
    {"", "Div", 7, NewestOpset, "", importBinary<DivOp>},
    {"", "Equal", 7, NewestOpset, "no strings", importComparison<EqualOp>},
    {"", "Erf", 9, NewestOpset, "float types", importUnary<ErfOp>},
    {"", "Exp", 6, NewestOpset, "", importUnary<ExpOp>},
    {"", "Floor", 6, NewestOpset, "", importUnary<FloorOp>},
    {"", "Greater", 7, NewestOpset, "", importExchanged<LessOp>},
    {"", "GreaterOrEqual", 12, NewestOpset, "", importExchanged<LessEqualOp>},
    {"", "IsInf", 10, NewestOpset, "", importIsInf},
    {"", "IsNaN", 9, NewestOpset, "", importIsNaN},
    {"", "Less", 7, NewestOpset, "", importComparison<LessOp>},
    {"", "LessOrEqual", 12, NewestOpset, "", importComparison<LessEqualOp>},
    {"", "Log", 6, NewestOpset, "", importUnary<LogOp>},
    {"", "Max", 8, NewestOpset, "", importChain<MaximumOp>},
    {"", "Mean", 8, NewestOpset, "", importMean},
    {"", "Min", 8, NewestOpset, "", importChain<MinimumOp>},
    {"", "Mod", 10, NewestOpset, "", importMod},
    {"", "Mul", 7, NewestOpset, "", importBinary<MulOp>},
    {"", "Neg", 6, NewestOpset, "", importUnary<NegOp>},
    {"", "Not", 1, NewestOpset, "", importUnary<NotOp>},
    {"", "Or", 7, NewestOpset, "", importBinary<OrOp>},
    {"", "Pow", 7, NewestOpset, "", importPow},
    {"", "Reciprocal", 6, NewestOpset, "", importUnary<ReciprocalOp>},
    {"", "Relu", 6, NewestOpset, "", importUnary<ReluOp>},
    {"", "Round", 11, NewestOpset, "", importUnary<RoundOp>},
    {"", "Sigmoid", 6, NewestOpset, "", importUnary<SigmoidOp>},
    {"", "Sign", 9, NewestOpset, "", importUnary<SignOp>},
    {"", "Sin", 7, NewestOpset, "", importUnary<SinOp>},
    {"", "Sinh", 9, NewestOpset, "", importUnary<SinhOp>},
    {"", "Softplus", 1, NewestOpset, "", importUnary<SoftplusOp>},
    {"", "Sqrt", 6, NewestOpset, "", importUnary<SqrtOp>},
    {"", "Sub", 7, NewestOpset, "", importBinary<SubOp>},
    {"", "Sum", 8, NewestOpset, "", importChain<AddOp>},
    {"", "Tan", 7, NewestOpset, "", importUnary<TanOp>},
    {"", "Tanh", 6, NewestOpset, "", importUnary<TanhOp>},
    {"", "Where", 9, NewestOpset, "no strings", importWhere},
    {"", "Xor", 7, NewestOpset, "", importBinary<XorOp>},
};

llvm::ArrayRef<Operator> lathe::onnx::elementwiseOperators() { return Operators; }
