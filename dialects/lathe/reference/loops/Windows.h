// Loops of LoopWindows.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_WINDOWS_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_WINDOWS_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// The window of one result: calls `body(offset, step)` for each element of the window of `size` that lies inside of
/// the spatial dimensions `shape`, with its offset there and its place in the window. `at` are the result's
/// coordinates.
template <typename Body>
LATHE_LOOP_INLINE void forEachInWindow(int64_t dims, const int64_t *shape, const int64_t *at, const int64_t *size,
                                       const int64_t *strides, const int64_t *pads, const int64_t *dilations,
                                       Body body) {
  int64_t count = 1;
  for (int64_t d = 0; d < dims; ++d)
    count *= size[d];
  forEach(size, dims, 0, count, [&](int64_t step, const int64_t *place) {
    int64_t offset = 0;
    for (int64_t d = 0; d < dims; ++d) {
      int64_t coordinate = at[d] * strides[d] + place[d] * dilations[d] - pads[d];
      if (coordinate < 0 || coordinate >= shape[d])
        return;
      offset = offset * shape[d] + coordinate;
    }
    body(offset, step);
  });
}

/// attributes: kind (0 max, 1 average, 2 lp), include_pad, p, window, strides, pads, dilations, pads at the end.
struct Pool {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  /// Elements that an average divides by: those of the window up to the end of the padding.
  LATHE_LOOP_INLINE static int64_t countPadded(int64_t dims, const int64_t *shape, const int64_t *at,
                                               const int64_t *window) {
    const int64_t *strides = window + dims, *pads = strides + dims, *dilations = pads + dims, *end = dilations + dims;
    int64_t count = 1;
    for (int64_t d = 0; d < dims; ++d) {
      int64_t inside = 0;
      for (int64_t i = 0; i < window[d]; ++i)
        inside += at[d] * strides[d] + i * dilations[d] - pads[d] < shape[d] + end[d];
      count *= inside;
    }
    return count;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    int64_t dims = input.rank - 2, plane = input.elements(2, input.rank), kind = call.attributes[0];
    bool includePad = call.attributes[1];
    auto p = double(call.attributes[2]);
    const int64_t *window = call.attributes + 3, *strides = window + dims, *pads = strides + dims,
                  *dilations = pads + dims;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t base = (at[0] * input.shape[1] + at[1]) * plane, count = 0;
      double largest = 0, sum = 0;
      int64_t largestInt = 0;
      forEachInWindow(dims, input.shape + 2, at + 2, window, strides, pads, dilations, [&](int64_t offset, int64_t) {
        if (input.isFloat()) {
          double value = input.loadFloat(base + offset);
          if (count == 0 || value > largest || value != value)
            largest = value;
          double magnitude = value < 0 ? -value : value;
          if (kind == 1)
            sum += value;
          else if (kind == 2)
            sum += p == 1 ? magnitude : p == 2 ? value * value : call.math->pow(magnitude, p);
        } else {
          int64_t value = input.loadInt(base + offset);
          if (count == 0 || value > largestInt)
            largestInt = value;
        }
        ++count;
      });
      if (!input.isFloat()) {
        output.storeInt(index, largestInt);
        return;
      }
      if (kind == 0)
        output.storeFloat(index, count ? largest : -Infinity);
      else if (kind == 1)
        output.storeFloat(index, sum / double(includePad ? countPadded(dims, input.shape + 2, at + 2, window) : count));
      else
        output.storeFloat(index, p == 1 ? sum : p == 2 ? call.math->sqrt(sum) : call.math->pow(sum, 1 / p));
    });
    return runtime::HostDone;
  }
};

