// Operators that take parts of dimensions, or put something around them.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// Sizes in front of and behind each dimension that the program knows when it runs.
static LogicalResult getDataPads(NodeImporter &node, const Term &x, SizeList &low, SizeList &sizes) {
  Term pads = listInput(node, 1);
  if (!pads)
    return failure();
  int64_t rank = x.rank(), count = *pads.size(0) / 2;
  if (*pads.size(0) % 2 != 0 || (!node.hasInput(3) && count != rank))
    return node.fail("has {0} pads for {1} dimensions, needed two for each", *pads.size(0), rank);
  if (node.hasInput(3)) {
    Term axes = listInput(node, 3), none = listOf(node, SmallVector<int64_t>(rank, 0));
    auto half = [&](int64_t start) { return slice(pads, 0, node.constantSize(start), node.constantSize(count)); };
    pads = concat({placeAtAxes(none, axes, half(0)), placeAtAxes(none, axes, half(count))}, 0);
  }
  FailureOr<SizeList> read = readList(pads, AnyDataSize, node.inputName(1));
  if (failed(read))
    return failure();
  low.assign(read->begin(), read->begin() + rank);
  for (int64_t d = 0; d < rank; ++d)
    sizes.push_back(x.dim(d) + (*read)[d] + (*read)[rank + d]);
  return success();
}

/// Sizes in front of each dimension, and those of the result.
static LogicalResult getPads(NodeImporter &node, const Term &x, SizeList &low, SizeList &sizes) {
  SizeList pads;
  if (node.opset() < 11) {
    for (int64_t pad : node.intsAttribute(node.opset() < 2 ? "paddings" : "pads").value_or(ArrayRef<int64_t>()))
      pads.push_back(node.constantSize(pad));
  } else {
    bool isData = (node.hasInput(1) && !node.knownInput(1)) || (node.hasInput(3) && !node.knownInput(3));
    if (isData)
      return getDataPads(node, x, low, sizes);
    FailureOr<SizeList> given = node.symbolicInts(1);
    if (failed(given))
      return failure();
    pads = std::move(*given);
  }
  std::optional<SmallVector<int64_t>> axes = knownAxes(node, 3, x.rank());
  if (!axes || pads.size() != 2 * axes->size())
    return node.fail("has {0} pads for {1} dimensions, needed two for each", pads.size(), axes ? axes->size() : 0);
  low.assign(x.rank(), node.constantSize(0));
  sizes.assign(x.dims().begin(), x.dims().end());
  for (auto [i, axis] : llvm::enumerate(*axes)) {
    low[axis] = pads[i];
    sizes[axis] = sizes[axis] + pads[i] + pads[i + axes->size()];
  }
  return success();
}

static LogicalResult importPad(NodeImporter &node) {
  StringRef mode = node.stringAttribute("mode", "constant");
  float fill = node.opset() < 11 ? node.floatAttribute("value", 0) : 0;
  Term x = input(node, 0);
  SizeList low, sizes;
  if (!x || failed(getPads(node, x, low, sizes)))
    return failure();
  Term value = node.hasInput(2) ? input(node, 2) : constant(x, fill);
  if (value && value.rank() > 0)
    value = reshape(value, ArrayRef<int64_t>());
  return setOutput(node, 0, pad(x, value, mode, low, sizes));
}

/// A bound of a slice as an expression between 0 (or -1) and the dimension, for every value of the symbols; null where
/// there is none.
static AffineExpr clampBound(NodeImporter &node, AffineExpr bound, AffineExpr dim, int64_t low, int64_t below) {
  ElementMath math = node.math();
  auto known = dyn_cast<AffineConstantExpr>(bound);
  if (known && known.getValue() < 0) {
    if (known.getValue() < -MaximumElements)
      return node.constantSize(low);
    bound = bound + dim;
  } else if (known && known.getValue() > MaximumElements) {
    return dim - below;
  }
  ElementMath::Result most = math.min(DataType::Int64, {bound}, {dim - below});
  ElementMath::Result result = most ? math.max(DataType::Int64, *most, math.integer(low)) : most;
  return result && result->isInteger() ? result->numerator : AffineExpr();
}

namespace {

/// Part of a dimension.
struct Part {
  AffineExpr start, size;
};

/// What a Slice node says, as far as it is known while importing.
struct Bounds {
  SizeList first, last;
  SmallVector<int64_t> axes, steps;
};

} // namespace

