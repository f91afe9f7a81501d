// Verifier and shape of LoopRotation.td.
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

LogicalResult RotatePairsOp::verify() {
  RankedTensorType input = getInput().getType(), cosines = getCosines().getType(), sines = getSines().getType();
  int64_t dimensions = getDimensions();
  // (C1)
  int64_t width = input.getRank() ? input.getShape().back() : 0;
  if (dimensions <= 0 || dimensions % 2 != 0 || dimensions > width)
    return emitOpError() << "dimensions is " << dimensions << " but the last dimension of input is " << width
                         << ", needed an even number from 2 to that";
  // (C2)
  if (cosines.getRank() < 1 || cosines.getRank() > input.getRank() || cosines.getRank() != sines.getRank() ||
      !llvm::all_of_zip(cosines.getShape(), sines.getShape(), dimsAgree))
    return emitOpError() << "cosines are " << cosines << " and sines " << sines << " for an input of rank "
                         << input.getRank() << ", needed one shape of rank 1 to that";
  // (C3)
  int64_t length = cosines.getShape().back();
  bool fits = length == dimensions || length == dimensions / 2;
  for (auto [own, whole] :
       llvm::zip(cosines.getShape().drop_back(), input.getShape().take_back(cosines.getRank()).drop_back()))
    fits &= own == 1 || dimsAgree(own, whole);
  if (!fits)
    return emitOpError() << "cosines are " << cosines << " for " << input << ", needed " << dimensions / 2 << " or "
                         << dimensions << " in the last dimension, and 1 or the input's size in each other";
  return success();
}

LogicalResult RotatePairsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

void RotatePairsOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.push_back(getAffineConstantExpr(getPairing() == RopePairing::Halves, getContext()));
  attributes.push_back(getAffineConstantExpr(getDimensions(), getContext()));
}
