// Values with arithmetic on them, for importers that put an operator together from several operations. A term that
// could not be made is empty, and so is what is made of it; the node has the reason.
#ifndef LATHE_FRONTENDS_ONNX_OPS_TERMS_H
#define LATHE_FRONTENDS_ONNX_OPS_TERMS_H

#include "frontends/onnx/ops/Operators.h"

namespace lathe::onnx {

class Term {
public:
  Term() = default;
  Term(NodeImporter &node, mlir::FailureOr<mlir::Value> made)
      : node(&node), value(succeeded(made) ? *made : mlir::Value()) {}

  explicit operator bool() const { return value != nullptr; }
  mlir::Type type() const { return node->elementType(value); }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(type()); }
  bool isUnsigned() const { return type().isUnsignedInteger(); }
  int64_t rank() const { return value ? node->rank(value) : 0; }
  llvm::ArrayRef<mlir::AffineExpr> dims() const { return node->dims(value); }
  mlir::AffineExpr dim(int64_t axis) const { return dims()[axis]; }
  std::optional<int64_t> size(int64_t axis) const { return node->size(value, axis); }

  NodeImporter *node = nullptr;
  mlir::Value value;
};

// Inputs and outputs.
Term input(NodeImporter &node, size_t index);
/// An input of a float type, f64 too.
Term realInput(NodeImporter &node, size_t index);
mlir::LogicalResult setOutput(NodeImporter &node, size_t index, const Term &term);

// Constants.
Term constant(NodeImporter &node, mlir::Type type, double value);
/// Of the element type of `like`.
Term constant(const Term &like, double value);
Term constant(NodeImporter &node, mlir::Type type, llvm::ArrayRef<double> values, llvm::ArrayRef<int64_t> shape);
/// Sizes as data: a tensor of rank 0.
Term sizeOf(const Term &like, mlir::AffineExpr size, mlir::Type type);

// Elementwise; shapes broadcast.
template <typename Op> Term apply(const Term &a) {
  return a ? Term(*a.node, a.node->create<Op>(a.type(), a.value)) : Term();
}
template <typename Op> Term apply(const Term &a, const Term &b) {
  if (!a || !b || failed(a.node->broadcastDims({DimList(a.dims()), DimList(b.dims())})))
    return Term();
  return Term(*a.node, a.node->create<Op>(a.type(), a.value, b.value));
}
/// All inputs of the node, from the first on.
template <typename Op> Term combineInputs(NodeImporter &node) {
  Term result = input(node, 0);
  for (size_t i = 1; i < node.numInputs() && result; ++i)
    result = apply<Op>(result, input(node, i));
  return result;
}
/// An operation whose result is i1.
template <typename Op> Term test(const Term &a) {
  return a ? Term(*a.node, a.node->create<Op>(a.node->builder().getI1Type(), a.value)) : Term();
}
template <typename Op> Term test(const Term &a, const Term &b) {
  if (!a || !b || failed(a.node->broadcastDims({DimList(a.dims()), DimList(b.dims())})))
    return Term();
  return Term(*a.node, a.node->create<Op>(a.node->builder().getI1Type(), a.value, b.value));
}
Term select(const Term &condition, const Term &a, const Term &b);
Term cast(const Term &a, mlir::Type type);
inline Term operator+(const Term &a, const Term &b) { return apply<AddOp>(a, b); }
inline Term operator-(const Term &a, const Term &b) { return apply<SubOp>(a, b); }
inline Term operator*(const Term &a, const Term &b) { return apply<MulOp>(a, b); }
inline Term operator/(const Term &a, const Term &b) { return apply<DivOp>(a, b); }
inline Term operator+(const Term &a, double b) { return a + constant(a, b); }
inline Term operator-(const Term &a, double b) { return a - constant(a, b); }
inline Term operator*(const Term &a, double b) { return a * constant(a, b); }
inline Term operator/(const Term &a, double b) { return a / constant(a, b); }
inline Term operator-(double a, const Term &b) { return constant(b, a) - b; }
inline Term operator-(const Term &a) { return apply<NegOp>(a); }

// Shapes.
Term reshape(const Term &a, llvm::ArrayRef<mlir::AffineExpr> shape);
Term reshape(const Term &a, llvm::ArrayRef<int64_t> shape);
Term transpose(const Term &a, llvm::ArrayRef<int64_t> permutation);
/// Exchanges two dimensions.
Term exchange(const Term &a, int64_t x, int64_t y);
/// Adds dimensions of size 1 in front of `axis`.
Term unsqueeze(const Term &a, int64_t axis, int64_t count = 1);
/// Adds dimensions of size 1 in front until there are `rank`.
Term toRank(const Term &a, int64_t rank);

// Rows.
/// Softmax along a dimension.
Term softmax(const Term &a, int64_t axis);
/// Its logarithm, which stays a number where the softmax is 0.
Term logSoftmax(const Term &a, int64_t axis);
Term reduce(const Term &a, ReduceKind kind, llvm::ArrayRef<int64_t> axes, bool keep);
/// Matrix product of any ranks, as NumPy's.
Term matmul(const Term &a, const Term &b);
/// Of matrices or batches of them, the last two dimensions of the second exchanged.
Term matmulTransposed(const Term &a, const Term &b);
/// The float types that products, norms and attention take as operations of their own.
inline bool isNarrowFloat(mlir::Type type) { return type.isF32() || type.isF16() || type.isBF16(); }

// Movement.
Term slice(const Term &a, int64_t axis, mlir::AffineExpr start, mlir::AffineExpr size, int64_t step = 1);
Term slice(const Term &a, llvm::ArrayRef<mlir::AffineExpr> starts, llvm::ArrayRef<int64_t> steps,
           llvm::ArrayRef<mlir::AffineExpr> sizes);
Term concat(llvm::ArrayRef<Term> terms, int64_t axis);
Term expand(const Term &a, llvm::ArrayRef<mlir::AffineExpr> shape);
Term pad(const Term &a, const Term &value, llvm::StringRef mode, llvm::ArrayRef<mlir::AffineExpr> low,
         llvm::ArrayRef<mlir::AffineExpr> sizes);
/// Places along dimension `axis` of `shape`.
Term iota(NodeImporter &node, mlir::Type type, llvm::ArrayRef<mlir::AffineExpr> shape, int64_t axis);

/// How an operation takes sizes that follow from the dimensions of its operands alone: each dimension is a number or a
/// symbol of its own, whatever expression over the entry's symbols it has.
class OperandDims {
public:
  explicit OperandDims(llvm::ArrayRef<Term> operands);
  /// Of one operand.
  llvm::ArrayRef<mlir::AffineExpr> operator[](size_t operand) const { return dims[operand]; }
  mlir::AffineMap map(llvm::ArrayRef<mlir::AffineExpr> sizes) const;

private:
  llvm::SmallVector<DimList> dims;
  unsigned count = 0;
  mlir::MLIRContext *context;
};

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_TERMS_H