/// Start and size of a slice along a dimension; nothing where an order of sizes decides that only the program knows.
static std::optional<Part> getPart(NodeImporter &node, AffineExpr start, AffineExpr end, AffineExpr dim, int64_t step) {
  bool down = step < 0;
  AffineExpr first = clampBound(node, start, dim, 0, down), last = clampBound(node, end, dim, down ? -1 : 0, down);
  if (!first || !last)
    return std::nullopt;
  AffineExpr count = down ? (first - last).ceilDiv(-step) : (last - first).ceilDiv(step);
  ElementMath::Result size = node.math().max(DataType::Int64, {count}, node.math().integer(0));
  if (!size || !size->isInteger())
    return std::nullopt;
  return Part{first, size->numerator};
}

namespace {

/// The same where some of it is data: lists with an element for each of `axes`.
struct DataBounds {
  SmallVector<int64_t> axes;
  Term starts, ends, steps;
  std::optional<SmallVector<int64_t>> fixed; ///< steps that are known
};

} // namespace

static DataBounds asData(NodeImporter &node, const Bounds &bounds) {
  return {bounds.axes, listOf(node, ArrayRef<AffineExpr>(bounds.first)),
          listOf(node, ArrayRef<AffineExpr>(bounds.last)), listOf(node, bounds.steps), bounds.steps};
}

/// Reads starts, ends, axes and steps of which some are data. Where the axes are, the bounds are those of all
/// dimensions.
static FailureOr<DataBounds> getDataBounds(NodeImporter &node, const Term &x) {
  DataBounds bounds{{}, listInput(node, 1), listInput(node, 2), {}, {}};
  if (!bounds.starts || !bounds.ends)
    return failure();
  int64_t given = *bounds.starts.size(0);
  const KnownTensor *steps = node.hasInput(4) ? node.knownInput(4) : nullptr;
  if (!node.hasInput(4)) {
    bounds.fixed.emplace(given, 1);
  } else if (steps && steps->isConstant()) {
    FailureOr<SmallVector<int64_t>> numbers = node.constantInts(4);
    if (failed(numbers))
      return failure();
    bounds.fixed = *numbers;
  }
  bounds.steps = bounds.fixed ? listOf(node, *bounds.fixed) : listInput(node, 4);
  std::optional<SmallVector<int64_t>> axes = knownAxes(node, 3, node.hasInput(3) ? x.rank() : given);
  if (axes) {
    bounds.axes = *axes;
  } else {
    Term list = listInput(node, 3);
    bounds.axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
    bounds.starts = placeAtAxes(listOf(node, SmallVector<int64_t>(x.rank(), 0)), list, bounds.starts);
    bounds.ends = placeAtAxes(listOf(node, x.dims()), list, bounds.ends);
    bounds.steps = placeAtAxes(listOf(node, SmallVector<int64_t>(x.rank(), 1)), list, bounds.steps);
    bounds.fixed.reset();
  }
  auto count = int64_t(bounds.axes.size());
  for (const Term &list : {bounds.starts, bounds.ends, bounds.steps})
    if (!list || *list.size(0) != count || count > x.rank())
      return node.fail("has another number of starts, ends or steps than of its {0} axes", count);
  if (bounds.fixed && llvm::is_contained(*bounds.fixed, 0))
    return node.fail("a step is 0, needed another number");
  return bounds;
}

/// A slice whose place and size the program finds.
static Term sliceByData(const Term &x, const DataBounds &bounds) {
  NodeImporter &node = *x.node;
  Type type = node.builder().getI64Type();
  auto count = int64_t(bounds.axes.size());
  SizeList along = llvm::map_to_vector(bounds.axes, [&](int64_t axis) { return x.dim(axis); });
  Term dims = listOf(node, ArrayRef<AffineExpr>(along)), zero = constant(node, type, 0), one = constant(node, type, 1);
  auto fromEnd = [&](const Term &bound) { return select(test<LessOp>(bound, zero), bound + dims, bound); };
  Term up = test<LessOp>(zero, bounds.steps), below = select(up, zero, one);
  Term first = clamp(fromEnd(bounds.starts), zero, dims - below);
  Term last = clamp(fromEnd(bounds.ends), -below, dims - below);
  Term span = select(up, last - first, first - last), stride = apply<MaximumOp>(apply<AbsOp>(bounds.steps), one);
  Term taken = apply<MaximumOp>((span + stride - one) / stride, zero);
  SmallVector<DimRange> ranges;
  for (int i = 0; i < 2; ++i)
    for (AffineExpr dim : along)
      ranges.push_back({0, largestOf(node, dim)});
  FailureOr<SizeList> read = readList(concat({first, taken}, 0), ranges, node.inputName(0));
  if (failed(read))
    return Term();
  if (bounds.fixed) {
    SizeList from(x.rank(), node.constantSize(0)), sizes(x.dims());
    SmallVector<int64_t> by(x.rank(), 1);
    for (auto [i, axis] : llvm::enumerate(bounds.axes))
      from[axis] = (*read)[i], sizes[axis] = (*read)[count + i], by[axis] = (*bounds.fixed)[i];
    return slice(x, from, by, sizes);
  }
  Term result = x;
  for (auto [i, axis] : llvm::enumerate(bounds.axes)) {
    auto at = [&](const Term &list) { return slice(list, 0, node.constantSize(i), node.constantSize(1)); };
    Term places = at(first) + iota(node, type, (*read)[count + i], 0) * at(bounds.steps);
    if (!result || !places)
      return Term();
    result = Term(node, node.create<GatherAlongOp>(x.type(), result.value, places.value, axis));
  }
  return result;
}

