// Operators that compute with elements, on tensors whose elements are known while importing.
#include "frontends/onnx/ops/Known.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

using Result = ElementMath::Result;
using UnaryFunction = Result(const ElementMath &, DataType, const Element &);
using BinaryFunction = Result(const ElementMath &, DataType, const Element &, const Element &);

} // namespace

static Result fromBool(const ElementMath &math, std::optional<bool> value) {
  return value ? Result(math.integer(*value)) : std::nullopt;
}

static LogicalResult evaluateUnary(NodeImporter &node, llvm::function_ref<UnaryFunction> function,
                                   DataType resultType = DataType::Undefined) {
  const KnownTensor *input = node.knownInput(0);
  if (!input)
    return failure();
  KnownTensor result{resultType == DataType::Undefined ? input->type : resultType, input->shape, {}};
  ElementMath math = node.math();
  for (const Element &element : input->elements) {
    Result value = function(math, input->type, element);
    if (!value)
      return failure();
    result.elements.push_back(*value);
  }
  node.setOutput(0, std::move(result));
  return success();
}

/// The shape that both broadcast to.
static std::optional<SmallVector<int64_t>> broadcast(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()), 1);
  for (ArrayRef<int64_t> each : {a, b})
    for (auto [i, size] : llvm::enumerate(each)) {
      int64_t &at = shape[shape.size() - each.size() + i];
      if (at != 1 && size != 1 && at != size)
        return std::nullopt;
      at = at == 1 ? size : at;
    }
  return shape;
}

/// The element of `tensor` that broadcasting puts at `index`.
static const Element &elementAt(const KnownTensor &tensor, ArrayRef<int64_t> index) {
  SmallVector<int64_t> from(index.take_back(tensor.shape.size()));
  for (auto [at, size] : llvm::zip_equal(from, tensor.shape))
    at = size == 1 ? 0 : at;
  return tensor.elements[offsetOf(tensor.shape, from)];
}

static std::optional<KnownTensor> combine(const ElementMath &math, const KnownTensor &a, const KnownTensor &b,
                                          llvm::function_ref<BinaryFunction> function) {
  std::optional<SmallVector<int64_t>> shape = broadcast(a.shape, b.shape);
  if (!shape || a.type != b.type)
    return std::nullopt;
  KnownTensor result{a.type, *shape, {}};
  int64_t count = 1;
  for (int64_t size : *shape)
    count *= size;
  SmallVector<int64_t> index(shape->size());
  for (int64_t i = 0; i < count; ++i, nextIndex(*shape, index)) {
    Result value = function(math, a.type, elementAt(a, index), elementAt(b, index));
    if (!value || count > MaximumKnownElements)
      return std::nullopt;
    result.elements.push_back(*value);
  }
  return result;
}

/// Combines `count` inputs, from the first on.
static LogicalResult evaluateChain(NodeImporter &node, size_t count, llvm::function_ref<BinaryFunction> function,
                                   DataType resultType = DataType::Undefined) {
  ElementMath math = node.math();
  const KnownTensor *first = node.knownInput(0);
  std::optional<KnownTensor> result = first ? std::optional(*first) : std::nullopt;
  for (size_t i = 1; i < count && result; ++i) {
    const KnownTensor *next = node.knownInput(i);
    result = next ? combine(math, *result, *next, function) : std::nullopt;
  }
  if (!result)
    return failure();
  if (resultType != DataType::Undefined)
    result->type = resultType;
  node.setOutput(0, std::move(*result));
  return success();
}

static LogicalResult evaluateComparison(NodeImporter &node, llvm::function_ref<BinaryFunction> function) {
  return evaluateChain(node, 2, function, DataType::Bool);
}

LogicalResult lathe::onnx::evaluateAdd(NodeImporter &node) {
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.add(type, a, b); });
}

LogicalResult lathe::onnx::evaluateSub(NodeImporter &node) {
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.sub(type, a, b); });
}

LogicalResult lathe::onnx::evaluateMul(NodeImporter &node) {
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.mul(type, a, b); });
}

LogicalResult lathe::onnx::evaluateDiv(NodeImporter &node) {
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.div(type, a, b); });
}

LogicalResult lathe::onnx::evaluateMod(NodeImporter &node) {
  if (node.intAttribute("fmod", 0) != 0)
    return failure();
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.mod(type, a, b); });
}

