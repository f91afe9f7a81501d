// Verifiers and shapes of Quantization.td.
#include "dialects/lathe/Lathe.h"

using namespace mlir;
using namespace lathe;

LogicalResult QuantizeOp::verify() {
  RankedTensorType input = getInput().getType(), result = getResult().getType();
  // (C1)
  if (input.getShape() != result.getShape())
    return emitOpError() << "input is " << input << " but the result is " << result << ", needed one shape";
  // (C2)
  auto blocks = cast<QuantizedTypeInterface>(result.getElementType());
  if (!blocks.canPack())
    return emitOpError() << "result has elements of type " << result.getElementType()
                         << ", which nothing packs values into";
  // (C3)
  auto [rows, columns] = blocks.getBlockShape();
  ArrayRef<int64_t> shape = result.getShape();
  auto fits = [&](size_t fromEnd, int64_t unit) {
    if (shape.size() < fromEnd)
      return unit == 1;
    int64_t size = shape[shape.size() - fromEnd];
    return unit == 1 || (!ShapedType::isDynamic(size) && size % unit == 0);
  };
  if (shape.empty() || !fits(1, columns) || !fits(2, rows))
    return emitOpError() << "result is " << result << ", needed whole blocks of " << rows << " x " << columns
                         << " in the last dimensions";
  return success();
}

LogicalResult QuantizeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}
