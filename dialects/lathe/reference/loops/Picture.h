// Loops of LoopPicture.td.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_PICTURE_H
#define LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_PICTURE_H

#include "dialects/lathe/reference/loops/Tensor.h"

namespace lathe::loops {

enum class Sampling : int64_t { Nearest, Linear, Cubic };

LATHE_LOOP_INLINE int64_t clampPlace(int64_t place, int64_t size) {
  return place < 0 ? 0 : place >= size ? size - 1 : place;
}

/// Keys' kernel with parameter a at distance x.
LATHE_LOOP_INLINE double cubicKernel(double x, double a) {
  x = x < 0 ? -x : x;
  if (x <= 1)
    return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/// attributes: mode, coordinates, nearest, cubic, antialias, exclude_outside, extrapolation.
struct Resize {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements(), SlowTileElements);
  }

  /// The elements of one dimension that a place of the result takes, and their weights.
  struct Taps {
    int64_t first, count, size; ///< elements [first, first + count) of `size`
    double fraction, scale;     ///< of the place behind `base`; of the kernel
    int64_t base;
    double sum; ///< of the weights
  };

  /// The place in the input; `outside` tells that tf_crop_and_resize leaves the part.
  LATHE_LOOP_INLINE static double findPlace(const LoopCall &call, int64_t d, int64_t x, bool &outside) {
    const Tensor &input = call.inputs[0], &roi = call.inputs[2];
    double scale = call.inputs[1].loadFloat(d), size = double(input.shape[d]);
    double resized = scale * size; // the result's size before it was rounded
    switch (call.attributes[1]) {
    case 1:
      return resized == 1 ? -0.5 : (double(x) + 0.5) / scale - 0.5;
    case 2:
      return size / 2 * (1 - double(call.outputs[0].shape[d]) / resized) + (double(x) + 0.5) / scale - 0.5;
    case 3:
      return double(x) / scale;
    case 4:
      return resized == 1 ? 0 : double(x) * (size - 1) / (resized - 1);
    case 5: {
      double start = roi.loadFloat(d), end = roi.loadFloat(input.rank + d);
      double place =
          resized == 1 ? (end - start) * (size - 1) / 2 : double(x) * (end - start) * (size - 1) / (resized - 1);
      place += start * (size - 1);
      outside |= place < 0 || place > size - 1;
      return place;
    }
    default:
      return (double(x) + 0.5) / scale - 0.5;
    }
  }

  LATHE_LOOP_INLINE static double weigh(const LoopCall &call, const Taps &taps, int64_t place) {
    if (call.attributes[5] && (place < 0 || place >= taps.size))
      return 0;
    double distance = (double(place - taps.base) - taps.fraction) * taps.scale;
    if (call.attributes[0] == int64_t(Sampling::Cubic))
      return cubicKernel(distance, __builtin_bit_cast(float, int32_t(call.attributes[3])));
    distance = distance < 0 ? -distance : distance;
    return distance < 1 ? 1 - distance : 0;
  }

  LATHE_LOOP_INLINE static Taps findTaps(const LoopCall &call, int64_t d, int64_t x, bool &outside) {
    double place = findPlace(call, d, x, outside), low = call.math->floor(place), fraction = place - low;
    Taps taps{int64_t(low), 1, call.inputs[0].shape[d], fraction, 1, int64_t(low), 1};
    if (call.attributes[0] == int64_t(Sampling::Nearest)) {
      bool up = call.attributes[2] == 0   ? fraction > 0.5
                : call.attributes[2] == 1 ? fraction >= 0.5
                : call.attributes[2] == 2 ? false
                                          : fraction > 0;
      taps.first += up;
      return taps;
    }
    double scale = call.inputs[1].loadFloat(d);
    if (call.attributes[4] && scale < 1)
      taps.scale = scale;
    double reach = (call.attributes[0] == int64_t(Sampling::Cubic) ? 2 : 1) / taps.scale;
    auto start = int64_t(call.math->floor(-reach)) + 1;
    taps.first = taps.base + start;
    taps.count = 2 - 2 * start;
    taps.sum = 0;
    for (int64_t i = 0; i < taps.count; ++i)
      taps.sum += weigh(call, taps, taps.first + i);
    return taps;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &output = call.outputs[0];
    bool nearest = call.attributes[0] == int64_t(Sampling::Nearest);
    forEachOfTiles<SlowTileElements>(call, output, [&](int64_t index, const int64_t *at) {
      Taps taps[MaxRank];
      int64_t counts[MaxRank], combinations = 1;
      bool outside = false;
      for (int64_t d = 0; d < input.rank; ++d) {
        taps[d] = findTaps(call, d, at[d], outside);
        counts[d] = taps[d].count;
        combinations *= counts[d];
      }
      if (outside) {
        output.storeFloat(index, __builtin_bit_cast(float, int32_t(call.attributes[6])));
        return;
      }
      double sum = 0;
      forEach(counts, input.rank, 0, combinations, [&](int64_t, const int64_t *tap) {
        double weight = 1;
        int64_t from = 0;
        for (int64_t d = 0; d < input.rank; ++d) {
          int64_t place = taps[d].first + tap[d];
          if (!nearest)
            weight *= weigh(call, taps[d], place) / taps[d].sum;
          from = from * input.shape[d] + clampPlace(place, input.shape[d]);
        }
        if (nearest)
          output.copy(index, input, from);
        else if (weight != 0)
          sum += weight * (input.isFloat() ? input.loadFloat(from) : double(input.loadInt(from)));
      });
      if (!nearest && output.isFloat())
        output.storeFloat(index, sum);
      else if (!nearest)
        output.storeInt(index, int64_t(sum));
    });
    return runtime::HostDone;
  }
};

