// Activation functions and other formulas over single elements, put together from several operations.
#include "frontends/onnx/ops/Terms.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static Term isNegative(const Term &x) { return test<LessOp>(x, constant(x, 0)); }

static Term clip(const Term &x, const Term &low, const Term &high) {
  return apply<MinimumOp>(apply<MaximumOp>(x, low), high);
}

static LogicalResult importCelu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  Term x = realInput(node, 0), zero = constant(x, 0);
  Term below = (apply<ExpOp>(x / alpha) - 1.0) * alpha;
  return setOutput(node, 0, apply<MaximumOp>(x, zero) + apply<MinimumOp>(zero, below));
}

/// Until opset 10 the bounds were attributes.
static LogicalResult importClip6(NodeImporter &node) {
  float low = node.floatAttribute("min", std::numeric_limits<float>::lowest());
  float high = node.floatAttribute("max", std::numeric_limits<float>::max());
  Term x = realInput(node, 0);
  return setOutput(node, 0, clip(x, constant(x, low), constant(x, high)));
}

static LogicalResult importClip(NodeImporter &node) {
  Term x = input(node, 0);
  if (x && node.hasInput(1))
    x = apply<MaximumOp>(x, input(node, 1));
  if (x && node.hasInput(2))
    x = apply<MinimumOp>(x, input(node, 2));
  if (!node.hasInput(1) && !node.hasInput(2))
    return node.forwardInput(0);
  return setOutput(node, 0, x);
}

static LogicalResult importDropout(NodeImporter &node) {
  node.floatAttribute("ratio", 0.5f);
  node.intAttribute("seed", 0);
  if (node.hasInput(2)) {
    const KnownTensor *training = node.knownInput(2);
    if (!training || !training->isConstant() || training->elements.size() != 1)
      return node.fail("'training_mode' is computed, only a constant is supported");
    if (*training->elements[0].constant() != 0)
      return node.fail("'training_mode' is true, only inference is supported");
  }
  if (node.hasOutput(1)) {
    // Everything is kept.
    Term x = input(node, 0);
    if (!x)
      return failure();
    Type maskType = node.opset() >= 10 ? node.builder().getI1Type() : x.type();
    if (failed(setOutput(node, 1, expand(constant(node, maskType, 1), x.dims()))))
      return failure();
  }
  return node.forwardInput(0);
}

static LogicalResult importElu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  Term x = realInput(node, 0);
  return setOutput(node, 0, select(isNegative(x), (apply<ExpOp>(x) - 1.0) * alpha, x));
}

static LogicalResult importGelu(NodeImporter &node) {
  StringRef approximate = node.stringAttribute("approximate", "none");
  Term x = realInput(node, 0);
  if (approximate == "tanh")
    return setOutput(node, 0, apply<GeluTanhOp>(x));
  if (approximate != "none")
    return node.fail("'approximate' is '{0}', needed none or tanh", approximate);
  return setOutput(node, 0, apply<GeluOp>(x));
}

static LogicalResult importHardSigmoid(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 0.2f), beta = node.floatAttribute("beta", 0.5f);
  Term x = realInput(node, 0);
  return setOutput(node, 0, clip(x * alpha + beta, constant(x, 0), constant(x, 1)));
}

static LogicalResult importHardSwish(NodeImporter &node) {
  Term x = realInput(node, 0);
  return setOutput(node, 0, x * clip(x * (1.0 / 6) + 0.5, constant(x, 0), constant(x, 1)));
}

static LogicalResult importLeakyRelu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 0.01f);
  Term x = realInput(node, 0);
  return setOutput(node, 0, select(isNegative(x), x * alpha, x));
}

static LogicalResult importMish(NodeImporter &node) {
  Term x = realInput(node, 0);
  return setOutput(node, 0, x * apply<TanhOp>(apply<SoftplusOp>(x)));
}

static LogicalResult importPRelu(NodeImporter &node) {
  Term x = input(node, 0), slope = input(node, 1);
  if (!x || !slope)
    return failure();
  if (slope.rank() > x.rank())
    return node.fail("slope has rank {0} and the input {1}, needed at most the input's", slope.rank(), x.rank());
  return setOutput(node, 0, select(isNegative(x), x * slope, x));
}

static LogicalResult importSelu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1.67326319217681884765625f);
  float gamma = node.floatAttribute("gamma", 1.05070102214813232421875f);
  Term x = realInput(node, 0);
  Term below = (apply<ExpOp>(x) - 1.0) * alpha;
  return setOutput(node, 0, select(isNegative(x), below, x) * gamma);
}

static LogicalResult importShrink(NodeImporter &node) {
  float bias = node.floatAttribute("bias", 0), lambda = node.floatAttribute("lambd", 0.5f);
  Term x = realInput(node, 0), zero = constant(x, 0);
  Term above = select(test<LessOp>(constant(x, lambda), x), x - bias, zero);
  return setOutput(node, 0, select(test<LessOp>(x, constant(x, -lambda)), x + bias, above));
}

static LogicalResult importSoftsign(NodeImporter &node) {
  Term x = realInput(node, 0);
  return setOutput(node, 0, x / (apply<AbsOp>(x) + 1.0));
}

static Term swish(const Term &x, float alpha) {
  return alpha == 1 ? apply<SiluOp>(x) : x * apply<SigmoidOp>(x * alpha);
}

static LogicalResult importSwiGlu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  return setOutput(node, 0, swish(realInput(node, 0), alpha) * realInput(node, 1));
}

static LogicalResult importSwish(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  return setOutput(node, 0, swish(realInput(node, 0), alpha));
}

static LogicalResult importThresholdedRelu(NodeImporter &node) {
  float alpha = node.floatAttribute("alpha", 1);
  Term x = realInput(node, 0);
  return setOutput(node, 0, select(test<LessOp>(constant(x, alpha), x), x, constant(x, 0)));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Celu", 12, NewestOpset, "", importCelu},
    {"", "Clip", 6, 10, "", importClip6},
    {"", "Clip", 11, NewestOpset, "", importClip},
    {"", "Dropout", 7, NewestOpset, "inference", importDropout},
    {"", "Elu", 6, NewestOpset, "", importElu},
    {"", "Gelu", 20, NewestOpset, "", importGelu},
    {"", "HardSigmoid", 6, NewestOpset, "", importHardSigmoid},
    {"", "HardSwish", 14, NewestOpset, "", importHardSwish},
    {"", "LeakyRelu", 6, NewestOpset, "", importLeakyRelu},
    {"", "Mish", 18, NewestOpset, "", importMish},
    {"", "PRelu", 7, NewestOpset, "", importPRelu},
    {"", "Selu", 6, NewestOpset, "", importSelu},
    {"", "Shrink", 9, NewestOpset, "float types", importShrink},
    {"", "Softsign", 1, NewestOpset, "", importSoftsign},
    {"", "SwiGLU", 28, NewestOpset, "", importSwiGlu},
    {"", "Swish", 24, NewestOpset, "", importSwish},
    {"", "ThresholdedRelu", 10, NewestOpset, "", importThresholdedRelu},
};

llvm::ArrayRef<Operator> lathe::onnx::activationOperators() { return Operators; }
