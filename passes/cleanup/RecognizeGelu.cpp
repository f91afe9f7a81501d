// See RecognizeGelu in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"
#include <cmath>

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZEGELU
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// A sum of products of two values: `terms[i][j]` times x^i e^j. Whatever the order in which an exporter writes factors
/// and terms, they become the same numbers.
struct Polynomial {
  static constexpr unsigned Powers = 4;
  double terms[Powers][2] = {};
};

/// Reads values as polynomials in x and e.
struct PolynomialReader {
  Value x, e;

  std::optional<Polynomial> read(Value value, unsigned depth = 0) const;

private:
  std::optional<Polynomial> readPower(PowOp pow, unsigned depth) const;
};
} // namespace

static std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial product;
  for (unsigned i = 0; i < 2 * Polynomial::Powers; ++i)
    for (unsigned k = 0; k < 2 * Polynomial::Powers; ++k) {
      unsigned j = i % Polynomial::Powers, ej = i / Polynomial::Powers, l = k % Polynomial::Powers,
               el = k / Polynomial::Powers;
      double term = a.terms[j][ej] * b.terms[l][el];
      if (term == 0)
        continue;
      if (j + l >= Polynomial::Powers || ej + el > 1)
        return std::nullopt;
      product.terms[j + l][ej + el] += term;
    }
  return product;
}

static Polynomial add(const Polynomial &a, const Polynomial &b, double sign) {
  Polynomial sum = a;
  for (unsigned i = 0; i < Polynomial::Powers; ++i)
    for (unsigned j = 0; j < 2; ++j)
      sum.terms[i][j] += sign * b.terms[i][j];
  return sum;
}

static Polynomial constant(double number) {
  Polynomial result;
  result.terms[0][0] = number;
  return result;
}

std::optional<Polynomial> PolynomialReader::readPower(PowOp pow, unsigned depth) const {
  std::optional<double> exponent = getScalar(pow.getRhs());
  std::optional<Polynomial> base = read(pow.getLhs(), depth);
  if (!base || !exponent || (*exponent != 2 && *exponent != 3))
    return std::nullopt;
  std::optional<Polynomial> square = multiply(*base, *base);
  return square && *exponent == 3 ? multiply(*square, *base) : square;
}

std::optional<Polynomial> PolynomialReader::read(Value value, unsigned depth) const {
  constexpr unsigned MaxDepth = 8; // the longest formula has 7
  if (value == x || value == e) {
    Polynomial self;
    self.terms[value == x][value == e] = 1;
    return self;
  }
  if (std::optional<double> number = getScalar(value))
    return constant(*number);
  Operation *op = value.getDefiningOp();
  if (!op || depth == MaxDepth)
    return std::nullopt;
  if (auto pow = dyn_cast<PowOp>(op))
    return readPower(pow, depth + 1);
  if (!isa<AddOp, SubOp, MulOp, DivOp>(op))
    return std::nullopt;
  std::optional<Polynomial> lhs = read(op->getOperand(0), depth + 1);
  std::optional<Polynomial> rhs = lhs ? read(op->getOperand(1), depth + 1) : std::nullopt;
  if (!rhs)
    return std::nullopt;
  if (isa<AddOp, SubOp>(op))
    return add(*lhs, *rhs, isa<AddOp>(op) ? 1 : -1);
  if (isa<MulOp>(op))
    return multiply(*lhs, *rhs);
  std::optional<double> divisor = getScalar(op->getOperand(1));
  return divisor ? multiply(*lhs, constant(1 / *divisor)) : std::nullopt;
}

/// True when the terms are the same but for what `type` rounds.
static bool isAbout(const std::optional<Polynomial> &found, const Polynomial &wanted, FloatType type) {
  if (!found)
    return false;
  double rounding = std::ldexp(1.0, 3 - int(type.getFPMantissaWidth()));
  for (unsigned i = 0; i < Polynomial::Powers; ++i)
    for (unsigned j = 0; j < 2; ++j)
      if (!(std::abs(found->terms[i][j] - wanted.terms[i][j]) <= rounding * std::abs(wanted.terms[i][j])))
        return false;
  return true;
}

/// Values that `value` is computed from by the operations of a polynomial.
static void collectInner(Value value, unsigned depth, SmallVectorImpl<Value> &found) {
  if (getScalar(value) || llvm::is_contained(found, value))
    return;
  found.push_back(value);
  Operation *op = value.getDefiningOp();
  if (op && depth > 0 && isa<AddOp, SubOp, MulOp, DivOp, PowOp>(op))
    for (Value operand : op->getOperands())
      collectInner(operand, depth - 1, found);
}

/// The operation that computes `x / 2 * (1 + e)` from `e`; null if there is none.
static Operation *findRoot(Value e, Value x, FloatType type) {
  Polynomial wanted;
  wanted.terms[1][0] = wanted.terms[1][1] = 0.5;
  SmallVector<Value> values = {e};
  for (size_t i = 0; i < values.size() && values.size() < 16; ++i)
    for (Operation *user : values[i].getUsers()) {
      if (!isa<AddOp, SubOp, MulOp, DivOp>(user))
        continue;
      Value result = user->getResult(0);
      if (result.getType() == x.getType() && isAbout(PolynomialReader{x, e}.read(result), wanted, type))
        return user;
      values.push_back(result);
    }
  return nullptr;
}

static void rewrite(Operation *op) {
  if (!isa<ErfOp, TanhOp>(op))
    return;
  Polynomial inside;
  double factor = isa<ErfOp>(op) ? std::sqrt(0.5) : std::sqrt(2 / M_PI);
  inside.terms[1][0] = factor;
  inside.terms[3][0] = isa<ErfOp>(op) ? 0 : factor * 0.044715;
  auto type = cast<FloatType>(getElementTypeOrSelf(op->getResult(0)));
  SmallVector<Value> candidates;
  collectInner(op->getOperand(0), 5, candidates);
  for (Value x : candidates) {
    if (!isAbout(PolynomialReader{x, {}}.read(op->getOperand(0)), inside, type))
      continue;
    Operation *root = findRoot(op->getResult(0), x, type);
    if (!root)
      continue;
    OpBuilder builder(root);
    Value result = isa<ErfOp>(op) ? GeluOp::create(builder, root->getLoc(), x.getType(), x).getResult()
                                  : GeluTanhOp::create(builder, root->getLoc(), x.getType(), x).getResult();
    return replaceWith(root, result, "RecognizeGelu", isa<ErfOp>(op) ? "a gelu" : "a gelu by a hyperbolic tangent");
  }
  if (isa<ErfOp>(op))
    refuse(op, "RecognizeGelu", "this erf is not part of x / 2 * (1 + erf(x / sqrt(2)))");
}

namespace {
struct RecognizeGelu : lathe::impl::RecognizeGeluBase<RecognizeGelu> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
