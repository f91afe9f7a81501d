// Loops of LoopIndexing.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INDEXING_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INDEXING_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// attributes: axis.
struct GatherAlong {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.inputs[1], &output = call.outputs[0];
    int64_t axis = call.attributes[0], inner = input.elements(axis + 1, input.rank), size = input.shape[axis];
    int64_t count = indices.elements(), end = lastElement(call, output);
    for (int64_t index = call.begin * TileElements; index < end;) {
      int64_t row = index / inner, within = index % inner, left = inner - within;
      int64_t place = wrapIndex(indices.loadInt(row % count), size), run = left < end - index ? left : end - index;
      if (place < 0) {
        output.clear(index);
        return runtime::HostIndexOutOfRange;
      }
      int64_t from = (row / count * size + place) * inner + within;
      for (int64_t i = 0; i < run; ++i)
        output.copy(index + i, input, from + i);
      index += run;
    }
    return runtime::HostDone;
  }
};

/// attributes: axis.
struct GatherElements {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.inputs[1], &output = call.outputs[0];
    int64_t axis = call.attributes[0];
    int32_t fault = runtime::HostDone;
    forEachOfTiles(call, output, [&](int64_t index, const int64_t *at) {
      int64_t from = 0, place = wrapIndex(indices.loadInt(index), input.shape[axis]);
      for (int64_t d = 0; d < input.rank; ++d) {
        int64_t coordinate = d == axis ? place : at[d];
        if (coordinate < 0 || coordinate >= input.shape[d]) {
          output.clear(index);
          fault = runtime::HostIndexOutOfRange;
          return;
        }
        from = from * input.shape[d] + coordinate;
      }
      output.copy(index, input, from);
    });
    return fault;
  }
};

/// The offset that a tuple of `indices` gives in dimensions [first, first + length) of `input`, in units of what lies
/// behind them, or -1.
LATHE_LOOP_INLINE int64_t locateTuple(const Tensor &input, const Tensor &indices, int64_t tuple, int64_t first,
                                      int64_t length) {
  int64_t offset = 0;
  for (int64_t k = 0; k < length; ++k) {
    int64_t place = wrapIndex(indices.loadInt(tuple * length + k), input.shape[first + k]);
    if (place < 0)
      return -1;
    offset = offset * input.shape[first + k] + place;
  }
  return offset;
}

/// attributes: batch dimensions.
struct GatherNd {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements());
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.inputs[1], &output = call.outputs[0];
    int64_t batchDims = call.attributes[0], length = indices.shape[indices.rank - 1];
    int64_t slice = input.elements(batchDims + length, input.rank), end = lastElement(call, output);
    int64_t batchTuples = indices.elements(batchDims, indices.rank - 1), batch = input.elements(batchDims, input.rank);
    for (int64_t index = call.begin * TileElements; index < end; ++index) {
      int64_t tuple = index / slice, offset = locateTuple(input, indices, tuple, batchDims, length);
      if (offset < 0) {
        output.clear(index);
        return runtime::HostIndexOutOfRange;
      }
      output.copy(index, input, tuple / batchTuples * batch + offset * slice + index % slice);
    }
    return runtime::HostDone;
  }
};

/// Element `index` of `output` becomes it combined with an element of `updates`: 0 replaced, 1 add, 2 mul, 3 max, 4
/// min.
LATHE_LOOP_INLINE void combine(const Tensor &output, int64_t index, const Tensor &updates, int64_t from,
                               int64_t reduction) {
  if (reduction == 0) {
    output.copy(index, updates, from);
  } else if (output.isFloat()) {
    double x = output.loadFloat(index), y = updates.loadFloat(from);
    output.storeFloat(index, reduction == 1   ? x + y
                             : reduction == 2 ? x * y
                             : reduction == 3 ? (x > y || x != x ? x : y)
                                              : (x < y || x != x ? x : y));
  } else {
    int64_t x = output.loadInt(index), y = updates.loadInt(from);
    bool less = output.type == Element::U64 ? uint64_t(x) < uint64_t(y) : x < y;
    uint64_t sum = uint64_t(x) + uint64_t(y), product = uint64_t(x) * uint64_t(y);
    output.storeInt(index, reduction == 1             ? int64_t(sum)
                           : reduction == 2           ? int64_t(product)
                           : less == (reduction == 3) ? y
                                                      : x);
  }
}

/// One tile: updates go in order. attributes: reduction, axis.
struct ScatterElements {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *, const int64_t *) { return 1; }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.inputs[1], &updates = call.inputs[2],
                 &output = call.outputs[0];
    int64_t reduction = call.attributes[0], axis = call.attributes[1];
    for (int64_t i = 0, count = input.elements(); i < count; ++i)
      output.copy(i, input, i);
    int32_t fault = runtime::HostDone;
    forEach(indices.shape, indices.rank, 0, indices.elements(), [&](int64_t index, const int64_t *at) {
      int64_t to = 0, place = wrapIndex(indices.loadInt(index), input.shape[axis]);
      for (int64_t d = 0; d < input.rank; ++d) {
        int64_t coordinate = d == axis ? place : at[d];
        if (coordinate < 0 || coordinate >= input.shape[d]) {
          fault = runtime::HostIndexOutOfRange;
          return;
        }
        to = to * input.shape[d] + coordinate;
      }
      combine(output, to, updates, index, reduction);
    });
    return fault;
  }
};

/// One tile: updates go in order. attributes: reduction.
struct ScatterNd {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *, const int64_t *) { return 1; }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.inputs[1], &updates = call.inputs[2],
                 &output = call.outputs[0];
    int64_t length = indices.shape[indices.rank - 1], slice = input.elements(length, input.rank);
    for (int64_t i = 0, count = input.elements(); i < count; ++i)
      output.copy(i, input, i);
    for (int64_t tuple = 0, tuples = indices.elements(0, indices.rank - 1); tuple < tuples; ++tuple) {
      int64_t offset = locateTuple(input, indices, tuple, 0, length);
      if (offset < 0)
        return runtime::HostIndexOutOfRange;
      for (int64_t i = 0; i < slice; ++i)
        combine(output, offset * slice + i, updates, tuple * slice + i, call.attributes[0]);
    }
    return runtime::HostDone;
  }
};

/// One tile: the place of an element among those found depends on all before it.
struct Nonzero {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *, const int64_t *) { return 1; }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &indices = call.outputs[0];
    int64_t elements = input.elements(), count = 0;
    for (int64_t i = 0; i < elements * input.rank; ++i)
      indices.storeInt(i, 0);
    forEach(input.shape, input.rank, 0, elements, [&](int64_t index, const int64_t *at) {
      if (input.isFloat() ? input.loadFloat(index) == 0 : input.loadInt(index) == 0)
        return;
      for (int64_t d = 0; d < input.rank; ++d)
        indices.storeInt(d * elements + count, at[d]);
      ++count;
    });
    call.outputs[1].storeInt(0, count);
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_INDEXING_H
