// Operators that arrange elements: which one stands where follows from shapes and constants alone.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static LogicalResult importConcat(NodeImporter &node) {
  SmallVector<Term> terms;
  for (size_t i = 0; i < node.numInputs(); ++i)
    if (terms.emplace_back(input(node, i)); !terms.back())
      return failure();
  if (terms.empty())
    return node.fail("has no inputs");
  int64_t rank = terms[0].rank();
  FailureOr<int64_t> axis = node.axisAttribute(node.opset() < 4 ? 1 : 0, rank, rank - 1);
  if (failed(axis))
    return failure();
  if (terms.size() == 1)
    return node.forwardInput(0);
  return setOutput(node, 0, concat(terms, *axis));
}

static LogicalResult importConstantOfShape(NodeImporter &node) {
  const NodeAttribute *attribute = node.attribute("value");
  Term value = constant(node, node.builder().getF32Type(), 0);
  if (attribute) {
    std::optional<KnownTensor> known = node.readTensor(attribute->tensor);
    if (!known || known->elements.size() != 1)
      return node.fail("'value' is {0} with {1} elements, needed one number of a type that is computed with",
                       dataTypeName(attribute->tensor.type), known ? known->elements.size() : 0);
    known->shape.clear();
    value = Term(node, node.constantData(std::move(*known)));
  }
  FailureOr<SmallVector<AffineExpr>> shape = node.symbolicInts(0);
  if (failed(shape))
    return failure();
  return setOutput(node, 0, expand(value, *shape));
}

/// [B, C, H, W] -> [B, C / b^2, H b, W b].
static LogicalResult importDepthToSpace(NodeImporter &node) {
  int64_t block = node.intAttribute("blocksize", 0);
  StringRef mode = node.stringAttribute("mode", "DCR");
  Term x = input(node, 0);
  if (!x)
    return failure();
  std::optional<int64_t> channels = x.rank() == 4 ? x.size(1) : std::nullopt;
  if (!channels || block < 1 || block > 65536 || *channels % (block * block) != 0 || (mode != "DCR" && mode != "CRD"))
    return node.fail(
        "input has rank {0}, 'blocksize' is {1} and 'mode' '{2}', needed rank 4, channels that are a multiple "
        "of blocksize^2, and mode DCR or CRD",
        x.rank(), block, mode);
  AffineExpr b = node.constantSize(block), depth = node.constantSize(*channels / (block * block));
  AffineExpr batch = x.dim(0), height = x.dim(2), width = x.dim(3);
  Term split =
      mode == "DCR" ? reshape(x, {batch, b, b, depth, height, width}) : reshape(x, {batch, depth, b, b, height, width});
  Term moved = mode == "DCR" ? transpose(split, {0, 3, 4, 1, 5, 2}) : transpose(split, {0, 1, 4, 2, 5, 3});
  return setOutput(node, 0, reshape(moved, {batch, depth, height * block, width * block}));
}

static LogicalResult importSpaceToDepth(NodeImporter &node) {
  int64_t block = node.intAttribute("blocksize", 0);
  StringRef mode = node.stringAttribute("mode", "DCR");
  Term x = input(node, 0);
  if (!x)
    return failure();
  bool divides =
      x.rank() == 4 && block > 0 && x.size(2) && x.size(3) && *x.size(2) % block == 0 && *x.size(3) % block == 0;
  if (!divides || (mode != "DCR" && mode != "CRD"))
    return node.fail(
        "input has rank {0}, 'blocksize' is {1} and 'mode' '{2}', needed an image of fixed height and width "
        "that are multiples of blocksize, and mode DCR or CRD",
        x.rank(), block, mode);
  AffineExpr b = node.constantSize(block), height = node.constantSize(*x.size(2) / block),
             width = node.constantSize(*x.size(3) / block);
  Term split = reshape(x, {x.dim(0), x.dim(1), height, b, width, b});
  Term moved = mode == "DCR" ? transpose(split, {0, 3, 5, 1, 2, 4}) : transpose(split, {0, 1, 3, 5, 2, 4});
  return setOutput(node, 0, reshape(moved, {x.dim(0), x.dim(1) * (block * block), height, width}));
}

static LogicalResult importExpand(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<SmallVector<AffineExpr>> shape = node.symbolicInts(1);
  if (!x || failed(shape))
    return failure();
  FailureOr<DimList> dims = node.broadcastDims({DimList(x.dims()), DimList(*shape)});
  return failed(dims) ? failure() : setOutput(node, 0, expand(x, *dims));
}

