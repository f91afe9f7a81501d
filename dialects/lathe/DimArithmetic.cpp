#include "dialects/lathe/DimArithmetic.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <map>

using namespace mlir;
using namespace lathe;

/// A fixed order of expressions, by their structure and not by where they happen to lie.
static int compare(AffineExpr a, AffineExpr b) {
  auto sign = [](int64_t x, int64_t y) { return x < y ? -1 : x > y; };
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind())
    return sign(int64_t(a.getKind()), int64_t(b.getKind()));
  if (auto constant = dyn_cast<AffineConstantExpr>(a))
    return sign(constant.getValue(), cast<AffineConstantExpr>(b).getValue());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(a))
    return sign(symbol.getPosition(), cast<AffineSymbolExpr>(b).getPosition());
  if (auto dim = dyn_cast<AffineDimExpr>(a))
    return sign(dim.getPosition(), cast<AffineDimExpr>(b).getPosition());
  auto left = cast<AffineBinaryOpExpr>(a), right = cast<AffineBinaryOpExpr>(b);
  int first = compare(left.getLHS(), right.getLHS());
  return first ? first : compare(left.getRHS(), right.getRHS());
}

static constexpr size_t MaximumTerms = 64, MaximumFactors = 16;

namespace {

/// Factors of a product without its coefficient: symbols, quotients and remainders, sorted.
using Product = SmallVector<AffineExpr>;

struct ProductLess {
  bool operator()(const Product &a, const Product &b) const {
    if (a.size() != b.size())
      return a.size() > b.size(); // the constant comes last
    for (auto [x, y] : llvm::zip_equal(a, b))
      if (int order = compare(x, y))
        return order < 0;
    return false;
  }
};

/// Coefficients by product; none is zero.
struct Polynomial {
  std::map<Product, int64_t, ProductLess> terms;
  /// A coefficient left 64 bits, or there is more than any model's sizes have: repeated squaring must end.
  bool overflow = false;

  void add(const Product &product, int64_t coefficient) {
    int64_t &sum = terms[product];
    overflow |=
        llvm::AddOverflow(sum, coefficient, sum) || product.size() > MaximumFactors || terms.size() > MaximumTerms;
    if (sum == 0)
      terms.erase(product);
  }
};

} // namespace

static Polynomial parse(AffineExpr expression);

static AffineExpr build(const Polynomial &polynomial, MLIRContext *context) {
  AffineExpr sum;
  for (const auto &[product, coefficient] : polynomial.terms) {
    AffineExpr term;
    for (AffineExpr factor : product)
      term = term ? term * factor : factor;
    term = term ? term * coefficient : getAffineConstantExpr(coefficient, context);
    sum = sum ? sum + term : term;
  }
  return sum ? sum : getAffineConstantExpr(0, context);
}

static Polynomial multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial result;
  result.overflow = a.overflow || b.overflow;
  for (const auto &[left, x] : a.terms)
    for (const auto &[right, y] : b.terms) {
      if (result.overflow)
        return result;
      Product product(left);
      llvm::append_range(product, right);
      llvm::sort(product, [](AffineExpr p, AffineExpr q) { return compare(p, q) < 0; });
      int64_t coefficient = 0;
      result.overflow |= llvm::MulOverflow(x, y, coefficient);
      result.add(product, coefficient);
    }
  return result;
}

/// The quotient of one term by another; nothing where it is no multiple of it.
static std::optional<std::pair<Product, int64_t>> divideTerm(const std::pair<const Product, int64_t> &dividend,
                                                             const std::pair<const Product, int64_t> &divisor) {
  Product rest(dividend.first);
  for (AffineExpr factor : divisor.first) {
    auto *found = llvm::find(rest, factor);
    if (found == rest.end())
      return std::nullopt;
    rest.erase(found);
  }
  int64_t by = divisor.second;
  if (by == -1 ? dividend.second == INT64_MIN : dividend.second % by != 0)
    return std::nullopt;
  return std::make_pair(std::move(rest), dividend.second / by);
}

/// The quotient where it leaves no rest; nothing elsewhere. The first term of a product is the product of the first
/// terms, so each step of the long division takes the first term that is left.
static std::optional<Polynomial> divideExactly(Polynomial dividend, const Polynomial &divisor) {
  Polynomial result;
  while (!dividend.terms.empty() && !dividend.overflow && !divisor.overflow && !divisor.terms.empty()) {
    auto term = divideTerm(*dividend.terms.begin(), *divisor.terms.begin());
    if (!term || term->second == INT64_MIN)
      return std::nullopt;
    result.add(term->first, term->second);
    Polynomial part;
    part.add(term->first, -term->second);
    Polynomial taken = multiply(part, divisor);
    dividend.overflow |= taken.overflow || result.overflow;
    for (const auto &[product, coefficient] : taken.terms)
      dividend.add(product, coefficient);
  }
  if (!dividend.terms.empty() || dividend.overflow || divisor.overflow || divisor.terms.empty())
    return std::nullopt;
  return result;
}

