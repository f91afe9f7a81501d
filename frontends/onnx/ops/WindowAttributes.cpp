#include "frontends/onnx/ops/WindowAttributes.h"

#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

SmallVector<int64_t> WindowAttributes::pads() const {
  SmallVector<int64_t> both(low);
  both.append(high.begin(), high.end());
  return both;
}

FailureOr<SmallVector<AffineExpr>> WindowAttributes::resultSizes(NodeImporter &node, ArrayRef<AffineExpr> dims) const {
  SmallVector<AffineExpr> sizes;
  for (int64_t d = 0; d < rank(); ++d) {
    AffineExpr room = dims[d + 2] + (low[d] + high[d] - extent(d));
    if (!ceiling) {
      sizes.push_back(room.floorDiv(strides[d]) + 1);
      continue;
    }
    auto size = dyn_cast<AffineConstantExpr>(dims[d + 2]);
    if (!size)
      return node.fail("'ceil_mode' needs a fixed size of dimension {0} of the input; give it with --shape", d + 2);
    int64_t rest = size.getValue() + low[d] + high[d] - extent(d);
    int64_t count = rest < 0 ? 0 : (rest + strides[d] - 1) / strides[d] + 1;
    // A last window counts if it starts before the end.
    if (count > 0 && (count - 1) * strides[d] >= size.getValue() + low[d])
      --count;
    sizes.push_back(node.constantSize(count));
  }
  return sizes;
}

FailureOr<SmallVector<int64_t>> lathe::onnx::getPositive(NodeImporter &node, StringRef name, size_t count,
                                                         std::optional<ArrayRef<int64_t>> otherwise) {
  SmallVector<int64_t> values(count, 1);
  if (otherwise)
    values.assign(otherwise->begin(), otherwise->end());
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute(name))
    values.assign(given->begin(), given->end());
  // The upper limit keeps products of sizes within 64 bits.
  if (values.size() != count || llvm::any_of(values, [](int64_t value) { return value < 1 || value > INT32_MAX; }))
    return node.fail("'{0}' is [{1}], needed {2} positive numbers", name,
                     llvm::make_range(values.begin(), values.end()), count);
  return values;
}

/// 'auto_pad' SAME_UPPER or SAME_LOWER: as many windows as strides fit into the image, the odd pad last or first.
static LogicalResult padSame(NodeImporter &node, const Term &x, bool upper, WindowAttributes &windows) {
  for (int64_t d = 0; d < windows.rank(); ++d) {
    std::optional<int64_t> size = x.size(d + 2);
    if (!size)
      return node.fail("'auto_pad' needs a fixed size of dimension {0} of the input; give it with --shape", d + 2);
    int64_t count = (*size + windows.strides[d] - 1) / windows.strides[d];
    int64_t total = std::max<int64_t>(0, (count - 1) * windows.strides[d] + windows.extent(d) - *size);
    windows.low[d] = upper ? total / 2 : (total + 1) / 2;
    windows.high[d] = total - windows.low[d];
  }
  return success();
}

static LogicalResult getPads(NodeImporter &node, const Term &x, WindowAttributes &windows) {
  std::optional<ArrayRef<int64_t>> given = node.intsAttribute("pads");
  StringRef automatic = node.stringAttribute("auto_pad", "NOTSET");
  size_t rank = windows.rank();
  windows.low.assign(rank, 0);
  windows.high.assign(rank, 0);
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER")
    return padSame(node, x, automatic == "SAME_UPPER", windows);
  if (automatic == "VALID")
    return success();
  if (automatic != "NOTSET" && !automatic.empty())
    return node.fail("'auto_pad' is '{0}', needed NOTSET, SAME_UPPER, SAME_LOWER or VALID", automatic);
  if (!given)
    return success();
  if (given->size() != 2 * rank || llvm::any_of(*given, [](int64_t pad) { return pad < 0 || pad > INT32_MAX; }))
    return node.fail("'pads' is [{0}], needed {1} numbers that are not negative",
                     llvm::make_range(given->begin(), given->end()), 2 * rank);
  windows.low.assign(given->begin(), given->begin() + rank);
  windows.high.assign(given->begin() + rank, given->end());
  return success();
}

FailureOr<WindowAttributes> lathe::onnx::getWindows(NodeImporter &node, const Term &x, ArrayRef<int64_t> size) {
  if (!x)
    return failure();
  if (x.rank() < 3)
    return node.fail("input has rank {0}, needed at least 3", x.rank());
  size_t rank = x.rank() - 2;
  FailureOr<SmallVector<int64_t>> strides = getPositive(node, "strides", rank, std::nullopt);
  FailureOr<SmallVector<int64_t>> dilations = getPositive(node, "dilations", rank, std::nullopt);
  FailureOr<SmallVector<int64_t>> kernel = getPositive(node, "kernel_shape", rank, size);
  if (failed(strides) || failed(dilations) || failed(kernel))
    return failure();
  WindowAttributes windows{*kernel, *strides, *dilations, {}, {}};
  if (failed(getPads(node, x, windows)))
    return failure();
  return windows;
}

FailureOr<WindowAttributes> lathe::onnx::getFilterWindows(NodeImporter &node, const Term &x, const Term &filter) {
  if (!x || !filter)
    return failure();
  if (x.rank() < 3 || filter.rank() != x.rank())
    return node.fail("input and filter have ranks {0} and {1}, needed the same, at least 3", x.rank(), filter.rank());
  auto type = cast<RankedTensorType>(filter.value.getType());
  if (!type.hasStaticShape() || !x.size(1))
    return node.fail("the filter and the channels of the input must have fixed sizes");
  FailureOr<WindowAttributes> windows = getWindows(node, x, type.getShape().drop_front(2));
  if (succeeded(windows) && ArrayRef(windows->size) != type.getShape().drop_front(2))
    return node.fail("'kernel_shape' is [{0}] but the filter has [{1}]", llvm::iterator_range(windows->size),
                     llvm::iterator_range(type.getShape().drop_front(2)));
  return windows;
}

Term lathe::onnx::convNd(const Term &x, const Term &filter, const WindowAttributes &windows, int64_t groups) {
  OperandDims dims({x, filter});
  FailureOr<SmallVector<AffineExpr>> spatial = windows.resultSizes(*x.node, dims[0]);
  if (failed(spatial))
    return Term();
  SmallVector<AffineExpr> sizes = {dims[0][0], dims[1][0]};
  sizes.append(*spatial);
  return Term(*x.node, x.node->create<ConvNdOp>(x.type(), x.value, filter.value, windows.strides, windows.low,
                                                windows.dilations, groups, dims.map(sizes)));
}
