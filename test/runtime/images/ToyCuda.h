// The toy model for CUDA: the same two kernels as launches, which the fake driver's host functions carry out. The
// write is one thread a token; the attention asks for 64 KiB of dynamic shared memory, more than a kernel has unasked.
// The arena holds a copy of the row list, so that copies and working memory are used too.
#ifndef LATHE_TEST_RUNTIME_IMAGES_TOYCUDA_H
#define LATHE_TEST_RUNTIME_IMAGES_TOYCUDA_H

#include "test/runtime/images/Entry.h"
#include "test/runtime/images/ToyModel.h"

namespace toy {

using namespace lathe::runtime;

inline int32_t runToy(const HostCall *call) {
  const int64_t *symbols = call->symbols;
  int64_t tokens = symbols[0], sequences = symbols[1], pages = symbols[3], rows = symbols[4];
  void *const *in = call->inputs;
  void *state = call->states[0], *logits = call->outputs[0], *rowCopy = call->arena;
  const void *weight = call->weights;
  if (int32_t result = call->api->copy(call, rowCopy, in[6], rows * int64_t(sizeof(int32_t))))
    return result;
  const void *write[] = {&in[0], &in[1], &in[5], &state, &tokens};
  CudaLaunch first = {0, {uint32_t(tokens), 1, 1}, {1, 1, 1}, 0};
  if (int32_t result = call->api->launch(call, &first, const_cast<void *const *>(write)))
    return result;
  const void *attend[] = {&in[2], &in[3], &in[4], &rowCopy, &state, &weight, &logits, &sequences, &pages, &rows};
  CudaLaunch second = {1, {uint32_t(rows), 1, 1}, {32, 1, 1}, 65536};
  return call->api->launch(call, &second, const_cast<void *const *>(attend));
}

} // namespace toy

int64_t arena(const int64_t *symbols) { return symbols[4] * int64_t(sizeof(int32_t)); }

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[4];
  sizes[1] = toy::Vocabulary;
}

#endif // LATHE_TEST_RUNTIME_IMAGES_TOYCUDA_H
