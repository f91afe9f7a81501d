#include "frontends/onnx/ops/Terms.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

Term lathe::onnx::input(NodeImporter &node, size_t index) { return Term(node, node.input(index)); }

Term lathe::onnx::realInput(NodeImporter &node, size_t index) {
  Term term = input(node, index);
  if (!term || term.isFloat())
    return term;
  (void)node.fail("input '{0}' has element type {1}, only float types are supported", node.inputName(index),
                  dataTypeName(convertType(term.type())));
  return Term();
}

LogicalResult lathe::onnx::setOutput(NodeImporter &node, size_t index, const Term &term) {
  if (!term)
    return failure();
  node.setOutput(index, term.value);
  return success();
}

Term lathe::onnx::constant(NodeImporter &node, Type type, double value) { return Term(node, node.scalar(type, value)); }

Term lathe::onnx::constant(const Term &like, double value) {
  return like ? constant(*like.node, like.type(), value) : Term();
}

Term lathe::onnx::constant(NodeImporter &node, Type type, ArrayRef<double> values, ArrayRef<int64_t> shape) {
  KnownTensor known{convertType(type), SmallVector<int64_t>(shape), {}};
  for (double value : values)
    known.elements.push_back(isa<FloatType>(type) ? node.math().number(known.type, value)
                                                  : node.math().integer(int64_t(value)));
  return Term(node, node.constantData(std::move(known)));
}

Term lathe::onnx::select(const Term &condition, const Term &a, const Term &b) {
  if (!condition || !a || !b ||
      failed(a.node->broadcastDims({DimList(condition.dims()), DimList(a.dims()), DimList(b.dims())})))
    return Term();
  return Term(*a.node, a.node->create<SelectOp>(a.type(), condition.value, a.value, b.value));
}

Term lathe::onnx::cast(const Term &a, Type type) {
  if (!a || a.type() == type)
    return a;
  return Term(*a.node, a.node->create<CastOp>(type, a.value));
}

Term lathe::onnx::reshape(const Term &a, ArrayRef<AffineExpr> shape) {
  return a ? Term(*a.node, a.node->reshapeTo(a.value, shape)) : Term();
}

Term lathe::onnx::reshape(const Term &a, ArrayRef<int64_t> shape) {
  return a ? Term(*a.node, a.node->reshape(a.value, shape)) : Term();
}

Term lathe::onnx::transpose(const Term &a, ArrayRef<int64_t> permutation) {
  return a ? Term(*a.node, a.node->transpose(a.value, permutation)) : Term();
}

Term lathe::onnx::exchange(const Term &a, int64_t x, int64_t y) {
  if (!a || x == y)
    return a;
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, a.rank()));
  std::swap(permutation[x], permutation[y]);
  return transpose(a, permutation);
}

Term lathe::onnx::unsqueeze(const Term &a, int64_t axis, int64_t count) {
  if (!a || count == 0)
    return a;
  SmallVector<AffineExpr> shape(a.dims());
  shape.insert(shape.begin() + axis, count, a.node->constantSize(1));
  return reshape(a, shape);
}

Term lathe::onnx::toRank(const Term &a, int64_t rank) {
  if (!a || a.rank() >= rank)
    return a;
  // A reshape can move one size that is no number.
  if (llvm::count_if(a.dims(), [](AffineExpr dim) { return !isa<AffineConstantExpr>(dim); }) <= 1)
    return unsqueeze(a, 0, rank - a.rank());
  SmallVector<AffineExpr> shape(rank - a.rank(), a.node->constantSize(1));
  llvm::append_range(shape, a.dims());
  return expand(a, shape);
}

Term lathe::onnx::softmax(const Term &a, int64_t axis) {
  Term last = a ? exchange(a, axis, a.rank() - 1) : a;
  return last ? exchange(apply<SoftmaxOp>(last), axis, a.rank() - 1) : last;
}

Term lathe::onnx::logSoftmax(const Term &a, int64_t axis) {
  Term shifted = a - reduce(a, ReduceKind::Max, axis, /*keep=*/true);
  return shifted - apply<LogOp>(reduce(apply<ExpOp>(shifted), ReduceKind::Sum, axis, true));
}

Term lathe::onnx::reduce(const Term &a, ReduceKind kind, ArrayRef<int64_t> axes, bool keep) {
  return a ? Term(*a.node, a.node->create<ReduceOp>(a.type(), kind, a.value, axes, keep)) : a;
}

/// The product of matrices, or of batches of them, whose sizes fit. With `transposed` the last dimensions of `b` are
/// exchanged.
static Term multiply(const Term &a, const Term &b, bool transposed) {
  Type type = a.type();
  if (isNarrowFloat(type))
    return Term(*a.node, a.node->create<MatmulOp>(type, a.value, b.value, transposed));
  Term rhs = transposed ? exchange(b, b.rank() - 2, b.rank() - 1) : b;
  int64_t rank = std::max(a.rank(), b.rank());
  Term products = unsqueeze(toRank(a, rank), rank) * unsqueeze(toRank(rhs, rank), rank - 2);
  return reduce(products, ReduceKind::Sum, rank - 1, /*keep=*/false);
}

/// The same, once the sizes were found to fit.
static Term multiplyFitting(const Term &a, const Term &b, bool transposed) {
  if (!a || !b ||
      failed(
          a.node->requireSame(a.dims().back(), b.dim(b.rank() - (transposed ? 1 : 2)), "the dimension summed over")) ||
      failed(a.node->broadcastDims({DimList(a.dims().drop_back(2)), DimList(b.dims().drop_back(2))})))
    return Term();
  return multiply(a, b, transposed);
}

Term lathe::onnx::matmul(const Term &a, const Term &b) {
  if (!a || !b)
    return Term();
  if (a.rank() == 0 || b.rank() == 0) {
    (void)a.node->fail("inputs have ranks {0} and {1}, needed at least 1", a.rank(), b.rank());
    return Term();
  }
  Term lhs = a.rank() == 1 ? unsqueeze(a, 0) : a, rhs = b.rank() == 1 ? unsqueeze(b, 1) : b;
  Term product = multiplyFitting(lhs, rhs, /*transposed=*/false);
  if (!product || (a.rank() > 1 && b.rank() > 1))
    return product;
  SmallVector<AffineExpr> shape(product.dims().drop_back(2));
  if (a.rank() > 1)
    shape.push_back(product.dim(product.rank() - 2));
  if (b.rank() > 1)
    shape.push_back(product.dims().back());
  return reshape(product, shape);
}

Term lathe::onnx::matmulTransposed(const Term &a, const Term &b) { return multiplyFitting(a, b, /*transposed=*/true); }

OperandDims::OperandDims(ArrayRef<Term> operands) : context(operands[0].node->context()) {
  for (const Term &operand : operands) {
    DimList &names = dims.emplace_back();
    for (AffineExpr dim : operand.dims()) {
      names.push_back(isa<AffineConstantExpr>(dim) ? dim : getAffineSymbolExpr(count, context));
      ++count;
    }
  }
}

AffineMap OperandDims::map(ArrayRef<AffineExpr> sizes) const { return AffineMap::get(0, count, sizes, context); }
