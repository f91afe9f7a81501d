#include "dialects/plan/Bounds.h"
#include "mlir/Analysis/FlatLinearValueConstraints.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/IntegerSet.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::plan;

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
    return {a + c, b + d};
  case AffineExprKind::Mul:
    return corners([](int64_t x, int64_t y) { return x * y; });
  case AffineExprKind::FloorDiv:
    return corners([](int64_t x, int64_t y) { return llvm::divideFloorSigned(x, y); });
  case AffineExprKind::CeilDiv:
    return corners([](int64_t x, int64_t y) { return llvm::divideCeilSigned(x, y); });
  default:
    return {0, d - 1};
  }
}

bool Bounds::isNeverNegative(AffineExpr expression) const {
  expression = simplifyAffineExpr(expression, 0, Symbols.size());
  if (getRange(expression).first >= 0)
    return true;
  if (!expression.isPureAffine())
    return false;
  // A counterexample is a point within the bounds where -expression - 1 >= 0: the proof is that there is none.
  MLIRContext *context = expression.getContext();
  SmallVector<AffineExpr> constraints = {-expression - 1};
  for (auto [i, symbol] : llvm::enumerate(Symbols)) {
    AffineExpr value = getAffineSymbolExpr(i, context);
    constraints.push_back(value - symbol.getMin());
    constraints.push_back(-value + symbol.getMax());
  }
  IntegerSet set = IntegerSet::get(0, Symbols.size(), constraints, SmallVector<bool>(constraints.size(), false));
  FlatLinearValueConstraints system(set);
  return system.isIntegerEmpty();
}

int64_t plan::evaluate(AffineExpr expression, ArrayRef<int64_t> symbols) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expression))
    return symbols[symbol.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  int64_t lhs = evaluate(binary.getLHS(), symbols), rhs = evaluate(binary.getRHS(), symbols);
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
