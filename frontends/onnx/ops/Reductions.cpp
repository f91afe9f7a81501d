// Operators that combine the elements of rows.
#include "frontends/onnx/ops/DataSizes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

namespace {

/// What a reduction over some axes is.
using ReduceAlong = llvm::function_ref<Term(ArrayRef<int64_t> axes, bool keep)>;

} // namespace

/// Sets the output to `along` of the axes that the node names. They moved from an attribute to input 1: for ReduceSum
/// in opset 13, for others in 18.
static LogicalResult importOverAxes(NodeImporter &node, const Term &x, ReduceAlong along) {
  bool keep = node.intAttribute("keepdims", 1);
  bool emptyIsNone = node.attribute("noop_with_empty_axes") && node.intAttribute("noop_with_empty_axes", 0);
  if (!x)
    return failure();
  SmallVector<int64_t> all = llvm::to_vector(llvm::seq<int64_t>(0, x.rank()));
  if (emptyIsNone)
    all.clear();
  if (node.hasInput(1) && !node.knownInput(1)) {
    Term axes = listInput(node, 1);
    if (!axes)
      return failure();
    if (*axes.size(0) == 0)
      return setOutput(node, 0, along(all, keep));
    auto any = [](int64_t) { return true; };
    return setOutput(node, 0,
                     chooseAxes(axes, x.rank(), any, [&](ArrayRef<int64_t> choice) { return along(choice, keep); }));
  }
  FailureOr<std::optional<SmallVector<int64_t>>> given = node.intsParameter("axes", 1);
  if (failed(given))
    return failure();
  if (!*given || (*given)->empty())
    return setOutput(node, 0, along(all, keep));
  FailureOr<SmallVector<int64_t>> axes = node.normalizeAxes(**given, x.rank());
  return failed(axes) ? failure() : setOutput(node, 0, along(*axes, keep));
}

/// What comes before and after the reduction. Where `noop_with_empty_axes` leaves no axes, both still happen.
template <typename Before, typename After>
static LogicalResult importReduction(NodeImporter &node, ReduceKind kind, Before before, After after) {
  Term x = input(node, 0);
  return importOverAxes(node, x,
                        [&](ArrayRef<int64_t> axes, bool keep) { return after(reduce(before(x), kind, axes, keep)); });
}

static Term same(const Term &x) { return x; }
static Term square(const Term &x) { return x * x; }

template <ReduceKind Kind> static LogicalResult importPlain(NodeImporter &node) {
  Term x = input(node, 0);
  bool isBool = x && x.type().isInteger(1);
  ReduceKind kind = isBool && Kind == ReduceKind::Max   ? ReduceKind::Or
                    : isBool && Kind == ReduceKind::Min ? ReduceKind::And
                                                        : Kind;
  return importReduction(node, kind, same, same);
}

static LogicalResult importReduceL1(NodeImporter &node) {
  return importReduction(node, ReduceKind::Sum, [](const Term &x) { return apply<AbsOp>(x); }, same);
}

static LogicalResult importReduceL2(NodeImporter &node) {
  return importReduction(node, ReduceKind::Sum, square, [](const Term &x) { return apply<SqrtOp>(x); });
}

static LogicalResult importReduceLogSum(NodeImporter &node) {
  return importReduction(node, ReduceKind::Sum, same, [](const Term &x) { return apply<LogOp>(x); });
}

static LogicalResult importReduceSumSquare(NodeImporter &node) {
  return importReduction(node, ReduceKind::Sum, square, same);
}

/// log(sum(e^x)) with the largest element taken out, if it is a number.
static LogicalResult importReduceLogSumExp(NodeImporter &node) {
  Term x = input(node, 0);
  return importOverAxes(node, x, [&](ArrayRef<int64_t> axes, bool keep) {
    Term top = reduce(x, ReduceKind::Max, axes, /*keep=*/true);
    top = select(test<IsInfOp>(top), constant(top, 0), top);
    Term sum = apply<LogOp>(reduce(apply<ExpOp>(x - top), ReduceKind::Sum, axes, true)) + top;
    if (!sum || keep || axes.empty())
      return sum;
    SmallVector<AffineExpr> shape;
    for (int64_t d = 0; d < x.rank(); ++d)
      if (!llvm::is_contained(axes, d))
        shape.push_back(x.dim(d));
    return reshape(sum, shape);
  });
}

template <typename Op> static LogicalResult importArg(NodeImporter &node) {
  bool keep = node.intAttribute("keepdims", 1), last = node.intAttribute("select_last_index", 0);
  Term x = input(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(0, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  return setOutput(node, 0, Term(node, node.create<Op>(node.builder().getI64Type(), x.value, *axis, last, keep)));
}

static constexpr StringLiteral KnownCount = "the number of axes known while importing";
// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "ArgMax", 1, NewestOpset, "", importArg<ArgMaxOp>},
    {"", "ArgMin", 1, NewestOpset, "", importArg<ArgMinOp>},
    {"", "ReduceL1", 1, NewestOpset, KnownCount, importReduceL1},
    {"", "ReduceL2", 1, NewestOpset, KnownCount, importReduceL2},
    {"", "ReduceLogSum", 1, NewestOpset, KnownCount, importReduceLogSum},
    {"", "ReduceLogSumExp", 1, NewestOpset, KnownCount, importReduceLogSumExp},
    {"", "ReduceMax", 1, NewestOpset, KnownCount, importPlain<ReduceKind::Max>},
    {"", "ReduceMean", 1, NewestOpset, KnownCount, importPlain<ReduceKind::Mean>},
    {"", "ReduceMin", 1, NewestOpset, KnownCount, importPlain<ReduceKind::Min>},
    {"", "ReduceProd", 1, NewestOpset, KnownCount, importPlain<ReduceKind::Prod>},
    {"", "ReduceSum", 1, NewestOpset, KnownCount, importPlain<ReduceKind::Sum>},
    {"", "ReduceSumSquare", 1, NewestOpset, KnownCount, importReduceSumSquare},
};

llvm::ArrayRef<Operator> lathe::onnx::reductionOperators() { return Operators; }
