#include "dialects/lathe/RowBlocks.h"
#include "dialects/lathe/BlockedNumbers.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

BlockedType lathe::getRowBlocks(BlockedType type, int64_t columns) {
  Type none = NoneType::get(type.getContext()), single = Float32Type::get(type.getContext());
  bool alone = type.getRows() == 1 && type.getScaleBlock() == std::array<int64_t, 2>{1, 1} &&
               isa<NoneType>(type.getOuterScale());
  if (alone && (type.getScale().isF32() || type.getScale().isF16()))
    return type;
  bool isPlain = type.getRows() * type.getColumns() == 1 && isa<NoneType>(type.getScale()) &&
                 isa<NoneType>(type.getZero()) && type.getCodeBits() == 8;
  int64_t width = isPlain ? columns : type.getColumns();
  if (width * type.getCodeBits() % 8 != 0)
    return {};
  return BlockedType::get(type.getContext(), type.getCode(), 1, width, single, type.getZero(), none);
}

namespace {
/// Finds the numbers of one row of one block.
class BlockReader {
public:
  BlockReader(BlockedType type, int64_t columns, const uint8_t *bytes)
      : Type(type), Inner(dyn_cast<BlockedType>(type.getScale())), Columns(columns),
        Cells(bytes + getPartBytes(type.getOuterScale())), Outer(readPart(type.getOuterScale(), bytes, 1)) {}

  struct Row {
    float scale;
    const uint8_t *zero, *codes;
  };
  Row find(int64_t row, int64_t column) const {
    auto [down, across] = Type.getScaleBlock();
    auto [rows, columns] = Type.getBlockShape();
    const uint8_t *cell = Cells + (row / rows * (Columns / columns) + column / columns) * Type.getBlockBytes();
    int64_t number = row % rows / Type.getRows() * across + column % columns / Type.getColumns();
    float scale;
    if (Inner) {
      float unit = readPart(Inner.getScale(), cell, 1);
      cell += getPartBytes(Inner.getScale());
      scale = readPart(Inner.getCode(), cell + number, 1) * unit;
      cell += down * across;
    } else {
      scale = readPart(Type.getScale(), cell, 1);
      cell += getPartBytes(Type.getScale());
    }
    int64_t zeroBytes = getPartBytes(Type.getZero());
    const uint8_t *block = cell + number * (zeroBytes + Type.getCodeBytes());
    int64_t first = row % Type.getRows() * Type.getColumns() + column % Type.getColumns();
    return {scale * Outer, block, block + zeroBytes + first * Type.getCodeBits() / 8};
  }

private:
  BlockedType Type, Inner;
  int64_t Columns;
  const uint8_t *Cells;
  float Outer;
};
} // namespace

void lathe::spreadRowBlocks(BlockedType type, ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                            MutableArrayRef<uint8_t> rowBlocks) {
  int64_t columns = shape.back(), rows = columns ? ShapedType::getNumElements(shape) / columns : 0;
  BlockedType to = getRowBlocks(type, columns);
  BlockReader reader(type, columns, bytes.data());
  uint8_t *next = rowBlocks.data();
  int64_t zeroBytes = getPartBytes(type.getZero());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; column += to.getColumns()) {
      BlockReader::Row from = reader.find(row, column);
      std::memcpy(next, &from.scale, sizeof(from.scale));
      next += sizeof(from.scale);
      std::memcpy(next, from.zero, zeroBytes);
      next += zeroBytes;
      std::memcpy(next, from.codes, to.getCodeBytes());
      next += to.getCodeBytes();
    }
  assert(next == rowBlocks.end() && "the caller made room for whole blocks");
}

const gguf::RowTiles *lathe::findRowTiles(BlockedType type, int64_t columns) {
  constexpr int64_t Granule = 32;
  if (columns % Granule != 0 || getRowBlocks(type, columns) != type)
    return nullptr;
  Number code = getCodeNumber(type.getCode()), scale = getPartNumber(type.getScale());
  int64_t width = type.getColumns();
  auto fills = [&](int64_t group) { return width % group == 0 || width == columns; };
  bool hasZero = type.getZero().isSignlessInteger(8);
  if (code == Number::Unsigned && type.getCodeBits() <= 4 && scale == Number::F16 && hasZero && width % Granule == 0)
    return gguf::findRowTiles(width % 128 == 0 ? "uint4_g128" : width % 64 == 0 ? "uint4_g64" : "uint4_g32");
  if (scale != Number::F32 || !isa<NoneType>(type.getZero()))
    return nullptr;
  if (code == Number::Nf4 && fills(64))
    return gguf::findRowTiles("nf4");
  if ((code == Number::E4M3 || code == Number::E5M2) && fills(gguf::RowTiles::Columns))
    return gguf::findRowTiles(code == Number::E4M3 ? "e4m3" : "e5m2");
  return nullptr;
}

void lathe::packRowTiles(BlockedType type, ArrayRef<int64_t> shape, ArrayRef<uint8_t> rowBlocks,
                         MutableArrayRef<uint8_t> tiles) {
  gguf::RowBlocks blocks{type.getColumns(), type.getCodeBits(), getPartBytes(type.getZero())};
  constexpr int64_t Rows = gguf::RowTiles::Rows;
  gguf::packRowTiles(*findRowTiles(type, shape[1]), blocks, shape[0], shape[1], rowBlocks.data(), tiles.data(), 0,
                     int64_t(llvm::divideCeil(shape[0], Rows)));
}
