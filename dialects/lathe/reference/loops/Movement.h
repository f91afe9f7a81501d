// Loops of LoopMovement.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_MOVEMENT_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_MOVEMENT_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// attributes: starts, then steps.
struct Slice {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    const int64_t *starts = call.attributes, *steps = starts + input.rank;
    int64_t count = output.elements(), first = call.begin * TileElements, last = call.end * TileElements;
    forEach(output.shape, output.rank, first, last < count ? last : count, [&](int64_t index, const int64_t *at) {
      int64_t from = 0;
      for (int64_t d = 0; d < input.rank; ++d)
        from = from * input.shape[d] + starts[d] + at[d] * steps[d];
      output.copy(index, input, from);
    });
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_MOVEMENT_H
