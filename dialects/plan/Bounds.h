// Questions about affine expressions over an entry point's symbols, answered for all values within their bounds.
#ifndef LATHE_DIALECTS_PLAN_BOUNDS_H
#define LATHE_DIALECTS_PLAN_BOUNDS_H

#include "dialects/lathe/Lathe.h"

namespace lathe::plan {

/// The values that symbols s0, s1, ... may take.
class Bounds {
public:
  explicit Bounds(llvm::ArrayRef<SymbolAttr> symbols) : Symbols(symbols) {}

  /// True when `expression` >= 0 for all values. Expressions that are not affine (a product of symbols) are judged by
  /// interval arithmetic, so false may then mean "not proved".
  bool isNeverNegative(mlir::AffineExpr expression) const;
  /// Smallest and largest value by interval arithmetic: exact for sums of single symbols, else an enclosure.
  std::pair<int64_t, int64_t> getRange(mlir::AffineExpr expression) const;

private:
  llvm::SmallVector<SymbolAttr> Symbols;
};

/// The value of an expression for given symbol values.
int64_t evaluate(mlir::AffineExpr expression, llvm::ArrayRef<int64_t> symbols);

} // namespace lathe::plan

#endif // LATHE_DIALECTS_PLAN_BOUNDS_H
