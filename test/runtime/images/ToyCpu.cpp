// The toy model on the CPU. Symbols: tokens, sequences, offsets, pages, rows. Token 7 stops the call with code 9.
#include "test/runtime/images/Entry.h"
#include "test/runtime/images/ToyModel.h"

using namespace lathe::runtime;

static toy::Arrays arraysOf(const HostCall *call) {
  auto at = [&](int index) { return static_cast<const int32_t *>(call->inputs[index]); };
  return {at(0), at(1), at(2), at(3), at(4), at(5), at(6)};
}

static int32_t write(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  for (int64_t t = begin; t != end; ++t)
    if (arraysOf(call).tokens[t] == 7)
      return 9;
  toy::write(arraysOf(call), static_cast<float *>(call->states[0]), begin, end);
  return 0;
}

static int32_t attend(const HostCall *call, void *const *, const int64_t *, int64_t begin, int64_t end) {
  toy::attend(arraysOf(call), static_cast<const float *>(call->states[0]),
              reinterpret_cast<const float *>(call->weights), call->symbols[1], call->symbols[3],
              static_cast<float *>(call->outputs[0]), begin, end);
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
  sizes[1] = toy::Vocabulary;
}
