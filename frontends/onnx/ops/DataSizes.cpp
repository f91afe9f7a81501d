#include "frontends/onnx/ops/DataSizes.h"

#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/ControlFlow.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// As many choices of axes as a program has a branch for.
static constexpr size_t MaximumChoices = 70;

Term lathe::onnx::listOf(NodeImporter &node, ArrayRef<int64_t> values) {
  KnownTensor known{DataType::Int64, {int64_t(values.size())}, {}};
  for (int64_t value : values)
    known.elements.push_back(node.math().integer(value));
  return Term(node, node.constantData(std::move(known)));
}

Term lathe::onnx::listOf(NodeImporter &node, ArrayRef<AffineExpr> sizes) {
  KnownTensor known{DataType::Int64, {int64_t(sizes.size())}, {}};
  for (AffineExpr size : sizes)
    known.elements.push_back({size});
  return Term(node, node.constantData(std::move(known)));
}

Term lathe::onnx::listInput(NodeImporter &node, size_t index) {
  Term list = input(node, index);
  if (!list)
    return list;
  if (list.isFloat() || list.type().isInteger(1) || list.rank() > 1 || (list.rank() == 1 && !list.size(0))) {
    (void)node.fail("input '{0}' is {1} of shape {2}, needed a list of integers whose length is a number",
                    node.inputName(index), dataTypeName(convertType(list.type())), node.print(list.dims()));
    return Term();
  }
  list = cast(list, node.builder().getI64Type());
  return list && list.rank() == 0 ? reshape(list, {1}) : list;
}

Term lathe::onnx::placeAtAxes(const Term &defaults, const Term &axes, const Term &values) {
  if (!defaults || !axes || !values)
    return Term();
  NodeImporter &node = *defaults.node;
  if (failed(node.requireSame(axes.dim(0), values.dim(0), "the number of axes")))
    return Term();
  return Term(node, node.create<ScatterElementsOp>(defaults.type(), defaults.value, axes.value, values.value,
                                                   StringRef("none"), 0));
}

std::optional<SmallVector<int64_t>> lathe::onnx::knownAxes(NodeImporter &node, size_t index, int64_t rank) {
  if (!node.hasInput(index))
    return llvm::to_vector(llvm::seq<int64_t>(0, rank));
  const KnownTensor *known = node.knownInput(index);
  if (!known || !known->isConstant())
    return std::nullopt;
  FailureOr<SmallVector<int64_t>> axes = node.constantInts(index);
  if (failed(axes) || failed(node.normalizeAxes(*axes, rank)))
    return SmallVector<int64_t>();
  for (int64_t &axis : *axes)
    axis = axis < 0 ? axis + rank : axis;
  return *axes;
}

Term lathe::onnx::clamp(const Term &x, const Term &low, const Term &high) {
  return apply<MaximumOp>(apply<MinimumOp>(x, high), low);
}

Term lathe::onnx::fold(const Term &list, ReduceKind kind) {
  return list && list.size(0) == 1 ? list : reduce(list, kind, 0, /*keep=*/true);
}

int64_t lathe::onnx::largestOf(NodeImporter &node, AffineExpr size) {
  return std::min(node.unionRange(size, size).second, MaximumDataSize);
}

FailureOr<SizeList> lathe::onnx::readList(const Term &list, ArrayRef<DimRange> ranges, StringRef name) {
  return list ? list.node->readSizes(list.value, ranges, name) : FailureOr<SizeList>(failure());
}

FailureOr<SizeList> lathe::onnx::readList(const Term &list, DimRange range, StringRef name) {
  if (!list)
    return failure();
  return readList(list, SmallVector<DimRange>(list.rank() == 0 ? 1 : *list.size(0), range), name);
}

FailureOr<SizeList> lathe::onnx::readParts(const Term &list, AffineExpr whole, StringRef name) {
  if (!list)
    return failure();
  NodeImporter &node = *list.node;
  SmallVector<DimRange> ranges(*list.size(0), {0, largestOf(node, whole)});
  // Of the sum and the whole, the difference must be 0.
  ranges.push_back({0, 0});
  Term difference = fold(list, ReduceKind::Sum) - listOf(node, whole);
  FailureOr<SizeList> sizes = readList(concat({list, difference}, 0), ranges, name);
  if (succeeded(sizes))
    sizes->pop_back();
  return sizes;
}

