// Verifiers and shapes of LoopPicture.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Sizes.h"

using namespace mlir;
using namespace lathe;

static AffineExpr number(Operation *op, int64_t value) { return getAffineConstantExpr(value, op->getContext()); }
static AffineExpr number(Operation *op, const APFloat &value) {
  return number(op, std::bit_cast<int32_t>(value.convertToFloat()));
}

// In the order in which reference/loops/Picture.h numbers them.
static constexpr StringRef ResizeModes[] = {"nearest", "linear", "cubic"};
static constexpr StringRef Coordinates[] = {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric",
                                            "asymmetric", "align_corners",      "tf_crop_and_resize"};
static constexpr StringRef NearestModes[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
static constexpr StringRef Paddings[] = {"zeros", "border", "reflection"};

static AffineExpr place(Operation *op, ArrayRef<StringRef> words, StringRef word) {
  return number(op, llvm::find(words, word) - words.begin());
}

LogicalResult ResizeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (failed(verifySizes(*this, "sizes", getSizes())) || failed(verifyResultSizes(*this, getSizes(), result)))
    return failure();
  if (input.getRank() != result.getRank() || input.getElementType() != result.getElementType())
    return emitOpError() << "takes " << input << " to " << result << ", needed one rank and element type";
  // (C2)
  if (failed(verifyShape(*this, "scales", getScales(), {input.getRank()})) ||
      failed(verifyShape(*this, "roi", getRoi(), {2 * input.getRank()})))
    return failure();
  // (C3)
  if (failed(verifyWord(*this, "mode", getMode(), ResizeModes)) ||
      failed(verifyWord(*this, "coordinates", getCoordinates(), Coordinates)))
    return failure();
  return verifyWord(*this, "nearest", getNearest(), NearestModes);
}

LogicalResult ResizeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(inferSizes(getSizes(), operands));
  return success();
}

void ResizeOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append({place(*this, ResizeModes, getMode()), place(*this, Coordinates, getCoordinates()),
                     place(*this, NearestModes, getNearest()), number(*this, getCubic()), number(*this, getAntialias()),
                     number(*this, getExcludeOutside()), number(*this, getExtrapolation())});
}

LogicalResult GridSampleOp::verify() {
  RankedTensorType input = getInput().getType(), grid = getGrid().getType();
  // (C1)
  if (input.getRank() < 3 || grid.getRank() != input.getRank())
    return emitOpError() << "samples " << input << " at " << grid << ", needed one rank of at least 3";
  SmallVector<int64_t> gridShape(input.getRank(), ShapedType::kDynamic), shape(input.getShape().take_front(2));
  gridShape[0] = input.getDimSize(0);
  gridShape.back() = input.getRank() - 2;
  llvm::append_range(shape, grid.getShape().drop_front().drop_back());
  if (failed(verifyShape(*this, "grid", getGrid(), gridShape)) ||
      failed(verifyShape(*this, "result", getResult(), shape, input.getElementType())))
    return failure();
  // (C2)
  if (failed(verifyWord(*this, "mode", getMode(), ResizeModes)))
    return failure();
  return verifyWord(*this, "padding", getPadding(), Paddings);
}

LogicalResult GridSampleOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  DimList dims = {operands[0][0], operands[0][1]};
  llvm::append_range(dims, ArrayRef(operands[1]).drop_front().drop_back());
  results.push_back(std::move(dims));
  return success();
}

void GridSampleOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append(
      {place(*this, ResizeModes, getMode()), place(*this, Paddings, getPadding()), number(*this, getAlignCorners())});
}

LogicalResult RoiAlignOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || result.getRank() != 4 || result.isDynamicDim(2) || result.isDynamicDim(3))
    return emitOpError() << "takes " << input << " to " << result
                         << ", needed rank 4 and a static height and width of the result";
  int64_t rois = getBatches().getType().getDimSize(0);
  if (failed(verifyShape(*this, "rois", getRois(), {rois, 4}, input.getElementType())) ||
      failed(verifyShape(*this, "result", getResult(),
                         {rois, input.getDimSize(1), result.getDimSize(2), result.getDimSize(3)},
                         input.getElementType())))
    return failure();
  // (C2)
  return verifyWord(*this, "mode", getMode(), {"average", "max"});
}

LogicalResult RoiAlignOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  RankedTensorType result = getResult().getType();
  results.push_back(
      {operands[1][0], operands[0][1], number(*this, result.getDimSize(2)), number(*this, result.getDimSize(3))});
  return success();
}

void RoiAlignOp::getLoopAttributes(ArrayRef<DimList>, SmallVectorImpl<AffineExpr> &attributes) {
  attributes.append({number(*this, getMode() == "max"), number(*this, getSamples()), number(*this, getScale()),
                     number(*this, getHalfPixel())});
}
