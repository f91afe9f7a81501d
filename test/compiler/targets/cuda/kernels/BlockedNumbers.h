// Numbers of `!lathe.blocked`, by the type's definition: for the tests of kernels that read such blocks.
#ifndef LATHE_TEST_KERNELS_BLOCKEDNUMBERS_H
#define LATHE_TEST_KERNELS_BLOCKEDNUMBERS_H

#include "KernelTest.h"
#include "blocked_formats.cuh"

namespace lathe::kernels::test {

/// What a code stands for, by the type's definition.
template <class Code> struct CodeValue;
template <int Bits> struct CodeValue<SignedCode<Bits>> {
  static float of(int code) { return float(code < 1 << (Bits - 1) ? code : code - (1 << Bits)); }
};
template <int Bits> struct CodeValue<UnsignedCode<Bits>> {
  static float of(int code) { return float(code); }
};
/// A float with `exponents` bits of exponent and `fractions` of fraction behind its sign.
inline float smallFloat(int code, int exponents, int fractions) {
  int bias = (1 << (exponents - 1)) - 1, exponent = code >> fractions & ((1 << exponents) - 1),
      fraction = code & ((1 << fractions) - 1);
  float magnitude = exponent == 0 ? std::ldexp(float(fraction), 1 - bias - fractions)
                                  : std::ldexp(float((1 << fractions) + fraction), exponent - bias - fractions);
  return code >> (exponents + fractions) ? -magnitude : magnitude;
}
template <> struct CodeValue<E2M1Code> {
  static float of(int code) { return smallFloat(code, 2, 1); }
};
template <> struct CodeValue<E4M3Code> {
  static float of(int code) { return smallFloat(code, 4, 3); }
};
template <> struct CodeValue<E5M2Code> {
  static float of(int code) { return smallFloat(code, 5, 2); }
};
template <> struct CodeValue<Nf4Code> {
  static float of(int code) {
    constexpr float Values[16] = {
#include "runtime/Nf4Values.def"
    };
    return Values[code];
  }
};

/// The number of `count` bits of a row of codes.
inline int codeAt(const uint8_t *codes, int at, int count) {
  int code = 0;
  for (int bit = 0; bit < count; ++bit)
    code |= (codes[(at * count + bit) / 8] >> (at * count + bit) % 8 & 1) << bit;
  return code;
}

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_BLOCKEDNUMBERS_H
