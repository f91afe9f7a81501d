// From blocks of `!lathe.blocked` to f32: one template, whose layout is constant where a kernel calls it.
//
// Codes of at most four bits are places in a table of 16 values, which is scaled once a block: its entries are the
// values that the block can hold. Sixteen codes are spread over the lanes of a vector and looked up by one instruction.
// Codes of eight bits are numbers, widened in a loop that becomes vector code.
#include "compiler/targets/cpu/kernels/Kernel.h"
#include "runtime/SmallNumbers.h"
#include <immintrin.h>

using namespace lathe;
using namespace lathe::cpu;

namespace {

using Ints = uint32_t __attribute__((vector_size(64)));

LATHE_INLINE int64_t countBytes(Number number) {
  return number == Number::None                            ? 0
         : number == Number::F32                           ? 4
         : number == Number::F16 || number == Number::BF16 ? 2
                                                           : 1;
}

template <typename T> LATHE_INLINE T load(const uint8_t *bytes) {
  T value;
  __builtin_memcpy(&value, bytes, sizeof(T));
  return value;
}

/// The values of all codes of 8 bits: a scale costs one load.
template <typename Format> struct Table {
  float values[256];
  constexpr Table() : values() {
    for (int code = 0; code < 256; ++code)
      values[code] = Format::widen(uint8_t(code));
  }
};
constexpr Table<E4M3> E4M3Values;
constexpr Table<E5M2> E5M2Values;
constexpr Table<E8M0> E8M0Values;

/// A scale or a zero.
LATHE_INLINE float readNumber(Number number, const uint8_t *bytes, float absent) {
  switch (number) {
  case Number::None:
    return absent;
  case Number::Signed:
    return load<int8_t>(bytes);
  case Number::Unsigned:
    return *bytes;
  case Number::E4M3:
    return E4M3Values.values[*bytes];
  case Number::E5M2:
    return E5M2Values.values[*bytes];
  case Number::E8M0:
    return E8M0Values.values[*bytes];
  case Number::F16:
    return load<_Float16>(bytes);
  case Number::BF16:
    return __builtin_bit_cast(float, uint32_t(load<uint16_t>(bytes)) << 16);
  case Number::F32:
    return load<float>(bytes);
  default:
    __builtin_unreachable(); // codes of less than 8 bits
  }
}

//===- Codes of 8 bits --------------------------------------------------------------------------------------------===//

/// An f8E4M3FN, by way of an f16, whose exponent reaches 2^8 further down.
LATHE_INLINE float widenByF16(uint8_t code) {
  uint16_t magnitude = code & 0x7F, sign = uint16_t((code & 0x80) << 8);
  uint16_t bits = magnitude == 0x7F ? 0x7E00 : uint16_t(magnitude << 7);
  return float(__builtin_bit_cast(_Float16, uint16_t(bits | sign))) * 256.0f;
}

template <typename Widen>
LATHE_INLINE void widenAll(const uint8_t *codes, int64_t count, float scale, float zero, float *values, Widen widen) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = (widen(codes[i]) - zero) * scale;
}

LATHE_INLINE void widenBytes(Number code, const uint8_t *codes, int64_t count, float scale, float zero, float *values) {
  switch (code) {
  case Number::Signed:
    return widenAll(codes, count, scale, zero, values, [](uint8_t c) { return float(int8_t(c)); });
  case Number::Unsigned:
    return widenAll(codes, count, scale, zero, values, [](uint8_t c) { return float(c); });
  case Number::E4M3:
    return widenAll(codes, count, scale, zero, values, widenByF16);
  case Number::E5M2: // the upper half of an f16
    return widenAll(codes, count, scale, zero, values,
                    [](uint8_t c) { return float(__builtin_bit_cast(_Float16, uint16_t(c << 8))); });
  default:
    __builtin_unreachable();
  }
}

//===- Codes of 1 to 4 bits ---------------------------------------------------------------------------------------===//

/// The values of all codes. Those of less than four bits repeat, so that a place may have bits of the next code.
LATHE_INLINE Vector getTable(Number code, int64_t bits) {
  Vector table;
  for (int i = 0; i < Lanes; ++i) {
    int own = i & ((1 << bits) - 1), half = 1 << (bits - 1);
    table[i] = code == Number::Nf4        ? Nf4Values[i]
               : code == Number::E2M1     ? E2M1::widen(uint8_t(i))
               : code == Number::Unsigned ? float(own)
                                          : float(own >= half ? own - 2 * half : own);
  }
  return table;
}

