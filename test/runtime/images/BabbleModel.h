// A language model whose every logit depends on every token that it sees, on where they stand and on the order in which
// they are added up: whoever mixes up a page, a position or an order gets other logits altogether.
//   state of a token = u(token, bits of the state of the token before it), 0 being before the first
//   logits[r, v] = 8 * u(bits of sum_{i < visible(rows[r])} (1 + i % 3) * state[slot of token i], v)
// with u a hash from 0 to below 1. The model with a window adds to the sum, behind it, the same over the last Window
// tokens of a second state, which is u(bits of the state, 1).
#ifndef LATHE_TEST_RUNTIME_IMAGES_BABBLEMODEL_H
#define LATHE_TEST_RUNTIME_IMAGES_BABBLEMODEL_H

#include <cstdint>

namespace babble {

inline constexpr int64_t Vocabulary = 384; ///< one more than byte_pair.gguf has tokens
inline constexpr int64_t Longest = 128;    ///< tokens of a text
inline constexpr int64_t Window = 24;
inline constexpr int64_t WindowLongest = 640; ///< tokens of a text of the model with a window
inline constexpr uint64_t PageBytes = 64;     ///< of either state

inline float unit(uint32_t left, uint32_t right) {
  uint32_t value = left * 0x9e3779b9u ^ (right + 0x7f4a7c15u) * 0x85ebca6bu;
  value = (value ^ value >> 16) * 0x7feb352du;
  value = (value ^ value >> 15) * 0x846ca68bu;
  return float((value ^ value >> 16) >> 8) * 0x1p-24f;
}

inline float stateOf(int32_t token, float before) {
  return unit(uint32_t(token), __builtin_bit_cast(uint32_t, before));
}

inline float windowStateOf(float state) { return unit(__builtin_bit_cast(uint32_t, state), 1); }

inline float addToken(float sum, int64_t index, float state) { return sum + float(1 + index % 3) * state; }

inline float logit(float sum, int64_t token) { return 8 * unit(__builtin_bit_cast(uint32_t, sum), uint32_t(token)); }

} // namespace babble

#endif // LATHE_TEST_RUNTIME_IMAGES_BABBLEMODEL_H
