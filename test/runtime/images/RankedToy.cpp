// The toy model on several ranks. Each rank keeps the whole state and multiplies by its slice of the head, as long as
// `Vocabulary / ranks`; the slices are gathered and put into rows. Of the weights all ranks share the first page, which
// holds the number of ranks, and behind it each has its slice of the head. Before that the written values meet in an
// all-reduce: each rank gives 1 / ranks of them.
#include "runtime/include/lathe.h"
#include "test/runtime/images/Entry.h"
#include "test/runtime/images/ToyModel.h"

using namespace lathe::runtime;

static int32_t collect(const HostCall *call, CollectiveKind kind, void *target, const void *source, int64_t count) {
  HostCollective collective = {uint32_t(kind), LATHE_F32, 0, uint32_t(Reduction::Sum)};
  return call->api->collective(call, &collective, target, source, count);
}

int32_t run(const HostCall *call) {
  auto at = [&](int index) { return static_cast<const int32_t *>(call->inputs[index]); };
  toy::Arrays arrays = {at(0), at(1), at(2), at(3), at(4), at(5), at(6)};
  int64_t ranks = *reinterpret_cast<const int32_t *>(call->weights), own = toy::Vocabulary / ranks;
  auto *slice = reinterpret_cast<const float *>(call->weights + 4096);
  int64_t tokens = call->symbols[0], rows = call->symbols[4];
  auto *values = reinterpret_cast<float *>(call->arena), *logits = static_cast<float *>(call->outputs[0]);
  for (int64_t t = 0; t != tokens; ++t)
    values[t] = (float(arrays.tokens[t]) + float(arrays.positions[t]) * 0.25f) / float(ranks);
  if (int32_t result = collect(call, CollectiveKind::AllReduce, values, values, tokens))
    return result;
  auto *state = static_cast<float *>(call->states[0]);
  for (int64_t t = 0; t != tokens; ++t)
    if (arrays.slots[t] >= 0)
      state[arrays.slots[t]] = values[t];

  float head[toy::Vocabulary] = {};
  for (int64_t v = 0; v != own; ++v)
    head[v] = slice[v];
  float *mine = values, *gathered = values + rows * toy::Vocabulary;
  toy::attend(arrays, state, head, call->symbols[1], call->symbols[3], logits, 0, rows);
  for (int64_t r = 0; r != rows; ++r)
    for (int64_t v = 0; v != own; ++v)
      mine[r * own + v] = logits[r * toy::Vocabulary + v];
  if (int32_t result = collect(call, CollectiveKind::AllGather, gathered, mine, rows * own))
    return result;
  for (int64_t rank = 0; rank != ranks; ++rank)
    for (int64_t r = 0; r != rows; ++r)
      for (int64_t v = 0; v != own; ++v)
        logits[r * toy::Vocabulary + rank * own + v] = gathered[(rank * rows + r) * own + v];
  return 0;
}

int64_t arena(const int64_t *symbols) {
  int64_t rows = 2 * symbols[4] * toy::Vocabulary;
  return (rows > symbols[0] ? rows : symbols[0]) * int64_t(sizeof(float));
}

void dims(const int64_t *symbols, int64_t *sizes) {
  sizes[0] = symbols[4];
  sizes[1] = toy::Vocabulary;
}
