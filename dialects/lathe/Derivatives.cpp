// The derivative rules: vector-Jacobian products, written with operations of the dialect.
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

using Gradients = FailureOr<SmallVector<Value>>;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// The shape that two shapes broadcast to.
static SmallVector<int64_t> broadcast(ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> shape(std::max(a.size(), b.size()), 1);
  for (size_t i = 1; i <= shape.size(); ++i)
    for (ArrayRef<int64_t> side : {a, b})
      if (i <= side.size() && (shape.end()[-i] == 1 || shape.end()[-i] == ShapedType::kDynamic) && side.end()[-i] != 1)
        shape.end()[-i] = side.end()[-i];
  return shape;
}

namespace {
/// Elementwise operations on values, with the types that they give.
struct Rule {
  Rule(OpBuilder &builder, Operation *op, ValueRange gradients)
      : builder(builder), location(op->getLoc()), gradient(gradients[0]) {}

  template <typename Op> Value unary(Value a) { return Op::create(builder, location, a.getType(), a); }
  template <typename Op> Value binary(Value a, Value b) {
    auto type =
        RankedTensorType::get(broadcast(typeOf(a).getShape(), typeOf(b).getShape()), typeOf(a).getElementType());
    return Op::create(builder, location, type, a, b);
  }
  Value neg(Value a) { return unary<NegOp>(a); }
  Value add(Value a, Value b) { return binary<AddOp>(a, b); }
  Value sub(Value a, Value b) { return binary<SubOp>(a, b); }
  Value mul(Value a, Value b) { return binary<MulOp>(a, b); }
  Value div(Value a, Value b) { return binary<DivOp>(a, b); }
  Value zero() { return number(0); }
  /// Of the element type of the gradient.
  Value number(double value) {
    Type element = typeOf(gradient).getElementType();
    auto type = RankedTensorType::get({}, element);
    return ConstantOp::create(builder, location, DenseElementsAttr::get(type, builder.getFloatAttr(element, value)));
  }
  Value select(Value condition, Value a, Value b) {
    SmallVector<int64_t> shape = broadcast(typeOf(a).getShape(), typeOf(b).getShape());
    shape = broadcast(shape, typeOf(condition).getShape());
    return SelectOp::create(builder, location, RankedTensorType::get(shape, typeOf(a).getElementType()), condition, a,
                            b);
  }
  Value cast(Value a, Type element) {
    if (typeOf(a).getElementType() == element)
      return a;
    return CastOp::create(builder, location, RankedTensorType::get(typeOf(a).getShape(), element), a);
  }
  Value transpose(Value a, ArrayRef<int64_t> permutation) {
    SmallVector<int64_t> shape;
    for (int64_t axis : permutation)
      shape.push_back(typeOf(a).getShape()[axis]);
    return TransposeOp::create(builder, location, RankedTensorType::get(shape, typeOf(a).getElementType()), a,
                               builder.getDenseI64ArrayAttr(permutation));
  }
  /// [m, k] times [k, n], or [n, k] with `transposed`.
  Value matmul(Value a, Value b, bool transposed) {
    Type type = RankedTensorType::get({typeOf(a).getShape()[0], typeOf(b).getShape()[transposed ? 0 : 1]},
                                      typeOf(gradient).getElementType());
    return MatmulOp::create(builder, location, type, a, b, transposed);
  }

