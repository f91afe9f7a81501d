// Fourier transforms and the windows that signals are weighed with.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"
#include <cmath>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// A Fourier transform of signals [..., n, ..., 1 or 2].
struct Transform {
  bool inverse = false, onesided = false;
  AffineExpr length; ///< null: that of the signals, or what half of a spectrum stands for
};

} // namespace

/// Of signals [B, n, 1 or 2].
static Term transformRows(const Term &x, const Transform &transform) {
  if (!x)
    return x;
  NodeImporter &node = *x.node;
  bool toReal = transform.inverse && transform.onesided;
  AffineExpr length = transform.length ? transform.length : toReal ? (x.dim(1) - 1) * 2 : x.dim(1);
  bool isHalf = transform.onesided && !transform.inverse;
  SizeList lengths = {length},
           sizes = {x.dim(0), isHalf ? length.floorDiv(2) + 1 : length, node.constantSize(toReal ? 1 : 2)};
  auto [from, maps] = node.mapSizes(x.value, {ArrayRef<AffineExpr>(lengths), ArrayRef<AffineExpr>(sizes)});
  return Term(node, node.create<DftOp>(x.type(), x.value, from, maps[0], transform.inverse, maps[1]));
}

/// Along `axis`, which is not the last one.
static Term transformAlong(const Term &x, int64_t axis, const Transform &transform) {
  NodeImporter &node = *x.node;
  Term moved = exchange(x, axis, x.rank() - 2);
  if (!moved)
    return moved;
  SizeList shape(moved.dims());
  AffineExpr batch = node.constantSize(1);
  for (AffineExpr dim : moved.dims().drop_back(2))
    batch = batch * dim;
  Term rows = transformRows(reshape(moved, {batch, shape[x.rank() - 2], shape[x.rank() - 1]}), transform);
  if (!rows)
    return rows;
  shape[x.rank() - 2] = rows.dim(1);
  shape[x.rank() - 1] = rows.dim(2);
  return exchange(reshape(rows, shape), axis, x.rank() - 2);
}

static LogicalResult checkSignal(NodeImporter &node, const Term &x, int64_t least) {
  if (!x)
    return failure();
  std::optional<int64_t> parts = x.rank() >= least ? x.size(x.rank() - 1) : std::nullopt;
  if (parts != 1 && parts != 2)
    return node.fail("input has shape {0}, needed at least {1} dimensions, the last one 1 or 2", node.print(x.dims()),
                     least);
  return success();
}

/// The axis moved from an attribute to input 2 in opset 20.
static LogicalResult importDft(NodeImporter &node) {
  Transform transform;
  transform.inverse = node.intAttribute("inverse", 0);
  transform.onesided = node.intAttribute("onesided", 0);
  Term x = realInput(node, 0);
  if (failed(checkSignal(node, x, 2)))
    return failure();
  if (node.hasInput(1)) {
    FailureOr<SizeList> length = node.sizesInput(1, {1, MaximumDataSize});
    if (failed(length))
      return failure();
    transform.length = (*length)[0];
  }
  auto along = [&](int64_t axis) { return transformAlong(x, axis, transform); };
  if (node.opset() < 20 || !node.hasInput(2)) {
    FailureOr<int64_t> axis = x.rank() - 2;
    if (node.opset() < 20)
      axis = node.axisAttribute(1, x.rank(), x.rank() - 2);
    return failed(axis) ? failure() : setOutput(node, 0, along(*axis));
  }
  if (!node.knownInput(2))
    return setOutput(node, 0,
                     chooseAxes(
                         listInput(node, 2), x.rank(), [&](int64_t axis) { return axis < x.rank() - 1; },
                         [&](ArrayRef<int64_t> axes) { return along(axes[0]); }));
  FailureOr<int64_t> axis = node.constantInt(2);
  if (failed(axis))
    return failure();
  if (*axis < -x.rank() || *axis > x.rank() - 2 || *axis == -1)
    return node.fail("axis is {0}, needed one in front of the last of {1}", *axis, x.rank());
  return setOutput(node, 0, along(*axis < 0 ? *axis + x.rank() : *axis));
}

