// Loops of LoopSorting.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SORTING_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SORTING_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// A tile is one line along the axis. attributes: axis, largest.
struct TopK {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs, const Tensor *, const int64_t *attributes) {
    const Tensor &input = inputs[0];
    return input.elements(0, attributes[0]) * input.elements(attributes[0] + 1, input.rank);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &values = call.outputs[0], &indices = call.outputs[1];
    int64_t axis = call.attributes[0], inner = input.elements(axis + 1, input.rank);
    int64_t size = input.shape[axis], k = values.shape[axis];
    bool largest = call.attributes[1];
    if (k > size)
      return runtime::HostValueOutOfRange;
    for (int64_t line = call.begin; line < call.end; ++line) {
      int64_t base = line / inner * size * inner + line % inner, to = line / inner * k * inner + line % inner;
      auto precedes = [&](int64_t a, int64_t b) {
        int64_t x = base + a * inner, y = base + b * inner;
        if (largest ? isLess(input, y, x) : isLess(input, x, y))
          return true;
        return !(largest ? isLess(input, x, y) : isLess(input, y, x)) && a < b;
      };
      auto place = [&](int64_t i) -> int64_t & { return indices.at<int64_t>(to + i * inner); };
      // The places found so far are a heap whose root comes last in the order.
      auto sink = [&](int64_t at, int64_t count) {
        for (int64_t child = 2 * at + 1; child < count; at = child, child = 2 * at + 1) {
          if (child + 1 < count && precedes(place(child), place(child + 1)))
            ++child;
          if (!precedes(place(at), place(child)))
            return;
          int64_t moved = place(at);
          place(at) = place(child);
          place(child) = moved;
        }
      };
      for (int64_t i = 0; i < k; ++i)
        place(i) = i;
      for (int64_t at = k / 2; at-- > 0;)
        sink(at, k);
      for (int64_t i = k; k > 0 && i < size; ++i)
        if (precedes(i, place(0))) {
          place(0) = i;
          sink(0, k);
        }
      for (int64_t count = k; count-- > 1;) {
        int64_t last = place(count);
        place(count) = place(0);
        place(0) = last;
        sink(0, count);
      }
      for (int64_t i = 0; i < k; ++i)
        values.copy(to + i * inner, input, base + place(i) * inner);
    }
    return runtime::HostDone;
  }
};

/// One tile. attributes: axis, sorted.
struct Unique {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *, const int64_t *) { return 1; }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &values = call.outputs[0];
    int64_t axis = call.attributes[0], outer = input.elements(0, axis), inner = input.elements(axis + 1, input.rank);
    int64_t size = input.shape[axis];
    auto *first = &call.outputs[1].at<int64_t>(0), *inverse = &call.outputs[2].at<int64_t>(0);
    auto *counts = &call.outputs[3].at<int64_t>(0);
    auto element = [&](int64_t o, int64_t slice, int64_t i) { return (o * size + slice) * inner + i; };
    // -1, 0 or 1 as slice a stands before, with or behind slice b.
    auto compare = [&](int64_t a, int64_t b) {
      for (int64_t o = 0; o < outer; ++o)
        for (int64_t i = 0; i < inner; ++i) {
          if (isLess(input, element(o, a, i), element(o, b, i)))
            return -1;
          if (isLess(input, element(o, b, i), element(o, a, i)))
            return 1;
        }
      return 0;
    };
    // `counts` holds the slices in order for the time being: equal ones by their place.
    for (int64_t i = 0; i < size; ++i)
      counts[i] = i;
    sortPlaces(counts, size, [&](int64_t a, int64_t b) {
      int order = compare(a, b);
      return order < 0 || (order == 0 && a < b);
    });
    int64_t count = 0;
    for (int64_t i = 0; i < size; ++i) {
      if (i == 0 || compare(counts[i - 1], counts[i]) != 0)
        first[count++] = counts[i];
      inverse[counts[i]] = call.attributes[1] ? count - 1 : first[count - 1];
    }
    if (!call.attributes[1]) { // `inverse` names the first slice of each kind: number those in their order
      count = 0;
      for (int64_t i = 0; i < size; ++i)
        if (inverse[i] == i) {
          counts[i] = count;
          first[count++] = i;
        }
      for (int64_t i = 0; i < size; ++i)
        inverse[i] = counts[inverse[i]];
    }
    for (int64_t i = 0; i < size; ++i)
      counts[i] = 0;
    for (int64_t i = 0; i < size; ++i)
      ++counts[inverse[i]];
    for (int64_t i = count; i < size; ++i)
      first[i] = 0;
    for (int64_t o = 0; o < outer; ++o)
      for (int64_t slice = 0; slice < size; ++slice)
        for (int64_t i = 0; i < inner; ++i)
          if (slice < count)
            values.copy(element(o, slice, i), input, element(o, first[slice], i));
          else
            values.storeInt(element(o, slice, i), 0); // all bits 0 are 0 in every type
    call.outputs[4].storeInt(0, count);
    return runtime::HostDone;
  }
};