  /// Sums over what was repeated where `operand` broadcast.
  Value sumTo(Value value, Value operand) {
    ArrayRef<int64_t> from = typeOf(value).getShape(), to = typeOf(operand).getShape();
    Type element = typeOf(value).getElementType();
    size_t added = from.size() - to.size();
    if (added)
      value = ReduceOp::create(builder, location, RankedTensorType::get(from.drop_front(added), element),
                               ReduceKind::Sum, value, llvm::to_vector(llvm::seq<int64_t>(0, added)), false);
    SmallVector<int64_t> repeated, shape(typeOf(value).getShape());
    for (size_t i = 0; i != to.size(); ++i)
      if (to[i] == 1 && shape[i] != 1) {
        repeated.push_back(i);
        shape[i] = 1;
      }
    if (repeated.empty())
      return value;
    return ReduceOp::create(builder, location, RankedTensorType::get(shape, element), ReduceKind::Sum, value, repeated,
                            true);
  }
  /// `Op`, of `value` and of the sizes of `operand`, which are those of the result.
  template <typename Op> Value shapeLike(Value value, Value operand) {
    unsigned before = typeOf(value).getRank(), rank = typeOf(operand).getRank();
    SmallVector<AffineExpr> sizes;
    for (unsigned i = 0; i != rank; ++i)
      sizes.push_back(getAffineSymbolExpr(before + i, builder.getContext()));
    auto map = AffineMap::get(0, before + rank, sizes, builder.getContext());
    Type type = RankedTensorType::get(typeOf(operand).getShape(), typeOf(value).getElementType());
    return Op::create(builder, location, type, value, operand, map);
  }

  OpBuilder &builder;
  Location location;
  Value gradient;
};
} // namespace

#define RULE(Op) Gradients Op::buildVectorJacobianProduct(OpBuilder &builder, ValueRange resultGradients)
#define MAKE_RULE                                                                                                      \
  Rule r(builder, getOperation(), resultGradients);                                                                    \
  Value g = r.gradient

//===- One operand ------------------------------------------------------------------------------------------------===//

RULE(CosOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.neg(r.mul(g, r.unary<SinOp>(getInput())))};
}

RULE(ExpOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.mul(g, getResult())};
}

RULE(LogOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.div(g, getInput())};
}

RULE(NegOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.neg(g)};
}

RULE(ReciprocalOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.neg(r.mul(g, r.mul(getResult(), getResult())))};
}

/// 0 where the input is 0, as frameworks have it.
RULE(ReluOp) {
  MAKE_RULE;
  auto type = RankedTensorType::get(typeOf(g).getShape(), builder.getI1Type());
  Value zero = r.zero();
  return SmallVector<Value>{r.select(LessOp::create(builder, getLoc(), type, zero, getInput()), g, zero)};
}

RULE(SigmoidOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.mul(g, r.sub(getResult(), r.mul(getResult(), getResult())))};
}

RULE(SinOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.mul(g, r.unary<CosOp>(getInput()))};
}

RULE(SqrtOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.div(g, r.add(getResult(), getResult()))};
}

RULE(TanhOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.sub(g, r.mul(g, r.mul(getResult(), getResult())))};
}

RULE(CastOp) {
  MAKE_RULE;
  Type from = typeOf(getInput()).getElementType();
  if (isa<QuantizedTypeInterface>(from)) // their gradient is that of the values
    return SmallVector<Value>{r.cast(g, builder.getF32Type())};
  bool smooth = isa<FloatType>(from) && isa<FloatType>(typeOf(g).getElementType());
  return SmallVector<Value>{smooth ? r.cast(g, from) : Value()};
}

/// Straight through (Bengio et al., 2013): rounding is taken for the identity, which its mean is.
RULE(QuantizeOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.cast(g, typeOf(getInput()).getElementType())};
}

/// Straight through, as above, where the code is in range: beyond it the result does not move.
RULE(FakeQuantizeOp) {
  MAKE_RULE;
  Value code = r.add(r.unary<RoundOp>(r.div(getInput(), getScale())), getZero()), zero = r.zero();
  auto isLess = [&](Value a, Value b) -> Value {
    return LessOp::create(builder, getLoc(), RankedTensorType::get(typeOf(code).getShape(), builder.getI1Type()), a, b);
  };
  Value within = r.select(isLess(code, r.number(double(int64_t(getLow())))), zero, g);
  return SmallVector<Value>{r.select(isLess(r.number(double(int64_t(getHigh()))), code), zero, within), Value(),
                            Value()};
}

/// Straight through, as above.
RULE(RoundE4M3Op) {
  MAKE_RULE;
  return SmallVector<Value>{g};
}

