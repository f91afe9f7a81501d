// An encoder of two numbers a token: the token plus an eighth of its position, and the sum of its text's tokens; those
// of rows of no text are -1. Symbols: tokens, offsets. Token 9 stops the call with code 9.
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

static int32_t encode(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  auto *tokens = static_cast<const int32_t *>(call->inputs[0]),
       *positions = static_cast<const int32_t *>(call->inputs[1]);
  auto *offsets = static_cast<const int32_t *>(call->inputs[2]);
  auto *hidden = static_cast<float *>(call->outputs[0]);
  for (int64_t row = begin; row != end; ++row) {
    if (tokens[row] == 9)
      return 9;
    hidden[2 * row] = hidden[2 * row + 1] = -1;
    for (int64_t text = 0; text + 1 != call->symbols[1]; ++text) {
      if (row < offsets[text] || row >= offsets[text + 1])
        continue;
      hidden[2 * row] = float(tokens[row]) + float(positions[row]) / 8;
      hidden[2 * row + 1] = 0;
      for (int64_t other = offsets[text]; other != offsets[text + 1]; ++other)
        hidden[2 * row + 1] += float(tokens[other]);
    }
  }
  return 0;
}

int32_t run(const HostCall *call) { return call->api->parallelFor(call, encode, nullptr, nullptr, call->symbols[0]); }

int64_t arena(const int64_t *) { return 0; }

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[0];
  sizes[1] = 2;
}