/// Reads starts, ends, axes and steps, wherever the version has them.
static FailureOr<Bounds> getBounds(NodeImporter &node) {
  Bounds bounds;
  if (node.opset() < 10) {
    auto attribute = [&](StringRef name) { return node.intsAttribute(name).value_or(ArrayRef<int64_t>()); };
    for (int64_t each : attribute("starts"))
      bounds.first.push_back(node.constantSize(each));
    for (int64_t each : attribute("ends"))
      bounds.last.push_back(node.constantSize(each));
    bounds.axes.assign(attribute("axes").begin(), attribute("axes").end());
  } else {
    FailureOr<SizeList> from = node.symbolicInts(1), to = node.symbolicInts(2);
    FailureOr<SmallVector<int64_t>> along = SmallVector<int64_t>(), by = SmallVector<int64_t>();
    if (node.hasInput(3))
      along = node.constantInts(3);
    if (node.hasInput(4))
      by = node.constantInts(4);
    if (failed(from) || failed(to) || failed(along) || failed(by))
      return failure();
    bounds = {*from, *to, *along, *by};
  }
  if (bounds.axes.empty())
    bounds.axes = llvm::to_vector(llvm::seq<int64_t>(0, bounds.first.size()));
  if (bounds.steps.empty())
    bounds.steps.assign(bounds.axes.size(), 1);
  size_t count = bounds.axes.size();
  if (bounds.first.size() != count || bounds.last.size() != count || bounds.steps.size() != count)
    return node.fail("has {0} starts, {1} ends, {2} axes and {3} steps, needed the same number", bounds.first.size(),
                     bounds.last.size(), count, bounds.steps.size());
  if (llvm::is_contained(bounds.steps, 0))
    return node.fail("a step is 0, needed another number");
  return bounds;
}

static LogicalResult importSlice(NodeImporter &node) {
  Term x = input(node, 0);
  if (!x)
    return failure();
  for (size_t index = 1; node.opset() >= 10 && index < 5; ++index)
    if (node.hasInput(index) && !node.knownInput(index)) {
      FailureOr<DataBounds> bounds = getDataBounds(node, x);
      return failed(bounds) ? failure() : setOutput(node, 0, sliceByData(x, *bounds));
    }
  FailureOr<Bounds> bounds = getBounds(node);
  if (failed(bounds) || failed(node.normalizeAxes(bounds->axes, x.rank())))
    return failure();
  SizeList starts(x.rank(), node.constantSize(0)), sizes(x.dims());
  SmallVector<int64_t> steps(x.rank(), 1);
  for (auto [i, axis] : llvm::enumerate(bounds->axes)) {
    axis = axis < 0 ? axis + x.rank() : axis;
    std::optional<Part> part = getPart(node, bounds->first[i], bounds->last[i], x.dim(axis), bounds->steps[i]);
    if (!part)
      break;
    starts[axis] = part->start, sizes[axis] = part->size, steps[axis] = bounds->steps[i];
    if (i + 1 == bounds->axes.size())
      return setOutput(node, 0, slice(x, starts, steps, sizes));
  }
  if (bounds->axes.empty())
    return node.forwardInput(0);
  for (int64_t &axis : bounds->axes)
    axis = axis < 0 ? axis + x.rank() : axis;
  return setOutput(node, 0, sliceByData(x, asData(node, *bounds)));
}

