// A language model of two kernels. Each token leaves token + position / 4 in its slot of the state; a row's logits
// are the weighted sum over the tokens it sees:
//   logits[r, v] = weight[v] * sum_{i < visible(rows[r])} (1 + i % 3) * state[slot of token i]
#ifndef LATHE_TEST_RUNTIME_IMAGES_TOYMODEL_H
#define LATHE_TEST_RUNTIME_IMAGES_TOYMODEL_H

#include <cstdint>

namespace toy {

inline constexpr int64_t Vocabulary = 8, Candidates = 3;

struct Arrays {
  const int32_t *tokens, *positions, *rowOffsets, *lengths, *blockTables, *slots, *rows;
};

inline void write(const Arrays &arrays, float *state, int64_t begin, int64_t end) {
  for (int64_t t = begin; t != end; ++t)
    if (arrays.slots[t] >= 0)
      state[arrays.slots[t]] = float(arrays.tokens[t]) + float(arrays.positions[t]) * 0.25f;
}

inline void attend(const Arrays &arrays, const float *state, const float *weight, int64_t sequences, int64_t pages,
                   float *logits, int64_t begin, int64_t end) {
  for (int64_t r = begin; r != end; ++r) {
    int64_t row = arrays.rows[r], s = 0;
    while (s + 1 < sequences && arrays.rowOffsets[s + 1] <= row)
      ++s;
    int64_t visible = arrays.lengths[s] ? arrays.lengths[s] - (arrays.rowOffsets[s + 1] - 1 - row) : 0;
    float sum = 0;
    for (int64_t i = 0; i < visible; ++i)
      sum += float(1 + i % 3) * state[int64_t(arrays.blockTables[s * pages + i / 16]) * 16 + i % 16];
    for (int64_t v = 0; v != Vocabulary; ++v)
      logits[r * Vocabulary + v] = weight[v] * sum;
  }
}

} // namespace toy

#endif // LATHE_TEST_RUNTIME_IMAGES_TOYMODEL_H
