// Loops of LoopSignal.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SIGNAL_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SIGNAL_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

/// A tile is one frequency of one signal. attributes: length, inverse.
struct Dft {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return outputs[0].elements(0, 2);
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    int64_t length = call.attributes[0], given = input.shape[1], parts = input.shape[2];
    bool inverse = call.attributes[1], halfSpectrum = inverse && output.shape[2] == 1;
    double turn = (inverse ? 2 : -2) * 3.14159265358979323846 / double(length);
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      int64_t signal = tile / output.shape[1], frequency = tile % output.shape[1];
      double real = 0, imaginary = 0;
      for (int64_t n = 0; n < length; ++n) {
        // Behind the half of a symmetric spectrum its mirror image follows, conjugated.
        bool mirrored = halfSpectrum && n >= given && length - n < given;
        int64_t place = mirrored ? length - n : n;
        if (place >= given)
          continue;
        int64_t at = (signal * given + place) * parts;
        double x = input.loadFloat(at), y = parts == 2 ? input.loadFloat(at + 1) : 0;
        y = mirrored ? -y : y;
        double angle = turn * double(n * frequency % length);
        double cosine = call.math->cos(angle), sine = call.math->sin(angle);
        real += x * cosine - y * sine;
        imaginary += x * sine + y * cosine;
      }
      double scale = inverse ? 1 / double(length) : 1;
      output.storeFloat(tile * output.shape[2], real * scale);
      if (output.shape[2] == 2)
        output.storeFloat(tile * 2 + 1, imaginary * scale);
    }
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_SIGNAL_H