/// Frames of a signal [B, n, 1 or 2], weighed and transformed: [B, frames, frequencies, 2].
static LogicalResult importStft(NodeImporter &node) {
  Transform transform;
  transform.onesided = node.intAttribute("onesided", 1);
  Term x = realInput(node, 0), step = listInput(node, 1);
  Type i64 = node.builder().getI64Type();
  if (failed(checkSignal(node, x, 3)) || !step)
    return failure();
  Term window = node.hasInput(2) ? realInput(node, 2) : Term();
  FailureOr<SizeList> length = SizeList{window ? window.dim(0) : x.dim(1)};
  if (node.hasInput(3)) {
    // A window has as many elements as a frame.
    std::optional<int64_t> weights = window && window.rank() == 1 ? window.size(0) : std::nullopt;
    length = node.sizesInput(3, weights ? DimRange(*weights, *weights) : DimRange(1, largestOf(node, x.dim(1))));
  }
  if (failed(length) || x.rank() != 3 || (window && window.rank() != 1))
    return node.fail("signal has rank {0}, needed 3, and a window of rank 1", x.rank());
  AffineExpr samples = (*length)[0];
  SizeList both = {x.dim(1), samples};
  Term sizes = listOf(node, ArrayRef<AffineExpr>(both));
  auto at = [&](int64_t i) { return slice(sizes, 0, node.constantSize(i), node.constantSize(1)); };
  FailureOr<SizeList> frames = readList((at(0) - at(1)) / apply<MaximumOp>(step, constant(step, 1)) + 1.0,
                                        DimRange(0, largestOf(node, x.dim(1))), "frames");
  if (failed(frames))
    return failure();
  AffineExpr one = node.constantSize(1), count = (*frames)[0];
  Term places = iota(node, i64, {count, one}, 0) * step + iota(node, i64, {one, samples}, 1);
  if (!places)
    return failure();
  Term framed(node, node.create<GatherAlongOp>(x.type(), x.value, places.value, 1));
  if (window)
    framed = framed * reshape(window, {samples, one});
  if (!framed)
    return failure();
  Term rows(node, node.reshapeToSizes(framed.value, {x.dim(0) * count, samples, x.dim(2)}));
  Term result = transformRows(rows, transform);
  if (!result)
    return failure();
  return setOutput(
      node, 0, Term(node, node.reshapeToSizes(result.value, {x.dim(0), count, result.dim(1), node.constantSize(2)})));
}

/// The sum of `weights[k]` cos(2 pi k n / N) over a window, of N elements if it is periodic, else of N + 1.
static LogicalResult importWindow(NodeImporter &node, ArrayRef<double> weights) {
  bool periodic = node.intAttribute("periodic", 1);
  auto to = DataType(node.intAttribute("output_datatype", int64_t(DataType::Float)));
  Type type = convertType(node.context(), to);
  FailureOr<SizeList> size = node.sizesInput(0, AnyDataSize);
  if (failed(size))
    return failure();
  if (!type)
    return node.fail("'output_datatype' is {0}, which is not supported", dataTypeName(to));
  Type computed = type.isF64() ? type : node.builder().getF32Type();
  Term places = iota(node, computed, *size, 0), sum = constant(node, computed, weights[0]);
  Term period = places ? sizeOf(places, (*size)[0], computed) : places;
  if (!periodic)
    period = period - 1.0;
  for (size_t k = 1; k < weights.size(); ++k)
    sum = sum + apply<CosOp>(places * (2 * M_PI * double(k)) / period) * weights[k];
  return setOutput(node, 0, cast(sum, type));
}

static LogicalResult importHannWindow(NodeImporter &node) { return importWindow(node, {0.5, -0.5}); }
static LogicalResult importHammingWindow(NodeImporter &node) { return importWindow(node, {25.0 / 46, -21.0 / 46}); }
static LogicalResult importBlackmanWindow(NodeImporter &node) { return importWindow(node, {0.42, -0.5, 0.08}); }

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "BlackmanWindow", 17, NewestOpset, "", importBlackmanWindow},
    {"", "DFT", 17, NewestOpset, "", importDft},
    {"", "HammingWindow", 17, NewestOpset, "", importHammingWindow},
    {"", "HannWindow", 17, NewestOpset, "", importHannWindow},
    {"", "STFT", 17, NewestOpset, "", importStft},
};

llvm::ArrayRef<Operator> lathe::onnx::signalOperators() { return Operators; }
