// The dimensions of every value of an entry point, as expressions over its symbols: those that callers choose, and
// behind them data symbols, sizes that are known only when a part of the program has run.
#ifndef LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H
#define LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

/// A size as people read it, over names for s0, s1, ...: `batch*4 + 1`.
std::string formatSize(mlir::AffineExpr size, llvm::ArrayRef<std::string> names);

/// What a loop counts.
struct LoopDims {
  unsigned round;         ///< symbol: within the loop the number of the round, behind it how many there were
  mlir::AffineExpr limit; ///< rounds unless a condition ends the loop before; null when not known in advance
};

class SymbolicDims {
public:
  /// Walks `function`, whose arguments carry `lathe.dims`, and the regions within it. Fails with a diagnostic where a
  /// dimension cannot be told.
  static llvm::FailureOr<SymbolicDims> compute(mlir::func::FuncOp function);

  /// The dimensions of `value`; empty for values that are not tensors.
  llvm::ArrayRef<mlir::AffineExpr> operator[](mlir::Value value) const { return Dims.find(value)->second; }
  /// The same as a map `()[s0, ...] -> (...)`.
  mlir::AffineMap getMap(mlir::Value value) const;
  /// s0, s1, ...: names and bounds, the entry point's before those of data.
  llvm::ArrayRef<SymbolAttr> getSymbols() const { return Symbols; }
  llvm::ArrayRef<SymbolAttr> getDataSymbols() const { return getSymbols().drop_front(EntrySymbols); }
  const LoopDims &getLoop(LoopOp loop) const { return Loops.find(loop)->second; }
  /// True when the size depends on data.
  bool dependsOnData(mlir::AffineExpr size) const;

private:
  llvm::SmallVector<SymbolAttr> Symbols;
  size_t EntrySymbols = 0;
  llvm::DenseMap<mlir::Value, DimList> Dims;
  llvm::DenseMap<mlir::Operation *, LoopDims> Loops;
  mlir::MLIRContext *Context = nullptr;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H
