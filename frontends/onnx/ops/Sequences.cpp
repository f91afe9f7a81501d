// Sequences and optionals: lists of values, known while importing.
#include "frontends/onnx/ops/DataSizes.h"

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
static FailureOr<SizeList> getParts(NodeImporter &node, AffineExpr size) {
  FailureOr<DimList> shape = DimList();
  if (node.hasInput(1))
    shape = node.inputDims(1);
  if (failed(shape))
    return failure();
  if (!shape->empty()) {
    if (node.knownInput(1)) {
      FailureOr<SizeList> parts = node.symbolicInts(1);
      AffineExpr sum = node.constantSize(0);
      for (AffineExpr part : succeeded(parts) ? *parts : SizeList())
        sum = sum + part;
      if (failed(parts) || failed(node.requireSame(sum, size, "the sum of the parts")))
        return failure();
      return parts;
    }
    return readParts(listInput(node, 1), size, node.inputName(1));
  }
  FailureOr<int64_t> each = node.hasInput(1) ? node.constantInt(1) : FailureOr<int64_t>(1);
  auto whole = dyn_cast<AffineConstantExpr>(size);
  if (failed(each))
    return failure();
  if (!whole || *each < 1 || whole.getValue() / *each > MaximumKnownElements)
    return node.fail("splits a dimension of {0} into parts of {1}, needed at most {2} parts, as many for every size; "
                     "give sizes with --shape",
                     node.print(size), *each, MaximumKnownElements);
  SizeList parts;
  for (int64_t rest = whole.getValue(); rest > 0; rest -= *each)
    parts.push_back(node.constantSize(std::min(rest, *each)));
  return parts;
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
  FailureOr<SizeList> parts = getParts(node, (*dims)[*axis]);
  Term x = input(node, 0);
  if (failed(parts) || !x)
    return failure();
  std::vector<GraphValue *> items;
  AffineExpr begin = node.constantSize(0);
  for (AffineExpr part : *parts) {
    Term item = slice(x, *axis, begin, part);
    if (item && !keep) {
      SizeList shape(x.dims());
      shape.erase(shape.begin() + *axis);
      item = reshape(item, shape);
    }
    if (!item)
      return failure();
    items.push_back(node.dataValue(item.value));
    begin = begin + part;
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
    {"", "SplitToSequence", 11, NewestOpset, "the number of parts known while importing", importSplitToSequence},
};

llvm::ArrayRef<Operator> lathe::onnx::sequenceOperators() { return Operators; }