/// attributes: mode, padding, align_corners.
struct GridSample {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return countTiles(outputs[0].elements(), SlowTileElements);
  }

  /// `x` mirrored at both borders until it lies between them.
  LATHE_LOOP_INLINE static double reflect(const LoopCall &call, double x, double low, double high) {
    double range = high - low;
    if (range <= 0)
      return low;
    double distance = x < low ? low - x : x > high ? x - high : 0;
    if (distance == 0)
      return x;
    auto turns = int64_t(call.math->floor(distance / range));
    double rest = distance - double(turns) * range;
    bool fromLow = (x < low) == (turns % 2 == 0);
    return fromLow ? low + rest : high - rest;
  }

  /// The element at `places` of the plane that starts at `base`, by the padding where it lies outside.
  LATHE_LOOP_INLINE static double sample(const LoopCall &call, int64_t base, const int64_t *places) {
    const Tensor &input = call.inputs[0];
    int64_t from = 0;
    for (int64_t d = 0; d < input.rank - 2; ++d) {
      int64_t size = input.shape[d + 2], place = places[d];
      if (place < 0 || place >= size) {
        if (call.attributes[1] == 0)
          return 0;
        double edge = call.attributes[2] ? 0 : 0.5;
        if (call.attributes[1] == 2)
          place = int64_t(reflect(call, double(place), -edge, double(size - 1) + edge));
        place = clampPlace(place, size);
      }
      from = from * size + place;
    }
    return input.loadFloat(base + from);
  }

  LATHE_LOOP_INLINE static double findPlace(const LoopCall &call, double x, int64_t size) {
    bool corners = call.attributes[2];
    double place = corners ? (x + 1) / 2 * double(size - 1) : ((x + 1) * double(size) - 1) / 2;
    if (call.attributes[0] == int64_t(Sampling::Nearest))
      place = call.math->nearbyint(place);
    double low = corners ? 0 : -0.5, high = corners ? double(size - 1) : double(size) - 0.5;
    if (place >= low && place <= high)
      return place;
    if (call.attributes[1] == 1)
      return place < 0 ? 0 : place > double(size - 1) ? double(size - 1) : place;
    if (call.attributes[1] == 2)
      return reflect(call, place, low, high);
    // Far outside everything is 0; the bound keeps the place within 64 bits. NaN goes there too.
    return place > 1e9 ? 1e9 : place > -1e9 ? place : -1e9;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &grid = call.inputs[1], &output = call.outputs[0];
    int64_t dims = input.rank - 2, plane = input.elements(2, input.rank), places = output.elements(2, output.rank);
    bool nearest = call.attributes[0] == int64_t(Sampling::Nearest),
         cubic = call.attributes[0] == int64_t(Sampling::Cubic);
    int64_t last = lastElement(call, output, SlowTileElements);
    for (int64_t index = call.begin * SlowTileElements; index < last; ++index) {
      int64_t image = index / places / output.shape[1], base = index / places * plane;
      int64_t counts[MaxRank], low[MaxRank], combinations = 1;
      double fraction[MaxRank];
      for (int64_t d = 0; d < dims; ++d) {
        double x = grid.loadFloat((image * places + index % places) * dims + dims - 1 - d);
        double place = findPlace(call, x, input.shape[d + 2]);
        double floor = call.math->floor(place);
        fraction[d] = place - floor;
        low[d] = int64_t(floor) - cubic;
        counts[d] = nearest ? 1 : cubic ? 4 : 2;
        combinations *= counts[d];
      }
      double sum = 0;
      forEach(counts, dims, 0, combinations, [&](int64_t, const int64_t *tap) {
        double weight = 1;
        int64_t at[MaxRank];
        for (int64_t d = 0; d < dims; ++d) {
          at[d] = low[d] + tap[d];
          double distance = double(tap[d] - cubic) - fraction[d];
          if (cubic)
            weight *= cubicKernel(distance, -0.75);
          else if (!nearest)
            weight *= tap[d] ? fraction[d] : 1 - fraction[d];
        }
        if (weight != 0)
          sum += weight * sample(call, base, at);
      });
      output.storeFloat(index, sum);
    }
    return runtime::HostDone;
  }
};

