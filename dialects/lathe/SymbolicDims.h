// The dimensions of every value of an entry point, as expressions over its symbols.
#ifndef LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H
#define LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H

#include "dialects/lathe/Lathe.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace lathe {

class SymbolicDims {
public:
  /// Walks `function`, whose arguments carry `lathe.dims`. Fails with a diagnostic where a dimension cannot be told.
  static llvm::FailureOr<SymbolicDims> compute(mlir::func::FuncOp function);

  /// The dimensions of `value`; empty for values that are not tensors.
  llvm::ArrayRef<mlir::AffineExpr> operator[](mlir::Value value) const { return Dims.find(value)->second; }
  /// The same as a map `()[s0, ...] -> (...)`.
  mlir::AffineMap getMap(mlir::Value value) const;
  /// s0, s1, ...: names and bounds.
  llvm::ArrayRef<SymbolAttr> getSymbols() const { return Symbols; }

private:
  llvm::SmallVector<SymbolAttr> Symbols;
  llvm::DenseMap<mlir::Value, DimList> Dims;
  mlir::MLIRContext *Context = nullptr;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_SYMBOLICDIMS_H