/// attributes: column_major, window, strides, pads, dilations.
struct MaxPoolIndices {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    int64_t dims = input.rank - 2, plane = input.elements(2, input.rank);
    const int64_t *window = call.attributes + 1, *strides = window + dims, *pads = strides + dims,
                  *dilations = pads + dims;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t base = (at[0] * input.shape[1] + at[1]) * plane, best = -1;
      forEachInWindow(dims, input.shape + 2, at + 2, window, strides, pads, dilations, [&](int64_t offset, int64_t) {
        if (best < 0 || isLess(input, base + best, base + offset))
          best = offset;
      });
      if (call.attributes[0] && best >= 0) {
        int64_t place = 0, stride = 1, rest = best;
        int64_t coordinates[MaxRank];
        for (int64_t d = dims - 1; d >= 0; --d) {
          coordinates[d] = rest % input.shape[d + 2];
          rest /= input.shape[d + 2];
        }
        for (int64_t d = 0; d < dims; stride *= input.shape[d + 2], ++d)
          place += coordinates[d] * stride;
        best = place;
      }
      output.storeInt(index, base + best);
    });
    return runtime::HostDone;
  }
};

/// attributes: groups, strides, pads, dilations.
struct ConvNd {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements(), SlowTileElements);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &filter = call.inputs[1], &output = call.outputs[0];
    int64_t dims = input.rank - 2, plane = input.elements(2, input.rank), taps = filter.elements(2, filter.rank);
    int64_t groups = call.attributes[0], channels = filter.shape[1], perGroup = filter.shape[0] / groups;
    const int64_t *strides = call.attributes + 1, *pads = strides + dims, *dilations = pads + dims;
    forEachOfTiles<SlowTileElements>(call, output, [&](int64_t index, const int64_t *at) {
      double sum = 0;
      uint64_t whole = 0;
      int64_t base = (at[0] * input.shape[1] + at[1] / perGroup * channels) * plane;
      for (int64_t c = 0; c < channels; ++c)
        forEachInWindow(dims, input.shape + 2, at + 2, filter.shape + 2, strides, pads, dilations,
                        [&](int64_t offset, int64_t step) {
                          int64_t x = base + c * plane + offset, w = (at[1] * channels + c) * taps + step;
                          if (input.isFloat())
                            sum += input.loadFloat(x) * filter.loadFloat(w);
                          else
                            whole += uint64_t(input.loadInt(x)) * uint64_t(filter.loadInt(w));
                        });
      if (output.isFloat())
        output.storeFloat(index, sum);
      else
        output.storeInt(index, int64_t(whole));
    });
    return runtime::HostDone;
  }
};

/// attributes: groups, strides, pads, dilations.
struct ConvTranspose {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements(), SlowTileElements);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &filter = call.inputs[1], &output = call.outputs[0];
    int64_t dims = input.rank - 2, plane = input.elements(2, input.rank), taps = filter.elements(2, filter.rank);
    int64_t groups = call.attributes[0], channels = input.shape[1] / groups, perGroup = filter.shape[1];
    const int64_t *strides = call.attributes + 1, *pads = strides + dims, *dilations = pads + dims;
    forEachOfTiles<SlowTileElements>(call, output, [&](int64_t index, const int64_t *at) {
      double sum = 0;
      int64_t group = at[1] / perGroup, m = at[1] % perGroup;
      // The taps that reach this element, and the element of the input that each comes from.
      forEach(filter.shape + 2, dims, 0, taps, [&](int64_t step, const int64_t *tap) {
        int64_t offset = 0;
        for (int64_t d = 0; d < dims; ++d) {
          int64_t place = at[d + 2] + pads[d] - tap[d] * dilations[d];
          if (place < 0 || place % strides[d] != 0 || place / strides[d] >= input.shape[d + 2])
            return;
          offset = offset * input.shape[d + 2] + place / strides[d];
        }
        for (int64_t c = group * channels; c < (group + 1) * channels; ++c)
          sum += input.loadFloat((at[0] * input.shape[1] + c) * plane + offset) *
                 filter.loadFloat((c * perGroup + m) * taps + step);
      });
      output.storeFloat(index, sum);
    });
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_WINDOWS_H
