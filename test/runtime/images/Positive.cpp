// The positive program: y holds the elements of x that are greater than 0, in their order; total their number. It
// copies through memory of the pool. An element of 99 is an index out of range, one of 55 a size out of bounds.
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

int32_t run(const HostCall *call) {
  auto *x = static_cast<const float *>(call->inputs[0]);
  int64_t count = 0, size = call->symbols[0];
  for (int64_t i = 0; i != size; ++i) {
    if (x[i] == 99) {
      call->api->explain(call, HostIndexOutOfRange, "gather_7", 0, 0, 0);
      return HostIndexOutOfRange;
    }
    if (x[i] == 55) {
      call->api->explain(call, HostSizeOutOfRange, "slice_3", 55, 0, 16);
      return HostSizeOutOfRange;
    }
    // One element more in each round, as a growing loop has it.
    if (x[i] > 0) {
      void *memory = call->api->allocate(call, 0, (count + 1) * int64_t(sizeof(float)), count * int64_t(sizeof(float)));
      if (!memory)
        return HostOutOfMemory;
      static_cast<float *>(memory)[count++] = x[i];
    }
  }
  void *y = call->api->bindOutput(call, 0, &count);
  if (!y)
    return HostOutputTooSmall;
  if (count) {
    void *memory = call->api->allocate(call, 0, 1, count * int64_t(sizeof(float)));
    if (int32_t result = call->api->copy(call, y, memory, count * int64_t(sizeof(float))))
      return result;
  }
  *static_cast<int64_t *>(call->outputs[1]) = count;
  return 0;
}

int64_t arena(const int64_t *) { return 0; }

void dims(const int64_t *symbols, int64_t *sizes) { sizes[0] = ~symbols[0]; }
