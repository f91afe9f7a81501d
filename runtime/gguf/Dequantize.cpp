// Block decoding. Each decoder turns one block into its values; fields are named in storage order.
//
// The order of the floating-point operations is part of the format: d * scale is rounded to f32 before it meets the
// code, and a product is rounded before its minimum is subtracted. This file is compiled without contraction, so that
// no machine fuses the two.
#include "runtime/gguf/BlockFormat.h"
#include "runtime/gguf/LatticeGrids.h"

#include <bit>
#include <cassert>
#include <cstring>

static_assert(std::endian::native == std::endian::little, "blocks are stored little-endian");

namespace lathe::gguf {
namespace {

template <typename T> T load(const uint8_t *bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

float loadHalf(const uint8_t *bytes) { return halfToFloat(load<uint16_t>(bytes)); }

/// Codes of E2M1, doubled so that they are integers; the block scale is halved in turn.
constexpr int8_t Fp4Codes[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
constexpr int8_t Iq4Codes[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

//===- Plain numbers ----------------------------------------------------------------------------------------------===//

template <typename T> void decodePlain(const uint8_t *bytes, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(load<T>(bytes + i * sizeof(T)));
}

void decodeF32(const uint8_t *bytes, int64_t count, float *values) { std::memcpy(values, bytes, count * 4); }

void decodeF16(const uint8_t *bytes, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = loadHalf(bytes + i * 2);
}

void decodeBf16(const uint8_t *bytes, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = std::bit_cast<float>(uint32_t(load<uint16_t>(bytes + i * 2)) << 16);
}

//===- Blocks of 32 -----------------------------------------------------------------------------------------------===//

void decodeQ4_0(const uint8_t *block, float *values) { // f16 d, 16 B codes
  float d = loadHalf(block);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float((block[2 + i] & 15) - 8);
    values[i + 16] = d * float((block[2 + i] >> 4) - 8);
  }
}

void decodeQ4_1(const uint8_t *block, float *values) { // f16 d, f16 m, 16 B codes
  float d = loadHalf(block), m = loadHalf(block + 2);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float(block[4 + i] & 15) + m;
    values[i + 16] = d * float(block[4 + i] >> 4) + m;
  }
}

void decodeQ5_0(const uint8_t *block, float *values) { // f16 d, u32 fifth bits, 16 B low nibbles
  float d = loadHalf(block);
  uint32_t high = load<uint32_t>(block + 2);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float(int((block[6 + i] & 15) | (high >> i & 1) << 4) - 16);
    values[i + 16] = d * float(int((block[6 + i] >> 4) | (high >> (i + 16) & 1) << 4) - 16);
  }
}

void decodeQ5_1(const uint8_t *block, float *values) { // f16 d, f16 m, u32 fifth bits, 16 B low nibbles
  float d = loadHalf(block), m = loadHalf(block + 2);
  uint32_t high = load<uint32_t>(block + 4);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float((block[8 + i] & 15) | (high >> i & 1) << 4) + m;
    values[i + 16] = d * float((block[8 + i] >> 4) | (high >> (i + 16) & 1) << 4) + m;
  }
}

void decodeQ8_0(const uint8_t *block, float *values) { // f16 d, 32 x i8
  float d = loadHalf(block);
  for (int i = 0; i < 32; ++i)
    values[i] = d * float(int8_t(block[2 + i]));
}

void decodeQ8_1(const uint8_t *block, float *values) { // f16 d, f16 sum, 32 x i8
  float d = loadHalf(block);
  for (int i = 0; i < 32; ++i)
    values[i] = d * float(int8_t(block[4 + i]));
}

void decodeIq4Nl(const uint8_t *block, float *values) { // f16 d, 16 B codes into a table
  float d = loadHalf(block);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float(Iq4Codes[block[2 + i] & 15]);
    values[i + 16] = d * float(Iq4Codes[block[2 + i] >> 4]);
  }
}

void decodeMxfp4(const uint8_t *block, float *values) { // u8 exponent, 16 B codes
  // Half of 2^(e - 127): exponents 0 and 1 give subnormals.
  uint32_t e = block[0];
  float d = std::bit_cast<float>(e < 2 ? 0x00200000u << e : (e - 1) << 23);
  for (int i = 0; i < 16; ++i) {
    values[i] = d * float(Fp4Codes[block[1 + i] & 15]);
    values[i + 16] = d * float(Fp4Codes[block[1 + i] >> 4]);
  }
}

