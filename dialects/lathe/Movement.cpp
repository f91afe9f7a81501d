// Verifiers, shapes and folds of Movement.td.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

LogicalResult ReshapeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  ArrayRef<int64_t> shape = getShape();
  // (C1)
  if (int64_t(shape.size()) != result.getRank())
    return emitOpError() << "shape has " << shape.size() << " entries but the result has rank " << result.getRank();
  if (llvm::count(shape, -1) > 1)
    return emitOpError() << "shape is [" << shape << "], needed at most one -1";
  for (auto [i, size] : llvm::enumerate(shape)) {
    if (size < -1 || (size == 0 && int64_t(i) >= input.getRank()))
      return emitOpError() << "shape is [" << shape << "] but entry " << i << " names no size of " << input;
    // (C2)
    int64_t known = size == 0 ? input.getDimSize(i) : size;
    if (known > 0 && !dimsAgree(known, result.getDimSize(i)))
      return emitOpError() << "result dimension " << i << " is " << result.getDimSize(i) << " but shape gives "
                           << known;
  }
  if (input.hasStaticShape() && result.hasStaticShape() && input.getNumElements() != result.getNumElements())
    return emitOpError() << "input has " << input.getNumElements() << " elements but the result "
                         << result.getNumElements();
  // (C3)
  if (input.getElementType() != result.getElementType() || isa<QuantizedTypeInterface>(input.getElementType()))
    return emitOpError() << "element types are " << input.getElementType() << " and " << result.getElementType()
                         << ", needed one type that is not quantized";
  return success();
}

LogicalResult ReshapeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  MLIRContext *context = getContext();
  // What -1 stands for: the factors of the input that the other entries do not name, cancelled dimension by dimension
  // so that symbols divide out exactly.
  DimList left(operands[0]), dims;
  AffineExpr named = getAffineConstantExpr(1, context);
  int64_t inferred = -1;
  for (auto [i, size] : llvm::enumerate(getShape())) {
    if (size == -1) {
      inferred = i;
      dims.push_back({});
      continue;
    }
    dims.push_back(size == 0 ? operands[0][i] : getAffineConstantExpr(size, context));
    auto *same = llvm::find(left, dims.back());
    if (same != left.end())
      left.erase(same);
    else
      named = named * dims.back();
  }
  if (inferred >= 0) {
    AffineExpr product = getAffineConstantExpr(1, context);
    for (AffineExpr dim : left)
      product = product * dim;
    if (!isa<AffineConstantExpr>(named))
      return failure();
    dims[inferred] = product.floorDiv(named);
  }
  results.push_back(std::move(dims));
  return success();
}

OpFoldResult ReshapeOp::fold(FoldAdaptor) {
  if (getInput().getType() == getResult().getType() && getInput().getType().getNumDynamicDims() <= 1)
    return getInput();
  return {};
}

LogicalResult TransposeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  ArrayRef<int64_t> permutation = getPermutation();
  // (C1)
  SmallVector<int64_t> sorted(permutation);
  llvm::sort(sorted);
  if (!llvm::equal(sorted, llvm::seq<int64_t>(0, input.getRank())))
    return emitOpError() << "permutation is [" << permutation << "], needed each of the " << input.getRank()
                         << " dimensions once";
  // (C2)
  bool permuted = result.getRank() == input.getRank() && input.getElementType() == result.getElementType() &&
                  !isa<QuantizedTypeInterface>(input.getElementType());
  for (int64_t i = 0; permuted && i < result.getRank(); ++i)
    permuted = dimsAgree(result.getDimSize(i), input.getDimSize(permutation[i]));
  if (!permuted)
    return emitOpError() << "result is " << result << " but the input is " << input << " and permutation ["
                         << permutation << "]";
  return success();
}

LogicalResult TransposeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims;
  for (int64_t from : getPermutation())
    dims.push_back(operands[0][from]);
  results.push_back(std::move(dims));
  return success();
}

LogicalResult GatherOp::verify() {
  RankedTensorType table = getTable().getType(), indices = getIndices().getType(), result = getResult().getType();
  // (C1)
  if (table.getRank() != 2 || result.getRank() != 2 || indices.getRank() != 1)
    return emitOpError() << "ranks of table, indices and result are " << table.getRank() << ", " << indices.getRank()
                         << " and " << result.getRank() << ", needed 2, 1 and 2";
  if (!dimsAgree(table.getDimSize(1), result.getDimSize(1)) || !dimsAgree(indices.getDimSize(0), result.getDimSize(0)))
    return emitOpError() << "result is " << result << " but the table is " << table << " and indices " << indices;
  // (C2)
  if (result.getElementType() != table.getElementType() && !result.getElementType().isF32())
    return emitOpError() << "result has elements of type " << result.getElementType() << ", needed "
                         << table.getElementType() << " or f32";
  return success();
}

LogicalResult GatherOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back({operands[1][0], operands[0][1]});
  return success();
}
