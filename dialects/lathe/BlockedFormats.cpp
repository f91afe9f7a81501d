#include "dialects/lathe/BlockedFormats.h"
#include "dialects/lathe/BlockedNumbers.h"

using namespace mlir;
using namespace lathe;

namespace {
/// A type whose block may depend on the tensor.
struct TypePattern {
  BlockedFormat Format;
  Number Code;
  unsigned Bits;    ///< of a code
  int64_t Rows = 1; ///< of a block
  int64_t Columns;  ///< of a block; Row: as many as the tensor has
  Number Scale = Number::None, Zero = Number::None, Outer = Number::None;
  /// Scales that share a scale: as many as a power of two lie side by side in a row, the rest below each other.
  int64_t SharedScales = 1;
};
} // namespace

/// Columns of a block that is a whole row.
static constexpr int64_t Row = 0;

// An integer of groups costs 16 bits a group, and 8 more with a zero.
static constexpr TypePattern Patterns[] = {
    {{"int8", "as int8_channel"}, Number::Signed, 8, 1, Row, Number::F32},
    {{"int8_channel", "8-bit integers, a scale for each row"}, Number::Signed, 8, 1, Row, Number::F32},
    {{"int8_tensor", "8-bit integers, one scale"}, Number::Signed, 8, 1, 1, Number::None, Number::None, Number::F32},
    {{"int8_g32", "8-bit integers in groups of 32"}, Number::Signed, 8, 1, 32, Number::F16},
    {{"int8_g64", "8-bit integers in groups of 64"}, Number::Signed, 8, 1, 64, Number::F16},
    {{"int8_g128", "8-bit integers in groups of 128"}, Number::Signed, 8, 1, 128, Number::F16},
    {{"int4_g32", "4-bit integers in groups of 32"}, Number::Signed, 4, 1, 32, Number::F16},
    {{"int4_g64", "4-bit integers in groups of 64"}, Number::Signed, 4, 1, 64, Number::F16},
    {{"int4_g128", "4-bit integers in groups of 128"}, Number::Signed, 4, 1, 128, Number::F16},
    {{"uint4_g32", "4-bit integers with a zero in groups of 32"},
     Number::Unsigned,
     4,
     1,
     32,
     Number::F16,
     Number::Signed},
    {{"uint4_g64", "4-bit integers with a zero in groups of 64"},
     Number::Unsigned,
     4,
     1,
     64,
     Number::F16,
     Number::Signed},
    {{"uint4_g128", "4-bit integers with a zero in groups of 128"},
     Number::Unsigned,
     4,
     1,
     128,
     Number::F16,
     Number::Signed},
    {{"int3_g32", "3-bit integers in groups of 32"}, Number::Signed, 3, 1, 32, Number::F16},
    {{"int3_g64", "3-bit integers in groups of 64"}, Number::Signed, 3, 1, 64, Number::F16},
    {{"int3_g128", "3-bit integers in groups of 128"}, Number::Signed, 3, 1, 128, Number::F16},
    {{"uint3_g32", "3-bit integers with a zero in groups of 32"},
     Number::Unsigned,
     3,
     1,
     32,
     Number::F16,
     Number::Signed},
    {{"uint3_g64", "3-bit integers with a zero in groups of 64"},
     Number::Unsigned,
     3,
     1,
     64,
     Number::F16,
     Number::Signed},
    {{"uint3_g128", "3-bit integers with a zero in groups of 128"},
     Number::Unsigned,
     3,
     1,
     128,
     Number::F16,
     Number::Signed},
    {{"fp8_e4m3", "as fp8_e4m3_channel"}, Number::E4M3, 8, 1, Row, Number::F32},
    {{"fp8_e4m3_channel", "floats of 4 exponent bits, a scale for each row"}, Number::E4M3, 8, 1, Row, Number::F32},
    {{"fp8_e4m3_tensor", "floats of 4 exponent bits, one scale"},
     Number::E4M3,
     8,
     1,
     1,
     Number::None,
     Number::None,
     Number::F32},
    {{"fp8_e4m3_block", "floats of 4 exponent bits in blocks of 128 x 128"}, Number::E4M3, 8, 128, 128, Number::F32},
    {{"fp8_e5m2", "as fp8_e5m2_channel"}, Number::E5M2, 8, 1, Row, Number::F32},
    {{"fp8_e5m2_channel", "floats of 5 exponent bits, a scale for each row"}, Number::E5M2, 8, 1, Row, Number::F32},
    {{"fp8_e5m2_tensor", "floats of 5 exponent bits, one scale"},
     Number::E5M2,
     8,
     1,
     1,
     Number::None,
     Number::None,
     Number::F32},
    {{"fp8_e5m2_block", "floats of 5 exponent bits in blocks of 128 x 128"}, Number::E5M2, 8, 128, 128, Number::F32},
    {{"nf4", "4-bit NormalFloat in groups of 64"}, Number::Nf4, 4, 1, 64, Number::F32},
    {{"nf4_double", "4-bit NormalFloat in groups of 64, scales in 8 bits over 256 of them"},
     Number::Nf4,
     4,
     1,
     64,
     Number::F32,
     Number::None,
     Number::None,
     256},
    {{"mxfp4", "floats of 2 exponent bits in groups of 32, scales that are powers of two"},
     Number::E2M1,
     4,
     1,
     32,
     Number::E8M0},
    {{"nvfp4", "floats of 2 exponent bits in groups of 16, scales in E4M3, one scale of all"},
     Number::E2M1,
     4,
     1,
     16,
     Number::E4M3,
     Number::None,
     Number::F32},
};

