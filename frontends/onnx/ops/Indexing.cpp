// Operators that read and write at places that stand in a tensor, and that order elements.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/DataSizes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

template <typename Op> static LogicalResult importGatherAlong(NodeImporter &node) {
  Term x = input(node, 0), indices = input(node, 1);
  if (!x || !indices)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(0, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  return setOutput(node, 0, Term(node, node.create<Op>(x.type(), x.value, indices.value, *axis)));
}

static LogicalResult importGatherNd(NodeImporter &node) {
  int64_t batch = node.intAttribute("batch_dims", 0);
  Term x = input(node, 0), indices = input(node, 1);
  if (!x || !indices)
    return failure();
  return setOutput(node, 0, Term(node, node.create<GatherNdOp>(x.type(), x.value, indices.value, batch)));
}

static LogicalResult importScatterElements(NodeImporter &node) {
  StringRef reduction = node.opset() >= 16 ? node.stringAttribute("reduction", "none") : "none";
  Term x = input(node, 0), indices = input(node, 1), updates = input(node, 2);
  if (!x || !indices || !updates)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(0, x.rank(), x.rank() - 1);
  if (failed(axis))
    return failure();
  return setOutput(
      node, 0,
      Term(node, node.create<ScatterElementsOp>(x.type(), x.value, indices.value, updates.value, reduction, *axis)));
}

static LogicalResult importScatterNd(NodeImporter &node) {
  StringRef reduction = node.opset() >= 16 ? node.stringAttribute("reduction", "none") : "none";
  Term x = input(node, 0), indices = input(node, 1), updates = input(node, 2);
  if (!x || !indices || !updates)
    return failure();
  return setOutput(node, 0,
                   Term(node, node.create<ScatterNdOp>(x.type(), x.value, indices.value, updates.value, reduction)));
}

/// Rows of a cache replaced from a place on that each batch has: a scatter along `axis`.
static LogicalResult importTensorScatter(NodeImporter &node) {
  StringRef mode = node.stringAttribute("mode", "linear");
  Term cache = input(node, 0), update = input(node, 1);
  if (!cache || !update)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-2, cache.rank(), cache.rank() - 1);
  if (failed(axis))
    return failure();
  if (*axis == 0 || (mode != "linear" && mode != "circular"))
    return node.fail("axis is {0} and 'mode' '{1}', needed an axis behind the first, and linear or circular", *axis,
                     mode);
  Type type = node.builder().getI64Type();
  SmallVector<AffineExpr> ones(cache.rank(), node.constantSize(1)), along = ones, batch = ones;
  along[*axis] = update.dim(*axis);
  batch[0] = update.dim(0);
  Term places = iota(node, type, along, *axis);
  if (node.hasInput(2))
    places = places + reshape(input(node, 2), batch);
  if (mode == "circular")
    places = apply<ModOp>(places, sizeOf(places, cache.dim(*axis), type));
  places = places ? expand(places, update.dims()) : places;
  if (!places)
    return failure();
  return setOutput(node, 0,
                   Term(node, node.create<ScatterElementsOp>(cache.type(), cache.value, places.value, update.value,
                                                             StringRef("none"), *axis)));
}

static LogicalResult importCumulative(NodeImporter &node, StringRef kind) {
  bool exclusive = node.intAttribute("exclusive", 0), reverse = node.intAttribute("reverse", 0);
  Term x = input(node, 0);
  if (!x)
    return failure();
  auto along = [&](int64_t axis) {
    return Term(node, node.create<CumulativeOp>(x.type(), x.value, kind, axis, exclusive, reverse));
  };
  if (node.knownInput(1)) {
    FailureOr<int64_t> axis = node.constantInt(1);
    if (failed(axis) || failed(node.normalizeAxes(*axis, x.rank())))
      return failure();
    return setOutput(node, 0, along(*axis < 0 ? *axis + x.rank() : *axis));
  }
  // The shape is the same for each axis, so that data can choose one.
  Term axis = input(node, 1), result = x.rank() > 0 ? along(0) : Term();
  if (axis && axis.rank() > 0)
    axis = reshape(axis, ArrayRef<int64_t>());
  for (int64_t d = 1; d < x.rank(); ++d) {
    Term isAxis =
        apply<OrOp>(test<EqualOp>(axis, constant(axis, d)), test<EqualOp>(axis, constant(axis, d - x.rank())));
    result = select(isAxis, along(d), result);
  }
  return setOutput(node, 0, result);
}

static LogicalResult importCumSum(NodeImporter &node) { return importCumulative(node, "sum"); }
static LogicalResult importCumProd(NodeImporter &node) { return importCumulative(node, "prod"); }

static LogicalResult importTopK(NodeImporter &node) {
  bool largest = node.opset() < 11 || node.intAttribute("largest", 1);
  if (node.opset() >= 11)
    node.intAttribute("sorted", 1); // in order is one of the orders
  Term x = input(node, 0);
  if (!x)
    return failure();
  FailureOr<int64_t> axis = node.axisAttribute(-1, x.rank(), x.rank() - 1);
  FailureOr<SizeList> k = SizeList();
  if (failed(axis))
    return failure();
  if (node.opset() < 10)
    k->push_back(node.constantSize(node.intAttribute("k", -1)));
  else
    k = node.sizesInput(1, {0, largestOf(node, x.dim(*axis))});
  if (failed(k))
    return failure();
  if (k->size() != 1)
    return node.fail("K has {0} elements, needed 1", k->size());
  SmallVector<AffineExpr> sizes(x.dims());
  sizes[*axis] = (*k)[0];
  auto [from, maps] = node.mapSizes(x.value, ArrayRef<AffineExpr>(sizes));
  FailureOr<SmallVector<Value>> results =
      node.createMany<TopKOp>({x.type(), node.builder().getI64Type()}, x.value, from, *axis, maps[0], largest);
  if (failed(results))
    return failure();
  node.setOutput(0, (*results)[0]);
  node.setOutput(1, (*results)[1]);
  return success();
}

// Sorted by name.
static constexpr Operator Operators[] = {
    {"", "CumProd", 26, NewestOpset, "", importCumProd},
    {"", "CumSum", 11, NewestOpset, "", importCumSum},
    {"", "Gather", 1, NewestOpset, "no strings", importGatherAlong<GatherAlongOp>},
    {"", "GatherElements", 11, NewestOpset, "no strings", importGatherAlong<GatherElementsOp>},
    {"", "GatherND", 11, NewestOpset, "no strings", importGatherNd},
    {"", "Scatter", 9, 10, "no strings", importScatterElements},
    {"", "ScatterElements", 11, NewestOpset, "no strings", importScatterElements},
    {"", "ScatterND", 11, NewestOpset, "no strings", importScatterNd},
    {"", "TensorScatter", 24, NewestOpset, "", importTensorScatter},
    {"", "TopK", 1, NewestOpset, "", importTopK},
};

llvm::ArrayRef<Operator> lathe::onnx::indexingOperators() { return Operators; }
