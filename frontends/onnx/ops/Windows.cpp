// Convolution and pooling: windows that slide over images.
#include "frontends/onnx/ops/Broadcast.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

struct WindowAttributes {
  SmallVector<int64_t> size, strides, dilations;
  SmallVector<int64_t> pads; ///< top, left, bottom, right

  int64_t extent(int d) const { return dilations[d] * (size[d] - 1) + 1; }
};

} // namespace

static FailureOr<SmallVector<int64_t>> getPositive(NodeImporter &node, StringRef name, ArrayRef<int64_t> otherwise) {
  SmallVector<int64_t> values(node.intsAttribute(name).value_or(otherwise));
  // The upper limit keeps products of sizes within 64 bits.
  if (values.size() != 2 || llvm::any_of(values, [](int64_t value) { return value < 1 || value > INT32_MAX; }))
    return node.fail("'{0}' is [{1}], needed 2 positive numbers", name, llvm::make_range(values.begin(), values.end()));
  return values;
}

/// 'auto_pad' SAME_UPPER or SAME_LOWER: as many windows as strides fit into the image, the odd pad last or first.
static LogicalResult padSame(NodeImporter &node, Value input, bool upper, WindowAttributes &windows) {
  for (int d = 0; d < 2; ++d) {
    std::optional<int64_t> size = node.size(input, d + 2);
    if (!size)
      return node.fail("'auto_pad' needs a fixed size of dimension {0} of the input; give it with --shape", d + 2);
    int64_t count = (*size + windows.strides[d] - 1) / windows.strides[d];
    int64_t total = std::max<int64_t>(0, (count - 1) * windows.strides[d] + windows.extent(d) - *size);
    windows.pads[d] = upper ? total / 2 : (total + 1) / 2;
    windows.pads[d + 2] = total - windows.pads[d];
  }
  return success();
}

static LogicalResult getPads(NodeImporter &node, Value input, WindowAttributes &windows) {
  std::optional<ArrayRef<int64_t>> given = node.intsAttribute("pads");
  StringRef automatic = node.stringAttribute("auto_pad", "NOTSET");
  windows.pads.assign(4, 0);
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    return padSame(node, input, automatic == "SAME_UPPER", windows);
  if (automatic == "VALID")
    return success();
  if (automatic != "NOTSET" && !automatic.empty())
    return node.fail("'auto_pad' is '{0}', needed NOTSET, SAME_UPPER, SAME_LOWER or VALID", automatic);
  if (!given)
    return success();
  windows.pads.assign(given->begin(), given->end());
  if (given->size() != 4 || llvm::any_of(*given, [](int64_t pad) { return pad < 0 || pad > INT32_MAX; }))
    return node.fail("'pads' is [{0}], needed 4 numbers that are not negative",
                     llvm::make_range(given->begin(), given->end()));
  return success();
}

static FailureOr<WindowAttributes> getWindows(NodeImporter &node, Value input, ArrayRef<int64_t> size) {
  WindowAttributes windows;
  FailureOr<SmallVector<int64_t>> strides = getPositive(node, "strides", {1, 1});
  FailureOr<SmallVector<int64_t>> dilations = getPositive(node, "dilations", {1, 1});
  FailureOr<SmallVector<int64_t>> kernel = getPositive(node, "kernel_shape", size);
  if (failed(strides) || failed(dilations) || failed(kernel))
    return failure();
  windows.strides = *strides;
  windows.dilations = *dilations;
  windows.size = *kernel;
  if (failed(getPads(node, input, windows)))
    return failure();
  return windows;
}

static LogicalResult importConv(NodeImporter &node) {
  FailureOr<Value> input = node.floatInput(0), filter = node.floatInput(1);
  if (failed(input) || failed(filter))
    return failure();
  if (node.rank(*input) != 4 || node.rank(*filter) != 4)
    return node.fail("input and filter have ranks {0} and {1}, only 4 (2-D convolution) is supported",
                     node.rank(*input), node.rank(*filter));
  int64_t groups = node.intAttribute("group", 1);
  auto filterType = cast<RankedTensorType>(filter->getType());
  if (!filterType.hasStaticShape() || !node.size(*input, 1))
    return node.fail("the filter and the channels of the input must have fixed sizes");
  FailureOr<WindowAttributes> windows = getWindows(node, *input, filterType.getShape().drop_front(2));
  if (failed(windows))
    return failure();
  if (ArrayRef(windows->size) != filterType.getShape().drop_front(2))
    return node.fail("'kernel_shape' is [{0}] but the filter has [{1}]", llvm::iterator_range(windows->size),
                     llvm::iterator_range(filterType.getShape().drop_front(2)));
  Type element = node.elementType(*input);
  FailureOr<Value> result =
      node.create<ConvOp>(element, *input, *filter, windows->strides, windows->pads, windows->dilations, groups);
  if (failed(result))
    return failure();
  if (node.hasInput(2)) {
    FailureOr<Value> bias = node.floatInput(2);
    if (failed(bias))
      return failure();
    if (node.rank(*bias) != 1 || node.size(*bias, 0) != filterType.getDimSize(0))
      return node.fail("bias must hold one number for each of the {0} channels", filterType.getDimSize(0));
    bias = node.reshape(*bias, {1, filterType.getDimSize(0), 1, 1});
    result = succeeded(bias) ? createBinary<AddOp>(node, *result, *bias) : bias;
  }
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

/// 'ceil_mode': a last window that reaches over the end counts if it starts before the end. Pads at the end make room
/// for it.
static LogicalResult padForCeiling(NodeImporter &node, Value input, WindowAttributes &windows) {
  for (int d = 0; d < 2; ++d) {
    std::optional<int64_t> size = node.size(input, d + 2);
    if (!size)
      return node.fail("'ceil_mode' needs a fixed size of dimension {0} of the input; give it with --shape", d + 2);
    int64_t begin = windows.pads[d], stride = windows.strides[d];
    int64_t room = *size + begin + windows.pads[d + 2] - windows.extent(d);
    if (room < 0)
      continue; // no window fits: the operation says so
    int64_t last = (room + stride - 1) / stride * stride;
    if (last >= *size + begin)
      last -= stride;
    windows.pads[d + 2] += std::max<int64_t>(0, last - room);
  }
  return success();
}

static LogicalResult importMaxPool(NodeImporter &node) {
  FailureOr<Value> input = node.floatInput(0);
  if (failed(input))
    return failure();
  if (node.rank(*input) != 4)
    return node.fail("input has rank {0}, only 4 (2-D pooling) is supported", node.rank(*input));
  node.intAttribute("storage_order", 0); // concerns the second output alone, which is refused
  bool ceiling = node.intAttribute("ceil_mode", 0);
  FailureOr<WindowAttributes> windows = getWindows(node, *input, {});
  if (failed(windows) || (ceiling && failed(padForCeiling(node, *input, *windows))))
    return failure();
  FailureOr<Value> result = node.create<MaxPoolOp>(node.elementType(*input), *input, windows->size, windows->strides,
                                                   windows->pads, windows->dilations);
  if (failed(result))
    return failure();
  node.setOutput(0, *result);
  return success();
}

static constexpr Operator Operators[] = {
    {"", "Conv", 1, NewestOpset, "2-D, float types", importConv},
    {"", "MaxPool", 1, NewestOpset, "2-D, float types, one output", importMaxPool},
};

llvm::ArrayRef<Operator> lathe::onnx::windowOperators() { return Operators; }