/// A quotient or remainder. Multiples of the divisor leave a quotient by a constant, and vanish from a remainder.
static Polynomial parseDivision(AffineExprKind kind, AffineExpr dividend, AffineExpr divisor) {
  Polynomial left = parse(dividend), right = parse(divisor), whole, rest;
  MLIRContext *context = dividend.getContext();
  whole.overflow = left.overflow || right.overflow;
  bool isConstant = right.terms.size() == 1 && right.terms.begin()->first.empty();
  int64_t by = isConstant ? right.terms.begin()->second : 0;
  if (!isConstant && kind != AffineExprKind::Mod)
    if (std::optional<Polynomial> quotient = divideExactly(left, right))
      return *quotient;
  for (const auto &[product, coefficient] : left.terms) {
    bool divides = by > 0 && coefficient % by == 0;
    if (!divides)
      rest.add(product, coefficient);
    else if (kind != AffineExprKind::Mod)
      whole.add(product, coefficient / by);
  }
  if (rest.terms.empty() && by > 0)
    return whole;
  AffineExpr parts = getAffineBinaryOpExpr(kind, build(rest, context), build(right, context));
  if (auto constant = dyn_cast<AffineConstantExpr>(parts))
    whole.add({}, constant.getValue());
  else
    whole.add({parts}, 1);
  return whole;
}

static Polynomial parse(AffineExpr expression) {
  Polynomial result;
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) {
    result.add({}, constant.getValue());
    return result;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary) {
    result.add({expression}, 1);
    return result;
  }
  if (binary.getKind() == AffineExprKind::Mul)
    return multiply(parse(binary.getLHS()), parse(binary.getRHS()));
  if (binary.getKind() != AffineExprKind::Add)
    return parseDivision(binary.getKind(), binary.getLHS(), binary.getRHS());
  result = parse(binary.getLHS());
  Polynomial right = parse(binary.getRHS());
  result.overflow |= right.overflow;
  for (const auto &[product, coefficient] : right.terms)
    result.add(product, coefficient);
  return result;
}

AffineExpr lathe::normalizeDim(AffineExpr expression) {
  if (!isa<AffineBinaryOpExpr>(expression))
    return expression;
  Polynomial polynomial = parse(expression);
  return polynomial.overflow ? expression : build(polynomial, expression.getContext());
}

bool lathe::isSameDim(AffineExpr a, AffineExpr b) { return a == b || normalizeDim(a) == normalizeDim(b); }

AffineExpr lathe::divideDimExactly(AffineExpr dividend, AffineExpr divisor) {
  std::optional<Polynomial> quotient = divideExactly(parse(dividend), parse(divisor));
  return quotient ? build(*quotient, dividend.getContext()) : AffineExpr();
}

std::optional<DimRange> lathe::getDimRange(AffineExpr expression, ArrayRef<DimRange> symbols) {
  constexpr int64_t Limit = int64_t(1) << 62;
  if (auto constant = dyn_cast<AffineConstantExpr>(expression)) {
    int64_t value = constant.getValue();
    return value > -Limit && value < Limit ? std::optional<DimRange>({value, value}) : std::nullopt;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return symbol.getPosition() < symbols.size() ? std::optional(symbols[symbol.getPosition()]) : std::nullopt;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return std::nullopt;
  std::optional<DimRange> left = getDimRange(binary.getLHS(), symbols), right = getDimRange(binary.getRHS(), symbols);
  if (!left || !right)
    return std::nullopt;
  auto [a, b] = *left;
  auto [c, d] = *right;
  if (binary.getKind() == AffineExprKind::Mod)
    return c > 0 ? std::optional<DimRange>({0, a >= 0 ? std::min(b, d - 1) : d - 1}) : std::nullopt;
  bool divides = binary.getKind() == AffineExprKind::FloorDiv || binary.getKind() == AffineExprKind::CeilDiv;
  if (divides && c <= 0)
    return std::nullopt;
  auto combine = [&](int64_t x, int64_t y) -> __int128 {
    switch (binary.getKind()) {
    case AffineExprKind::Mul:
      return __int128(x) * y;
    case AffineExprKind::FloorDiv:
      return llvm::divideFloorSigned(x, y);
    default:
      return llvm::divideCeilSigned(x, y);
    }
  };
  __int128 low = __int128(a) + c, high = __int128(b) + d;
  if (binary.getKind() != AffineExprKind::Add)
    std::tie(low, high) = std::minmax({combine(a, c), combine(a, d), combine(b, c), combine(b, d)});
  if (low <= -Limit || high >= Limit)
    return std::nullopt;
  return DimRange(low, high);
}

SmallVector<AffineExpr> lathe::groupReducedDims(ArrayRef<AffineExpr> dims, ArrayRef<int64_t> axes,
                                                MLIRContext *context) {
  AffineExpr one = getAffineConstantExpr(1, context);
  SmallVector<AffineExpr> groups = {one};
  for (auto [d, dim] : llvm::enumerate(dims)) {
    if (dim == one)
      continue;
    bool reduced = llvm::is_contained(axes, int64_t(d));
    if (reduced != (groups.size() % 2 == 0))
      groups.push_back(one);
    groups.back() = groups.back() * dim;
  }
  if (groups.size() % 2 == 0)
    groups.push_back(one);
  if (groups.size() == 1) // nothing is reduced
    groups.insert(groups.begin(), 2, one);
  return groups;
}

SmallVector<AffineExpr> lathe::joinMatrixDims(ArrayRef<AffineExpr> lhs, ArrayRef<AffineExpr> rhs, AffineExpr columns) {
  AffineExpr one = getAffineConstantExpr(1, columns.getContext());
  size_t rank = std::max(lhs.size(), rhs.size());
  SmallVector<AffineExpr> dims(rank, one);
  for (ArrayRef<AffineExpr> operand : {lhs, rhs})
    for (auto [i, dim] : llvm::enumerate(operand.drop_back(2)))
      if (AffineExpr &joined = dims[rank - operand.size() + i]; joined == one)
        joined = dim;
  dims[rank - 2] = lhs[lhs.size() - 2];
  dims[rank - 1] = columns;
  return dims;
}
