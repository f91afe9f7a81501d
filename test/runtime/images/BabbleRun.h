// The babbling model on the CPU. Symbols: tokens, sequences, offsets, pages, rows. Token 7 at the beginning of a text
// stops the call with code 9.
#ifndef LATHE_TEST_RUNTIME_IMAGES_BABBLERUN_H
#define LATHE_TEST_RUNTIME_IMAGES_BABBLERUN_H

#include "test/runtime/images/BabbleModel.h"
#include "test/runtime/images/Entry.h"

namespace babble {

using lathe::runtime::HostCall;

inline const int32_t *input(const HostCall *call, int index) {
  return static_cast<const int32_t *>(call->inputs[index]);
}

/// What token `index` of sequence `s` left in a state, found through the block tables that are input `tables`.
inline float &stateAt(const HostCall *call, int state, int tables, int64_t s, int64_t index) {
  int64_t page = input(call, tables)[s * call->symbols[3] + index / 16];
  return static_cast<float *>(call->states[state])[page * 16 + index % 16];
}

template <int64_t Window>
int32_t write(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *tokens = input(call, 0), *rowOffsets = input(call, 2), *lengths = input(call, 3);
  for (int64_t s = begin; s != end; ++s) {
    int64_t index = lengths[s] - (rowOffsets[s + 1] - rowOffsets[s]);
    for (int64_t t = rowOffsets[s]; t != rowOffsets[s + 1] && lengths[s]; ++t, ++index) {
      if (tokens[t] == 7 && index == 0)
        return 9;
      float state = stateOf(tokens[t], index ? stateAt(call, 0, 4, s, index - 1) : 0);
      static_cast<float *>(call->states[0])[input(call, 5)[t]] = state;
      if constexpr (Window != 0)
        static_cast<float *>(call->states[1])[input(call, 8)[t]] = windowStateOf(state);
    }
  }
  return 0;
}

template <int64_t Window>
int32_t attend(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *rowOffsets = input(call, 2), *lengths = input(call, 3), *rows = input(call, 6);
  for (int64_t r = begin; r != end; ++r) {
    int64_t s = 0;
    while (s + 1 < call->symbols[1] && rowOffsets[s + 1] <= rows[r])
      ++s;
    int64_t visible = lengths[s] ? lengths[s] - (rowOffsets[s + 1] - 1 - rows[r]) : 0;
    float sum = 0;
    for (int64_t i = 0; i < visible; ++i)
      sum = addToken(sum, i, stateAt(call, 0, 4, s, i));
    if constexpr (Window != 0)
      for (int64_t i = visible > Window ? visible - Window : 0; i < visible; ++i)
        sum = addToken(sum, i, stateAt(call, 1, 7, s, i));
    for (int64_t v = 0; v != Vocabulary; ++v)
      static_cast<float *>(call->outputs[0])[r * Vocabulary + v] = logit(sum, v);
  }
  return 0;
}

template <int64_t Window> int32_t runModel(const HostCall *call) {
  if (int32_t result = call->api->parallelFor(call, write<Window>, nullptr, nullptr, call->symbols[1]))
    return result;
  return call->api->parallelFor(call, attend<Window>, nullptr, nullptr, call->symbols[4]);
}

inline void modelDims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[4];
  sizes[1] = Vocabulary;
}

} // namespace babble

#endif // LATHE_TEST_RUNTIME_IMAGES_BABBLERUN_H
