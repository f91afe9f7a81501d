// Verifier and shape of LoopInteger.td.
#include "dialects/lathe/DimArithmetic.h"
#include "dialects/lathe/LoopOps.h"
#include "mlir/Dialect/Traits.h"

using namespace mlir;
using namespace lathe;

/// (C3): one zero, one for each row of `codes`, or for each row of each matrix.
static LogicalResult verifyZero(Operation *op, RankedTensorType zero, RankedTensorType codes) {
  ArrayRef<int64_t> shape = zero.getShape(), rows = codes.getShape().drop_back();
  bool fits = zero.getElementType() == codes.getElementType();
  if (zero.getRank() == 1)
    fits &= dimsAgree(shape[0], rows.back());
  else if (zero.getRank() > 1)
    fits &=
        zero.getRank() == codes.getRank() && shape.back() == 1 && llvm::all_of_zip(shape.drop_back(), rows, dimsAgree);
  if (fits)
    return success();
  return op->emitOpError() << "has zeros " << zero << " of " << codes
                           << ", needed one of the same type for all, for each row, or for each row of each matrix";
}

LogicalResult IntegerMatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(), result = getResult().getType();
  int64_t rank = result.getRank();
  // (C1)
  SmallVector<int64_t> batch;
  if (lhs.getRank() < 2 || rhs.getRank() < 2 || rank != std::max(lhs.getRank(), rhs.getRank()) ||
      !OpTrait::util::getBroadcastedShape(lhs.getShape().drop_back(2), rhs.getShape().drop_back(2), batch))
    return emitOpError() << "lhs is " << lhs << ", rhs " << rhs << " and result " << result
                         << ", needed rank 2 or more and leading dimensions that broadcast";
  // (C2)
  if (!dimsAgree(lhs.getShape().back(), rhs.getShape().back()) ||
      !dimsAgree(lhs.getDimSize(lhs.getRank() - 2), result.getDimSize(rank - 2)) ||
      !dimsAgree(rhs.getDimSize(rhs.getRank() - 2), result.getDimSize(rank - 1)) ||
      !llvm::all_of_zip(batch, result.getShape().drop_back(2), dimsAgree))
    return emitOpError() << "sizes of lhs " << lhs << ", rhs " << rhs << " and result " << result << " do not fit";
  // (C3)
  return success(succeeded(verifyZero(*this, getLhsZero().getType(), lhs)) &&
                 succeeded(verifyZero(*this, getRhsZero().getType(), rhs)));
}

LogicalResult IntegerMatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  const DimList &lhs = operands[0], &rhs = operands[2];
  results.push_back(joinMatrixDims(lhs, rhs, rhs[rhs.size() - 2]));
  return success();
}

void IntegerMatmulOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &) {}
