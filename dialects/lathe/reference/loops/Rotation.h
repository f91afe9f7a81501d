// Loop of LoopRotation.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_ROTATION_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_ROTATION_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// A tile is a row. attributes: 1 for pairs in halves, 0 for adjacent ones; dimensions.
struct RotatePairs {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return outputs[0].elements(0, outputs[0].rank - 1);
  }

  /// Number of the table's row for row `row` of the input.
  LATHE_LOOP_INLINE static int64_t findRow(const Tensor &input, const Tensor &table, int64_t row) {
    int64_t found = 0, step = 1;
    for (int64_t d = input.rank - 2, own = table.rank - 2; own >= 0; --d, --own) {
      int64_t at = row % input.shape[d];
      row /= input.shape[d];
      found += table.shape[own] == 1 ? 0 : at * step;
      step *= table.shape[own];
    }
    return found;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &cosines = call.inputs[1], &sines = call.inputs[2];
    const Tensor &output = call.outputs[0];
    int64_t width = input.shape[input.rank - 1], dimensions = call.attributes[1], pairs = dimensions / 2;
    int64_t length = cosines.shape[cosines.rank - 1];
    bool halves = call.attributes[0], shared = length == pairs;
    int64_t step = halves ? 1 : 2, partner = halves ? pairs : 1;
    for (int64_t row = call.begin; row < call.end; ++row) {
      int64_t first = row * width, angles = findRow(input, cosines, row) * length;
      for (int64_t i = 0; i < pairs; ++i) {
        int64_t a = first + i * step, b = a + partner;
        int64_t angleOfA = angles + (shared ? i : i * step), angleOfB = shared ? angleOfA : angleOfA + partner;
        auto x = float(input.loadFloat(a)), y = float(input.loadFloat(b));
        output.storeFloat(a, x * float(cosines.loadFloat(angleOfA)) - y * float(sines.loadFloat(angleOfA)));
        output.storeFloat(b, y * float(cosines.loadFloat(angleOfB)) + x * float(sines.loadFloat(angleOfB)));
      }
      for (int64_t i = dimensions; i < width; ++i)
        output.copy(first + i, input, first + i);
    }
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_ROTATION_H
