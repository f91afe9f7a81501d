#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/DimArithmetic.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;
using namespace lathe;

static int64_t addSaturated(int64_t a, int64_t b) {
  int64_t sum;
  return llvm::AddOverflow(a, b, sum) ? (a < 0 ? INT64_MIN : INT64_MAX) : sum;
}

static int64_t multiplySaturated(int64_t a, int64_t b) {
  int64_t product;
  return llvm::MulOverflow(a, b, product) ? ((a < 0) != (b < 0) ? INT64_MIN : INT64_MAX) : product;
}

std::pair<int64_t, int64_t> Bounds::getRange(AffineExpr expression) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return {constant.getValue(), constant.getValue()};
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression)) {
    SymbolAttr attr = Symbols[symbol.getPosition()];
    return {attr.getMin(), attr.getMax()};
  }
  auto binary = cast<AffineBinaryOpExpr>(expression);
  auto [a, b] = getRange(binary.getLHS());
  auto [c, d] = getRange(binary.getRHS());
  auto corners = [&, a = a, b = b, c = c, d = d](auto combine) {
    return std::minmax({combine(a, c), combine(a, d), combine(b, c), combine(b, d)});
  };
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return {addSaturated(a, c), addSaturated(b, d)};
  case AffineExprKind::Mul:
    return corners(multiplySaturated);
  case AffineExprKind::FloorDiv:
    return corners([](int64_t x, int64_t y) { return llvm::divideFloorSigned(x, y); });
  case AffineExprKind::CeilDiv:
    return corners([](int64_t x, int64_t y) { return llvm::divideCeilSigned(x, y); });
  default:
    return {0, d - 1};
  }
}

namespace {
/// Makes an expression affine: each product of symbols becomes a symbol of its own, with the bounds of the product.
class Linearizer {
public:
  explicit Linearizer(ArrayRef<SymbolAttr> symbols) : Symbols(symbols) {}

  /// Null where a divisor is no constant.
  AffineExpr convert(AffineExpr expression);
  ArrayRef<SymbolAttr> getSymbols() const { return Symbols; }

private:
  SmallVector<SymbolAttr> Symbols;
  llvm::DenseMap<AffineExpr, AffineExpr> Products;
};
} // namespace

AffineExpr Linearizer::convert(AffineExpr expression) {
  auto binary = dyn_cast<AffineBinaryOpExpr>(expression);
  if (!binary)
    return expression;
  bool constant = isa<AffineConstantExpr>(binary.getRHS());
  if (binary.getKind() == AffineExprKind::Mul && !constant) {
    AffineExpr &symbol = Products[expression];
    if (!symbol) {
      auto [min, max] = Bounds(Symbols).getRange(expression);
      Symbols.push_back(SymbolAttr::get(expression.getContext(), "product", min, max));
      symbol = getAffineSymbolExpr(Symbols.size() - 1, expression.getContext());
    }
    return symbol;
  }
  if (binary.getKind() != AffineExprKind::Add && !constant)
    return {};
  AffineExpr lhs = convert(binary.getLHS()), rhs = convert(binary.getRHS());
  return lhs && rhs ? getAffineBinaryOpExpr(binary.getKind(), lhs, rhs) : AffineExpr();
}

bool Bounds::isNeverNegative(AffineExpr expression) const {
  expression = normalizeDim(simplifyAffineExpr(expression, 0, Symbols.size()));
  if (getRange(expression).first >= 0)
    return true;
  Linearizer linearizer(Symbols);
  expression = linearizer.convert(expression);
  if (!expression)
    return false;
  ArrayRef<SymbolAttr> symbols = linearizer.getSymbols();
  // A counterexample is a point within the bounds where -expression - 1 >= 0: the proof is that there is none.
  MLIRContext *context = expression.getContext();
  SmallVector<AffineExpr> constraints = {-expression - 1};
  for (auto [i, symbol] : llvm::enumerate(symbols)) {
    AffineExpr value = getAffineSymbolExpr(i, context);
    constraints.push_back(value - symbol.getMin());
    if (symbol.getMax() < INT64_MAX)
      constraints.push_back(-value + symbol.getMax());
  }
  IntegerSet set = IntegerSet::get(0, symbols.size(), constraints, SmallVector<bool>(constraints.size(), false));
  FlatLinearValueConstraints system(set);
  return system.isIntegerEmpty();
}

int64_t lathe::evaluateSize(AffineExpr expression, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  int64_t lhs = evaluateSize(binary.getLHS(), symbols), rhs = evaluateSize(binary.getRHS(), symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return lhs + rhs;
  case AffineExprKind::Mul:
    return lhs * rhs;
  case AffineExprKind::FloorDiv:
    return llvm::divideFloorSigned(lhs, rhs);
  case AffineExprKind::CeilDiv:
    return llvm::divideCeilSigned(lhs, rhs);
  default:
    return llvm::mod(lhs, rhs);
  }
}