Term lathe::onnx::reshapeToList(const Term &x, const Term &shape, bool keepZero, StringRef name) {
  if (!x || !shape)
    return Term();
  NodeImporter &node = *x.node;
  int64_t rank = *shape.size(0);
  AffineExpr all = node.constantSize(1);
  for (AffineExpr dim : x.dims())
    all = all * dim;
  Term list = shape;
  if (!keepZero && rank > 0) {
    SizeList copied(rank, node.constantSize(0));
    llvm::copy(x.dims().take_front(rank), copied.begin());
    list = select(test<EqualOp>(list, constant(list, 0)), listOf(node, ArrayRef<AffineExpr>(copied)), list);
  }
  Term isRest = test<EqualOp>(list, constant(list, -1));
  Term named = fold(select(isRest, constant(list, 1), list), ReduceKind::Prod);
  Term rest = listOf(node, all) / apply<MaximumOp>(named, constant(list, 1));
  // Of no elements, the sizes beside a 0 may be any.
  bool mayBeEmpty = node.unionRange(all, all).first == 0;
  DimRange range = mayBeEmpty ? AnyDataSize : DimRange(0, largestOf(node, all));
  FailureOr<SizeList> sizes = readList(select(isRest, rest, list), range, name);
  return failed(sizes) ? Term() : Term(node, node.reshapeToSizes(x.value, *sizes));
}

Term lathe::onnx::expandToList(const Term &x, const Term &shape, StringRef name) {
  if (!x || !shape)
    return Term();
  NodeImporter &node = *x.node;
  AffineExpr one = node.constantSize(1);
  int64_t asked = *shape.size(0), rank = std::max(asked, x.rank());
  SizeList dims(rank, one);
  llvm::copy(x.dims(), dims.end() - x.rank());
  ArrayRef<AffineExpr> own = ArrayRef(dims).take_back(asked);
  // Where the input has more than one element its size must come out.
  Term present = listOf(node, own);
  Term list = select(test<EqualOp>(shape, constant(shape, 1)), present, shape);
  SmallVector<DimRange> ranges;
  SmallVector<Term> read = {list};
  for (auto [i, dim] : llvm::enumerate(own)) {
    auto number = dyn_cast<AffineConstantExpr>(dim);
    ranges.push_back(dim == one ? AnyDataSize : number ? DimRange(number.getValue(), number.getValue()) : AnyDataSize);
    if (!number)
      read.push_back(slice(list - present, 0, node.constantSize(i), one));
  }
  ranges.append(read.size() - 1, {0, 0});
  FailureOr<SizeList> sizes = readList(concat(read, 0), ranges, name);
  if (failed(sizes))
    return Term();
  for (auto [i, dim] : llvm::enumerate(own))
    if (dim == one)
      dims[rank - asked + i] = (*sizes)[i];
  return expand(x, dims);
}

Term lathe::onnx::chooseAxes(const Term &axes, int64_t rank, llvm::function_ref<bool(int64_t)> allowed,
                             llvm::function_ref<Term(ArrayRef<int64_t>)> make) {
  if (!axes)
    return axes;
  NodeImporter &node = *axes.node;
  int64_t count = *axes.size(0);
  SmallVector<SmallVector<int64_t>> choices;
  for (uint64_t mask = 0; rank <= 16 && mask < uint64_t(1) << rank && choices.size() <= MaximumChoices; ++mask) {
    SmallVector<int64_t> choice;
    for (int64_t axis = 0; axis < rank; ++axis)
      if (mask >> axis & 1)
        choice.push_back(axis);
    if (int64_t(choice.size()) == count && llvm::all_of(choice, allowed))
      choices.push_back(choice);
  }
  if (choices.empty() || choices.size() > MaximumChoices) {
    (void)node.fail("has {0} choices of {1} of {2} axes that are data, needed 1 to {3}", choices.size(), count, rank,
                    MaximumChoices);
    return Term();
  }
  if (choices.size() == 1)
    return make(choices[0]);
  Term bits = fold(
      apply<ShiftLeftOp>(constant(axes, 1), select(test<LessOp>(axes, constant(axes, 0)), axes + double(rank), axes)),
      ReduceKind::Sum);
  bits = bits ? reshape(bits, ArrayRef<int64_t>()) : bits;
  std::function<Term(ArrayRef<SmallVector<int64_t>>)> build = [&](ArrayRef<SmallVector<int64_t>> rest) -> Term {
    if (rest.size() == 1)
      return make(rest[0]);
    int64_t mask = 0;
    for (int64_t axis : rest[0])
      mask |= int64_t(1) << axis;
    Term isThis = test<EqualOp>(bits, constant(bits, double(mask)));
    auto branch = [&](ArrayRef<SmallVector<int64_t>> choices) -> FailureOr<SmallVector<Value>> {
      Term made = build(choices);
      return made ? FailureOr(SmallVector<Value>{made.value}) : FailureOr<SmallVector<Value>>(failure());
    };
    if (!isThis)
      return Term();
    FailureOr<SmallVector<Value>> results = buildIf(
        node, isThis.value, [&] { return branch(rest.take_front()); }, [&] { return branch(rest.drop_front()); });
    return failed(results) ? Term() : Term(node, (*results)[0]);
  };
  return build(choices);
}
