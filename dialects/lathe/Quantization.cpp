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

//===- Blocks from their parts
//------------------------------------------------------------------------------------===//

/// (C3), (C4): an element of `part` for each block, or 1 where blocks share it.
static LogicalResult verifyPart(JoinBlocksOp op, StringRef name, RankedTensorType type, Type part,
                                ArrayRef<int64_t> blocks) {
  bool fits = type.getElementType() == part && type.getRank() == 2;
  for (int64_t d = 0; fits && d < 2; ++d)
    fits = type.getDimSize(d) == 1 || type.getDimSize(d) == blocks[d];
  if (fits)
    return success();
  return op.emitOpError() << name << " are " << type << ", needed " << part << " for " << blocks[0] << " x "
                          << blocks[1] << " blocks, or 1 where they share one";
}

LogicalResult JoinBlocksOp::verify() {
  RankedTensorType codes = getCodes().getType(), result = getResult().getType();
  auto type = dyn_cast<BlockedType>(result.getElementType());
  // (C1)
  if (!type || !isa<FloatType>(type.getScale()) || !isa<NoneType>(type.getOuterScale()) || result.getRank() != 2 ||
      !result.hasStaticShape() || failed(type.getByteSize(result.getShape())))
    return emitOpError() << "result is " << result
                         << ", needed a matrix of whole blocks of a type with a float scale and no outer scale";
  // (C2)
  int64_t rows = result.getDimSize(0), columns = result.getDimSize(1), bits = type.getCodeBits();
  bool packs = bits < 8 && type.getRows() == 1 && type.getColumns() * bits % 8 == 0;
  bool isPacked = codes.getShape() == ArrayRef<int64_t>{rows, columns * bits / 8};
  if (codes.getShape() != result.getShape() && !(packs && isPacked))
    return emitOpError() << "codes are " << codes << " but the result is " << result << ", needed a byte for each code"
                         << (packs ? ", or the bytes that they are packed in" : "");
  int64_t blocks[] = {rows / type.getRows(), columns / type.getColumns()};
  if (failed(verifyPart(*this, "scales", getScales().getType(), type.getScale(), blocks)))
    return failure();
  bool hasZero = !isa<NoneType>(type.getZero());
  if (hasZero != bool(getZeros()))
    return emitOpError() << (hasZero ? "has no zeros" : "has zeros") << " but the zero of a block is "
                         << type.getZero();
  return hasZero ? verifyPart(*this, "zeros", cast<RankedTensorType>(getZeros().getType()), type.getZero(), blocks)
                 : success();
}

LogicalResult JoinBlocksOp::inferResultDims(ArrayRef<DimList>, SmallVectorImpl<DimList> &results) {
  results.push_back(llvm::map_to_vector(getResult().getType().getShape(),
                                        [&](int64_t size) { return getAffineConstantExpr(size, getContext()); }));
  return success();
}

//===- Fake quantization
//------------------------------------------------------------------------------------------===//

LogicalResult FakeQuantizeOp::verify() {
  RankedTensorType input = getInput().getType();
  // (C1)
  for (RankedTensorType part : {getScale().getType(), getZero().getType()}) {
    bool fits = part.getRank() == 0 || part.getRank() == input.getRank();
    for (int64_t d = 0; fits && d < part.getRank(); ++d)
      fits = part.getDimSize(d) == 1 || dimsAgree(part.getDimSize(d), input.getDimSize(d));
    if (!fits)
      return emitOpError() << "has a scale or zero " << part << " for " << input
                           << ", needed no dimensions, or as many, each 1 or the input's";
  }
  // (C2)
  constexpr int64_t Most = int64_t(1) << 24;
  int64_t low = getLow(), high = getHigh();
  if (low >= high || low < -Most || high > Most)
    return emitOpError() << "goes from " << low << " to " << high
                         << ", needed numbers of at most 24 bits, the lower first";
  return success();
}

LogicalResult FakeQuantizeOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.push_back(operands[0]);
  return success();
}

//===- Rows rounded when the model runs --------------------------------------------------------------------------===//

LogicalResult RoundRowsOp::verify() {
  RankedTensorType input = getInput().getType(), codes = getCodes().getType(), scales = getScales().getType();
  // (C1)
  bool fits = input.getRank() > 0 && scales.getRank() == input.getRank() && codes.getShape() == input.getShape() &&
              scales.getShape().back() == 1 && scales.getShape().drop_back() == input.getShape().drop_back();
  if (!fits)
    return emitOpError() << "rounds " << input << " to codes " << codes << " and scales " << scales
                         << ", needed codes of its shape and a scale for each row";
  return success();
}

LogicalResult RoundRowsOp::inferResultDims(ArrayRef<DimList> operands, SmallVectorImpl<DimList> &results) {
  results.assign(2, operands[0]);
  results[1].back() = getAffineConstantExpr(1, getContext());
  return success();
}
