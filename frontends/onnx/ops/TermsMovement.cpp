// Terms that move elements.
#include "dialects/lathe/LoopOps.h"
#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

Term lathe::onnx::sizeOf(const Term &like, AffineExpr size, Type type) {
  if (!like)
    return Term();
  if (auto known = dyn_cast<AffineConstantExpr>(size))
    return constant(*like.node, type, double(known.getValue()));
  auto [from, maps] = like.node->mapSizes({}, ArrayRef<AffineExpr>(size));
  Term values(*like.node, like.node->create<WriteSizesOp>(like.node->builder().getI64Type(), from, maps[0]));
  return cast(reshape(values, ArrayRef<int64_t>()), type);
}

Term lathe::onnx::slice(const Term &a, ArrayRef<AffineExpr> starts, ArrayRef<int64_t> steps,
                        ArrayRef<AffineExpr> sizes) {
  if (!a)
    return a;
  auto [from, maps] = a.node->mapSizes(a.value, {starts, sizes});
  return Term(*a.node, a.node->create<SliceOp>(a.type(), a.value, from, maps[0], steps, maps[1]));
}

Term lathe::onnx::slice(const Term &a, int64_t axis, AffineExpr start, AffineExpr size, int64_t step) {
  if (!a)
    return a;
  SmallVector<AffineExpr> starts(a.rank(), a.node->constantSize(0)), sizes(a.dims());
  SmallVector<int64_t> steps(a.rank(), 1);
  starts[axis] = start;
  sizes[axis] = size;
  steps[axis] = step;
  return slice(a, starts, steps, sizes);
}

Term lathe::onnx::concat(ArrayRef<Term> terms, int64_t axis) {
  if (!llvm::all_of(terms, [](const Term &term) { return bool(term); }))
    return Term();
  const Term &first = terms[0];
  SmallVector<Value> values;
  for (const Term &term : terms) {
    if (term.rank() != first.rank()) {
      (void)first.node->fail("inputs have ranks {0} and {1}, needed the same", first.rank(), term.rank());
      return Term();
    }
    for (int64_t d = 0; d < first.rank(); ++d)
      if (d != axis && failed(first.node->requireSame(first.dim(d), term.dim(d), "dimension " + Twine(d))))
        return Term();
    values.push_back(term.value);
  }
  return values.size() == 1 ? first : Term(*first.node, first.node->create<ConcatOp>(first.type(), values, axis));
}

Term lathe::onnx::expand(const Term &a, ArrayRef<AffineExpr> shape) {
  if (!a)
    return a;
  for (auto [dim, size] : llvm::zip(a.dims(), shape.take_back(std::min<size_t>(shape.size(), a.rank()))))
    if (dim != a.node->constantSize(1) && failed(a.node->requireSame(dim, size, "a dimension that is expanded")))
      return Term();
  if (a.rank() == int64_t(shape.size()) && llvm::equal(a.dims(), shape))
    return a;
  auto [from, maps] = a.node->mapSizes(a.value, shape);
  return Term(*a.node, a.node->create<ExpandOp>(a.type(), a.value, from, maps[0]));
}

Term lathe::onnx::pad(const Term &a, const Term &value, StringRef mode, ArrayRef<AffineExpr> low,
                      ArrayRef<AffineExpr> sizes) {
  if (!a || !value)
    return Term();
  auto [from, maps] = a.node->mapSizes({a.value, value.value}, {low, sizes});
  return Term(*a.node, a.node->create<PadOp>(a.type(), a.value, value.value, from, mode, maps[0], maps[1]));
}

Term lathe::onnx::iota(NodeImporter &node, Type type, ArrayRef<AffineExpr> shape, int64_t axis) {
  auto [from, maps] = node.mapSizes({}, shape);
  return Term(node, node.create<IotaOp>(type, from, axis, maps[0]));
}
