// Sequences and optionals: lists of values, known while importing.
#include "frontends/onnx/ops/Operators.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static FailureOr<GraphValue *> getSequence(NodeImporter &node, size_t index) {
  GraphValue *value = node.inputValue(index);
  if (!value)
    return node.fail("has no input {0}", index);
  if (!value->isSequence)
    return node.fail("input '{0}' is no sequence", node.inputName(index));
  return value;
}

static LogicalResult setSequence(NodeImporter &node, std::vector<GraphValue *> items) {
  GraphValue *value = node.constantValue(KnownTensor());
  value->known.reset();
  value->isSequence = true;
  value->items = std::move(items);
  node.setOutput(0, value);
  return success();
}

/// The place that input `index` names in a sequence, up to `last`; `otherwise` if the node has no such input.
static FailureOr<int64_t> getPosition(NodeImporter &node, size_t index, int64_t size, int64_t last, int64_t otherwise) {
  if (!node.hasInput(index))
    return otherwise;
  FailureOr<int64_t> at = node.constantInt(index);
  if (failed(at))
    return failure();
  if (*at < -size || *at > last)
    return node.fail("position is {0}, needed {1} to {2}", *at, -size, last);
  return *at < 0 ? *at + size : *at;
}

static LogicalResult importSequenceConstruct(NodeImporter &node) {
  std::vector<GraphValue *> items;
  for (size_t i = 0; i < node.numInputs(); ++i) {
    items.push_back(node.inputValue(i));
    if (!items.back())
      return node.fail("has no input {0}", i);
  }
  return setSequence(node, std::move(items));
}

static LogicalResult importSequenceEmpty(NodeImporter &node) {
  node.intAttribute("dtype", 1);
  return setSequence(node, {});
}

static LogicalResult importSequenceInsert(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  GraphValue *item = node.inputValue(1);
  if (failed(sequence))
    return failure();
  auto size = int64_t((*sequence)->items.size());
  FailureOr<int64_t> at = getPosition(node, 2, size, size, size);
  if (failed(at))
    return failure();
  if (!item)
    return node.fail("has no input 1");
  std::vector<GraphValue *> items = (*sequence)->items;
  items.insert(items.begin() + *at, item);
  return setSequence(node, std::move(items));
}

static LogicalResult importSequenceErase(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  if (failed(sequence))
    return failure();
  auto size = int64_t((*sequence)->items.size());
  FailureOr<int64_t> at = getPosition(node, 1, size, size - 1, size - 1);
  if (failed(at))
    return failure();
  if (size == 0)
    return node.fail("the sequence is empty");
  std::vector<GraphValue *> items = (*sequence)->items;
  items.erase(items.begin() + *at);
  return setSequence(node, std::move(items));
}

static LogicalResult importSequenceAt(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  if (failed(sequence))
    return failure();
  auto size = int64_t((*sequence)->items.size());
  if (!node.hasInput(1))
    return node.fail("has no input 1");
  FailureOr<int64_t> at = getPosition(node, 1, size, size - 1, 0);
  if (failed(at))
    return failure();
  node.setOutput(0, (*sequence)->items[*at]);
  return success();
}

static LogicalResult importSequenceLength(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  if (failed(sequence))
    return failure();
  node.setOutput(0, KnownTensor{DataType::Int64, {}, {node.math().integer((*sequence)->items.size())}});
  return success();
}

/// Sizes of the parts along an axis: all of them, or one for all but perhaps the last.
static FailureOr<SmallVector<int64_t>> getParts(NodeImporter &node, int64_t size) {
  SmallVector<int64_t> parts;
  const KnownTensor *split = node.hasInput(1) ? node.knownInput(1) : nullptr;
  bool isList = split && split->shape.size() == 1;
  FailureOr<SmallVector<int64_t>> given = SmallVector<int64_t>{1};
  if (node.hasInput(1))
    given = node.constantInts(1);
  if (failed(given))
    return failure();
  if (!isList) {
    if ((*given)[0] < 1 || size / (*given)[0] > MaximumKnownElements)
      return node.fail("parts have {0} elements, needed at least 1 and at most {1} parts", (*given)[0],
                       MaximumKnownElements);
    for (int64_t rest = size; rest > 0; rest -= (*given)[0])
      parts.push_back(std::min(rest, (*given)[0]));
    return parts;
  }
  int64_t sum = 0;
  for (int64_t part : *given)
    sum += part < 0 || part > size ? size + 1 : part;
  if (sum != size)
    return node.fail("parts are [{0}] of a dimension of {1}", llvm::make_range(given->begin(), given->end()), size);
  return *given;
}

static LogicalResult importSplitToSequence(NodeImporter &node) {
  FailureOr<DimList> dims = node.inputDims(0);
  if (failed(dims))
    return failure();
  auto rank = int64_t(dims->size());
  FailureOr<int64_t> axis = node.axisAttribute(0, rank, rank - 1);
  bool keep = node.intAttribute("keepdims", 1) != 0 || node.hasInput(1);
  if (failed(axis))
    return failure();
  auto size = dyn_cast<AffineConstantExpr>((*dims)[*axis]);
  if (!size)
    return node.fail("dimension {0} is {1}, only sizes that are numbers can be split into a sequence; give it with "
                     "--shape",
                     *axis, node.print((*dims)[*axis]));
  FailureOr<SmallVector<int64_t>> parts = getParts(node, size.getValue());
  if (failed(parts))
    return failure();
  std::vector<GraphValue *> items;
  int64_t begin = 0;
  for (int64_t part : *parts) {
    FailureOr<SmallVector<GraphValue *>> item =
        node.expand("Slice",
                    {node.inputValue(0), node.constantValue({begin}), node.constantValue({begin + part}),
                     node.constantValue({*axis})},
                    {});
    if (succeeded(item) && !keep)
      item = node.expand("Squeeze", {(*item)[0], node.constantValue({*axis})}, {}, 1, 13);
    if (failed(item))
      return failure();
    items.push_back((*item)[0]);
    begin += part;
  }
  return setSequence(node, std::move(items));
}