/// True where column - row compares to `k`, for the last two dimensions of a shape.
static std::pair<Term, Term> rowsAndColumns(const Term &x) {
  int64_t rank = x.rank();
  Type type = x.node->builder().getI64Type();
  AffineExpr one = x.node->constantSize(1);
  return {iota(*x.node, type, {x.dim(rank - 2), one}, 0), iota(*x.node, type, {one, x.dim(rank - 1)}, 1)};
}

static LogicalResult importEyeLike(NodeImporter &node) {
  Term x = input(node, 0);
  if (!x)
    return failure();
  auto to = DataType(node.intAttribute("dtype", int64_t(node.inputType(0))));
  Type type = convertType(node.context(), to);
  if (!type || x.rank() != 2)
    return node.fail("the result has element type {0} and rank {1}, needed a type that is computed with and rank 2",
                     dataTypeName(to), x.rank());
  auto [rows, columns] = rowsAndColumns(x);
  return setOutput(node, 0, cast(test<EqualOp>(rows + double(node.intAttribute("k", 0)), columns), type));
}

static LogicalResult importTrilu(NodeImporter &node) {
  bool upper = node.intAttribute("upper", 1);
  Term x = input(node, 0);
  if (!x)
    return failure();
  if (x.rank() < 2)
    return node.fail("input has rank {0}, needed at least 2", x.rank());
  auto [rows, columns] = rowsAndColumns(x);
  if (node.hasInput(1)) {
    Term k = input(node, 1);
    rows = rows + (k && k.rank() > 0 ? reshape(k, ArrayRef<int64_t>()) : k);
  }
  Term kept = upper ? test<LessEqualOp>(rows, columns) : test<LessEqualOp>(columns, rows);
  return setOutput(node, 0, select(kept, x, constant(x, 0)));
}

static LogicalResult importOneHot(NodeImporter &node) {
  Term indices = input(node, 0), values = input(node, 2);
  FailureOr<SmallVector<AffineExpr>> depth = node.symbolicInts(1);
  if (!indices || !values || failed(depth))
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, indices.rank() + 1, indices.rank());
  if (failed(axis))
    return failure();
  if (depth->size() != 1 || values.rank() != 1 || values.size(0) != 2)
    return node.fail("depth has {0} elements and values has rank {1}, needed one, and the numbers for off and on",
                     depth->size(), values.rank());
  Term places = cast(unsqueeze(indices, *axis), node.builder().getI64Type());
  places =
      select(test<LessOp>(places, constant(places, 0)), places + sizeOf(places, (*depth)[0], places.type()), places);
  SmallVector<AffineExpr> shape(indices.rank() + 1, node.constantSize(1));
  shape[*axis] = (*depth)[0];
  Term hot = test<EqualOp>(places, iota(node, node.builder().getI64Type(), shape, *axis));
  auto pick = [&](int64_t which) {
    return reshape(slice(values, 0, node.constantSize(which), node.constantSize(1)), ArrayRef<int64_t>());
  };
  return setOutput(node, 0, select(hot, pick(1), pick(0)));
}

/// Sizes in front of and behind each dimension.
static LogicalResult getPads(NodeImporter &node, const Term &x, SmallVector<AffineExpr> &low,
                             SmallVector<AffineExpr> &sizes) {
  SmallVector<AffineExpr> pads;
  if (node.opset() < 11) {
    for (int64_t pad : node.intsAttribute("pads").value_or(ArrayRef<int64_t>()))
      pads.push_back(node.constantSize(pad));
  } else {
    FailureOr<SmallVector<AffineExpr>> given = node.symbolicInts(1);
    if (failed(given))
      return failure();
    pads = std::move(*given);
  }
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (node.hasInput(3)) {
    FailureOr<SmallVector<int64_t>> given = node.constantInts(3);
    if (failed(given) || failed(node.normalizeAxes(*given, x.rank())))
      return failure();
    axes = std::move(*given);
  }
  if (pads.size() != 2 * axes.size())
    return node.fail("has {0} pads for {1} dimensions, needed two for each", pads.size(), axes.size());
  low.assign(x.rank(), node.constantSize(0));
  sizes.assign(x.dims().begin(), x.dims().end());
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t d = axis < 0 ? axis + x.rank() : axis;
    low[d] = pads[i];
    sizes[d] = sizes[d] + pads[i] + pads[i + axes.size()];
  }
  return success();
}

