// `!lathe.blocked`: sizes and the unpacking reference. Packing is in BlockedPacking.cpp.
#include "dialects/lathe/BlockShapes.h"
#include "dialects/lathe/BlockedNumbers.h"

using namespace mlir;
using namespace lathe;

static bool isAbsent(Type type) { return isa<NoneType>(type); }

static bool isCode(Type type) {
  return isa<Nf4Type>(type) || (type.isIntOrFloat() && type.getIntOrFloatBitWidth() <= 8);
}

LogicalResult BlockedType::verify(function_ref<InFlightDiagnostic()> emitError, Type code, int64_t rows,
                                  int64_t columns, Type scale, Type zero, Type outerScale) {
  // (C1)
  if (!isCode(code))
    return emitError() << "code is " << code << ", needed an integer or float of at most 8 bits, or !lathe.nf4";
  // (C2)
  if (rows <= 0 || columns <= 0)
    return emitError() << "block is [" << rows << ", " << columns << "], needed sizes above 0";
  // (C3)
  auto inner = dyn_cast<BlockedType>(scale);
  bool innerFits = inner && inner.getCodeBits() == 8 && isa<FloatType>(inner.getScale()) && isAbsent(inner.getZero()) &&
                   isAbsent(inner.getOuterScale());
  if (!isAbsent(scale) && !isa<FloatType>(scale) && !innerFits)
    return emitError() << "scale is " << scale
                       << ", needed a float, none, or 8-bit codes in blocks with a float for a scale alone";
  // (C4)
  if (!isAbsent(zero) && !zero.isIntOrFloat())
    return emitError() << "zero is " << zero << ", needed an integer, a float or none";
  // (C5)
  if (!isAbsent(outerScale) && !isa<FloatType>(outerScale))
    return emitError() << "outer_scale is " << outerScale << ", needed a float or none";
  return success();
}

int64_t BlockedType::getCodeBits() const { return isa<Nf4Type>(getCode()) ? 4 : getCode().getIntOrFloatBitWidth(); }
int64_t BlockedType::getCodeBytes() const { return llvm::divideCeil(getRows() * getColumns() * getCodeBits(), 8); }

std::array<int64_t, 2> BlockedType::getScaleBlock() const {
  auto inner = dyn_cast<BlockedType>(getScale());
  return inner ? std::array<int64_t, 2>{inner.getRows(), inner.getColumns()} : std::array<int64_t, 2>{1, 1};
}

std::array<int64_t, 2> BlockedType::getBlockShape() const {
  auto [rows, columns] = getScaleBlock();
  return {rows * getRows(), columns * getColumns()};
}

int64_t BlockedType::getBlockBytes() const {
  auto [rows, columns] = getScaleBlock();
  auto inner = dyn_cast<BlockedType>(getScale());
  int64_t scales = inner ? inner.getBlockBytes() : getPartBytes(getScale());
  return scales + rows * columns * (getPartBytes(getZero()) + getCodeBytes());
}

FailureOr<int64_t> BlockedType::getByteSize(ArrayRef<int64_t> shape) const {
  FailureOr<int64_t> blocks = countBlocks(shape, getBlockShape());
  if (failed(blocks))
    return failure();
  return getPartBytes(getOuterScale()) + *blocks * getBlockBytes();
}

bool BlockedType::isLegalSlice(ArrayRef<int64_t> shape, ArrayRef<int64_t> offsets, ArrayRef<int64_t> sizes) const {
  return isOnBlockBorders(shape, offsets, sizes, getBlockShape());
}

//===- Unpacking --------------------------------------------------------------------------------------------------===//

static uint64_t readBits(const uint8_t *bytes, int64_t first, int64_t width) {
  uint64_t bits = 0;
  for (int64_t bit = 0; bit < width; ++bit)
    bits |= uint64_t(bytes[(first + bit) / 8] >> ((first + bit) % 8) & 1) << bit;
  return bits;
}

namespace {
/// Unpacks the blocks of one type.
class Unpacker {
public:
  explicit Unpacker(BlockedType type) : Type(type), Inner(dyn_cast<BlockedType>(type.getScale())) {
    for (uint64_t code = 0; code < uint64_t(1) << Type.getCodeBits(); ++code)
      Values.push_back(decodeNumber(Type.getCode(), code));
  }

  /// The values of a block, or of blocks whose scales share one, to rows that are `step` elements apart.
  void unpack(const uint8_t *block, float outer, float *values, int64_t step) const {
    auto [rows, columns] = Type.getScaleBlock();
    std::vector<float> scales(rows * columns, 1);
    if (Inner) {
      Unpacker(Inner).unpack(block, 1, scales.data(), columns);
      block += Inner.getBlockBytes();
    } else {
      scales[0] = readPart(Type.getScale(), block, 1);
      block += getPartBytes(Type.getScale());
    }
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        block = unpackCodes(block, scales[row * columns + column] * outer,
                            values + row * Type.getRows() * step + column * Type.getColumns(), step);
  }

private:
  const uint8_t *unpackCodes(const uint8_t *block, float scale, float *values, int64_t step) const {
    float zero = readPart(Type.getZero(), block, 0);
    block += getPartBytes(Type.getZero());
    int64_t width = Type.getCodeBits(), columns = Type.getColumns();
    for (int64_t i = 0, n = Type.getRows() * columns; i < n; ++i) {
      float code = Values[width == 8 ? block[i] : readBits(block, i * width, width)] - zero;
      values[i / columns * step + i % columns] = code * scale;
    }
    return block + Type.getCodeBytes();
  }

  BlockedType Type, Inner;
  std::vector<float> Values; ///< of each code
};
} // namespace

LogicalResult BlockedType::unpack(ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                                  MutableArrayRef<float> values) const {
  FailureOr<int64_t> wanted = getByteSize(shape);
  if (failed(wanted) || *wanted != int64_t(bytes.size()) || int64_t(values.size()) != ShapedType::getNumElements(shape))
    return failure();
  if (values.empty())
    return success();
  int64_t columns = shape.back(), rows = values.size() / columns;
  const uint8_t *next = bytes.data();
  float outer = readPart(getOuterScale(), next, 1);
  next += getPartBytes(getOuterScale());
  auto [blockRows, blockColumns] = getBlockShape();
  Unpacker unpacker(*this);
  for (int64_t row = 0; row < rows; row += blockRows)
    for (int64_t column = 0; column < columns; column += blockColumns, next += getBlockBytes())
      unpacker.unpack(next, outer, &values[row * columns + column], columns);
  return success();
}
