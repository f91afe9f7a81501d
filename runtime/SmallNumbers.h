// Numbers of at most 8 bits: their values, and the nearest of them.
//
// The reference that packs weights and the kernels that read them share these functions, so that both mean the same.
// Nothing of a C library is called; loops over them become vector code.
#ifndef LATHE_RUNTIME_SMALLNUMBERS_H
#define LATHE_RUNTIME_SMALLNUMBERS_H

#include <cstdint>

namespace lathe {

/// How a number is stored. Integers have as many bits as their type says.
enum class Number : int32_t { None, Signed, Unsigned, E2M1, E4M3, E5M2, E8M0, Nf4, F16, BF16, F32 };

/// The table of QLoRA's 4-bit NormalFloat (arXiv 2305.14314), as bitsandbytes publishes it: quantiles of a normal
/// distribution between -1 and 1, with an exact zero at place 7.
inline constexpr float Nf4Values[16] = {
#include "runtime/Nf4Values.def"
};

/// A float of `ExponentBits` and `MantissaBits` behind its sign. `Largest` is the largest finite value, `NotANumber`
/// the magnitude's code of NaN (0: there is none), `Infinity` that of infinity (0: there is none).
template <int ExponentBits, int MantissaBits, int LargestCode, int NotANumber, int Infinity> struct SmallFloat {
  static constexpr int Width = 1 + ExponentBits + MantissaBits, Bias = (1 << (ExponentBits - 1)) - 1,
                       Shift = 23 - MantissaBits, SignBit = 1 << (Width - 1);
  static constexpr uint32_t Rebias = uint32_t(127 - Bias) << 23; ///< from its exponent to that of f32
  static constexpr float LeastNormal = __builtin_bit_cast(float, uint32_t(128 - Bias) << 23),
                         Largest = __builtin_bit_cast(float, (uint32_t(LargestCode) << Shift) + Rebias);

  /// Exponent and fraction stand where an f32 has them, its bias lower: a product with a power of two, which is exact
  /// for what is subnormal too.
  [[gnu::always_inline]] static constexpr float widen(uint8_t code) {
    constexpr float Scale = __builtin_bit_cast(float, uint32_t(254 - Bias) << 23);
    uint32_t magnitude = code & (SignBit - 1), sign = uint32_t(code & SignBit) << (32 - Width);
    float wide = __builtin_bit_cast(float, magnitude << Shift) * Scale;
    uint32_t bits = __builtin_bit_cast(uint32_t, wide);
    if constexpr (Infinity != 0)
      bits = magnitude > Infinity ? 0x7FC00000u : magnitude == Infinity ? 0x7F800000u : bits;
    else if constexpr (NotANumber != 0)
      bits = magnitude == NotANumber ? 0x7FC00000u : bits;
    return __builtin_bit_cast(float, bits | sign);
  }

  /// The nearest, ties to even; what is beyond the largest, infinity too, becomes the largest. NaN where there is none
  /// becomes the largest as well.
  [[gnu::always_inline]] static uint8_t round(float value) {
    uint32_t sign = __builtin_bit_cast(uint32_t, value) >> (32 - Width) & SignBit;
    float magnitude = __builtin_fabsf(value);
    float bounded = magnitude < Largest ? magnitude : Largest;
    uint32_t normal = __builtin_bit_cast(uint32_t, bounded);
    normal = (normal + (1u << (Shift - 1)) - 1 + (normal >> Shift & 1)) >> Shift;
    normal -= Rebias >> Shift;
    // Below the least normal value steps are equal: adding 2^23 of them leaves their number in the low bits.
    constexpr float Steps = LeastNormal * float(1 << Shift);
    float shifted = bounded + Steps;
    uint32_t small = __builtin_bit_cast(uint32_t, shifted) & (SignBit - 1);
    uint32_t code = bounded < LeastNormal ? small : normal;
    if constexpr (NotANumber != 0)
      code = value != value ? uint32_t(NotANumber) : code;
    return uint8_t(sign | code);
  }
};

/// 4 bits, without infinities and NaN: 0, 0.5, 1, 1.5, 2, 3, 4, 6.
using E2M1 = SmallFloat<2, 1, 7, 0, 0>;
/// 8 bits without infinities, up to 448.
using E4M3 = SmallFloat<4, 3, 0x7E, 0x7F, 0>;
/// The upper half of an f16, up to 57,344.
using E5M2 = SmallFloat<5, 2, 0x7B, 0x7E, 0x7C>;

/// A power of two, 2^(code - 127); 255 is NaN. It has no sign and no zero.
struct E8M0 {
  static constexpr float widen(uint8_t code) {
    uint32_t bits = code == 0 ? 0x00400000u : code == 255 ? 0x7FC00000u : uint32_t(code) << 23;
    return __builtin_bit_cast(float, bits);
  }
  /// The largest power of two that is not above `value`, which is positive: 2^-127 for what is below it.
  static uint8_t floor(float value) {
    uint32_t bits = __builtin_bit_cast(uint32_t, value);
    return uint8_t(bits >> 23);
  }
};

} // namespace lathe

#endif // LATHE_RUNTIME_SMALLNUMBERS_H
