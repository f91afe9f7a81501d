// Verifiers and shapes of ChannelsLast.td.
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/Windows.h"

using namespace mlir;
using namespace lathe;

/// The dimensions of a result with the places of `windows` over `input` and `channels`.
static DimList inferImageDims(const Windows &windows, const DimList &input, AffineExpr channels) {
  return {input[0], windows.resultDim(0, input[1]), windows.resultDim(1, input[2]), channels};
}

LogicalResult PanelConvOp::verify() {
  RankedTensorType input = getInput().getType(), panels = getPanels().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || panels.getRank() != 4 || result.getRank() != 4)
    return emitOpError() << "ranks of input, panels and result are " << input.getRank() << ", " << panels.getRank()
                         << " and " << result.getRank() << ", needed 4";
  // (C2)
  if (getWindow().size() != 2)
    return emitOpError() << "window has " << getWindow().size() << " sizes, needed 2";
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  // (C3)
  int64_t groups = getGroups(), channels = input.getDimSize(3), outputs = result.getDimSize(3);
  if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(outputs) || groups <= 0 || channels % groups != 0 ||
      outputs % groups != 0)
    return emitOpError() << "groups is " << groups << ", input " << input << " and result " << result
                         << ", needed known channels that groups divides";
  std::array<int64_t, 4> shape = {groups, int64_t(llvm::divideCeil(outputs / groups, PackColumnsOp::Columns)),
                                  windows.size[0] * windows.size[1] * channels / groups, PackColumnsOp::Columns};
  if (panels.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError() << "panels are " << panels << ", needed the shape [" << ArrayRef<int64_t>(shape) << "]";
  // (C4)
  return windows.verifyResult(*this, input, result, 1);
}

LogicalResult PanelConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  results.push_back(
      inferImageDims(windows, operands[0], getAffineConstantExpr(getResult().getType().getDimSize(3), getContext())));
  return success();
}

LogicalResult TileConvOp::verify() {
  RankedTensorType input = getInput().getType(), filter = getFilter().getType(), result = getResult().getType();
  Type element = input.getElementType();
  // (C1)
  if (input.getRank() != 4 || filter.getRank() != 4 || result.getRank() != 4 ||
      !(element.isF16() || element.isBF16()) || filter.getElementType() != element)
    return emitOpError() << "input, filter and result are " << input << ", " << filter << " and " << result
                         << ", needed rank 4, and f16 or bf16 for input and filter";
  // (C2)
  if (getWindow().size() != 2)
    return emitOpError() << "window has " << getWindow().size() << " sizes, needed 2";
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  // (C3)
  int64_t channels = input.getDimSize(3), outputs = result.getDimSize(3);
  if (ShapedType::isDynamic(channels) || ShapedType::isDynamic(outputs))
    return emitOpError() << "input is " << input << " and result " << result << ", needed known channels";
  constexpr int64_t Size = PackTilesOp::Size;
  std::array<int64_t, 4> shape = {int64_t(llvm::divideCeil(outputs, Size)),
                                  int64_t(llvm::divideCeil(windows.size[0] * windows.size[1] * channels, Size)), Size,
                                  Size};
  if (filter.getShape() != ArrayRef<int64_t>(shape))
    return emitOpError() << "filter is " << filter << ", needed the shape [" << ArrayRef<int64_t>(shape) << "]";
  // (C4)
  return windows.verifyResult(*this, input, result, 1);
}

LogicalResult TileConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  results.push_back(
      inferImageDims(windows, operands[0], getAffineConstantExpr(getResult().getType().getDimSize(3), getContext())));
  return success();
}

LogicalResult DepthwiseConvOp::verify() {
  RankedTensorType input = getInput().getType(), filter = getFilter().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || filter.getRank() != 3 || result.getRank() != 4)
    return emitOpError() << "ranks of input, filter and result are " << input.getRank() << ", " << filter.getRank()
                         << " and " << result.getRank() << ", needed 4, 3 and 4";
  // (C2)
  Windows windows{{filter.getDimSize(0), filter.getDimSize(1)}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  // (C3)
  int64_t channels = input.getDimSize(3);
  if (!dimsAgree(channels, filter.getDimSize(2)) || !dimsAgree(channels, result.getDimSize(3)))
    return emitOpError() << "channels of input " << input << ", filter " << filter << " and result " << result
                         << " differ";
  // (C4)
  return windows.verifyResult(*this, input, result, 1);
}

LogicalResult DepthwiseConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  RankedTensorType filter = getFilter().getType();
  Windows windows{{filter.getDimSize(0), filter.getDimSize(1)}, getStrides(), getPads(), getDilations()};
  results.push_back(inferImageDims(windows, operands[0], operands[0][3]));
  return success();
}

LogicalResult ChannelMaxPoolOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || result.getRank() != 4 || input.getElementType() != result.getElementType())
    return emitOpError() << "input is " << input << " and result " << result << ", needed rank 4 and one element type";
  // (C2)
  if (getWindow().size() != 2)
    return emitOpError() << "window has " << getWindow().size() << " sizes, needed 2";
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  for (int d = 0; d < 2; ++d)
    if (std::max(getPads()[d], getPads()[d + 2]) >= windows.extent(d))
      return emitOpError() << "pads are [" << getPads() << "] but windows reach over " << windows.extent(d)
                           << " elements of dimension " << d + 1 << ", so some would be empty";
  // (C3)
  if (!dimsAgree(input.getDimSize(0), result.getDimSize(0)) || !dimsAgree(input.getDimSize(3), result.getDimSize(3)))
    return emitOpError() << "input is " << input << " but the result " << result;
  return windows.verifyResult(*this, input, result, 1);
}

LogicalResult ChannelMaxPoolOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  Windows windows{{getWindow()[0], getWindow()[1]}, getStrides(), getPads(), getDilations()};
  results.push_back(inferImageDims(windows, operands[0], operands[0][3]));
  return success();
}