/// The sizes of the parts.
static FailureOr<SizeList> getParts(NodeImporter &node, AffineExpr dim) {
  if (node.opset() < 13) {
    if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("split"))
      return llvm::map_to_vector(*given, [&](int64_t size) { return node.constantSize(size); });
  } else if (node.hasInput(1) && !node.knownInput(1)) {
    return readParts(listInput(node, 1), dim, node.inputName(1));
  } else if (node.hasInput(1)) {
    return node.symbolicInts(1);
  }
  int64_t count = node.numOutputs();
  if (node.opset() >= 18)
    node.intAttribute("num_outputs", count);
  auto known = dyn_cast<AffineConstantExpr>(dim);
  if (!known) {
    AffineExpr part = divideDimExactly(dim, node.constantSize(count));
    if (!part)
      return node.fail(
          "splits {0} elements into {1} parts, which are not the same for every size; give sizes with --shape",
          node.print(dim), count);
    return SizeList(count, part);
  }
  int64_t left = known.getValue(), part = (left + count - 1) / count;
  SizeList parts;
  for (int64_t i = 0; i < count; ++i, left -= part)
    parts.push_back(node.constantSize(std::clamp<int64_t>(left, 0, part)));
  return parts;
}

static LogicalResult importSplit(NodeImporter &node) {
  Term x = input(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(0, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  FailureOr<SizeList> parts = getParts(node, x.dim(*axis));
  if (failed(parts))
    return failure();
  if (parts->size() != node.numOutputs())
    return node.fail("has {0} parts for {1} outputs, needed one for each", parts->size(), node.numOutputs());
  bool isData = node.opset() >= 13 && node.hasInput(1) && !node.knownInput(1); // the program checks the sum
  AffineExpr start = node.constantSize(0);
  for (AffineExpr size : *parts)
    start = start + size;
  if (!isData && failed(node.requireSame(start, x.dim(*axis), "the sum of the parts")))
    return failure();
  start = node.constantSize(0);
  for (auto [i, size] : llvm::enumerate(*parts)) {
    if (node.hasOutput(i) && failed(setOutput(node, i, slice(x, *axis, start, size))))
      return failure();
    start = start + size;
  }
  return success();
}

/// Cut or filled with zeros evenly on both sides: both start at half of the difference, rounded down.
static LogicalResult importCenterCropPad(NodeImporter &node) {
  Term x = input(node, 0);
  if (!x)
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("axes"))
    axes.assign(given->begin(), given->end());
  if (failed(node.normalizeAxes(axes, x.rank())))
    return failure();
  for (int64_t &axis : axes)
    axis = axis < 0 ? axis + x.rank() : axis;
  Term shape = listInput(node, 1);
  if (!shape)
    return failure();
  auto count = int64_t(axes.size());
  if (count != *shape.size(0))
    return node.fail("has {0} sizes for {1} axes", *shape.size(0), count);
  SizeList low(x.rank(), node.constantSize(0)), sizes(x.dims()),
      along = llvm::map_to_vector(axes, [&](int64_t axis) { return x.dim(axis); });
  const KnownTensor *known = node.knownInput(1);
  bool isFixed =
      known && known->isConstant() && llvm::all_of(along, [](AffineExpr dim) { return isa<AffineConstantExpr>(dim); });
  if (isFixed) {
    for (auto [axis, size] : llvm::zip_equal(axes, known->elements)) {
      int64_t more = *size.constantInt() - *x.size(axis);
      low[axis] = node.constantSize(more / 2);
      sizes[axis] = size.numerator;
    }
  } else {
    // The program reads what is cut and what is filled, of which one is 0.
    Term more = (shape - listOf(node, ArrayRef<AffineExpr>(along))) / 2.0, zero = constant(shape, 0);
    Term all = concat({shape, apply<MaximumOp>(more, zero), apply<MaximumOp>(-more, zero)}, 0);
    FailureOr<SizeList> read = readList(all, AnyDataSize, node.inputName(1));
    if (failed(read))
      return failure();
    for (auto [i, axis] : llvm::enumerate(axes)) {
      sizes[axis] = (*read)[i];
      low[axis] = (*read)[count + i] - (*read)[2 * count + i];
    }
  }
  return setOutput(node, 0, pad(x, constant(x, 0), "constant", low, sizes));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "CenterCropPad", 18, NewestOpset, "", importCenterCropPad},
    {"", "Pad", 1, NewestOpset, "negative pads known while importing", importPad},
    {"", "Slice", 1, NewestOpset, "", importSlice},
    {"", "Split", 2, NewestOpset, "the number of parts known while importing", importSplit},
};

llvm::ArrayRef<Operator> lathe::onnx::sliceOperators() { return Operators; }