static LogicalResult importConcatFromSequence(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  if (failed(sequence))
    return failure();
  int64_t axis = node.intAttribute("axis", 0);
  bool isNew = node.intAttribute("new_axis", 0) != 0;
  SmallVector<GraphValue *> items((*sequence)->items.begin(), (*sequence)->items.end());
  if (items.empty())
    return node.fail("the sequence is empty");
  for (GraphValue *&item : items) {
    if (!isNew)
      break;
    FailureOr<SmallVector<GraphValue *>> stacked =
        node.expand("Unsqueeze", {item, node.constantValue({axis})}, {}, 1, 13);
    if (failed(stacked))
      return failure();
    item = (*stacked)[0];
  }
  FailureOr<SmallVector<GraphValue *>> result = node.expand("Concat", items, {node.makeAttribute("axis", axis)}, 1, 13);
  if (failed(result))
    return failure();
  node.setOutput(0, (*result)[0]);
  return success();
}

/// The body once for each item; inputs that are no sequences are the same for all.
static LogicalResult importSequenceMap(NodeImporter &node) {
  FailureOr<GraphValue *> sequence = getSequence(node, 0);
  const Graph *body = node.graphAttribute("body");
  if (failed(sequence) || !body)
    return failure();
  if (body->inputs.size() != node.numInputs() || body->outputs.size() < node.numOutputs())
    return node.fail("body has {0} inputs and {1} outputs but the node {2} and {3}", body->inputs.size(),
                     body->outputs.size(), node.numInputs(), node.numOutputs());
  std::vector<std::vector<GraphValue *>> results(node.numOutputs());
  for (size_t i = 0; i < (*sequence)->items.size(); ++i) {
    SmallVector<GraphValue *> inputs;
    for (size_t k = 0; k < node.numInputs(); ++k) {
      GraphValue *value = node.inputValue(k);
      if (!value || (value->isSequence && value->items.size() <= i))
        return node.fail("input {0} has no item {1}", k, i);
      inputs.push_back(value->isSequence ? value->items[i] : value);
    }
    FailureOr<SmallVector<GraphValue *>> outputs = node.importSubgraph(*body, inputs);
    if (failed(outputs))
      return failure();
    for (auto [list, value] : llvm::zip(results, *outputs))
      list.push_back(value);
  }
  for (auto [i, items] : llvm::enumerate(results)) {
    GraphValue *value = node.constantValue(KnownTensor());
    value->known.reset();
    value->isSequence = true;
    value->items = std::move(items);
    node.setOutput(i, value);
  }
  return success();
}

static LogicalResult importOptional(NodeImporter &node) {
  node.attribute("type");
  if (node.hasInput(0))
    return node.forwardInput(0);
  GraphValue *value = node.constantValue(KnownTensor());
  value->known.reset();
  value->isEmptyOptional = true;
  node.setOutput(0, value);
  return success();
}

static LogicalResult importOptionalHasElement(NodeImporter &node) {
  GraphValue *value = node.inputValue(0);
  node.setOutput(0, KnownTensor{DataType::Bool, {}, {node.math().integer(value && !value->isEmptyOptional)}});
  return success();
}

static LogicalResult importOptionalGetElement(NodeImporter &node) {
  GraphValue *value = node.inputValue(0);
  if (!value || value->isEmptyOptional)
    return node.fail("the optional has no value");
  return node.forwardInput(0);
}

static constexpr StringLiteral Limits = "values known while importing";
static constexpr Operator Operators[] = {
    {"", "ConcatFromSequence", 11, NewestOpset, "sequences known while importing", importConcatFromSequence},
    {"", "Optional", 15, NewestOpset, Limits, importOptional},
    {"", "OptionalGetElement", 15, NewestOpset, Limits, importOptionalGetElement},
    {"", "OptionalHasElement", 15, NewestOpset, Limits, importOptionalHasElement},
    {"", "SequenceAt", 11, NewestOpset, "constant position", importSequenceAt},
    {"", "SequenceConstruct", 11, NewestOpset, "", importSequenceConstruct},
    {"", "SequenceEmpty", 11, NewestOpset, "", importSequenceEmpty},
    {"", "SequenceErase", 11, NewestOpset, "constant position", importSequenceErase},
    {"", "SequenceInsert", 11, NewestOpset, "constant position", importSequenceInsert},
    {"", "SequenceLength", 11, NewestOpset, "", importSequenceLength},
    {"", "SequenceMap", 17, NewestOpset, "sequences known while importing", importSequenceMap},
    {"", "SplitToSequence", 11, NewestOpset, "constant split, static dimension", importSplitToSequence},
};

llvm::ArrayRef<Operator> lathe::onnx::sequenceOperators() { return Operators; }
