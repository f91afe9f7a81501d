// Operators that choose elements by their values: how many there are is known when the program has run.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

/// The number that an operation counted, as a size of at most `whole`.
static FailureOr<AffineExpr> readCount(NodeImporter &node, Value count, AffineExpr whole) {
  FailureOr<SizeList> size = readList(Term(node, count), DimRange(0, largestOf(node, whole)), "count");
  return failed(size) ? FailureOr<AffineExpr>(failure()) : (*size)[0];
}

static Term takeFirst(NodeImporter &node, Value value, int64_t axis, AffineExpr count) {
  return slice(Term(node, value), axis, node.constantSize(0), count);
}

/// Places of the elements of `x` that are not zero, [rank, count].
static Term findNonzero(const Term &x) {
  if (!x)
    return x;
  NodeImporter &node = *x.node;
  Type i64 = node.builder().getI64Type();
  FailureOr<SmallVector<Value>> found = node.createMany<NonzeroOp>({i64, i64}, x.value);
  if (failed(found))
    return Term();
  FailureOr<AffineExpr> count = readCount(node, (*found)[1], node.dims((*found)[0])[1]);
  return failed(count) ? Term() : takeFirst(node, (*found)[0], 1, *count);
}

static LogicalResult importNonZero(NodeImporter &node) {
  Term x = input(node, 0);
  if (x && x.rank() == 0)
    return node.fail("input has rank 0, needed at least 1");
  return setOutput(node, 0, findNonzero(x));
}

/// All elements in one dimension.
static Term flatten(const Term &x) { return reshape(x, ArrayRef<int64_t>(-1)); }

static LogicalResult importCompress(NodeImporter &node) {
  bool isFlat = !node.attribute("axis");
  Term x = input(node, 0), condition = input(node, 1);
  if (!x || !condition)
    return failure();
  if (condition.rank() != 1)
    return node.fail("condition has rank {0}, needed 1", condition.rank());
  x = isFlat ? flatten(x) : x;
  FailureOr<int64_t> axis = isFlat ? FailureOr<int64_t>(0) : node.axisAttribute(0, x.rank(), x.rank() - 1);
  Term places = findNonzero(condition);
  if (!x || !places || failed(axis))
    return failure();
  Term list(node, node.reshapeToSizes(places.value, places.dim(1)));
  return setOutput(node, 0, list ? Term(node, node.create<GatherAlongOp>(x.type(), x.value, list.value, *axis)) : list);
}

static LogicalResult importUnique(NodeImporter &node) {
  bool isFlat = !node.attribute("axis"), sorted = node.intAttribute("sorted", 1);
  Term x = input(node, 0);
  x = x && isFlat ? flatten(x) : x;
  if (!x)
    return failure();
  FailureOr<int64_t> axis = isFlat ? FailureOr<int64_t>(0) : node.axisAttribute(0, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  Type i64 = node.builder().getI64Type();
  FailureOr<SmallVector<Value>> found =
      node.createMany<UniqueOp>({x.type(), i64, i64, i64, i64}, x.value, *axis, sorted);
  if (failed(found))
    return failure();
  FailureOr<AffineExpr> count = readCount(node, (*found)[4], x.dim(*axis));
  if (failed(count))
    return failure();
  auto set = [&](size_t output, const Term &term) {
    return node.hasOutput(output) ? setOutput(node, output, term) : success();
  };
  return failure(failed(set(0, takeFirst(node, (*found)[0], *axis, *count))) ||
                 failed(set(1, takeFirst(node, (*found)[1], 0, *count))) || failed(set(2, Term(node, (*found)[2]))) ||
                 failed(set(3, takeFirst(node, (*found)[3], 0, *count))));
}

static LogicalResult importNonMaxSuppression(NodeImporter &node) {
  bool center = node.intAttribute("center_point_box", 0);
  Term boxes = input(node, 0), scores = input(node, 1);
  if (!boxes || !scores)
    return failure();
  Type i64 = node.builder().getI64Type(), f32 = node.builder().getF32Type();
  auto parameter = [&](size_t index, Type type, double otherwise) -> FailureOr<Value> {
    return node.hasInput(index) ? node.scalarInput(index, type) : FailureOr<Value>(node.scalar(type, otherwise));
  };
  FailureOr<Value> most = parameter(2, i64, 0), overlap = parameter(3, f32, 0), least = parameter(4, f32, -HUGE_VAL);
  if (failed(most) || failed(overlap) || failed(least))
    return failure();
  if (boxes.rank() != 3 || scores.rank() != 3)
    return node.fail("boxes and scores have ranks {0} and {1}, needed 3", boxes.rank(), scores.rank());
  FailureOr<SmallVector<Value>> found =
      node.createMany<NmsOp>({i64, i64}, boxes.value, scores.value, *most, *overlap, *least, center);
  if (failed(found))
    return failure();
  FailureOr<AffineExpr> count = readCount(node, (*found)[1], node.dims((*found)[0])[0]);
  return failed(count) ? failure() : setOutput(node, 0, takeFirst(node, (*found)[0], 0, *count));
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "Compress", 9, NewestOpset, "no strings", importCompress},
    {"", "NonMaxSuppression", 10, NewestOpset, "", importNonMaxSuppression},
    {"", "NonZero", 9, NewestOpset, "rank 1 and above", importNonZero},
    {"", "Unique", 11, NewestOpset, "no strings", importUnique},
};

llvm::ArrayRef<Operator> lathe::onnx::selectionOperators() { return Operators; }