static LogicalResult importPad(NodeImporter &node) {
  StringRef mode = node.stringAttribute("mode", "constant");
  float fill = node.opset() < 11 ? node.floatAttribute("value", 0) : 0;
  Term x = input(node, 0);
  SmallVector<AffineExpr> low, sizes;
  if (!x || failed(getPads(node, x, low, sizes)))
    return failure();
  Term value = node.hasInput(2) ? input(node, 2) : constant(x, fill);
  if (value && value.rank() > 0)
    value = reshape(value, ArrayRef<int64_t>());
  return setOutput(node, 0, pad(x, value, mode, low, sizes));
}

/// A bound of a slice as an expression between 0 (or -1) and the dimension, for every value of the symbols.
static FailureOr<AffineExpr> clampBound(NodeImporter &node, AffineExpr bound, AffineExpr dim, int64_t low,
                                        int64_t below) {
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
  if (!result || !result->isInteger())
    return node.fail("a bound of the slice is {0} for a dimension of {1}, which is not in order for every size; give "
                     "sizes with --shape",
                     node.print(bound), node.print(dim));
  return result->numerator;
}

/// Start and size of a slice along a dimension.
static FailureOr<std::pair<AffineExpr, AffineExpr>> getSlice(NodeImporter &node, AffineExpr start, AffineExpr end,
                                                             AffineExpr dim, int64_t step) {
  if (step == 0)
    return node.fail("a step is 0, needed another number");
  bool down = step < 0;
  FailureOr<AffineExpr> first = clampBound(node, start, dim, 0, down);
  FailureOr<AffineExpr> last = clampBound(node, end, dim, down ? -1 : 0, down);
  if (failed(first) || failed(last))
    return failure();
  AffineExpr count = down ? (*first - *last).ceilDiv(-step) : (*last - *first).ceilDiv(step);
  ElementMath::Result size = node.math().max(DataType::Int64, {count}, node.math().integer(0));
  if (!size || !size->isInteger())
    return node.fail("the slice takes {0} elements, which may be negative; give sizes with --shape", node.print(count));
  return std::make_pair(*first, size->numerator);
}

static LogicalResult importSlice(NodeImporter &node) {
  Term x = input(node, 0);
  if (!x)
    return failure();
  SmallVector<AffineExpr> first, last;
  SmallVector<int64_t> axes, strides;
  if (node.opset() < 10) {
    auto attribute = [&](StringRef name) { return node.intsAttribute(name).value_or(ArrayRef<int64_t>()); };
    for (int64_t each : attribute("starts"))
      first.push_back(node.constantSize(each));
    for (int64_t each : attribute("ends"))
      last.push_back(node.constantSize(each));
    axes = SmallVector<int64_t>(attribute("axes"));
  } else {
    FailureOr<SmallVector<AffineExpr>> from = node.symbolicInts(1), to = node.symbolicInts(2);
    FailureOr<SmallVector<int64_t>> along = SmallVector<int64_t>(), by = SmallVector<int64_t>();
    if (node.hasInput(3))
      along = node.constantInts(3);
    if (node.hasInput(4))
      by = node.constantInts(4);
    if (failed(from) || failed(to) || failed(along) || failed(by))
      return failure();
    first = *from, last = *to, axes = *along, strides = *by;
  }
  if (axes.empty())
    axes = llvm::to_vector(llvm::seq<int64_t>(0, first.size()));
  if (strides.empty())
    strides.assign(axes.size(), 1);
  if (first.size() != axes.size() || last.size() != axes.size() || strides.size() != axes.size())
    return node.fail("has {0} starts, {1} ends, {2} axes and {3} steps, needed the same number", first.size(),
                     last.size(), axes.size(), strides.size());
  if (failed(node.normalizeAxes(axes, x.rank())))
    return failure();
  SmallVector<AffineExpr> starts(x.rank(), node.constantSize(0)), sizes(x.dims());
  SmallVector<int64_t> steps(x.rank(), 1);
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t d = axis < 0 ? axis + x.rank() : axis;
    FailureOr<std::pair<AffineExpr, AffineExpr>> part = getSlice(node, first[i], last[i], x.dim(d), strides[i]);
    if (failed(part))
      return failure();
    std::tie(starts[d], sizes[d]) = *part;
    steps[d] = strides[i];
  }
  return setOutput(node, 0, slice(x, starts, steps, sizes));
}

