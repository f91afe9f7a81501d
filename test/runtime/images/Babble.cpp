// The babbling model on the CPU. Symbols: tokens, sequences, offsets, pages, rows. Token 7 at the beginning of a text
// stops the call with code 9.
#include "test/runtime/images/BabbleModel.h"
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

static const int32_t *input(const HostCall *call, int index) {
  return static_cast<const int32_t *>(call->inputs[index]);
}

/// The slot of token `index` of sequence `s`.
static int64_t slotOf(const HostCall *call, int64_t s, int64_t index) {
  return int64_t(input(call, 4)[s * call->symbols[3] + index / 16]) * 16 + index % 16;
}

static int32_t write(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *tokens = input(call, 0), *rowOffsets = input(call, 2), *lengths = input(call, 3);
  float *state = static_cast<float *>(call->states[0]);
  for (int64_t s = begin; s != end; ++s) {
    int64_t index = lengths[s] - (rowOffsets[s + 1] - rowOffsets[s]);
    for (int64_t t = rowOffsets[s]; t != rowOffsets[s + 1] && lengths[s]; ++t, ++index) {
      if (tokens[t] == 7 && index == 0)
        return 9;
      state[input(call, 5)[t]] = babble::stateOf(tokens[t], index ? state[slotOf(call, s, index - 1)] : 0);
    }
  }
  return 0;
}

static int32_t attend(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *rowOffsets = input(call, 2), *lengths = input(call, 3), *rows = input(call, 6);
  const float *state = static_cast<const float *>(call->states[0]);
  for (int64_t r = begin; r != end; ++r) {
    int64_t s = 0;
    while (s + 1 < call->symbols[1] && rowOffsets[s + 1] <= rows[r])
      ++s;
    int64_t visible = lengths[s] ? lengths[s] - (rowOffsets[s + 1] - 1 - rows[r]) : 0;
    float sum = 0;
    for (int64_t i = 0; i < visible; ++i)
      sum = babble::addToken(sum, i, state[slotOf(call, s, i)]);
    for (int64_t v = 0; v != babble::Vocabulary; ++v)
      static_cast<float *>(call->outputs[0])[r * babble::Vocabulary + v] = babble::logit(sum, v);
  }
  return 0;
}

int32_t run(const HostCall *call) {
  if (int32_t result = call->api->parallelFor(call, write, nullptr, nullptr, call->symbols[1]))
    return result;
  return call->api->parallelFor(call, attend, nullptr, nullptr, call->symbols[4]);
}

int64_t arena(const int64_t *) { return 0; }

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[4];
  sizes[1] = babble::Vocabulary;
}