LogicalResult lathe::onnx::evaluateMin(NodeImporter &node) {
  return evaluateChain(node, node.numInputs(),
                       [](auto &math, auto type, auto &a, auto &b) { return math.min(type, a, b); });
}

LogicalResult lathe::onnx::evaluateMax(NodeImporter &node) {
  return evaluateChain(node, node.numInputs(),
                       [](auto &math, auto type, auto &a, auto &b) { return math.max(type, a, b); });
}

LogicalResult lathe::onnx::evaluateEqual(NodeImporter &node) {
  return evaluateComparison(node,
                            [](auto &math, auto, auto &a, auto &b) { return fromBool(math, math.isEqual(a, b)); });
}

LogicalResult lathe::onnx::evaluateLess(NodeImporter &node) {
  return evaluateComparison(node, [](auto &math, auto, auto &a, auto &b) { return fromBool(math, math.isLess(a, b)); });
}

LogicalResult lathe::onnx::evaluateGreater(NodeImporter &node) {
  return evaluateComparison(node, [](auto &math, auto, auto &a, auto &b) { return fromBool(math, math.isLess(b, a)); });
}

/// Not less the other way round, which holds where neither is NaN.
static Result isAtMost(const ElementMath &math, const Element &a, const Element &b) {
  for (const Element &each : {a, b})
    if (each.constant() && std::isnan(*each.constant()))
      return math.integer(0);
  std::optional<bool> less = math.isLess(b, a);
  return less ? Result(math.integer(!*less)) : std::nullopt;
}

LogicalResult lathe::onnx::evaluateLessOrEqual(NodeImporter &node) {
  return evaluateComparison(node, [](auto &math, auto, auto &a, auto &b) { return isAtMost(math, a, b); });
}

LogicalResult lathe::onnx::evaluateGreaterOrEqual(NodeImporter &node) {
  return evaluateComparison(node, [](auto &math, auto, auto &a, auto &b) { return isAtMost(math, b, a); });
}

LogicalResult lathe::onnx::evaluateAnd(NodeImporter &node) {
  if (node.inputType(0) != DataType::Bool)
    return failure();
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.min(type, a, b); });
}

LogicalResult lathe::onnx::evaluateOr(NodeImporter &node) {
  if (node.inputType(0) != DataType::Bool)
    return failure();
  return evaluateChain(node, 2, [](auto &math, auto type, auto &a, auto &b) { return math.max(type, a, b); });
}

LogicalResult lathe::onnx::evaluateNot(NodeImporter &node) {
  return evaluateUnary(node,
                       [](auto &math, auto, auto &a) { return fromBool(math, math.isEqual(a, math.integer(0))); });
}

LogicalResult lathe::onnx::evaluateNeg(NodeImporter &node) {
  return evaluateUnary(node, [](auto &math, auto type, auto &a) { return math.mul(type, a, math.integer(-1)); });
}

LogicalResult lathe::onnx::evaluateAbs(NodeImporter &node) {
  return evaluateUnary(node, [](auto &math, auto type, auto &a) {
    Result negative = math.mul(type, a, math.integer(-1));
    return negative ? math.max(type, a, *negative) : std::nullopt;
  });
}

LogicalResult lathe::onnx::evaluateFloor(NodeImporter &node) {
  return evaluateUnary(node, [](auto &math, auto type, auto &a) { return math.floor(type, a); });
}

LogicalResult lathe::onnx::evaluateCeil(NodeImporter &node) {
  return evaluateUnary(node, [](auto &math, auto type, auto &a) { return math.ceil(type, a); });
}

LogicalResult lathe::onnx::evaluateSqrt(NodeImporter &node) {
  return evaluateUnary(node, [](auto &math, auto type, auto &a) { return math.apply(type, a, std::sqrt); });
}

LogicalResult lathe::onnx::evaluateCast(NodeImporter &node) {
  node.intAttribute("saturate", 1);
  node.stringAttribute("round_mode", "up");
  auto to = DataType(node.intAttribute("to", 0));
  if (!isKnownType(to))
    return failure();
  return evaluateUnary(node, [&](auto &math, auto type, auto &a) { return math.cast(type, to, a); }, to);
}

