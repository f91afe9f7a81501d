// The toy model for CUDA: logits alone.
#include "test/runtime/images/ToyCuda.h"

int32_t run(const lathe::runtime::HostCall *call) { return toy::runToy(call); }