/// The sizes of the parts.
static FailureOr<SmallVector<AffineExpr>> getParts(NodeImporter &node, AffineExpr dim) {
  if (node.opset() < 13) {
    if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("split"))
      return llvm::map_to_vector(*given, [&](int64_t size) { return node.constantSize(size); });
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
    return SmallVector<AffineExpr>(count, part);
  }
  int64_t left = known.getValue(), part = (left + count - 1) / count;
  SmallVector<AffineExpr> parts;
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
  FailureOr<SmallVector<AffineExpr>> parts = getParts(node, x.dim(*axis));
  if (failed(parts))
    return failure();
  AffineExpr start = node.constantSize(0);
  for (AffineExpr size : *parts)
    start = start + size;
  if (parts->size() != node.numOutputs())
    return node.fail("has {0} parts for {1} outputs, needed one for each", parts->size(), node.numOutputs());
  if (failed(node.requireSame(start, x.dim(*axis), "the sum of the parts")))
    return failure();
  start = node.constantSize(0);
  for (auto [i, size] : llvm::enumerate(*parts)) {
    if (node.hasOutput(i) && failed(setOutput(node, i, slice(x, *axis, start, size))))
      return failure();
    start = start + size;
  }
  return success();
}

static LogicalResult importSqueeze(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.intsParameter("axes", 1);
  if (!x || failed(given))
    return failure();
  SmallVector<int64_t> axes;
  if (*given) {
    FailureOr<SmallVector<int64_t>> sorted = node.normalizeAxes(**given, x.rank());
    if (failed(sorted))
      return failure();
    axes = *sorted;
  } else {
    for (int64_t d = 0; d < x.rank(); ++d)
      if (x.size(d) == 1)
        axes.push_back(d);
      else if (!x.size(d))
        return node.fail("has no axes, and dimension {0} is {1}, which may be 1; give axes", d, node.print(x.dim(d)));
  }
  SmallVector<AffineExpr> shape;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (!llvm::is_contained(axes, d))
      shape.push_back(x.dim(d));
    else if (failed(node.requireSame(x.dim(d), node.constantSize(1), "dimension " + Twine(d))))
      return failure();
  return setOutput(node, 0, reshape(x, shape));
}

static LogicalResult importUnsqueeze(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.intsParameter("axes", 1);
  if (!x || failed(given))
    return failure();
  if (!*given)
    return node.fail("has no axes");
  FailureOr<SmallVector<int64_t>> axes = node.normalizeAxes(**given, x.rank() + int64_t((*given)->size()));
  if (failed(axes))
    return failure();
  SmallVector<AffineExpr> shape(x.dims());
  for (int64_t axis : *axes)
    shape.insert(shape.begin() + axis, node.constantSize(1));
  return setOutput(node, 0, reshape(x, shape));
}

static LogicalResult importTile(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<SmallVector<AffineExpr>> repeats = node.symbolicInts(1);
  if (!x || failed(repeats))
    return failure();
  if (int64_t(repeats->size()) != x.rank())
    return node.fail("has {0} repeats for an input of rank {1}", repeats->size(), x.rank());
  SmallVector<AffineExpr> split, repeated, joined;
  for (auto [dim, repeat] : llvm::zip_equal(x.dims(), *repeats)) {
    if (repeat != node.constantSize(1)) {
      split.push_back(node.constantSize(1));
      repeated.push_back(repeat);
    }
    split.push_back(dim);
    repeated.push_back(dim);
    joined.push_back(repeat * dim);
  }
  return setOutput(node, 0, reshape(expand(reshape(x, split), repeated), joined));
}

/// Cut or filled with zeros evenly on both sides.
static LogicalResult importCenterCropPad(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<SmallVector<int64_t>> shape = node.constantInts(1);
  if (!x || failed(shape))
    return failure();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (std::optional<ArrayRef<int64_t>> given = node.intsAttribute("axes"))
    axes.assign(given->begin(), given->end());
  if (failed(node.normalizeAxes(axes, x.rank())))
    return failure();
  if (axes.size() != shape->size())
    return node.fail("has {0} sizes for {1} axes", shape->size(), axes.size());
  SmallVector<AffineExpr> low(x.rank(), node.constantSize(0)), sizes(x.dims());
  for (auto [axis, size] : llvm::zip_equal(axes, *shape)) {
    int64_t d = axis < 0 ? axis + x.rank() : axis;
    if (!x.size(d))
      return node.fail("dimension {0} is {1}, needed a number; give it with --shape", d, node.print(x.dim(d)));
    // Cutting starts at half of the difference, rounded down; so does filling.
    int64_t more = size - *x.size(d);
    low[d] = node.constantSize(more < 0 ? -(-more / 2) : more / 2);
    sizes[d] = node.constantSize(size);
  }
  return setOutput(node, 0, pad(x, constant(x, 0), "constant", low, sizes));
}

