// Reference meaning of Quantization.td.
#include "dialects/lathe/BlockedNumbers.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "runtime/SmallNumbers.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;

LogicalResult QuantizeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> shape = operands[0].getShape();
  auto blocks = cast<QuantizedTypeInterface>(getResult().getType().getElementType());
  FailureOr<std::vector<float>> values = operands[0].toFloats();
  FailureOr<int64_t> bytes = blocks.getByteSize(shape);
  if (failed(values) || failed(bytes))
    return emitOpError() << "input has the shape [" << shape << "], which does not hold whole blocks of " << blocks;
  ReferenceValue result(blocks, shape, *bytes);
  if (failed(blocks.pack(shape, *values, result.mutableBytes())))
    return emitOpError() << "packs no values into blocks of " << blocks << "; have all of them finite";
  results.push_back(std::move(result));
  return success();
}

namespace {
/// The bytes of one number for each block, given for each or once for all in a dimension.
struct BlockParts {
  const uint8_t *bytes;
  ArrayRef<int64_t> shape;
  int64_t size; ///< of a number

  uint8_t *write(int64_t row, int64_t column, uint8_t *to) const {
    int64_t place = (shape[0] == 1 ? 0 : row) * shape[1] + (shape[1] == 1 ? 0 : column);
    std::memcpy(to, bytes + place * size, size);
    return to + size;
  }
};
} // namespace

/// The codes of one block, from a byte each, packed to `bits`.
static void packCodes(const uint8_t *codes, int64_t step, int64_t rows, int64_t columns, int64_t bits, uint8_t *to) {
  int64_t bit = 0;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; ++column, bit += bits) {
      uint32_t code = uint32_t(codes[row * step + column]) & ((1u << bits) - 1);
      to[bit / 8] |= uint8_t(code << bit % 8);
      if (bit % 8 + bits > 8)
        to[bit / 8 + 1] |= uint8_t(code >> (8 - bit % 8));
    }
}

LogicalResult JoinBlocksOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  auto type = cast<BlockedType>(getResult().getType().getElementType());
  ArrayRef<int64_t> shape = getResult().getType().getShape();
  const ReferenceValue &codes = operands[0];
  bool isPacked = codes.getShape() != shape;
  BlockParts scales{operands[1].getBytes().data(), operands[1].getShape(), getPartBytes(type.getScale())};
  BlockParts zeros{};
  if (getZeros())
    zeros = {operands[2].getBytes().data(), operands[2].getShape(), getPartBytes(type.getZero())};
  ReferenceValue result(type, shape, *type.getByteSize(shape));
  uint8_t *to = result.mutableBytes().data();
  const uint8_t *from = codes.getBytes().data();
  for (int64_t row = 0; row < shape[0]; row += type.getRows())
    for (int64_t column = 0; column < shape[1]; column += type.getColumns(), to += type.getCodeBytes()) {
      to = scales.write(row / type.getRows(), column / type.getColumns(), to);
      if (getZeros())
        to = zeros.write(row / type.getRows(), column / type.getColumns(), to);
      int64_t place = row * shape[1] + column;
      if (isPacked)
        std::memcpy(to, from + place * type.getCodeBits() / 8, type.getCodeBytes());
      else
        packCodes(from + place, shape[1], type.getRows(), type.getColumns(), type.getCodeBits(), to);
    }
  results.push_back(std::move(result));
  return success();
}

/// For each element of `shape` the place of its element in a tensor that broadcasts to it.
static std::vector<int64_t> findPlaces(ArrayRef<int64_t> part, ArrayRef<int64_t> shape) {
  std::vector<int64_t> places(ShapedType::getNumElements(shape));
  for (int64_t i = 0, n = places.size(); i < n && !part.empty(); ++i) {
    int64_t rest = i, step = 1;
    for (int64_t d = int64_t(shape.size()) - 1; d >= 0; rest /= shape[d], step *= part[d], --d)
      places[i] += part[d] == 1 ? 0 : rest % shape[d] * step;
  }
  return places;
}

LogicalResult FakeQuantizeOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> shape = operands[0].getShape();
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()), shape);
  std::vector<int64_t> scales = findPlaces(operands[1].getShape(), shape),
                       zeros = findPlaces(operands[2].getShape(), shape);
  auto low = float(int64_t(getLow())), high = float(int64_t(getHigh()));
  for (int64_t i = 0, n = result.getNumElements(); i < n; ++i) {
    auto scale = float(operands[1].getFloat(scales[i])), zero = float(operands[2].getFloat(zeros[i]));
    float code = std::nearbyint(float(operands[0].getFloat(i)) / scale) + zero;
    code = code < low ? low : code > high ? high : code; // NaN stays
    result.setFloat(i, (code - zero) * scale);
  }
  results.push_back(std::move(result));
  return success();
}

LogicalResult RoundRowsOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  ArrayRef<int64_t> shape = operands[0].getShape();
  FailureOr<std::vector<float>> values = operands[0].toFloats();
  if (failed(values))
    return emitOpError() << "rounds what holds no floats";
  SmallVector<int64_t> rows(shape);
  rows.back() = 1;
  Type element = getCodes().getType().getElementType();
  bool integers = element.isInteger(8);
  ReferenceValue codes = ReferenceValue::tensor(element, shape);
  ReferenceValue scales = ReferenceValue::tensor(getScales().getType().getElementType(), rows);
  MutableArrayRef<uint8_t> bytes = codes.mutableBytes();
  const float share = 1.0f / (integers ? 127.0f : E4M3::Largest), least = 0x1p-100f;
  for (int64_t row = 0, n = scales.getNumElements(), columns = shape.back(); row < n; ++row) {
    const float *from = values->data() + row * columns;
    float most = 0;
    for (int64_t i = 0; i < columns; ++i)
      most = std::isnan(most) || most > std::fabs(from[i]) ? most : std::fabs(from[i]);
    float scale = most * share;
    scale = scale < least ? least : scale; // NaN stays
    scales.setFloat(row, scale);
    const float inverse = 1.0f / scale;
    for (int64_t i = 0; i < columns; ++i) {
      float value = from[i] * inverse;
      // A NaN has no integer; the row's scale makes one of any.
      bytes[row * columns + i] = !integers           ? E4M3::round(value)
                                 : std::isnan(value) ? uint8_t(0)
                                                     : uint8_t(int8_t(std::nearbyint(value)));
    }
  }
  results.push_back(std::move(codes));
  results.push_back(std::move(scales));
  return success();
}
