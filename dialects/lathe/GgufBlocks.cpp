#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/BlockedNumbers.h"
#include "llvm/ADT/StringSwitch.h"
#include <cstring>

using namespace mlir;
using namespace lathe;

static bool hasSign(Number code) { return code == Number::Signed; }

/// One scale for all codes, and nothing else.
static bool isOneScale(BlockedType type) {
  return type.getRows() * type.getColumns() == 1 && isa<NoneType>(type.getScale()) && type.getOuterScale().isF32();
}

/// A format whose blocks all of a row are, of those that fit the type but for the row's length.
static std::optional<GgufBlocks> findFormat(BlockedType type, int64_t columns) {
  Number code = getCodeNumber(type.getCode()), scale = getPartNumber(type.getScale());
  bool outer = !isa<NoneType>(type.getOuterScale());
  if (!isa<NoneType>(type.getZero()))
    return std::nullopt;
  if (hasSign(code) && type.getCodeBits() == 8 && isOneScale(type))
    return GgufBlocks{"q8_0", true};
  if (type.getRows() != 1)
    return std::nullopt;
  if (hasSign(code) && !outer && scale == Number::F16 && type.getColumns() % 32 == 0)
    return GgufBlocks{type.getCodeBits() <= 4 ? "q4_0" : "q8_0", false};
  if (hasSign(code) && !outer && scale == Number::F32 && type.getCodeBits() == 8 && type.getColumns() == columns)
    return GgufBlocks{"q8_0", true};
  if (code == Number::E2M1 && !outer && scale == Number::E8M0 && type.getColumns() == 32)
    return GgufBlocks{"mxfp4", false};
  if (code == Number::E2M1 && (!outer || type.getOuterScale().isF32()) && scale == Number::E4M3 &&
      type.getColumns() == 16)
    return GgufBlocks{"nvfp4", outer};
  return std::nullopt;
}

std::optional<GgufBlocks> lathe::findGgufBlocks(BlockedType type, int64_t columns) {
  std::optional<GgufBlocks> found = findFormat(type, columns);
  if (found && columns % GgufType::get(type.getContext(), found->format).getBlockShape()[1] != 0)
    return std::nullopt;
  return found;
}

bool lathe::isFloat8Rows(BlockedType type, int64_t columns) {
  if (!isa<Float8E4M3FNType>(type.getCode()) || !isa<NoneType>(type.getZero()))
    return false;
  bool rows = type.getRows() == 1 && type.getColumns() == columns && type.getScale().isF32() &&
              isa<NoneType>(type.getOuterScale());
  return rows || isOneScale(type);
}

namespace {
/// The codes of a row and their scales.
class RowReader {
public:
  RowReader(BlockedType type, int64_t columns, ArrayRef<uint8_t> bytes)
      : Type(type), OneScale(isOneScale(type)), Width(OneScale ? columns : type.getColumns()),
        BlockBytes(OneScale ? columns : type.getBlockBytes()), RowBytes(columns / Width * BlockBytes),
        Blocks(bytes.data() + getPartBytes(type.getOuterScale())) {}

  const uint8_t *getBlock(int64_t row, int64_t column) const {
    return Blocks + row * RowBytes + column / Width * BlockBytes;
  }
  /// Code of `column`, in the low bits.
  uint32_t getCode(int64_t row, int64_t column) const {
    const uint8_t *codes = getBlock(row, column) + getPartBytes(Type.getScale());
    int64_t bits = Type.getCodeBits(), bit = column % Width * bits;
    uint32_t code = codes[bit / 8] >> bit % 8;
    if (bit % 8 + bits > 8)
      code |= uint32_t(codes[bit / 8 + 1]) << (8 - bit % 8);
    return code & llvm::maskTrailingOnes<uint32_t>(bits);
  }
  int64_t getSigned(int64_t row, int64_t column) const {
    return llvm::SignExtend64(getCode(row, column), Type.getCodeBits());
  }

private:
  BlockedType Type;
  bool OneScale;
  int64_t Width, BlockBytes, RowBytes;
  const uint8_t *Blocks;
};

/// One after the other: the blocks of each row.
class BlockWriter {
public:
  BlockWriter(const RowReader &reader, bool hasRowScales, uint8_t *next)
      : Reader(reader), HasRowScales(hasRowScales), Next(next) {}