//===- Blocks of 64 and 128 ---------------------------------------------------------------------------------------===//

/// Half of an unsigned E4M3 number. The top bit is not looked at, and the code of NaN is 0.
float decodeUe4m3Half(uint8_t bits) {
  if (bits == 0x7F)
    return 0.0f;
  int exponent = bits >> 3 & 15, mantissa = bits & 7;
  // 2^-10 is the half of the smallest subnormal step; 2^(exponent - 8) the half of a normal's leading bit.
  if (exponent == 0)
    return float(mantissa) * 0x1p-10f;
  return (1.0f + float(mantissa) / 8.0f) * std::bit_cast<float>(uint32_t(exponent - 8 + 127) << 23);
}

void decodeNvfp4(const uint8_t *block, float *values) { // 4 x UE4M3, 4 x 8 B codes
  for (int group = 0; group < 4; ++group) {
    float d = decodeUe4m3Half(block[group]);
    const uint8_t *codes = block + 4 + group * 8;
    for (int i = 0; i < 8; ++i) {
      values[group * 16 + i] = d * float(Fp4Codes[codes[i] & 15]);
      values[group * 16 + i + 8] = d * float(Fp4Codes[codes[i] >> 4]);
    }
  }
}

void decodeQ1_0(const uint8_t *block, float *values) { // f16 d, 128 sign bits, lowest first
  float d = loadHalf(block);
  for (int i = 0; i < 128; ++i)
    values[i] = block[2 + i / 8] >> i % 8 & 1 ? d : -d;
}

void decodeQ2_0(const uint8_t *block, float *values) { // f16 d, 64 two-bit codes, lowest first
  float d = loadHalf(block);
  for (int i = 0; i < 64; ++i)
    values[i] = d * float((block[2 + i / 4] >> i % 4 * 2 & 3) - 1);
}

// Groups of 16 are short enough to be unrolled, and a vectorizer that then takes the loop over groups scatters every
// value; within a group values lie side by side.
#ifdef __clang__
#define LATHE_ALONG_GROUPS _Pragma("clang loop vectorize(disable)")
#else
#define LATHE_ALONG_GROUPS
#endif

//===- Blocks of 256 ----------------------------------------------------------------------------------------------===//

void decodeQ2K(const uint8_t *block, float *values) { // 16 B scale and minimum nibbles, 64 B codes, f16 d, f16 dmin
  const uint8_t *codes = block + 16;
  float d = loadHalf(block + 80), dmin = loadHalf(block + 82);
  LATHE_ALONG_GROUPS
  for (int group = 0; group < 16; ++group) {
    float scale = d * float(block[group] & 15), minimum = dmin * float(block[group] >> 4);
    // Each half of 128 has 32 bytes, whose four 2-bit fields are four runs of 32 values.
    const uint8_t *run = codes + group / 8 * 32 + group % 2 * 16;
    int shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i)
      values[group * 16 + i] = scale * float(run[i] >> shift & 3) - minimum;
  }
}

void decodeQ3K(const uint8_t *block, float *values) { // 32 B third bits, 64 B low bits, 12 B scales, f16 d
  const uint8_t *codes = block + 32, *scales = block + 96;
  float d = loadHalf(block + 108);
  LATHE_ALONG_GROUPS
  for (int group = 0; group < 16; ++group) {
    int low = scales[group % 8] >> group / 8 * 4 & 15;
    int high = scales[8 + group % 4] >> group / 4 * 2 & 3;
    float scale = d * float((low | high << 4) - 32);
    const uint8_t *run = codes + group / 8 * 32 + group % 2 * 16;
    const uint8_t *third = block + group % 2 * 16;
    int shift = group % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i)
      values[group * 16 + i] = scale * float((run[i] >> shift & 3) - (third[i] >> group / 2 & 1 ? 0 : 4));
  }
}

/// Six-bit scale and minimum `index` of the eight pairs that Q4_K and Q5_K pack in 12 bytes.
void unpackScale(const uint8_t *packed, int index, int &scale, int &minimum) {
  if (index < 4) {
    scale = packed[index] & 63;
    minimum = packed[index + 4] & 63;
    return;
  }
  scale = (packed[index + 4] & 15) | packed[index - 4] >> 6 << 4;
  minimum = packed[index + 4] >> 4 | packed[index] >> 6 << 4;
}

