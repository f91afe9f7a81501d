// The toy model for CUDA on several ranks. Each has a head in which the rows of the others are zero, so that logits are
// the sum over the ranks, which an all-reduce behind the two launches makes.
#include "runtime/include/lathe.h"
#include "test/runtime/images/ToyCuda.h"

using namespace lathe::runtime;

int32_t run(const HostCall *call) {
  if (int32_t result = toy::runToy(call))
    return result;
  HostCollective sum = {uint32_t(CollectiveKind::AllReduce), LATHE_F32, 0, uint32_t(Reduction::Sum)};
  return call->api->collective(call, &sum, call->outputs[0], call->outputs[0], call->symbols[4] * toy::Vocabulary);
}
