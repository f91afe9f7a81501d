#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

SmallVector<int64_t> lathe::getShapeOf(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type))
    return SmallVector<int64_t>(tensor.getShape());
  if (auto sizes = dyn_cast<SizesType>(type))
    return SmallVector<int64_t>(sizes.getRank(), ShapedType::kDynamic);
  return {};
}

DimList lathe::inferSizes(AffineMap sizes, ArrayRef<DimList> operands) {
  SmallVector<AffineExpr> dims;
  for (const DimList &operand : operands)
    llvm::append_range(dims, operand);
  DimList results;
  for (AffineExpr size : sizes.getResults())
    results.push_back(size.replaceSymbols(dims)); // folds where the dimensions are numbers
  return results;
}

SmallVector<int64_t> lathe::evaluateSizes(AffineMap sizes, ArrayRef<ReferenceValue> operands) {
  SmallVector<DimList> dims;
  for (const ReferenceValue &operand : operands)
    dims.push_back(llvm::map_to_vector(operand.getShape(),
                                       [&](int64_t size) { return getAffineConstantExpr(size, sizes.getContext()); }));
  return llvm::map_to_vector(inferSizes(sizes, dims),
                             [](AffineExpr size) { return cast<AffineConstantExpr>(size).getValue(); });
}

LogicalResult lathe::verifySizes(Operation *op, StringRef name, AffineMap sizes) {
  size_t dims = 0;
  for (Type type : op->getOperandTypes())
    dims += getShapeOf(type).size();
  if (sizes.getNumDims() != 0 || sizes.getNumSymbols() != dims)
    return op->emitOpError() << name << " has " << sizes.getNumDims() << " dimensions and " << sizes.getNumSymbols()
                             << " symbols, needed 0 and one symbol for each of the " << dims
                             << " dimensions of the operands";
  return success();
}

LogicalResult lathe::verifyResultSizes(Operation *op, AffineMap sizes, RankedTensorType result) {
  if (int64_t(sizes.getNumResults()) != result.getRank())
    return op->emitOpError() << "has " << sizes.getNumResults() << " sizes for a result of type " << result;
  SmallVector<AffineExpr> dims;
  for (Type type : op->getOperandTypes())
    for (int64_t size : getShapeOf(type))
      dims.push_back(ShapedType::isDynamic(size) ? getAffineSymbolExpr(dims.size(), op->getContext())
                                                 : getAffineConstantExpr(size, op->getContext()));
  for (auto [d, size] : llvm::enumerate(sizes.getResults())) {
    auto known = dyn_cast<AffineConstantExpr>(size.replaceSymbols(dims));
    if (known && !dimsAgree(known.getValue(), result.getDimSize(d)))
      return op->emitOpError() << "result dimension " << d << " is " << result.getDimSize(d) << " but sizes say "
                               << known.getValue();
  }
  return success();
}