void decodeQ4K(const uint8_t *block, float *values) { // f16 d, f16 dmin, 12 B scales, 128 B codes
  float d = loadHalf(block), dmin = loadHalf(block + 2);
  for (int group = 0; group < 8; ++group) {
    int scale, minimum;
    unpackScale(block + 4, group, scale, minimum);
    float s = d * float(scale), m = dmin * float(minimum);
    const uint8_t *codes = block + 16 + group / 2 * 32;
    for (int i = 0; i < 32; ++i)
      values[group * 32 + i] = s * float(codes[i] >> group % 2 * 4 & 15) - m;
  }
}

void decodeQ5K(const uint8_t *block, float *values) { // f16 d, f16 dmin, 12 B scales, 32 B fifth bits, 128 B codes
  float d = loadHalf(block), dmin = loadHalf(block + 2);
  for (int group = 0; group < 8; ++group) {
    int scale, minimum;
    unpackScale(block + 4, group, scale, minimum);
    float s = d * float(scale), m = dmin * float(minimum);
    const uint8_t *high = block + 16, *codes = block + 48 + group / 2 * 32;
    for (int i = 0; i < 32; ++i)
      values[group * 32 + i] = s * float((codes[i] >> group % 2 * 4 & 15) | (high[i] >> group & 1) << 4) - m;
  }
}

/// One of the four 2-bit fields of each half of 128 values: 32 of them, in two runs with a scale each. The field is a
/// template parameter because bytes shift fast by constants only.
template <int Field> void decodeQ6KField(const uint8_t *block, int half, float d, float *__restrict values) {
  const uint8_t *low = block + half * 64 + Field % 2 * 32, *high = block + 128 + half * 32;
  for (int run = 0; run < 2; ++run) {
    float scale = d * float(int8_t(block[192 + half * 8 + Field * 2 + run]));
    for (int i = run * 16; i < run * 16 + 16; ++i)
      values[i] = scale * float(((low[i] >> Field / 2 * 4 & 15) | (high[i] >> Field * 2 & 3) << 4) - 32);
  }
}

void decodeQ6K(const uint8_t *block, float *values) { // 128 B low nibbles, 64 B high bits, 16 x i8 scale, f16 d
  float d = loadHalf(block + 208);
  for (int half = 0; half < 2; ++half, values += 128) {
    decodeQ6KField<0>(block, half, d, values);
    decodeQ6KField<1>(block, half, d, values + 32);
    decodeQ6KField<2>(block, half, d, values + 64);
    decodeQ6KField<3>(block, half, d, values + 96);
  }
}

void decodeQ8K(const uint8_t *block, float *values) { // f32 d, 256 x i8, 16 x i16 sums
  float d = load<float>(block);
  for (int i = 0; i < 256; ++i)
    values[i] = d * float(int8_t(block[4 + i]));
}

void decodeIq4Xs(const uint8_t *block, float *values) { // f16 d, u16 high scale bits, 4 B low nibbles, 128 B codes
  float d = loadHalf(block);
  uint16_t high = load<uint16_t>(block + 2);
  for (int group = 0; group < 8; ++group) {
    int scale = (block[4 + group / 2] >> group % 2 * 4 & 15) | (high >> group * 2 & 3) << 4;
    float s = d * float(scale - 32);
    const uint8_t *codes = block + 8 + group * 16;
    for (int i = 0; i < 16; ++i) {
      values[group * 32 + i] = s * float(Iq4Codes[codes[i] & 15]);
      values[group * 32 + i + 16] = s * float(Iq4Codes[codes[i] >> 4]);
    }
  }
}

void decodeTq1_0(const uint8_t *block, float *values) { // 48 B five trits each, 4 B four trits each, f16 d
  float d = loadHalf(block + 52);
  // A byte is a fraction of 256 in base 3: multiplying by 3^n drops the digits before n, times 3 / 256 gives digit n.
  auto decodeRun = [&](const uint8_t *bytes, int length, int digits) {
    uint8_t power = 1;
    for (int digit = 0; digit < digits; ++digit, power = uint8_t(power * 3))
      for (int i = 0; i < length; ++i)
        *values++ = d * float((uint8_t(bytes[i] * power) * 3 >> 8) - 1);
  };
  decodeRun(block, 32, 5);
  decodeRun(block + 32, 16, 5);
  decodeRun(block + 48, 4, 4);
}

