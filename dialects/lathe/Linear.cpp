// Verifiers and shapes of Linear.td.
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/Windows.h"

using namespace mlir;
using namespace lathe;

LogicalResult MatmulOp::verify() {
  RankedTensorType lhs = getLhs().getType(), rhs = getRhs().getType(), result = getResult().getType();
  // (C1)
  if (lhs.getRank() != 2 || rhs.getRank() != 2 || result.getRank() != 2)
    return emitOpError() << "ranks of lhs, rhs and result are " << lhs.getRank() << ", " << rhs.getRank() << " and "
                         << result.getRank() << ", needed 2";
  // (C2)
  bool transposed = getTransposeRhs();
  if (!dimsAgree(lhs.getDimSize(1), rhs.getDimSize(transposed ? 1 : 0)))
    return emitOpError() << "k is " << lhs.getDimSize(1) << " in lhs but " << rhs.getDimSize(transposed ? 1 : 0)
                         << " in rhs";
  if (!dimsAgree(lhs.getDimSize(0), result.getDimSize(0)) ||
      !dimsAgree(rhs.getDimSize(transposed ? 0 : 1), result.getDimSize(1)))
    return emitOpError() << "result is " << result << " but lhs is " << lhs << " and rhs " << rhs;
  // (C3)
  bool quantized = isa<QuantizedTypeInterface>(rhs.getElementType());
  if (quantized && !transposed)
    return emitOpError() << "rhs is " << rhs << " without 'transpose_rhs', but its blocks run along the last dimension";
  bool widens = lhs.getElementType().isF32() && (rhs.getElementType().isF16() || rhs.getElementType().isBF16());
  if (!quantized && !widens && lhs.getElementType() != rhs.getElementType())
    return emitOpError() << "lhs has elements of type " << lhs.getElementType() << " but rhs of "
                         << rhs.getElementType() << ", needed one type, or f16 or bf16 beside f32";
  return success();
}

LogicalResult MatmulOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back({operands[0][0], operands[1][getTransposeRhs() ? 0 : 1]});
  return success();
}

LogicalResult ConvOp::verify() {
  RankedTensorType input = getInput().getType(), filter = getFilter().getType(), result = getResult().getType();
  // (C1)
  if (input.getRank() != 4 || filter.getRank() != 4 || result.getRank() != 4)
    return emitOpError() << "ranks of input, filter and result are " << input.getRank() << ", " << filter.getRank()
                         << " and " << result.getRank() << ", needed 4";
  if (input.getElementType() != filter.getElementType() ||
      (result.getElementType() != input.getElementType() && !result.getElementType().isF32()))
    return emitOpError() << "element types are " << input.getElementType() << ", " << filter.getElementType() << " and "
                         << result.getElementType() << ", needed one type (the result may be f32)";
  // (C2)
  Windows windows{{filter.getDimSize(2), filter.getDimSize(3)}, getStrides(), getPads(), getDilations()};
  if (failed(windows.verify(*this)))
    return failure();
  // (C3)
  int64_t groups = getGroups(), channels = input.getDimSize(1);
  if (groups <= 0 || channels % groups != 0 || result.getDimSize(1) % groups != 0 ||
      filter.getDimSize(1) != channels / groups || filter.getDimSize(0) != result.getDimSize(1))
    return emitOpError() << "groups is " << groups << ", the input has " << channels << " channels, the result "
                         << result.getDimSize(1) << " and the filter is " << filter;
  // (C4)
  return windows.verifyResult(*this, input, result);
}

LogicalResult ConvOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  RankedTensorType filter = getFilter().getType();
  Windows windows{{filter.getDimSize(2), filter.getDimSize(3)}, getStrides(), getPads(), getDilations()};
  results.push_back(
      {operands[0][0], operands[1][0], windows.resultDim(0, operands[0][2]), windows.resultDim(1, operands[0][3])});
  return success();
}
