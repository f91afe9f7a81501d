// The toy model for CUDA, with a third launch: the likeliest token of each row, the second output. A second entry finds
// the three largest logits of each row.
#include "test/runtime/images/ToyCuda.h"

using namespace lathe::runtime;

int32_t run(const HostCall *call) {
  if (int32_t result = toy::runToy(call))
    return result;
  const void *choose[] = {&call->outputs[0], &call->outputs[1]};
  CudaLaunch third = {2, {uint32_t(call->symbols[4]), 1, 1}, {32, 1, 1}, 0};
  return call->api->launch(call, &third, const_cast<void *const *>(choose));
}

int32_t runSecond(const HostCall *call) {
  const void *find[] = {&call->inputs[0], &call->outputs[0], &call->outputs[1]};
  CudaLaunch launch = {3, {uint32_t(call->symbols[0]), 1, 1}, {32, 1, 1}, 0};
  return call->api->launch(call, &launch, const_cast<void *const *>(find));
}

int64_t arenaSecond(const int64_t *) { return 0; }

void dimsSecond(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = sizes[2] = symbols[0];
  sizes[1] = sizes[3] = toy::Candidates;
}