void decodeTq2_0(const uint8_t *block, float *values) { // 64 B codes, f16 d
  float d = loadHalf(block + 64);
  for (int i = 0; i < 256; ++i)
    values[i] = d * float((block[i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3) - 1);
}

//===- Lattices ---------------------------------------------------------------------------------------------------===//

// Codes are numbers of points (LatticeGrids.h), bytes, to which bits from elsewhere are added.

/// Signs of eight values that are kept in seven bits: the number of negative ones is even.
uint8_t completeSigns(uint32_t bits) { return uint8_t((bits & 127) | (__builtin_popcount(bits & 127) & 1) << 7); }

/// One point times `scale`, with bit i of `signs` set where value i is negative.
template <int Size> void writePoint(const LatticePoint<Size> &point, float scale, int signs, float *values) {
  for (int i = 0; i < Size; ++i) {
    float magnitude = scale * float(point.Coordinates[i]);
    values[i] = signs >> i & 1 ? -magnitude : magnitude;
  }
}

void decodeIq2Xxs(const uint8_t *block, float *values) { // f16 d, 8 x (4 B codes, u32: 4 x 7 signs, 4-bit scale)
  float d = loadHalf(block);
  for (int group = 0; group < 8; ++group) {
    const uint8_t *codes = block + 2 + group * 8;
    uint32_t rest = load<uint32_t>(codes + 4);
    float scale = d * (0.5f + float(rest >> 28)) * 0.25f;
    for (int i = 0; i < 4; ++i)
      writePoint(Iq2XxsGrid.Points[codes[i]], scale, completeSigns(rest >> i * 7), values + group * 32 + i * 8);
  }
}

void decodeIq2Xs(const uint8_t *block, float *values) { // f16 d, 32 x u16 (9-bit code, 7 signs), 8 B scale nibbles
  float d = loadHalf(block);
  for (int i = 0; i < 32; ++i) {
    uint16_t code = load<uint16_t>(block + 2 + i * 2);
    float scale = d * (0.5f + float(block[66 + i / 4] >> i % 4 / 2 * 4 & 15)) * 0.25f;
    writePoint(Iq2XsGrid.Points[code & 511], scale, completeSigns(code >> 9), values + i * 8);
  }
}

void decodeIq2S(const uint8_t *block,
                float *values) { // f16 d, 32 B codes, 32 B signs, 8 B high bits, 8 B scale nibbles
  float d = loadHalf(block);
  for (int i = 0; i < 32; ++i) {
    int code = block[2 + i] | (block[66 + i / 4] >> i % 4 * 2 & 3) << 8;
    float scale = d * (0.5f + float(block[74 + i / 4] >> i % 4 / 2 * 4 & 15)) * 0.25f;
    writePoint(Iq2SGrid.Points[code], scale, block[34 + i], values + i * 8);
  }
}

void decodeIq3Xxs(const uint8_t *block, float *values) { // f16 d, 64 B codes, 8 x u32: 4 x 7 signs, 4-bit scale
  float d = loadHalf(block);
  for (int group = 0; group < 8; ++group) {
    const uint8_t *codes = block + 2 + group * 8;
    uint32_t rest = load<uint32_t>(block + 66 + group * 4);
    float scale = d * (0.5f + float(rest >> 28)) * 0.5f;
    for (int i = 0; i < 8; ++i)
      writePoint(Iq3XxsGrid.Points[codes[i]], scale, completeSigns(rest >> i / 2 * 7) >> i % 2 * 4,
                 values + group * 32 + i * 4);
  }
}

void decodeIq3S(const uint8_t *block,
                float *values) { // f16 d, 64 B codes, 8 B high bits, 32 B signs, 4 B scale nibbles
  float d = loadHalf(block);
  for (int i = 0; i < 64; ++i) {
    int code = block[2 + i] | (block[66 + i / 8] >> i % 8 & 1) << 8;
    float scale = d * float(1 + 2 * (block[106 + i / 16] >> i % 16 / 8 * 4 & 15));
    writePoint(Iq3SGrid.Points[code], scale, block[74 + i / 2] >> i % 2 * 4, values + i * 4);
  }
}

/// The values of iq1 are points moved by an eighth, up or down.
void writeMovedPoint(int code, float scale, bool isDown, float *values) {
  float delta = isDown ? -0.125f : 0.125f;
  for (int i = 0; i < 8; ++i)
    values[i] = scale * (float(Iq1Grid.Points[code].Coordinates[i]) + delta);
}

void decodeIq1S(const uint8_t *block, float *values) { // f16 d, 32 B codes, 8 x u16: 4 x 3 high bits, 3-bit scale, sign
  float d = loadHalf(block);
  for (int i = 0; i < 32; ++i) {
    uint16_t rest = load<uint16_t>(block + 34 + i / 4 * 2);
    int code = block[2 + i] | (rest >> i % 4 * 3 & 7) << 8;
    writeMovedPoint(code, d * float(2 * (rest >> 12 & 7) + 1), rest >> 15, values + i * 8);
  }
}

void decodeIq1M(const uint8_t *block,
                float *values) { // 32 B codes, 16 B (3 high bits, sign), 4 x u16: 4 x 3-bit scale,
  uint16_t bits = 0;             // and in the top nibbles the f16 d, lowest first
  for (int i = 0; i < 4; ++i)
    bits |= uint16_t((block[49 + i * 2] >> 4) << i * 4);
  float d = halfToFloat(bits);
  for (int i = 0; i < 32; ++i) {
    int rest = block[32 + i / 2] >> i % 2 * 4;
    int scale = load<uint16_t>(block + 48 + i / 8 * 2) >> i % 8 / 2 * 3 & 7;
    writeMovedPoint(block[i] | (rest & 7) << 8, d * float(2 * scale + 1), rest >> 3 & 1, values + i * 8);
  }
}

//===- Dispatch ---------------------------------------------------------------------------------------------------===//

using BlockDecoder = void (*)(const uint8_t *, float *);

BlockDecoder findDecoder(uint32_t id) {
  switch (id) {
  case 2:
    return decodeQ4_0;
  case 3:
    return decodeQ4_1;
  case 6:
    return decodeQ5_0;
  case 7:
    return decodeQ5_1;
  case 8:
    return decodeQ8_0;
  case 9:
    return decodeQ8_1;
  case 10:
    return decodeQ2K;
  case 11:
    return decodeQ3K;
  case 12:
    return decodeQ4K;
  case 13:
    return decodeQ5K;
  case 14:
    return decodeQ6K;
  case 15:
    return decodeQ8K;
  case 16:
    return decodeIq2Xxs;
  case 17:
    return decodeIq2Xs;
  case 18:
    return decodeIq3Xxs;
  case 19:
    return decodeIq1S;
  case 20:
    return decodeIq4Nl;
  case 21:
    return decodeIq3S;
  case 22:
    return decodeIq2S;
  case 23:
    return decodeIq4Xs;
  case 29:
    return decodeIq1M;
  case 34:
    return decodeTq1_0;
  case 35:
    return decodeTq2_0;
  case 39:
    return decodeMxfp4;
  case 40:
    return decodeNvfp4;
  case 41:
    return decodeQ1_0;
  case 42:
    return decodeQ2_0;
  default:
    return nullptr;
  }
}

using PlainDecoder = void (*)(const uint8_t *, int64_t, float *);

PlainDecoder findPlainDecoder(uint32_t id) {
  switch (id) {
  case 0:
    return decodeF32;
  case 1:
    return decodeF16;
  case 24:
    return decodePlain<int8_t>;
  case 25:
    return decodePlain<int16_t>;
  case 26:
    return decodePlain<int32_t>;
  case 27:
    return decodePlain<int64_t>;
  case 28:
    return decodePlain<double>;
  case 30:
    return decodeBf16;
  default:
    return nullptr;
  }
}

} // namespace

float halfToFloat(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = bits >> 10 & 31, mantissa = bits & 0x3FF;
  if (exponent == 31) // infinity, or NaN with its payload
    return std::bit_cast<float>(sign | 0x7F800000u | mantissa << 13);
  if (exponent != 0)
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
  // A subnormal is mantissa * 2^-24, which f32 holds as a normal number.
  float magnitude = float(mantissa) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(magnitude));
}

void dequantize(const BlockFormat &format, const void *bytes, int64_t count, float *values) {
  assert(count % format.weights == 0 && "a row is whole blocks");
  const uint8_t *block = static_cast<const uint8_t *>(bytes);
  if (PlainDecoder decode = findPlainDecoder(format.id))
    return decode(block, count, values);
  BlockDecoder decode = findDecoder(format.id);
  for (int64_t i = 0; i < count; i += format.weights, block += format.bytes)
    decode(block, values + i);
}

} // namespace lathe::gguf