/// attributes: max, samples, scale, half_pixel.
struct RoiAlign {
  LATHE_LOOP_INLINE static int64_t tiles(const Tensor *, const Tensor *outputs, const int64_t *) {
    return outputs[0].elements(0, 2);
  }

  /// The four weighted corners around a place of a plane: their sum, or the largest of them.
  LATHE_LOOP_INLINE static double interpolate(const Tensor &input, int64_t base, double y, double x, bool max) {
    int64_t height = input.shape[2], width = input.shape[3];
    if (y < -1 || y > double(height) || x < -1 || x > double(width))
      return 0;
    y = y < 0 ? 0 : y;
    x = x < 0 ? 0 : x;
    auto top = int64_t(y), left = int64_t(x);
    int64_t bottom = top + 1, right = left + 1;
    if (top >= height - 1) {
      top = bottom = height - 1;
      y = double(top);
    }
    if (left >= width - 1) {
      left = right = width - 1;
      x = double(left);
    }
    double down = y - double(top), across = x - double(left);
    double a = (1 - down) * (1 - across) * input.loadFloat(base + top * width + left);
    double b = (1 - down) * across * input.loadFloat(base + top * width + right);
    double c = down * (1 - across) * input.loadFloat(base + bottom * width + left);
    double d = down * across * input.loadFloat(base + bottom * width + right);
    if (!max)
      return a + b + c + d;
    double ab = a > b ? a : b, cd = c > d ? c : d;
    return ab > cd ? ab : cd;
  }

  LATHE_LOOP_INLINE static int32_t run(const LoopCall &call) {
    const Tensor &input = call.inputs[0], &rois = call.inputs[1], &batches = call.inputs[2], &output = call.outputs[0];
    bool max = call.attributes[0], halfPixel = call.attributes[3];
    double scale = __builtin_bit_cast(float, int32_t(call.attributes[2])), shift = halfPixel ? 0.5 : 0;
    int64_t channels = output.shape[1], rows = output.shape[2], columns = output.shape[3];
    for (int64_t tile = call.begin; tile < call.end; ++tile) {
      int64_t roi = tile / channels, batch = batches.loadInt(roi);
      if (batch < 0 || batch >= input.shape[0])
        return runtime::HostIndexOutOfRange;
      int64_t base = (batch * channels + tile % channels) * input.shape[2] * input.shape[3];
      double x1 = rois.loadFloat(roi * 4) * scale - shift, y1 = rois.loadFloat(roi * 4 + 1) * scale - shift;
      double width = rois.loadFloat(roi * 4 + 2) * scale - shift - x1;
      double height = rois.loadFloat(roi * 4 + 3) * scale - shift - y1;
      if (!halfPixel) {
        width = width < 1 ? 1 : width;
        height = height < 1 ? 1 : height;
      }
      double binHeight = height / double(rows), binWidth = width / double(columns);
      int64_t samples = call.attributes[1];
      int64_t down = samples > 0 ? samples : -int64_t(call.math->floor(-binHeight));
      int64_t across = samples > 0 ? samples : -int64_t(call.math->floor(-binWidth));
      for (int64_t bin = 0; bin < rows * columns; ++bin) {
        double result = 0;
        for (int64_t i = 0; i < down * across; ++i) {
          double y = y1 + double(bin / columns) * binHeight + (double(i / across) + 0.5) * binHeight / double(down);
          double x = x1 + double(bin % columns) * binWidth + (double(i % across) + 0.5) * binWidth / double(across);
          double value = interpolate(input, base, y, x, max);
          result = !max ? result + value : i == 0 || value > result ? value : result;
        }
        output.storeFloat(tile * rows * columns + bin,
                          max || down * across == 0 ? result : result / double(down * across));
      }
    }
    return runtime::HostDone;
  }
};

} // namespace lathe::loops

#endif // LATHE_DIALECTS_LATHE_REFERENCE_LOOPS_PICTURE_H
