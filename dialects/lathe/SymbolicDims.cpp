#include "dialects/lathe/SymbolicDims.h"

using namespace mlir;
using namespace lathe;

static FailureOr<DimList> getArgumentDims(func::FuncOp function, unsigned index, ArrayRef<SymbolAttr> symbols) {
  auto type = dyn_cast<RankedTensorType>(function.getArgumentTypes()[index]);
  DimList dims;
  if (!type)
    return dims;
  auto named = function.getArgAttrOfType<ArrayAttr>(index, DimsAttrName);
  for (int64_t i = 0; i < type.getRank(); ++i) {
    if (!type.isDynamicDim(i)) {
      dims.push_back(getAffineConstantExpr(type.getDimSize(i), type.getContext()));
      continue;
    }
    auto name = named ? dyn_cast<StringAttr>(named[i]) : StringAttr();
    const auto *symbol = llvm::find_if(symbols, [&](SymbolAttr s) { return name && s.getName() == name.getValue(); });
    if (symbol == symbols.end())
      return function.emitOpError() << "argument " << index << " dimension " << i
                                    << " is dynamic but 'lathe.dims' names no symbol for it";
    dims.push_back(getAffineSymbolExpr(symbol - symbols.begin(), type.getContext()));
  }
  return dims;
}

FailureOr<SymbolicDims> SymbolicDims::compute(func::FuncOp function) {
  SymbolicDims all;
  all.Context = function.getContext();
  if (auto symbols = function->getAttrOfType<ArrayAttr>(SymbolsAttrName))
    llvm::append_range(all.Symbols, symbols.getAsRange<SymbolAttr>());
  for (BlockArgument argument : function.getArguments()) {
    FailureOr<DimList> dims = getArgumentDims(function, argument.getArgNumber(), all.Symbols);
    if (failed(dims))
      return failure();
    all.Dims[argument] = *dims;
  }
  for (Operation &op : function.getBody().front().without_terminator()) {
    auto shaped = dyn_cast<ShapeOpInterface>(op);
    SmallVector<DimList> operands, results;
    for (Value operand : op.getOperands())
      operands.push_back(all.Dims[operand]);
    if (!shaped || failed(shaped.inferResultDims(operands, results)))
      return op.emitOpError() << "has a result whose dimensions are no expression over the entry point's symbols";
    for (auto [result, dims] : llvm::zip_equal(op.getResults(), results))
      all.Dims[result] = dims;
  }
  return all;
}

AffineMap SymbolicDims::getMap(Value value) const { return AffineMap::get(0, Symbols.size(), (*this)[value], Context); }