static Type getType(MLIRContext *context, Number number, unsigned bits) {
  switch (number) {
  case Number::None:
    return NoneType::get(context);
  case Number::Signed:
    return IntegerType::get(context, bits);
  case Number::Unsigned:
    return IntegerType::get(context, bits, IntegerType::Unsigned);
  case Number::E2M1:
    return Float4E2M1FNType::get(context);
  case Number::E4M3:
    return Float8E4M3FNType::get(context);
  case Number::E5M2:
    return Float8E5M2Type::get(context);
  case Number::E8M0:
    return Float8E8M0FNUType::get(context);
  case Number::Nf4:
    return Nf4Type::get(context);
  case Number::F16:
    return Float16Type::get(context);
  case Number::BF16:
    return BFloat16Type::get(context);
  case Number::F32:
    return Float32Type::get(context);
  }
  llvm_unreachable("all numbers have a type");
}

/// The type of a pattern in which `across` of the scales that share one lie side by side.
static BlockedType makeType(MLIRContext *context, const TypePattern &pattern, int64_t columns, int64_t across) {
  constexpr unsigned PartBits = 8;
  Type none = NoneType::get(context), scale = getType(context, pattern.Scale, PartBits);
  if (pattern.SharedScales > 1)
    scale = BlockedType::get(context, getType(context, Number::Unsigned, PartBits), pattern.SharedScales / across,
                             across, scale, none, none);
  return BlockedType::get(context, getType(context, pattern.Code, pattern.Bits), pattern.Rows, columns, scale,
                          getType(context, pattern.Zero, PartBits), getType(context, pattern.Outer, PartBits));
}

llvm::ArrayRef<BlockedFormat> lathe::getBlockedFormats() {
  static const SmallVector<BlockedFormat> formats(
      llvm::map_range(Patterns, [](const TypePattern &p) { return p.Format; }));
  return formats;
}

BlockedType lathe::getBlockedType(MLIRContext *context, StringRef name, ArrayRef<int64_t> shape) {
  const auto *pattern = llvm::find_if(Patterns, [&](const TypePattern &p) { return p.Format.Name == name; });
  if (pattern == std::end(Patterns))
    return {};
  int64_t row = shape.empty() ? 1 : std::max<int64_t>(shape.back(), 1);
  int64_t columns = pattern->Columns == Row ? row : pattern->Columns, across = 1;
  while (across < pattern->SharedScales && row % (2 * across * columns) == 0)
    across *= 2;
  return makeType(context, *pattern, columns, across);
}

std::optional<StringRef> lathe::getBlockedName(BlockedType type) {
  MLIRContext *context = type.getContext();
  int64_t across = type.getScaleBlock()[1];
  std::optional<StringRef> name;
  for (const TypePattern &pattern : Patterns) {
    if (pattern.SharedScales % across != 0)
      continue;
    int64_t columns = pattern.Columns == Row ? type.getColumns() : pattern.Columns;
    if (makeType(context, pattern, columns, across) == type)
      name = pattern.Format.Name; // of several the last, which says more
  }
  return name;
}
