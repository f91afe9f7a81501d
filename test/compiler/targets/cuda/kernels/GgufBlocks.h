// GGUF's blocks for the tests of products: their definition written out once more, and random ones.
#ifndef LATHE_TEST_KERNELS_GGUFBLOCKS_H
#define LATHE_TEST_KERNELS_GGUFBLOCKS_H

#include "KernelTest.h"
#include "formats.cuh"

namespace lathe::kernels::test {

using Blocks = std::vector<uint8_t>;

inline float half(const uint8_t *p) { return halfValue(uint16_t(p[0] | p[1] << 8)); }

// Element i of a block, one operation of f32 after the other as the definition has them.
template <class Format> float define(const uint8_t *block, int i);

template <> inline float define<Q8_0>(const uint8_t *b, int i) { return half(b) * float(int8_t(b[2 + i])); }

template <> inline float define<Q4_0>(const uint8_t *b, int i) {
  int code = i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4;
  return half(b) * float(code - 8);
}

inline float scaleMin(const uint8_t *b, int sub, int code) {
  const uint8_t *s = b + 4;
  int scale = sub < 4 ? s[sub] & 63 : (s[sub + 4] & 15) | (s[sub - 4] >> 6) << 4;
  int min = sub < 4 ? s[sub + 4] & 63 : s[sub + 4] >> 4 | (s[sub] >> 6) << 4;
  volatile float weight = half(b) * float(scale), least = half(b + 2) * float(min), scaled = weight * float(code);
  return scaled - least;
}

template <> inline float define<Q4_K>(const uint8_t *b, int i) {
  uint8_t byte = b[16 + i / 64 * 32 + i % 32];
  return scaleMin(b, i / 32, i / 32 % 2 ? byte >> 4 : byte & 15);
}

template <> inline float define<Q5_K>(const uint8_t *b, int i) {
  uint8_t byte = b[48 + i / 64 * 32 + i % 32];
  int fifth = b[16 + i % 32] >> (i / 32) & 1;
  return scaleMin(b, i / 32, (i / 32 % 2 ? byte >> 4 : byte & 15) | fifth << 4);
}

template <> inline float define<Q6_K>(const uint8_t *b, int i) {
  int part = i % 128 / 32;
  uint8_t low = b[i / 128 * 64 + part % 2 * 32 + i % 32], high = b[128 + i / 128 * 32 + i % 32];
  int code = (part < 2 ? low & 15 : low >> 4) | (high >> part * 2 & 3) << 4;
  volatile float scale = half(b + 208) * float(int8_t(b[192 + i / 16]));
  return scale * float(code - 32);
}

inline int fp4(int code) {
  constexpr int Entries[8] = {0, 1, 2, 3, 4, 6, 8, 12};
  return code < 8 ? Entries[code] : -Entries[code - 8];
}

template <> inline float define<MXFP4>(const uint8_t *b, int i) {
  return std::ldexp(0.5f, b[0] - 127) * float(fp4(i < 16 ? b[1 + i] & 15 : b[1 + i - 16] >> 4));
}

template <> inline float define<NVFP4>(const uint8_t *b, int i) {
  int scale = b[i / 16], exponent = scale >> 3 & 15, mantissa = scale & 7;
  if (scale == 0x7f)
    return 0; // as NaN is taken
  float d = exponent == 0 ? std::ldexp(float(mantissa), -9) : std::ldexp(float(8 + mantissa), exponent - 10);
  uint8_t byte = b[4 + i / 16 * 8 + i % 8];
  return d / 2 * float(fp4(i % 16 < 8 ? byte & 15 : byte >> 4));
}

template <> inline float define<IQ4_NL>(const uint8_t *b, int i) {
  constexpr int Entries[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return half(b) * float(Entries[i < 16 ? b[2 + i] & 15 : b[2 + i - 16] >> 4]);
}

/// Random blocks whose scales give weights of about one.
template <class Format> Blocks randomBlocks(int64_t blocks) {
  Blocks bytes(blocks * Format::BlockBytes);
  for (uint8_t &byte : bytes)
    byte = uint8_t(randomness()());
  std::uniform_real_distribution<float> scale(0.0005f, 0.004f);
  for (int64_t i = 0; i < blocks; ++i) {
    uint8_t *block = &bytes[i * Format::BlockBytes];
    auto put = [&](int at, float value) {
      uint16_t bits = halfBits(value);
      block[at] = uint8_t(bits), block[at + 1] = uint8_t(bits >> 8);
    };
    if constexpr (IsSame<Format, MXFP4>)
      block[0] = uint8_t(118 + randomness()() % 9);
    else if constexpr (IsSame<Format, NVFP4>)
      for (int s = 0; s < 4; ++s) { // now and then zero, NaN, subnormal numbers, the top bit
        constexpr uint8_t Special[] = {0x00, 0x7f, 0x01, 0x07, 0xa8, 0x80};
        auto bits = uint32_t(randomness()());
        block[s] = bits % 16 == 0 ? Special[bits / 16 % 6] : uint8_t(0x18 + block[s] % 32);
      }
    else if constexpr (Format::Block == 32)
      put(0, scale(randomness()) * (IsSame<Format, Q4_0> ? -30 : 2));
    else if constexpr (IsSame<Format, Q6_K>)
      put(208, scale(randomness()) / 8);
    else
      put(0, scale(randomness())), put(2, scale(randomness()));
  }
  return bytes;
}

template <class Format> std::vector<float> unpackAll(const Blocks &bytes) {
  std::vector<float> weights(bytes.size() / Format::BlockBytes * Format::Block);
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = define<Format>(&bytes[i / Format::Block * Format::BlockBytes], int(i % Format::Block));
  return weights;
}

struct BiasAndRow {
  const float *Bias;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return acc + Bias[col] - 0.125f * float(row);
  }
};

} // namespace lathe::kernels::test

#endif // LATHE_TEST_KERNELS_GGUFBLOCKS_H