LogicalResult lathe::onnx::evaluateWhere(NodeImporter &node) {
  const KnownTensor *condition = node.knownInput(0), *a = node.knownInput(1), *b = node.knownInput(2);
  if (!condition || !a || !b || a->type != b->type || condition->type != DataType::Bool)
    return failure();
  std::optional<SmallVector<int64_t>> shape = broadcast(a->shape, b->shape);
  shape = shape ? broadcast(*shape, condition->shape) : std::nullopt;
  if (!shape)
    return failure();
  KnownTensor result{a->type, *shape, {}};
  int64_t count = 1;
  for (int64_t size : *shape)
    count *= size;
  SmallVector<int64_t> index(shape->size());
  for (int64_t i = 0; i < count; ++i, nextIndex(*shape, index)) {
    std::optional<int64_t> chosen = elementAt(*condition, index).constantInt();
    if (!chosen || count > MaximumKnownElements)
      return failure();
    result.elements.push_back(elementAt(*chosen ? *a : *b, index));
  }
  node.setOutput(0, std::move(result));
  return success();
}

/// Reduces over 'axes' (an attribute, later an input), or over all.
static LogicalResult evaluateReduction(NodeImporter &node, std::optional<int64_t> start,
                                       llvm::function_ref<BinaryFunction> function) {
  const KnownTensor *data = node.knownInput(0);
  bool keep = node.intAttribute("keepdims", 1) != 0, noop = node.intAttribute("noop_with_empty_axes", 0) != 0;
  std::optional<ArrayRef<int64_t>> listed = node.intsAttribute("axes");
  if (!data || (!listed && node.hasInput(1) && !node.knownInput(1)))
    return failure();
  SmallVector<int64_t> axes(listed.value_or(ArrayRef<int64_t>()));
  if (!listed && node.hasInput(1))
    for (const Element &element : node.knownInput(1)->elements) {
      if (!element.constantInt())
        return failure();
      axes.push_back(*element.constantInt());
    }
  if (axes.empty() && !noop)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, data->shape.size()));
  FailureOr<SmallVector<int64_t>> reduced = node.normalizeAxes(axes, data->shape.size());
  if (failed(reduced))
    return failure();

  KnownTensor result{data->type, data->shape, {}};
  int64_t count = 1;
  for (int64_t axis : *reduced)
    result.shape[axis] = 1;
  for (int64_t size : result.shape)
    count *= size;
  std::vector<std::optional<Element>> sums(count);
  ElementMath math = node.math();
  SmallVector<int64_t> index(data->shape.size());
  for (const Element &element : data->elements) {
    SmallVector<int64_t> to(index);
    for (int64_t axis : *reduced)
      to[axis] = 0;
    std::optional<Element> &sum = sums[offsetOf(result.shape, to)];
    Result next = sum ? function(math, data->type, *sum, element) : element;
    if (!next)
      return failure();
    sum = next;
    nextIndex(data->shape, index);
  }
  for (std::optional<Element> &sum : sums) {
    if (!sum && !start)
      return failure();
    result.elements.push_back(sum ? *sum : math.integer(*start));
  }
  if (!keep)
    for (int64_t axis : llvm::reverse(*reduced))
      result.shape.erase(result.shape.begin() + axis);
  node.setOutput(0, std::move(result));
  return success();
}

LogicalResult lathe::onnx::evaluateReduceSum(NodeImporter &node) {
  if (node.inputType(0) == DataType::Float || node.inputType(0) == DataType::Double)
    return failure(); // the order of a float sum is the target's
  return evaluateReduction(node, 0, [](auto &math, auto type, auto &a, auto &b) { return math.add(type, a, b); });
}

LogicalResult lathe::onnx::evaluateReduceProd(NodeImporter &node) {
  if (node.inputType(0) == DataType::Float || node.inputType(0) == DataType::Double)
    return failure();
  return evaluateReduction(node, 1, [](auto &math, auto type, auto &a, auto &b) { return math.mul(type, a, b); });
}

LogicalResult lathe::onnx::evaluateReduceMax(NodeImporter &node) {
  return evaluateReduction(node, std::nullopt,
                           [](auto &math, auto type, auto &a, auto &b) { return math.max(type, a, b); });
}

LogicalResult lathe::onnx::evaluateReduceMin(NodeImporter &node) {
  return evaluateReduction(node, std::nullopt,
                           [](auto &math, auto type, auto &a, auto &b) { return math.min(type, a, b); });
}