/// The number of elements of Range where start, limit and step are known and the step is a number; null elsewhere.
static AffineExpr countSteps(NodeImporter &node) {
  AffineExpr bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    const KnownTensor *known = node.knownInput(i);
    if (!known || known->elements.size() != 1 || !known->elements[0].isInteger())
      return {};
    bounds[i] = known->elements[0].numerator;
  }
  auto [start, limit, step] = bounds;
  auto number = dyn_cast<AffineConstantExpr>(step);
  if (!number || number.getValue() == 0 || std::abs(number.getValue()) > MaximumElements)
    return {};
  AffineExpr count =
      number.getValue() > 0 ? (limit - start).ceilDiv(number.getValue()) : (start - limit).ceilDiv(-number.getValue());
  ElementMath::Result positive = node.math().max(DataType::Int64, {count}, node.math().integer(0));
  return positive && positive->isInteger() ? positive->numerator : AffineExpr();
}

static LogicalResult importRange(NodeImporter &node) {
  Term bounds[3]; // start, limit, step
  for (size_t i = 0; i < 3; ++i)
    if (bounds[i] = reshape(input(node, i), ArrayRef<int64_t>()); !bounds[i])
      return failure();
  auto &[start, limit, step] = bounds;
  AffineExpr count = countSteps(node);
  if (!count) {
    Type real = node.builder().getF64Type();
    Term steps = cast(apply<CeilOp>(cast(limit - start, real) / cast(step, real)), node.builder().getI64Type());
    steps = apply<MaximumOp>(steps, constant(steps, 0));
    FailureOr<SmallVector<AffineExpr>> read = failure();
    if (steps)
      read = node.readSizes(steps.value, DimRange(0, MaximumDataSize), "range");
    if (failed(read))
      return failure();
    count = read->front();
  }
  Term places = iota(node, start.type(), count, 0);
  const KnownTensor *first = node.knownInput(0), *by = node.knownInput(2);
  auto isKnown = [](const KnownTensor *known, int64_t value) {
    return known && known->elements[0].constantInt() == value;
  };
  if (!isKnown(by, 1))
    places = places * step;
  return setOutput(node, 0, isKnown(first, 0) ? places : start + places);
}

static LogicalResult importReverseSequence(NodeImporter &node) {
  int64_t batch = node.intAttribute("batch_axis", 1), time = node.intAttribute("time_axis", 0);
  Term x = input(node, 0), lengths = input(node, 1);
  if (!x || !lengths)
    return failure();
  return setOutput(node, 0, Term(node, node.create<ReverseSequenceOp>(x.type(), x.value, lengths.value, time, batch)));
}

static constexpr StringLiteral KnownShape = "shape known while importing";
// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "CenterCropPad", 18, NewestOpset, "constant shape", importCenterCropPad},
    {"", "Concat", 1, NewestOpset, "no strings", importConcat},
    {"", "ConstantOfShape", 9, NewestOpset, KnownShape, importConstantOfShape},
    {"", "DepthToSpace", 1, NewestOpset, "", importDepthToSpace},
    {"", "Expand", 8, NewestOpset, KnownShape, importExpand},
    {"", "EyeLike", 9, NewestOpset, "", importEyeLike},
    {"", "OneHot", 9, NewestOpset, "depth known while importing", importOneHot},
    {"", "Pad", 2, NewestOpset, "pads known while importing", importPad},
    {"", "Range", 11, NewestOpset, "", importRange},
    {"", "ReverseSequence", 10, NewestOpset, "", importReverseSequence},
    {"", "Slice", 1, NewestOpset, "bounds known while importing", importSlice},
    {"", "SpaceToDepth", 1, NewestOpset, "fixed height and width", importSpaceToDepth},
    {"", "Split", 2, NewestOpset, "parts known while importing", importSplit},
    {"", "Squeeze", 1, NewestOpset, "constant axes", importSqueeze},
    {"", "Tile", 6, NewestOpset, "repeats known while importing", importTile},
    {"", "Trilu", 14, NewestOpset, "", importTrilu},
    {"", "Unsqueeze", 1, NewestOpset, "constant axes", importUnsqueeze},
};

llvm::ArrayRef<Operator> lathe::onnx::shapeOperators() { return Operators; }
