// Convolution and pooling: windows that slide over images.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/WindowAttributes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// f32, f16 or bf16 and two spatial dimensions: what `lathe.conv` and `lathe.max_pool` take.
static bool isImage(const Term &x) {
  return x.rank() == 4 && (x.type().isF32() || x.type().isF16() || x.type().isBF16());
}

Term lathe::onnx::addBias(const Term &x, size_t index) {
  if (!x || !x.node->hasInput(index))
    return x;
  NodeImporter &node = *x.node;
  Term bias = input(node, index);
  if (!bias)
    return bias;
  if (bias.rank() != 1 || failed(node.requireSame(bias.dim(0), x.dim(1), "the length of the bias"))) {
    (void)node.fail("bias has rank {0}, needed one number for each channel", bias.rank());
    return Term();
  }
  SmallVector<AffineExpr> shape(x.rank(), node.constantSize(1));
  shape[1] = bias.dim(0);
  return x + reshape(bias, shape);
}

Term lathe::onnx::convolve(const Term &x, const Term &filter, const WindowAttributes &windows, int64_t groups) {
  if (!isImage(x))
    return convNd(x, filter, windows, groups);
  NodeImporter &node = *x.node;
  return Term(node, node.create<ConvOp>(x.type(), x.value, filter.value, windows.strides, windows.pads(),
                                        windows.dilations, groups));
}

static LogicalResult importConv(NodeImporter &node) {
  Term x = realInput(node, 0), filter = realInput(node, 1);
  int64_t groups = node.intAttribute("group", 1);
  FailureOr<WindowAttributes> windows = getFilterWindows(node, x, filter);
  if (failed(windows))
    return failure();
  return setOutput(node, 0, addBias(convolve(x, filter, *windows, groups), 2));
}

/// Sizes of the result without pads are those that 'output_shape' asks for, or follow from 'pads'.
static FailureOr<SmallVector<AffineExpr>> getTransposedSizes(NodeImporter &node, ArrayRef<AffineExpr> dims,
                                                             WindowAttributes &windows) {
  int64_t rank = windows.rank();
  SmallVector<int64_t> more(node.intsAttribute("output_padding").value_or(SmallVector<int64_t>(rank, 0)));
  SmallVector<int64_t> asked(node.intsAttribute("output_shape").value_or(ArrayRef<int64_t>()));
  StringRef automatic = node.stringAttribute("auto_pad", "NOTSET");
  bool same = automatic == "SAME_UPPER" || automatic == "SAME_LOWER";
  if (int64_t(asked.size()) == rank + 2)
    asked.erase(asked.begin(), asked.begin() + 2);
  if (int64_t(more.size()) != rank || (!asked.empty() && int64_t(asked.size()) != rank))
    return node.fail("'output_padding' and 'output_shape' have {0} and {1} numbers, needed {2}", more.size(),
                     asked.size(), rank);
  SmallVector<AffineExpr> sizes;
  for (int64_t d = 0; d < rank; ++d) {
    AffineExpr all = (dims[d + 2] - 1) * windows.strides[d] + (windows.extent(d) + more[d]);
    if (asked.empty() && !same) {
      sizes.push_back(all - (windows.low[d] + windows.high[d]));
      continue;
    }
    auto size = dyn_cast<AffineConstantExpr>(dims[d + 2]);
    if (!size)
      return node.fail("'output_shape' and 'auto_pad' need a fixed size of dimension {0}; give it with --shape", d + 2);
    int64_t target = asked.empty() ? size.getValue() * windows.strides[d] : asked[d];
    int64_t total = cast<AffineConstantExpr>(all).getValue() - target;
    // What is missing is added behind.
    windows.low[d] = total <= 0 ? 0 : automatic == "SAME_UPPER" ? total / 2 : total - total / 2;
    sizes.push_back(node.constantSize(target));
  }
  return sizes;
}

static LogicalResult importConvTranspose(NodeImporter &node) {
  Term x = realInput(node, 0), filter = realInput(node, 1);
  int64_t groups = node.intAttribute("group", 1);
  if (!x || !filter)
    return failure();
  FailureOr<WindowAttributes> windows = getFilterWindows(node, x, filter);
  if (failed(windows))
    return failure();
  OperandDims dims({x, filter});
  FailureOr<SmallVector<AffineExpr>> spatial = getTransposedSizes(node, dims[0], *windows);
  if (failed(spatial))
    return failure();
  SmallVector<AffineExpr> sizes = {dims[0][0], dims[1][1] * groups};
  sizes.append(*spatial);
  Term result(node, node.create<ConvTransposeOp>(x.type(), x.value, filter.value, windows->strides, windows->low,
                                                 windows->dilations, groups, dims.map(sizes)));
  return setOutput(node, 0, addBias(result, 2));
}

/// `lathe.pool` of any kind.
static Term pool(const Term &x, StringRef kind, const WindowAttributes &windows, bool includePads, int64_t p) {
  OperandDims dims(x);
  FailureOr<SmallVector<AffineExpr>> spatial = windows.resultSizes(*x.node, dims[0]);
  if (failed(spatial))
    return Term();
  SmallVector<AffineExpr> sizes = {dims[0][0], dims[0][1]};
  sizes.append(*spatial);
  return Term(*x.node, x.node->create<PoolOp>(x.type(), x.value, kind, windows.size, windows.strides, windows.low,
                                              windows.high, windows.dilations, includePads, p, dims.map(sizes)));
}

