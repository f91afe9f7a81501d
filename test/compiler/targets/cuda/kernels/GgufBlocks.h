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
    if constexpr (Format::Block == 32)
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
