// The positive program for CUDA: kernels count the elements greater than 0 and pick them; the host reads the count. An
// element of 99 is an index out of range, which the first kernel reports.
#include "test/runtime/images/Entry.h"

using namespace lathe::runtime;

static int32_t start(const HostCall *call, uint32_t kernel, const void *const *arguments) {
  CudaLaunch launch = {kernel, {1, 1, 1}, {32, 1, 1}, 0};
  return call->api->launch(call, &launch, const_cast<void *const *>(arguments));
}

int32_t run(const HostCall *call) {
  int64_t size = call->symbols[0];
  const char *node = "gather_7";
  const void *count = call->arena;
  const void *counting[] = {&call->inputs[0], &count, &call->faults, &node, &size};
  if (int32_t result = start(call, 0, counting))
    return result;
  const void *read = call->api->read(call, count, sizeof(int64_t));
  if (!read)
    return HostNotRead;
  int64_t found = *static_cast<const int64_t *>(read);
  if (found > 16) {
    call->api->explain(call, HostSizeOutOfRange, "slice_3", found, 0, 16);
    return HostSizeOutOfRange;
  }
  // Half of them, then all, as a growing loop has it.
  const void *memory = nullptr;
  const int64_t parts[] = {found / 2, found};
  for (int64_t part : parts) {
    int64_t keep = memory ? found / 2 * int64_t(sizeof(float)) : 0;
    memory = call->api->allocate(call, 0, part * int64_t(sizeof(float)), keep);
    if (!memory)
      return HostOutOfMemory;
    int64_t from = keep / int64_t(sizeof(float));
    const void *picking[] = {&call->inputs[0], &memory, &size, &from, &part};
    if (int32_t result = start(call, 1, picking))
      return result;
  }
  void *y = call->api->bindOutput(call, 0, &found);
  if (!y)
    return HostOutputTooSmall;
  if (int32_t result = call->api->copy(call, y, memory, found * int64_t(sizeof(float))))
    return result;
  return call->api->write(call, call->outputs[1], found);
}

int64_t arena(const int64_t *) { return sizeof(int64_t); }

void dims(const int64_t *symbols, int64_t *sizes) { sizes[0] = ~symbols[0]; }
