// Constants and operators that keep all elements.
#include "frontends/onnx/ops/DataSizes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importIdentity(NodeImporter &node) { return node.forwardInput(0); }

static LogicalResult importConstant(NodeImporter &node) {
  for (StringRef name : {"value", "value_float", "value_floats", "value_int", "value_ints"})
    if (const NodeAttribute *attribute = node.attribute(name))
      return node.setConstant(*attribute);
  return node.fail("has no 'value', 'value_float', 'value_floats', 'value_int' or 'value_ints'");
}

/// The size of dimensions [begin, end) of `value` together; -1 where it is no number.
static int64_t countStatic(NodeImporter &node, Value value, int64_t begin, int64_t end) {
  int64_t count = 1;
  for (int64_t axis = begin; axis < end; ++axis) {
    std::optional<int64_t> size = node.size(value, axis);
    if (!size)
      return -1;
    count *= *size;
  }
  return count;
}

/// `value` as a matrix: dimensions before `axis` are rows, those from it on columns.
static FailureOr<Value> flatten(NodeImporter &node, Value value, int64_t axis) {
  int64_t rank = node.rank(value);
  int64_t rows = countStatic(node, value, 0, axis), columns = countStatic(node, value, axis, rank);
  // Two unknown sizes need one that can be copied.
  if (axis == 1 && rows == -1)
    rows = 0;
  return node.reshape(value, {rows, columns});
}

static LogicalResult importFlatten(NodeImporter &node) {
  FailureOr<Value> input = node.input(0);
  if (failed(input))
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(1, node.rank(*input), node.rank(*input));
  if (failed(axis))
    return failure();
  FailureOr<Value> result = flatten(node, *input, *axis);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static LogicalResult importReshape(NodeImporter &node) {
  if (node.hasInput(1) && !node.knownInput(1)) {
    bool keepZero = node.intAttribute("allowzero", 0) != 0;
    Term shape = listInput(node, 1);
    return setOutput(node, 0, reshapeToList(input(node, 0), shape, keepZero, node.inputName(1)));
  }
  FailureOr<Value> input = node.input(0);
  FailureOr<SmallVector<AffineExpr>> shape = node.symbolicInts(1);
  if (failed(input) || failed(shape))
    return failure();
  AffineExpr zero = node.constantSize(0);
  bool keepZero = node.intAttribute("allowzero", 0) != 0;
  for (auto [i, size] : llvm::enumerate(*shape))
    if (size == zero && !keepZero && int64_t(i) < node.rank(*input))
      size = node.dims(*input)[i];
  FailureOr<Value> result = node.reshapeTo(*input, *shape);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static LogicalResult importTranspose(NodeImporter &node) {
  FailureOr<Value> input = node.input(0);
  if (failed(input))
    return failure();
  SmallVector<int64_t> permutation(llvm::reverse(llvm::seq<int64_t>(0, node.rank(*input))));
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("perm"))
    permutation.assign(given->begin(), given->end());
  FailureOr<Value> result = node.transpose(*input, permutation);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "Constant", 1, NewestOpset, "dense tensors and numbers", importConstant},
    {"", "Flatten", 1, NewestOpset, "", importFlatten},
    {"", "Identity", 1, NewestOpset, "tensors", importIdentity},
    {"", "Reshape", 5, NewestOpset, "the rank known while importing", importReshape},
    {"", "Transpose", 1, NewestOpset, "", importTranspose},
};

llvm::ArrayRef<Operator> lathe::onnx::movementOperators() { return Operators; }
