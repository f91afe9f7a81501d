// Recurrent networks.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// What LSTM, GRU and RNN share. All terms are as the operations of the dialect take them.
struct Recurrence {
  Term x, weights, recurrence, bias, lengths, initial;
  std::string direction;
  float clip = 0;
  int64_t directions = 1, units = 0;
  bool batchFirst = false;

  SmallVector<Value> operands() const {
    return {x.value, weights.value, recurrence.value, bias.value, lengths.value, initial.value};
  }
};

} // namespace

/// An input of shape `shape`, or zeros.
static Term inputOrZeros(NodeImporter &node, size_t index, const Term &like, ArrayRef<AffineExpr> shape) {
  return node.hasInput(index) ? realInput(node, index) : expand(constant(like, 0), shape);
}

/// States are [B, D, H] where the batch comes first.
static Term readState(NodeImporter &node, size_t index, const Recurrence &net) {
  AffineExpr directions = node.constantSize(net.directions), units = node.constantSize(net.units);
  Term state = inputOrZeros(node, index, net.x, {directions, net.x.dim(1), units});
  return net.batchFirst && node.hasInput(index) ? exchange(state, 0, 1) : state;
}

/// Reads everything up to the initial state. `defaults` are the activations of one direction, the only ones supported.
static LogicalResult readRecurrence(NodeImporter &node, int64_t gates, ArrayRef<StringRef> defaults, Recurrence &net) {
  net.direction = node.stringAttribute("direction", "forward").str();
  net.clip = node.floatAttribute("clip", 0);
  net.batchFirst = node.opset() >= 14 && node.intAttribute("layout", 0);
  net.directions = net.direction == "bidirectional" ? 2 : 1;
  if (const NodeAttribute *given = node.attribute("activations")) {
    bool known = given->strings.size() == defaults.size() * net.directions;
    for (size_t i = 0; known && i < given->strings.size(); ++i)
      known = defaults[i % defaults.size()].equals_insensitive(given->strings[i]);
    if (!known)
      return node.fail("'activations' are [{0}], only the default ones are supported",
                       llvm::make_range(given->strings.begin(), given->strings.end()));
  }
  net.x = realInput(node, 0);
  net.weights = realInput(node, 1);
  net.recurrence = realInput(node, 2);
  if (!net.x || !net.weights || !net.recurrence)
    return failure();
  if (net.x.rank() != 3 || net.weights.rank() != 3 || net.recurrence.rank() != 3 || !net.recurrence.size(2))
    return node.contradict("inputs have ranks {0}, {1} and {2}, needed 3 and a fixed number of units", net.x.rank(),
                           net.weights.rank(), net.recurrence.rank());
  net.units = *net.recurrence.size(2);
  node.intAttribute("hidden_size", net.units);
  if (net.batchFirst)
    net.x = exchange(net.x, 0, 1);
  if (!net.x)
    return failure();
  net.bias =
      inputOrZeros(node, 3, net.x, {node.constantSize(net.directions), node.constantSize(2 * gates * net.units)});
  Type i32 = node.builder().getI32Type();
  net.lengths =
      node.hasInput(4) ? input(node, 4) : expand(sizeOf(constant(node, i32, 0), net.x.dim(0), i32), net.x.dim(1));
  net.initial = readState(node, 5, net);
  return success(net.bias && net.lengths && net.initial);
}

/// Output 0 is [T, D, B, H], or [B, T, D, H] where the batch comes first; the states follow.
static LogicalResult setOutputs(NodeImporter &node, const Recurrence &net, FailureOr<SmallVector<Value>> results) {
  if (failed(results))
    return failure();
  for (auto [i, value] : llvm::enumerate(*results)) {
    Term term(node, value);
    if (net.batchFirst)
      term = i == 0 ? transpose(term, {2, 0, 1, 3}) : exchange(term, 0, 1);
    if (node.hasOutput(i) && failed(setOutput(node, i, term)))
      return failure();
  }
  return success();
}

static LogicalResult importLstm(NodeImporter &node) {
  Recurrence net;
  if (failed(readRecurrence(node, 4, {"Sigmoid", "Tanh", "Tanh"}, net)))
    return failure();
  bool inputForget = node.intAttribute("input_forget", 0);
  Term cells = readState(node, 6, net);
  Term peepholes = inputOrZeros(node, 7, net.x, {node.constantSize(net.directions), node.constantSize(3 * net.units)});
  if (!cells || !peepholes)
    return failure();
  Type type = net.x.type();
  return setOutputs(node, net,
                    node.createMany<LstmOp>({type, type, type}, net.x.value, net.weights.value, net.recurrence.value,
                                            net.bias.value, net.lengths.value, net.initial.value, cells.value,
                                            peepholes.value, net.direction, llvm::APFloat(net.clip), inputForget));
}

static LogicalResult importGru(NodeImporter &node) {
  Recurrence net;
  if (failed(readRecurrence(node, 3, {"Sigmoid", "Tanh"}, net)))
    return failure();
  bool linear = node.intAttribute("linear_before_reset", 0);
  Type type = net.x.type();
  return setOutputs(node, net,
                    node.createMany<GruOp>({type, type}, net.x.value, net.weights.value, net.recurrence.value,
                                           net.bias.value, net.lengths.value, net.initial.value, net.direction,
                                           llvm::APFloat(net.clip), linear));
}

static LogicalResult importRnn(NodeImporter &node) {
  Recurrence net;
  std::string activation = "Tanh";
  if (const NodeAttribute *given = node.attribute("activations"); given && !given->strings.empty())
    activation = given->strings[0];
  std::string lower = StringRef(activation).lower();
  if (lower != "tanh" && lower != "relu" && lower != "sigmoid")
    return node.fail("'activations' has '{0}', only Tanh, Relu and Sigmoid are supported", activation);
  if (failed(readRecurrence(node, 1, {activation}, net)))
    return failure();
  Type type = net.x.type();
  return setOutputs(node, net,
                    node.createMany<RnnOp>({type, type}, net.x.value, net.weights.value, net.recurrence.value,
                                           net.bias.value, net.lengths.value, net.initial.value, net.direction,
                                           llvm::APFloat(net.clip), lower));
}

static constexpr StringLiteral Limits = "default activations, fixed number of units";
// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "GRU", 7, NewestOpset, Limits, importGru},
    {"", "LSTM", 7, NewestOpset, Limits, importLstm},
    {"", "RNN", 7, NewestOpset, "one of Tanh, Relu and Sigmoid", importRnn},
};

llvm::ArrayRef<Operator> lathe::onnx::recurrentOperators() { return Operators; }
