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
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t from = 0;
      for (int64_t d = 0; d < input.rank; ++d)
        from = from * input.shape[d] + starts[d] + at[d] * steps[d];
      output.copy(index, input, from);
    });
    return runtime::HostDone;
  }
};

struct Expand {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    int64_t missing = output.rank - input.rank;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t from = 0;
      for (int64_t d = 0; d < input.rank; ++d)
        from = from * input.shape[d] + (input.shape[d] == 1 ? 0 : at[d + missing]);
      output.copy(index, input, from);
    });
    return runtime::HostDone;
  }
};

struct ReshapeTo {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    if (input.elements() != output.elements())
      return runtime::HostIndexOutOfRange;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *) { output.copy(index, input, index); });
    return runtime::HostDone;
  }
};

/// attributes: axis, number of inputs.
struct Concat {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &output = call.outputs[0];
    int64_t axis = call.attributes[0], inner = output.elements(axis + 1, output.rank);
    int64_t period = output.shape[axis] * inner, end = lastElement(call, output);
    // Runs that lie in one input without a gap.
    for (int64_t index = call.begin * TileElements; index < end;) {
      int64_t outer = index / period, place = index % period, first = 0;
      const Tensor *input = call.inputs;
      while (place >= first + input->shape[axis] * inner)
        first += (input++)->shape[axis] * inner;
      int64_t size = input->shape[axis] * inner, left = first + size - place,
              count = left < end - index ? left : end - index;
      for (int64_t i = 0, from = outer * size + place - first; i < count; ++i)
        output.copy(index + i, *input, from + i);
      index += count;
    }
    return runtime::HostDone;
  }
};

/// attributes: mode (0 constant, 1 edge, 2 reflect, 3 wrap), elements in front of each dimension.
struct Pad {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  /// The element of a dimension of `size` that stands at `place`, or -1 outside of it where `mode` is constant.
  LATHE_LOOP_INLINE static int64_t find(int64_t mode, int64_t place, int64_t size) {
    if (place >= 0 && place < size)
      return place;
    if (mode == 0 || size == 0)
      return -1;
    if (mode == 1)
      return place < 0 ? 0 : size - 1;
    if (mode == 3)
      return (place % size + size) % size;
    if (size == 1)
      return 0;
    int64_t period = 2 * (size - 1), folded = (place % period + period) % period;
    return folded < size ? folded : period - folded;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &value = call.inputs[1], &output = call.outputs[0];
    int64_t mode = call.attributes[0];
    const int64_t *low = call.attributes + 1;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t from = 0;
      bool inside = true;
      for (int64_t d = 0; d < input.rank; ++d) {
        int64_t place = find(mode, at[d] - low[d], input.shape[d]);
        inside &= place >= 0;
        from = from * input.shape[d] + place;
      }
      if (inside)
        output.copy(index, input, from);
      else
        output.copy(index, value, 0);
    });
    return runtime::HostDone;
  }
};

/// attributes: axis.
struct Iota {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &output = call.outputs[0];
    int64_t axis = call.attributes[0];
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      if (output.isFloat())
        output.storeFloat(index, double(at[axis]));
      else
        output.storeInt(index, at[axis]);
    });
    return runtime::HostDone;
  }
};

/// attributes: the elements.
struct WriteSizes {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &output = call.outputs[0];
    forEachOfTiles(call, output,
                   [&](int64_t index, const int64_t *) { output.storeInt(index, call.attributes[index]); });
    return runtime::HostDone;
  }
};

/// attributes: time axis, batch axis.
struct ReverseSequence {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &lengths = call.inputs[1], &output = call.outputs[0];
    int64_t time = call.attributes[0], batch = call.attributes[1], fault = runtime::HostDone;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t length = lengths.loadInt(at[batch]), from = 0;
      if (length < 0 || length > input.shape[time]) {
        output.clear(index);
        fault = runtime::HostValueOutOfRange;
        return;
      }
      for (int64_t d = 0; d < input.rank; ++d)
        from = from * input.shape[d] + (d == time && at[d] < length ? length - 1 - at[d] : at[d]);
      output.copy(index, input, from);
    });
    return int32_t(fault);
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_MOVEMENT_H
