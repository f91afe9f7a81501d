// Questions about affine expressions over an entry point's symbols, answered for all values within their bounds.
#ifndef LATHE_DIALECTS_LATHE_BOUNDS_H
#define LATHE_DIALECTS_LATHE_BOUNDS_H

#include "dialects/lathe/Lathe.h"

namespace lathe {

/// The bound of a size that nothing bounds: as many elements as a tensor may have.
inline constexpr int64_t UnboundedSize = int64_t(1) << 40;

/// The values that symbols s0, s1, ... may take.
class Bounds {
public:
  explicit Bounds(llvm::ArrayRef<SymbolAttr> symbols) : Symbols(symbols) {}

  /// True when `expression` >= 0 for all values. A product of symbols is judged as a symbol with bounds of its own, so
  /// false may then mean "not proved".
  bool isNeverNegative(mlir::AffineExpr expression) const;
  /// Smallest and largest value by interval arithmetic: exact for sums of single symbols, else an enclosure. What does
  /// not fit an int64_t is its smallest or largest number.
  std::pair<int64_t, int64_t> getRange(mlir::AffineExpr expression) const;

private:
  llvm::SmallVector<SymbolAttr> Symbols;
};

/// The value of an expression for given symbol values.
int64_t evaluateSize(mlir::AffineExpr expression, llvm::ArrayRef<int64_t> symbols);

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_BOUNDS_H
