#include "frontends/onnx/ops/Broadcast.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

template <typename Op> static LogicalResult importUnary(NodeImporter &node) {
  FailureOr<Value> input = node.floatInput(0);
  if (failed(input))
    return failure();
  FailureOr<Value> result = node.create<Op>(node.elementType(*input), *input);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

/// Combines `count` inputs, from the first on.
template <typename Op> static LogicalResult importChain(NodeImporter &node, size_t count) {
  FailureOr<Value> result = node.floatInput(0);
  for (size_t i = 1; i < count && succeeded(result); ++i) {
    FailureOr<Value> next = node.floatInput(i);
    result = succeeded(next) ? createBinary<Op>(node, *result, *next) : next;
  }
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static LogicalResult importExp(NodeImporter &node) { return importUnary<ExpOp>(node); }
static LogicalResult importNeg(NodeImporter &node) { return importUnary<NegOp>(node); }
static LogicalResult importRelu(NodeImporter &node) { return importUnary<ReluOp>(node); }
static LogicalResult importSigmoid(NodeImporter &node) { return importUnary<SigmoidOp>(node); }
static LogicalResult importTanh(NodeImporter &node) { return importUnary<TanhOp>(node); }

static LogicalResult importAdd(NodeImporter &node) { return importChain<AddOp>(node, 2); }
static LogicalResult importSub(NodeImporter &node) { return importChain<SubOp>(node, 2); }
static LogicalResult importMul(NodeImporter &node) { return importChain<MulOp>(node, 2); }
static LogicalResult importDiv(NodeImporter &node) { return importChain<DivOp>(node, 2); }
static LogicalResult importMax(NodeImporter &node) { return importChain<MaximumOp>(node, node.numInputs()); }
static LogicalResult importMin(NodeImporter &node) { return importChain<MinimumOp>(node, node.numInputs()); }

static LogicalResult importCast(NodeImporter &node) {
  // Both concern 8-bit floats alone.
  node.intAttribute("saturate", 1);
  node.stringAttribute("round_mode", "up");
  auto to = DataType(node.intAttribute("to", 0));
  FailureOr<Value> input = node.floatInput(0);
  if (failed(input))
    return failure();
  if (to != DataType::Float && to != DataType::Float16 && to != DataType::Bfloat16)
    return node.fail("'to' is {0}, only float, float16 and bfloat16 are supported", dataTypeName(to));
  FailureOr<Value> result = node.create<CastOp>(convertType(node.context(), to), *input);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "Add", 7, NewestOpset, "float types", importAdd},
    {"", "Cast", 6, NewestOpset, "between f32, f16 and bf16", importCast},
    {"", "Div", 7, NewestOpset, "float types", importDiv},
    {"", "Exp", 6, NewestOpset, "float types", importExp},
    {"", "Max", 8, NewestOpset, "float types", importMax},
    {"", "Min", 8, NewestOpset, "float types", importMin},
    {"", "Mul", 7, NewestOpset, "float types", importMul},
    {"", "Neg", 6, NewestOpset, "float types", importNeg},
    {"", "Relu", 6, NewestOpset, "float types", importRelu},
    {"", "Sigmoid", 6, NewestOpset, "float types", importSigmoid},
    {"", "Sub", 7, NewestOpset, "float types", importSub},
    {"", "Tanh", 6, NewestOpset, "float types", importTanh},
};

llvm::ArrayRef<Operator> lathe::onnx::elementwiseOperators() { return Operators; }
