// The float types of fewer than 32 bits on the host, by definition: round to nearest even, tf32 ties away from zero.
#ifndef LATHE_TEST_KERNELS_NUMBERS_H
#define LATHE_TEST_KERNELS_NUMBERS_H

#include <bit>
#include <cmath>
#include <cstdint>

namespace lathe::kernels::test {

inline float halfValue(uint16_t bits) {
  int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  double magnitude = exponent == 31  ? (mantissa ? NAN : INFINITY)
                     : exponent == 0 ? std::ldexp(mantissa, -24)
                                     : std::ldexp(1024 + mantissa, exponent - 25);
  return static_cast<float>(bits & 0x8000 ? -magnitude : magnitude);
}

inline uint16_t halfBits(float value) {
  uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  double magnitude = std::fabs(static_cast<double>(value));
  if (std::isnan(value))
    return 0x7fff;
  if (magnitude >= 65520)
    return sign | 0x7c00;
  if (magnitude < std::ldexp(1.0, -14))
    return sign | static_cast<uint16_t>(std::nearbyint(std::ldexp(magnitude, 24)));
  int exponent = std::ilogb(magnitude);
  int mantissa = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 10 - exponent)));
  return sign | static_cast<uint16_t>(((exponent + 15) << 10) + mantissa - 1024);
}

inline float bfloat16Value(uint16_t bits) { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }

inline uint16_t bfloat16Bits(float value) {
  if (std::isnan(value))
    return 0x7fff;
  uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// The bits of an f32.
inline uint32_t tf32Bits(uint32_t bits) {
  return (bits & 0x7f800000) == 0x7f800000 ? (bits & 0xffffe000) | (bits & 0x1fff ? 0x400000 : 0)
                                           : (bits + 0x1000) & 0xffffe000;
}

/// f8E4M3FN.
inline float float8Value(uint8_t bits) {
  int exponent = bits >> 3 & 15, mantissa = bits & 7;
  double magnitude = (bits & 0x7f) == 0x7f ? NAN
                     : exponent == 0       ? std::ldexp(mantissa, -9)
                                           : std::ldexp(8 + mantissa, exponent - 10);
  return static_cast<float>(bits & 0x80 ? -magnitude : magnitude);
}

/// What is beyond 448 becomes 448.
inline uint8_t float8Bits(float value) {
  uint8_t sign = std::signbit(value) ? 0x80 : 0;
  double magnitude = std::fmin(std::fabs(static_cast<double>(value)), 448);
  if (std::isnan(value))
    return sign | 0x7f;
  if (magnitude < std::ldexp(1.0, -6))
    return sign | static_cast<uint8_t>(std::nearbyint(std::ldexp(magnitude, 9)));
  int exponent = std::ilogb(magnitude);
  int mantissa = static_cast<int>(std::nearbyint(std::ldexp(magnitude, 3 - exponent)));
  return sign | static_cast<uint8_t>(((exponent + 7) << 3) + mantissa - 8);
}

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_NUMBERS_H