static FailureOr<WindowAttributes> getPoolWindows(NodeImporter &node, const Term &x, bool mayRoundUp) {
  if (!node.attribute("kernel_shape"))
    return node.fail("has no 'kernel_shape'");
  FailureOr<WindowAttributes> windows = getWindows(node, x, {});
  if (succeeded(windows) && mayRoundUp)
    windows->ceiling = node.intAttribute("ceil_mode", 0);
  return windows;
}

Term lathe::onnx::averagePool(const Term &x, int64_t version) {
  if (!x)
    return Term();
  bool includePads = x.node->intAttribute("count_include_pad", 0);
  FailureOr<WindowAttributes> windows = getPoolWindows(*x.node, x, version >= 10);
  return failed(windows) ? Term() : pool(x, "average", *windows, includePads, 1);
}

static LogicalResult importAveragePool(NodeImporter &node) {
  return setOutput(node, 0, averagePool(realInput(node, 0), node.opset()));
}

static LogicalResult importLpPool(NodeImporter &node) {
  int64_t p = node.intAttribute("p", 2);
  Term x = realInput(node, 0);
  FailureOr<WindowAttributes> windows = getPoolWindows(node, x, node.opset() >= 18);
  return failed(windows) ? failure() : setOutput(node, 0, pool(x, "lp", *windows, false, p));
}

/// The pads behind that make room for the last windows, as `lathe.max_pool` counts them.
static WindowAttributes fitPads(const Term &x, WindowAttributes windows) {
  FailureOr<SmallVector<AffineExpr>> sizes = windows.resultSizes(*x.node, x.dims());
  for (int64_t d = 0; succeeded(sizes) && windows.ceiling && d < windows.rank(); ++d) {
    int64_t last = (cast<AffineConstantExpr>((*sizes)[d]).getValue() - 1) * windows.strides[d] + windows.extent(d);
    windows.high[d] = std::max(windows.high[d], last - *x.size(d + 2) - windows.low[d]);
  }
  return windows;
}

static LogicalResult importMaxPool(NodeImporter &node) {
  bool columnMajor = node.intAttribute("storage_order", 0);
  Term x = input(node, 0);
  FailureOr<WindowAttributes> windows = getPoolWindows(node, x, node.opset() >= 8);
  if (failed(windows))
    return failure();
  OperandDims dims(x);
  FailureOr<SmallVector<AffineExpr>> spatial = windows->resultSizes(node, dims[0]);
  if (failed(spatial))
    return failure();
  if (node.hasOutput(1)) {
    SmallVector<AffineExpr> sizes = {dims[0][0], dims[0][1]};
    sizes.append(*spatial);
    Term places(node,
                node.create<MaxPoolIndicesOp>(node.builder().getI64Type(), x.value, windows->size, windows->strides,
                                              windows->low, windows->dilations, columnMajor, dims.map(sizes)));
    if (failed(setOutput(node, 1, places)))
      return failure();
  }
  if (!isImage(x))
    return setOutput(node, 0, pool(x, "max", *windows, false, 1));
  WindowAttributes fitted = fitPads(x, *windows);
  return setOutput(node, 0,
                   Term(node, node.create<MaxPoolOp>(x.type(), x.value, fitted.size, fitted.strides, fitted.pads(),
                                                     fitted.dilations)));
}

static LogicalResult importGlobalPool(NodeImporter &node, ReduceKind kind) {
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(2, x.rank())));
  return setOutput(node, 0, reduce(x, kind, axes, /*keep=*/true));
}

static LogicalResult importGlobalAveragePool(NodeImporter &node) { return importGlobalPool(node, ReduceKind::Mean); }
static LogicalResult importGlobalMaxPool(NodeImporter &node) { return importGlobalPool(node, ReduceKind::Max); }

static LogicalResult importGlobalLpPool(NodeImporter &node) {
  int64_t p = node.intAttribute("p", 2);
  Term x = realInput(node, 0);
  if (!x)
    return failure();
  if (p < 1)
    return node.fail("'p' is {0}, needed at least 1", p);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(2, x.rank())));
  Term sum = reduce(apply<PowOp>(apply<AbsOp>(x), constant(x, p)), ReduceKind::Sum, axes, /*keep=*/true);
  return setOutput(node, 0, apply<PowOp>(sum, constant(x, 1.0 / p)));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "AveragePool", 1, NewestOpset, "", importAveragePool},
    {"", "Conv", 1, NewestOpset, "filters of fixed size", importConv},
    {"", "ConvTranspose", 1, NewestOpset, "filters of fixed size", importConvTranspose},
    {"", "GlobalAveragePool", 1, NewestOpset, "", importGlobalAveragePool},
    {"", "GlobalLpPool", 2, NewestOpset, "", importGlobalLpPool},
    {"", "GlobalMaxPool", 1, NewestOpset, "", importGlobalMaxPool},
    {"", "LpPool", 2, NewestOpset, "", importLpPool},
    {"", "MaxPool", 1, NewestOpset, "", importMaxPool},
};

llvm::ArrayRef<Operator> lathe::onnx::windowOperators() { return Operators; }
