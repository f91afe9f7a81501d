// From stored elements to f32 and back: one unpack function for each plain type and each block format.
//
// The decoders of block formats are those of the reader itself, compiled once more: two copies could drift apart.
#include "compiler/targets/cpu/kernels/Kernel.h"
#include "runtime/SmallNumbers.h"
#include "runtime/gguf/Dequantize.cpp"
#include "runtime/gguf/EncodeBlocks.h"

using namespace lathe;
using namespace lathe::cpu;

namespace {

/// Rounds to nearest, ties to even. LLVM would call a library function for this on machines without bf16.
LATHE_INLINE uint16_t roundToBf16(float value) {
  uint32_t bits = __builtin_bit_cast(uint32_t, value);
  uint32_t rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  uint32_t quiet = bits >> 16 | 0x40; // a NaN must stay one
  return uint16_t(value != value ? quiet : rounded);
}

LATHE_INLINE float widenBf16(uint16_t bits) { return __builtin_bit_cast(float, uint32_t(bits) << 16); }

} // namespace

LATHE_TEMPLATE float lathe_load_f32(const void *row, int64_t i) { return static_cast<const float *>(row)[i]; }
LATHE_TEMPLATE float lathe_load_f16(const void *row, int64_t i) { return static_cast<const _Float16 *>(row)[i]; }
LATHE_TEMPLATE float lathe_load_bf16(const void *row, int64_t i) {
  return widenBf16(static_cast<const uint16_t *>(row)[i]);
}
LATHE_TEMPLATE uint16_t lathe_round_bf16(float value) { return roundToBf16(value); }

LATHE_TEMPLATE void lathe_unpack_f32(const void *row, int64_t first, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = lathe_load_f32(row, first + i);
}
LATHE_TEMPLATE void lathe_unpack_f16(const void *row, int64_t first, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = lathe_load_f16(row, first + i);
}
LATHE_TEMPLATE void lathe_unpack_bf16(const void *row, int64_t first, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = lathe_load_bf16(row, first + i);
}

LATHE_TEMPLATE void lathe_pack_f32(void *row, int64_t first, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; ++i)
    static_cast<float *>(row)[first + i] = values[i];
}
LATHE_TEMPLATE void lathe_pack_f16(void *row, int64_t first, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; ++i)
    static_cast<_Float16 *>(row)[first + i] = static_cast<_Float16>(values[i]);
}
LATHE_TEMPLATE void lathe_pack_bf16(void *row, int64_t first, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; ++i)
    static_cast<uint16_t *>(row)[first + i] = roundToBf16(values[i]);
}

LATHE_TEMPLATE void lathe_unpack_f8e4m3fn(const void *row, int64_t first, int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = E4M3::widen(static_cast<const uint8_t *>(row)[first + i]);
}
LATHE_TEMPLATE void lathe_pack_f8e4m3fn(void *row, int64_t first, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; ++i)
    static_cast<uint8_t *>(row)[first + i] = E4M3::round(values[i]);
}
LATHE_TEMPLATE void lathe_pack_q8_0(void *row, int64_t first, int64_t count, const float *values) {
  for (int64_t i = 0; i < count; i += 32)
    gguf::encodeQ8_0(values + i, static_cast<uint8_t *>(row) + (first + i) / 32 * 34);
}

// Inlined, so that the loops of a decoder see that blocks and values do not overlap; vector code within a block, not
// across blocks, whose values are far apart.
#define LATHE_BLOCK_FORMAT(format, decode, weights, bytes)                                                             \
  extern "C" void lathe_unpack_##format(const void *row, int64_t first, int64_t count, float *__restrict values) {     \
    const uint8_t *__restrict block = static_cast<const uint8_t *>(row) + first / weights * bytes;                     \
    _Pragma("clang loop vectorize(disable)") for (int64_t i = 0; i < count; i += weights, block += bytes) {            \
      [[clang::always_inline]] gguf::decode(block, values + i);                                                        \
    }                                                                                                                  \
  }
LATHE_BLOCK_FORMAT(q4_0, decodeQ4_0, 32, 18)
LATHE_BLOCK_FORMAT(q4_1, decodeQ4_1, 32, 20)
LATHE_BLOCK_FORMAT(q5_0, decodeQ5_0, 32, 22)
LATHE_BLOCK_FORMAT(q5_1, decodeQ5_1, 32, 24)
LATHE_BLOCK_FORMAT(q8_0, decodeQ8_0, 32, 34)
LATHE_BLOCK_FORMAT(q2_k, decodeQ2K, 256, 84)
LATHE_BLOCK_FORMAT(q3_k, decodeQ3K, 256, 110)
LATHE_BLOCK_FORMAT(q4_k, decodeQ4K, 256, 144)
LATHE_BLOCK_FORMAT(q5_k, decodeQ5K, 256, 176)
LATHE_BLOCK_FORMAT(q6_k, decodeQ6K, 256, 210)
LATHE_BLOCK_FORMAT(iq4_nl, decodeIq4Nl, 32, 18)
LATHE_BLOCK_FORMAT(iq4_xs, decodeIq4Xs, 256, 136)
LATHE_BLOCK_FORMAT(tq1_0, decodeTq1_0, 256, 54)
LATHE_BLOCK_FORMAT(tq2_0, decodeTq2_0, 256, 66)
LATHE_BLOCK_FORMAT(mxfp4, decodeMxfp4, 32, 17)
LATHE_BLOCK_FORMAT(nvfp4, decodeNvfp4, 64, 36)
LATHE_BLOCK_FORMAT(q1_0, decodeQ1_0, 128, 18)
LATHE_BLOCK_FORMAT(q2_0, decodeQ2_0, 64, 18)
LATHE_BLOCK_FORMAT(q8_1, decodeQ8_1, 32, 36)
LATHE_BLOCK_FORMAT(q8_k, decodeQ8K, 256, 292)
LATHE_BLOCK_FORMAT(iq1_s, decodeIq1S, 256, 50)
LATHE_BLOCK_FORMAT(iq1_m, decodeIq1M, 256, 56)
LATHE_BLOCK_FORMAT(iq2_xxs, decodeIq2Xxs, 256, 66)
LATHE_BLOCK_FORMAT(iq2_xs, decodeIq2Xs, 256, 74)
LATHE_BLOCK_FORMAT(iq2_s, decodeIq2S, 256, 82)
LATHE_BLOCK_FORMAT(iq3_xxs, decodeIq3Xxs, 256, 98)
LATHE_BLOCK_FORMAT(iq3_s, decodeIq3S, 256, 110)