/// A tile is one line along the axis. attributes: axis, product, exclusive, reverse.
struct Cumulative {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *inputs, const Tensor *, const int64_t *attributes) {
    const Tensor &input = inputs[0];
    return input.elements(0, attributes[0]) * input.elements(attributes[0] + 1, input.rank);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    int64_t axis = call.attributes[0], inner = input.elements(axis + 1, input.rank), size = input.shape[axis];
    bool product = call.attributes[1], exclusive = call.attributes[2], reverse = call.attributes[3];
    for (int64_t line = call.begin; line < call.end; ++line) {
      int64_t base = line / inner * size * inner + line % inner;
      double real = product ? 1 : 0;
      auto whole = uint64_t(product ? 1 : 0);
      for (int64_t i = 0; i < size; ++i) {
        int64_t at = base + (reverse ? size - 1 - i : i) * inner;
        double before = real;
        uint64_t wholeBefore = whole;
        if (input.isFloat())
          real = product ? real * input.loadFloat(at) : real + input.loadFloat(at);
        else
          whole = product ? whole * uint64_t(input.loadInt(at)) : whole + uint64_t(input.loadInt(at));
        if (input.isFloat())
          output.storeFloat(at, exclusive ? before : real);
        else
          output.storeInt(at, int64_t(exclusive ? wholeBefore : whole));
      }
    }
    return runtime::HostDone;
  }
};

/// One tile. attributes: boxes by their centers.
struct Nms {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *, const int64_t *) { return 1; }

  struct Box {
    float y1, x1, y2, x2;
  };

  LATHE_LOOP_INLINE static Box loadBox(const Tensor &boxes, int64_t place, bool center) {
    const float *box = &boxes.at<float>(place * 4);
    if (center)
      return {box[1] - box[3] / 2, box[0] - box[2] / 2, box[1] + box[3] / 2, box[0] + box[2] / 2};
    return {box[0] < box[2] ? box[0] : box[2], box[1] < box[3] ? box[1] : box[3], box[0] < box[2] ? box[2] : box[0],
            box[1] < box[3] ? box[3] : box[1]};
  }

  /// Intersection over union.
  LATHE_LOOP_INLINE static float overlap(const Box &a, const Box &b) {
    float top = a.y1 > b.y1 ? a.y1 : b.y1, bottom = a.y2 < b.y2 ? a.y2 : b.y2;
    float left = a.x1 > b.x1 ? a.x1 : b.x1, right = a.x2 < b.x2 ? a.x2 : b.x2;
    if (bottom <= top || right <= left)
      return 0;
    float both = (bottom - top) * (right - left);
    float areaA = (a.y2 - a.y1) * (a.x2 - a.x1), areaB = (b.y2 - b.y1) * (b.x2 - b.x1);
    return areaA <= 0 || areaB <= 0 ? 0 : both / (areaA + areaB - both);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &boxes = call.inputs[0], &scores = call.inputs[1], &selected = call.outputs[0];
    int64_t batches = scores.shape[0], classes = scores.shape[1], n = scores.shape[2], count = 0;
    int64_t most = call.inputs[2].loadInt(0);
    float threshold = call.inputs[3].at<float>(0), least = call.inputs[4].at<float>(0);
    for (int64_t i = 0; i < selected.elements(); ++i)
      selected.storeInt(i, 0);
    for (int64_t row = 0; row < batches * classes; ++row) {
      const float *score = &scores.at<float>(row * n);
      int64_t begin = count, batch = row / classes;
      for (int64_t last = -1; count - begin < most;) {
        // The next candidate: the highest score behind the last one, the first of equals.
        int64_t next = -1;
        for (int64_t i = 0; i < n; ++i) {
          bool behind = last < 0 || score[i] < score[last] || (score[i] == score[last] && i > last);
          if (behind && score[i] > least && (next < 0 || score[i] > score[next]))
            next = i;
        }
        if (next < 0)
          break;
        last = next;
        Box box = loadBox(boxes, batch * n + next, call.attributes[0]);
        bool keeps = true;
        for (int64_t j = begin; keeps && j < count; ++j)
          keeps =
              overlap(box, loadBox(boxes, batch * n + selected.loadInt(j * 3 + 2), call.attributes[0])) <= threshold;
        if (!keeps)
          continue;
        selected.storeInt(count * 3, batch);
        selected.storeInt(count * 3 + 1, row % classes);
        selected.storeInt(count * 3 + 2, next);
        ++count;
      }
    }
    call.outputs[1].storeInt(0, count);
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SORTING_H
