// Elementwise operators as they were before opset 7, when shapes broadcast only where an attribute said so.
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The inputs with the second one's dimensions aligned to the first one's: where 'broadcast' is set they are those from
/// 'axis' on, by default the last ones.
static std::pair<Term, Term> alignInputs(NodeImporter &node) {
  node.attribute("consumed_inputs"); // which memory may be written over
  bool broadcasts = node.intAttribute("broadcast", 0);
  Term a = input(node, 0), b = input(node, 1);
  if (!a || !b)
    return {};
  int64_t last = a.rank() - b.rank();
  if (last < 0 || (last > 0 && !broadcasts)) {
    (void)node.fail("inputs have ranks {0} and {1} and 'broadcast' is {2}; before opset 7 the second input alone "
                    "broadcasts, where 'broadcast' is 1",
                    a.rank(), b.rank(), int(broadcasts));
    return {};
  }
  FailureOr<int64_t> axis = node.axisAttribute(last, a.rank(), last);
  if (failed(axis))
    return {};
  return {a, unsqueeze(b, b.rank(), last - *axis)};
}

template <typename Op> static LogicalResult importBinary(NodeImporter &node) {
  auto [a, b] = alignInputs(node);
  return setOutput(node, 0, apply<Op>(a, b));
}

template <typename Op> static LogicalResult importComparison(NodeImporter &node) {
  auto [a, b] = alignInputs(node);
  return setOutput(node, 0, test<Op>(a, b));
}

static LogicalResult importGreater(NodeImporter &node) {
  auto [a, b] = alignInputs(node);
  return setOutput(node, 0, test<LessOp>(b, a));
}

/// All inputs have one shape.
template <typename Op> static LogicalResult importChain(NodeImporter &node) {
  node.attribute("consumed_inputs");
  return setOutput(node, 0, combineInputs<Op>(node));
}

static LogicalResult importMean(NodeImporter &node) {
  node.attribute("consumed_inputs");
  return setOutput(node, 0, combineInputs<AddOp>(node) / double(node.numInputs()));
}

/// A slope of rank 1 has a number for each channel, or one for all.
static LogicalResult importPRelu(NodeImporter &node) {
  node.attribute("consumed_inputs");
  Term x = realInput(node, 0), slope = realInput(node, 1);
  if (!x || !slope)
    return failure();
  if (slope.rank() == 1 && x.rank() > 2)
    slope = unsqueeze(slope, 1, x.rank() - 2);
  if (!slope || slope.rank() > x.rank())
    return node.fail("slope has another rank than 1 and than the input, {0}", x.rank());
  return setOutput(node, 0, select(test<LessOp>(x, constant(x, 0)), x * slope, x));
}

static constexpr StringLiteral Limits = "shapes that broadcast by 'broadcast' and 'axis'";
// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Add", 1, 6, Limits, importBinary<AddOp>},
    {"", "And", 1, 6, Limits, importBinary<AndOp>},
    {"", "Div", 1, 6, Limits, importBinary<DivOp>},
    {"", "Equal", 1, 6, Limits, importComparison<EqualOp>},
    {"", "Greater", 1, 6, Limits, importGreater},
    {"", "Less", 1, 6, Limits, importComparison<LessOp>},
    {"", "Max", 1, 7, "one shape", importChain<MaximumOp>},
    {"", "Mean", 1, 7, "one shape", importMean},
    {"", "Min", 1, 7, "one shape", importChain<MinimumOp>},
    {"", "Mul", 1, 6, Limits, importBinary<MulOp>},
    {"", "Or", 1, 6, Limits, importBinary<OrOp>},
    {"", "PRelu", 1, 6, "one slope, or one for each channel", importPRelu},
    {"", "Pow", 1, 6, Limits, importBinary<PowOp>},
    {"", "Sub", 1, 6, Limits, importBinary<SubOp>},
    {"", "Sum", 1, 7, "one shape", importChain<AddOp>},
    {"", "Xor", 1, 6, Limits, importBinary<XorOp>},
};

llvm::ArrayRef<Operator> lathe::onnx::oldElementwiseOperators() { return Operators; }