/// The next eight codes.
LATHE_INLINE uint32_t loadCodes(const uint8_t *codes, int64_t bits) {
  return bits == 4   ? load<uint32_t>(codes)
         : bits == 3 ? load<uint16_t>(codes) | uint32_t(codes[2]) << 16
         : bits == 2 ? load<uint16_t>(codes)
                     : *codes;
}

/// 16 codes, one a lane, in the low bits.
LATHE_INLINE Ints spreadCodes(const uint8_t *codes, int64_t bits) {
  Ints low = Ints{} + loadCodes(codes, bits), high = Ints{} + loadCodes(codes + bits, bits);
  Ints both = __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30, 31);
  return both >> (Ints{0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7} * uint32_t(bits));
}

LATHE_INLINE __m256 lookUpHalf(Vector table, __m256i places, int64_t bits) {
  __m256 low = _mm256_permutevar8x32_ps(__m256(__builtin_shufflevector(table, table, 0, 1, 2, 3, 4, 5, 6, 7)), places);
  if (bits < 4)
    return low;
  __m256 high =
      _mm256_permutevar8x32_ps(__m256(__builtin_shufflevector(table, table, 8, 9, 10, 11, 12, 13, 14, 15)), places);
  return _mm256_blendv_ps(low, high, __m256(_mm256_slli_epi32(places, 28)));
}

