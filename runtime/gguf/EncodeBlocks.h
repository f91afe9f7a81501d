// Values to blocks, for memory that is written while a model runs. The reference and the kernels share these functions,
// so that both store the same bits.
#ifndef LATHE_RUNTIME_GGUF_ENCODEBLOCKS_H
#define LATHE_RUNTIME_GGUF_ENCODEBLOCKS_H

#include <cstdint>
#include <cstring>

namespace lathe::gguf {

/// 32 values to a block of q8_0: d, in f16, is the largest magnitude / 127, and each code the nearest integer, ties to
/// even, of value / d. A value that is not finite, or a d that f16 cannot hold, makes all of the block NaN.
inline void encodeQ8_0(const float *values, uint8_t *block) {
  constexpr float Shift = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer
  float largest = 0, poison = 0;
  for (int i = 0; i < 32; ++i) {
    float magnitude = __builtin_fabsf(values[i]);
    largest = magnitude > largest ? magnitude : largest;
    poison += values[i] * 0.0f;
  }
  float scale = largest / 127.0f;
  scale += poison;
  _Float16 stored = static_cast<_Float16>(scale);
  float wide = static_cast<float>(stored);
  bool usable = wide > 0.0f && wide <= 65504.0f;
  float inverse = usable ? 1.0f / wide : 0.0f;
  if (!usable && wide != 0.0f)
    stored = static_cast<_Float16>(__builtin_nanf(""));
  std::memcpy(block, &stored, sizeof(stored));
  for (int i = 0; i < 32; ++i) {
    // In statements of their own, so that no compiler makes one fused operation of them.
    float code = usable ? values[i] * inverse : 0.0f;
    code = code < -127.0f ? -127.0f : code > 127.0f ? 127.0f : code;
    float shifted = code + Shift;
    code = shifted - Shift;
    block[2 + i] = static_cast<uint8_t>(static_cast<int8_t>(code));
  }
}

} // namespace lathe::gguf

#endif // LATHE_RUNTIME_GGUF_ENCODEBLOCKS_H
