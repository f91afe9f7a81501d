// Tensor entry: y[b, i] = tanhf(x[b, i] * weight[i]), total[b] = sum_i x[b, i] * weight[i], through the arena.
// Symbol 0 is the batch. A batch of 13 fails with code 7.
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

static constexpr int64_t Width = 4;

static int32_t multiply(const HostCall *, void *const *buffers, const int64_t *, int64_t begin, int64_t end) {
  auto *x = static_cast<const float *>(buffers[0]), *weight = static_cast<const float *>(buffers[1]);
  auto *product = static_cast<float *>(buffers[2]);
  for (int64_t row = begin; row != end; ++row)
    for (int64_t i = 0; i != Width; ++i)
      product[row * Width + i] = x[row * Width + i] * weight[i];
  return 0;
}

static int32_t finish(const HostCall *call, void *const *buffers, const int64_t *sizes, int64_t begin, int64_t end) {
  auto *product = static_cast<const float *>(buffers[0]);
  auto *y = static_cast<float *>(buffers[1]), *total = static_cast<float *>(buffers[2]);
  if (sizes[0] == 13)
    return 7;
  for (int64_t row = begin; row != end; ++row) {
    float sum = 0;
    for (int64_t i = 0; i != Width; ++i) {
      y[row * Width + i] = call->api->math->tanhf(product[row * Width + i]);
      sum += product[row * Width + i];
    }
    total[row] = sum;
  }
  return 0;
}

int32_t run(const HostCall *call) {
  int64_t batch = call->symbols[0];
  void *first[] = {call->inputs[0], const_cast<unsigned char *>(call->weights), call->arena};
  if (int32_t result = call->api->parallelFor(call, multiply, first, nullptr, batch))
    return result;
  void *second[] = {call->arena, call->outputs[0], call->outputs[1]};
  return call->api->parallelFor(call, finish, second, call->symbols, batch);
}

int64_t arena(const int64_t *symbols) { return symbols[0] * Width * int64_t(sizeof(float)); }

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[0];
  sizes[1] = Width;
  sizes[2] = symbols[0];
}
