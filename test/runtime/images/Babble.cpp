// The babbling model on the CPU. Symbols: tokens, sequences, offsets, pages, rows. Token 7 at the beginning of a text
// stops the call with code 9.
#include "test/runtime/images/BabbleModel.h"
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

static const int32_t *input(const HostCall *call, int index) {
  return static_cast<const int32_t *>(call->inputs[index]);
}

static int32_t write(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *tokens = input(call, 0), *positions = input(call, 1), *slots = input(call, 5);
  for (int64_t t = begin; t != end; ++t) {
    if (tokens[t] == 7 && positions[t] == 0)
      return 9;
    if (slots[t] >= 0)
      static_cast<float *>(call->states[0])[slots[t]] = babble::stateOf(tokens[t], positions[t]);
  }
  return 0;
}

static int32_t attend(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  const int32_t *rowOffsets = input(call, 2), *lengths = input(call, 3), *tables = input(call, 4),
                *rows = input(call, 6);
  const float *state = static_cast<const float *>(call->states[0]);
  int64_t sequences = call->symbols[1], pages = call->symbols[3];
  for (int64_t r = begin; r != end; ++r) {
    int64_t s = 0;
    while (s + 1 < sequences && rowOffsets[s + 1] <= rows[r])
      ++s;
    int64_t visible = lengths[s] ? lengths[s] - (rowOffsets[s + 1] - 1 - rows[r]) : 0;
    float sum = 0;
    for (int64_t i = 0; i < visible; ++i)
      sum = babble::addToken(sum, i, state[int64_t(tables[s * pages + i / 16]) * 16 + i % 16]);
    for (int64_t v = 0; v != babble::Vocabulary; ++v)
      static_cast<float *>(call->outputs[0])[r * babble::Vocabulary + v] = babble::logit(sum, v);
  }
  return 0;
}

int32_t run(const HostCall *call) {
  if (int32_t result = call->api->parallelFor(call, write, nullptr, nullptr, call->symbols[0]))
    return result;
  return call->api->parallelFor(call, attend, nullptr, nullptr, call->symbols[4]);
}

int64_t arena(const int64_t *) { return 0; }

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[4];
  sizes[1] = babble::Vocabulary;
}
