// Operators that arrange elements: which one stands where follows from shapes and sizes.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"

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
  FailureOr<SizeList> shape = node.sizesInput(0, AnyDataSize);
  return failed(shape) ? failure() : setOutput(node, 0, expand(value, *shape));
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
  if (node.hasInput(1) && !node.knownInput(1))
    return setOutput(node, 0, expandToList(x, listInput(node, 1), node.inputName(1)));
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
  FailureOr<SizeList> depth = node.sizesInput(1, AnyDataSize);
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

/// `x` without the dimensions `axes`, which have size 1.
static Term squeeze(const Term &x, ArrayRef<int64_t> axes) {
  SmallVector<AffineExpr> shape;
  for (int64_t d = 0; d < x.rank(); ++d)
    if (!llvm::is_contained(axes, d))
      shape.push_back(x.dim(d));
    else if (failed(x.node->requireSame(x.dim(d), x.node->constantSize(1), "dimension " + Twine(d))))
      return Term();
  return reshape(x, shape);
}

static LogicalResult importSqueeze(NodeImporter &node) {
  Term x = input(node, 0);
  if (x && node.hasInput(1) && !node.knownInput(1)) {
    auto mayBeOne = [&](int64_t axis) { return x.size(axis) == 1; };
    return setOutput(node, 0, chooseAxes(listInput(node, 1), x.rank(), mayBeOne, [&](ArrayRef<int64_t> axes) {
                       return squeeze(x, axes);
                     }));
  }
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
  return setOutput(node, 0, squeeze(x, axes));
}

/// `x` with dimensions of size 1, which are `axes` of the result.
static Term unsqueezeAxes(const Term &x, ArrayRef<int64_t> axes) {
  SmallVector<AffineExpr> shape(x.dims());
  for (int64_t axis : axes)
    shape.insert(shape.begin() + axis, x.node->constantSize(1));
  return reshape(x, shape);
}

static LogicalResult importUnsqueeze(NodeImporter &node) {
  Term x = input(node, 0);
  if (x && node.hasInput(1) && !node.knownInput(1)) {
    Term axes = listInput(node, 1);
    int64_t rank = x.rank() + (axes ? *axes.size(0) : 0);
    return setOutput(
        node, 0,
        chooseAxes(
            axes, rank, [](int64_t) { return true; }, [&](ArrayRef<int64_t> axes) { return unsqueezeAxes(x, axes); }));
  }
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.intsParameter("axes", 1);
  if (!x || failed(given))
    return failure();
  if (!*given)
    return node.fail("has no axes");
  FailureOr<SmallVector<int64_t>> axes = node.normalizeAxes(**given, x.rank() + int64_t((*given)->size()));
  if (failed(axes))
    return failure();
  return setOutput(node, 0, unsqueezeAxes(x, *axes));
}

static LogicalResult importTile(NodeImporter &node) {
  Term x = input(node, 0);
  FailureOr<SizeList> repeats = node.sizesInput(1, AnyDataSize);
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

/// The number of elements of Range where start, limit and step are known and the step is a number; null elsewhere.
static AffineExpr countSteps(NodeImporter &node) {
  Element bounds[3];
  for (size_t i = 0; i < 3; ++i) {
    const KnownTensor *known = node.knownInput(i);
    if (!known || known->elements.size() != 1 || !known->elements[0].isInteger())
      return {};
    bounds[i] = known->elements[0];
  }
  auto &[start, limit, step] = bounds;
  std::optional<int64_t> number = step.constantInt();
  if (!number || *number == 0 || *number > MaximumElements || *number < -MaximumElements)
    return {};
  bool down = *number < 0;
  ElementMath math = node.math();
  ElementMath::Result span = down ? math.sub(DataType::Int64, start, limit) : math.sub(DataType::Int64, limit, start);
  if (!span || !span->isInteger())
    return {};
  AffineExpr count = span->numerator.ceilDiv(down ? -*number : *number);
  ElementMath::Result positive = math.max(DataType::Int64, {count}, math.integer(0));
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

static constexpr StringLiteral KnownRank = "the number of sizes known while importing";
static constexpr StringLiteral KnownCount = "the number of axes known while importing";
// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Concat", 1, NewestOpset, "no strings", importConcat},
    {"", "ConstantOfShape", 9, NewestOpset, KnownRank, importConstantOfShape},
    {"", "DepthToSpace", 1, NewestOpset, "", importDepthToSpace},
    {"", "Expand", 8, NewestOpset, KnownRank, importExpand},
    {"", "EyeLike", 9, NewestOpset, "", importEyeLike},
    {"", "OneHot", 9, NewestOpset, "", importOneHot},
    {"", "Range", 11, NewestOpset, "", importRange},
    {"", "ReverseSequence", 10, NewestOpset, "", importReverseSequence},
    {"", "SpaceToDepth", 1, NewestOpset, "fixed height and width", importSpaceToDepth},
    {"", "Squeeze", 1, NewestOpset, KnownCount, importSqueeze},
    {"", "Tile", 6, NewestOpset, "", importTile},
    {"", "Trilu", 14, NewestOpset, "", importTrilu},
    {"", "Unsqueeze", 1, NewestOpset, KnownCount, importUnsqueeze},
};

llvm::ArrayRef<Operator> lathe::onnx::shapeOperators() { return Operators; }