LATHE_INLINE Vector lookUp(Vector table, Ints places, int64_t bits) {
  if (lathe_register_bytes == 64)
    return Vector(_mm512_permutexvar_ps(__m512i(places), __m512(table)));
  auto half = [&](auto part) { return lookUpHalf(table, __m256i(part), bits); };
  __m256 low = half(__builtin_shufflevector(places, places, 0, 1, 2, 3, 4, 5, 6, 7));
  __m256 high = half(__builtin_shufflevector(places, places, 8, 9, 10, 11, 12, 13, 14, 15));
  return Vector(__builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

LATHE_INLINE uint32_t readCode(const uint8_t *codes, int64_t place, int64_t bits) {
  int64_t bit = place * bits;
  uint32_t byte = codes[bit / 8], within = uint32_t(bit % 8);
  uint32_t code = byte >> within;
  if (within + bits > 8)
    code |= uint32_t(codes[bit / 8 + 1]) << (8 - within);
  return code & ((1u << bits) - 1);
}

/// Codes [first, first + count) of a block.
LATHE_INLINE void lookUpAll(Number code, int64_t bits, const uint8_t *codes, int64_t first, int64_t count, float scale,
                            float zero, float *values) {
  Vector table = (getTable(code, bits) - zero) * scale;
  int64_t i = 0;
  if (first * bits % 8 == 0)
    for (; i + Lanes <= count; i += Lanes)
      storeVector(values + i, lookUp(table, spreadCodes(codes + (first + i) * bits / 8, bits), bits));
  if (i == count)
    return;
  alignas(64) float entries[Lanes];
  storeVector(entries, table);
#pragma clang loop vectorize(disable)
  for (; i < count; ++i)
    values[i] = entries[readCode(codes, first + i, bits)];
}

//===- Blocks -----------------------------------------------------------------------------------------------------===//

/// Where the numbers of a blocked type lie. A cell is a block, or the blocks whose scales share one.
struct Layout {
  Number code;
  int64_t bits, rows, columns;
  Number scale, zero, outer;
  int64_t cellRows, cellColumns; ///< blocks of a cell
  Number sharedScale;            ///< of the scales of a cell

  LATHE_INLINE int64_t getCodeBytes() const { return (rows * columns * bits + 7) / 8; }
  LATHE_INLINE int64_t getScaleBytes() const {
    return countBytes(sharedScale) + cellRows * cellColumns * countBytes(scale);
  }
  LATHE_INLINE int64_t getBlockBytes() const { return countBytes(zero) + getCodeBytes(); }
  LATHE_INLINE int64_t getCellBytes() const { return getScaleBytes() + cellRows * cellColumns * getBlockBytes(); }
};

/// Where the numbers of one scale lie.
struct Place {
  const uint8_t *cell;
  int64_t number; ///< of the block in its cell
};

LATHE_INLINE Place locate(const Layout &layout, const uint8_t *cells, int64_t row, int64_t column, int64_t k) {
  int64_t blockRow = row / layout.rows, blockColumn = column / layout.columns;
  int64_t across = k / (layout.columns * layout.cellColumns);
  int64_t cell = blockRow / layout.cellRows * across + blockColumn / layout.cellColumns;
  return {cells + cell * layout.getCellBytes(),
          blockRow % layout.cellRows * layout.cellColumns + blockColumn % layout.cellColumns};
}

/// The part [inside, inside + count) of a row of the block at `place`.
LATHE_INLINE void unpackRun(const Layout &layout, Place place, float outer, int64_t row, int64_t inside, int64_t count,
                            float *values) {
  int64_t number = place.number;
  const uint8_t *scales = place.cell + countBytes(layout.sharedScale);
  float scale = readNumber(layout.scale, scales + number * countBytes(layout.scale), 1);
  if (layout.sharedScale != Number::None)
    scale *= readNumber(layout.sharedScale, place.cell, 1);
  const uint8_t *block = place.cell + layout.getScaleBytes() + number * layout.getBlockBytes();
  float zero = readNumber(layout.zero, block, 0);
  const uint8_t *codes = block + countBytes(layout.zero);
  int64_t first = row % layout.rows * layout.columns + inside;
  if (layout.bits == 8)
    widenBytes(layout.code, codes + first, count, scale * outer, zero, values);
  else
    lookUpAll(layout.code, layout.bits, codes, first, count, scale * outer, zero, values);
}

/// Fetches what a product reads of the same columns a tile later: its rows are too short for the machine to see where
/// they go on.
LATHE_INLINE void prefetchTile(const Layout &layout, const uint8_t *cells, int64_t row, int64_t column, int64_t k) {
  constexpr int64_t TileRows = 16, LineBytes = 64;
  Place place = locate(layout, cells, row + TileRows, column, k);
  int64_t inside = (row + TileRows) % layout.rows * layout.columns + column % layout.columns;
  const uint8_t *next =
      place.cell + layout.getScaleBytes() + place.number * layout.getBlockBytes() + inside * layout.bits / 8;
  int64_t blocks = (Chunk + layout.columns - 1) / layout.columns;
  int64_t bytes = layout.cellColumns * layout.cellRows == 1 && layout.rows == 1 ? blocks * layout.getCellBytes()
                                                                                : Chunk * layout.bits / 8;
  for (int64_t byte = 0; byte < smaller(bytes, Chunk + LineBytes); byte += LineBytes)
    __builtin_prefetch(next + byte, 0, 2);
}

} // namespace

/// Elements [first, first + count) of a tensor with rows of `k`, counted from its beginning; they lie in one row.
/// Numbers are those of runtime/SmallNumbers.h. Where blocks fill a chunk, first and count are multiples of them.
LATHE_TEMPLATE void lathe_unpack_blocked(const void *base, int64_t first, int64_t count, float *__restrict values,
                                         int64_t k, int32_t code, int64_t bits, int64_t rows, int64_t columns,
                                         int32_t scale, int32_t zero, int32_t outer, int64_t cellRows,
                                         int64_t cellColumns, int32_t sharedScale) {
  Layout layout{Number(code), bits,          rows,     columns,     Number(scale),
                Number(zero), Number(outer), cellRows, cellColumns, Number(sharedScale)};
  const auto *bytes = static_cast<const uint8_t *>(base);
  const uint8_t *cells = bytes + countBytes(layout.outer);
  float outerScale = readNumber(layout.outer, bytes, 1);
  int64_t row = first / k, column = first % k;
  prefetchTile(layout, cells, row, column, k);
  if (Chunk % columns == 0) {
    for (int64_t i = 0; i < count; i += columns)
      unpackRun(layout, locate(layout, cells, row, column + i, k), outerScale, row, 0, columns, values + i);
    return;
  }
  for (int64_t i = 0; i < count;) {
    int64_t inside = (column + i) % columns, run = smaller(columns - inside, count - i);
    unpackRun(layout, locate(layout, cells, row, column + i, k), outerScale, row, inside, run, values + i);
    i += run;
  }
}