//===- Two and three ----------------------------------------------------------------------------------------------===//

RULE(AddOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.sumTo(g, getLhs()), r.sumTo(g, getRhs())};
}

RULE(SubOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.sumTo(g, getLhs()), r.sumTo(r.neg(g), getRhs())};
}

RULE(MulOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.sumTo(r.mul(g, getRhs()), getLhs()), r.sumTo(r.mul(g, getLhs()), getRhs())};
}

RULE(DivOp) {
  MAKE_RULE;
  Value quotient = r.div(g, getRhs());
  return SmallVector<Value>{r.sumTo(quotient, getLhs()), r.sumTo(r.neg(r.mul(quotient, getResult())), getRhs())};
}

RULE(SelectOp) {
  MAKE_RULE;
  Value zero = r.zero(), chosen = r.select(getCondition(), g, zero), other = r.select(getCondition(), zero, g);
  return SmallVector<Value>{Value(), r.sumTo(chosen, getOnTrue()), r.sumTo(other, getOnFalse())};
}

//===- Shapes -----------------------------------------------------------------------------------------------------===//

RULE(ReshapeOp) {
  MAKE_RULE;
  return SmallVector<Value>{r.shapeLike<ReshapeToOp>(g, getInput())};
}

RULE(TransposeOp) {
  MAKE_RULE;
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [to, from] : llvm::enumerate(getPermutation()))
    inverse[from] = to;
  return SmallVector<Value>{r.transpose(g, inverse)};
}

/// Each element of a sum has the sum's gradient, each of a mean its share. Written for sums and means; a mean's share
/// needs a count that is known.
RULE(ReduceOp) {
  MAKE_RULE;
  ArrayRef<int64_t> shape = typeOf(getInput()).getShape();
  if (getKind() != ReduceKind::Sum && getKind() != ReduceKind::Mean)
    return failure();
  SmallVector<AffineExpr> kept;
  SmallVector<int64_t> keptShape(shape);
  int64_t count = 1;
  for (int64_t axis : getAxes()) {
    keptShape[axis] = 1;
    count = count < 0 || ShapedType::isDynamic(shape[axis]) ? -1 : count * shape[axis];
  }
  Type element = typeOf(g).getElementType();
  if (getKind() == ReduceKind::Mean) {
    if (count < 0)
      return failure();
    auto type = RankedTensorType::get({}, element);
    Value scale = ConstantOp::create(builder, getLoc(),
                                     DenseElementsAttr::get(type, builder.getFloatAttr(element, double(count))));
    g = r.div(g, scale);
  }
  if (!getKeep()) {
    unsigned before = typeOf(g).getRank();
    for (unsigned i = 0; i != shape.size(); ++i)
      kept.push_back(keptShape[i] == 1 && llvm::is_contained(getAxes(), i)
                         ? getAffineConstantExpr(1, getContext())
                         : getAffineSymbolExpr(before + i, getContext()));
    auto map = AffineMap::get(0, before + shape.size(), kept, getContext());
    g = ReshapeToOp::create(builder, getLoc(), RankedTensorType::get(keptShape, element), g, getInput(), map);
  }
  return SmallVector<Value>{r.shapeLike<ExpandOp>(g, getInput())};
}

/// Written for two matrices of plain floats.
RULE(MatmulOp) {
  MAKE_RULE;
  Type left = typeOf(getLhs()).getElementType(), right = typeOf(getRhs()).getElementType();
  if (typeOf(g).getRank() != 2 || left != right)
    return failure();
  g = r.cast(g, left);
  Value byLhs = r.matmul(g, getRhs(), /*transposed=*/!getTransposeRhs());
  Value byRhs = getTransposeRhs() ? r.matmul(r.transpose(g, {1, 0}), getLhs(), false)
                                  : r.matmul(r.transpose(getLhs(), {1, 0}), g, false);
  return SmallVector<Value>{r.cast(byLhs, left), r.cast(byRhs, right)};
}