  void writeScale(int64_t row, int64_t column) {
    constexpr _Float16 One = 1;
    std::memcpy(Next, HasRowScales ? reinterpret_cast<const uint8_t *>(&One) : Reader.getBlock(row, column),
                sizeof(One));
    Next += sizeof(One);
  }
  void writeQ8_0(int64_t row, int64_t column) {
    writeScale(row, column);
    for (int64_t i = 0; i < 32; ++i)
      *Next++ = uint8_t(Reader.getSigned(row, column + i));
  }
  void writeQ4_0(int64_t row, int64_t column) {
    writeScale(row, column);
    for (int64_t i = 0; i < 16; ++i)
      *Next++ = uint8_t((Reader.getSigned(row, column + i) + 8) | (Reader.getSigned(row, column + i + 16) + 8) << 4);
  }
  void writeMxfp4(int64_t row, int64_t column) {
    *Next++ = *Reader.getBlock(row, column);
    for (int64_t i = 0; i < 16; ++i)
      *Next++ = uint8_t(Reader.getCode(row, column + i) | Reader.getCode(row, column + i + 16) << 4);
  }
  /// The format's scales have no sign: it goes to the codes.
  void writeNvfp4(int64_t row, int64_t column) {
    constexpr int64_t Groups = 4, Group = 16;
    constexpr uint8_t Sign = 0x80;
    for (int64_t g = 0; g < Groups; ++g)
      *Next++ = *Reader.getBlock(row, column + g * Group) & ~Sign;
    for (int64_t g = 0; g < Groups; ++g, column += Group) {
      uint32_t flip = *Reader.getBlock(row, column) & Sign ? 8 : 0;
      for (int64_t i = 0; i < Group / 2; ++i)
        *Next++ = uint8_t((Reader.getCode(row, column + i) ^ flip) |
                          (Reader.getCode(row, column + i + Group / 2) ^ flip) << 4);
    }
  }
  const uint8_t *getNext() const { return Next; }

private:
  const RowReader &Reader;
  bool HasRowScales;
  uint8_t *Next;
};
} // namespace

void lathe::writeGgufBlocks(BlockedType type, ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                            MutableArrayRef<uint8_t> blocks) {
  int64_t columns = shape.back(), rows = columns ? ShapedType::getNumElements(shape) / columns : 0;
  GgufBlocks gguf = *findGgufBlocks(type, columns);
  using Write = void (BlockWriter::*)(int64_t, int64_t);
  Write write = llvm::StringSwitch<Write>(gguf.format)
                    .Case("q4_0", &BlockWriter::writeQ4_0)
                    .Case("q8_0", &BlockWriter::writeQ8_0)
                    .Case("mxfp4", &BlockWriter::writeMxfp4)
                    .Case("nvfp4", &BlockWriter::writeNvfp4);
  int64_t width = GgufType::get(type.getContext(), gguf.format).getBlockShape()[1];
  RowReader reader(type, columns, bytes);
  BlockWriter writer(reader, gguf.hasRowScales, blocks.data());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t column = 0; column < columns; column += width)
      (writer.*write)(row, column);
  assert(writer.getNext() == blocks.end() && "the caller made room for whole blocks");
}

void lathe::writeFloat8Codes(BlockedType type, ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                             MutableArrayRef<uint8_t> codes) {
  int64_t columns = shape.back();
  RowReader reader(type, columns, bytes);
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = uint8_t(reader.getCode(int64_t(i) / columns, int64_t(i) % columns));
}

void lathe::readRowScales(BlockedType type, ArrayRef<int64_t> shape, ArrayRef<uint8_t> bytes,
                          MutableArrayRef<float> scales) {
  float outer = readPart(type.getOuterScale(), bytes.data(), 1);
  RowReader reader(type, shape.back(), bytes);
  bool isRow = type.getScale().isF32();
  for (auto [row, scale] : llvm::enumerate(scales))
    scale = isRow ? readPart(type.getScale(), reader.getBlock(int64_t(row), 0), 1) : outer;
}
