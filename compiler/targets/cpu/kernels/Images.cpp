// Operations on images [B, C, Y, X]: conv and max_pool. A tile is one channel of one image of the result.
#include "compiler/targets/cpu/kernels/Kernel.h"

using namespace lathe::cpu;

namespace {

using Load = float (*)(const void *row, int64_t i);

/// Result columns that are computed together.
constexpr int64_t Run = 64;

/// Sizes and steps along one spatial dimension.
struct Axis {
  int64_t size, window, stride, pad, dilation;

  /// Where element `i` of the window of result `at` lies in the input; outside of [0, size) it is padding.
  LATHE_INLINE int64_t place(int64_t at, int64_t i) const { return at * stride + i * dilation - pad; }
  /// The first of `count` results from `start` on whose element `i` lies in the input at `bound` or behind it.
  LATHE_INLINE int64_t firstAt(int64_t start, int64_t count, int64_t i, int64_t bound) const {
    int64_t distance = bound - place(start, i);
    return distance <= 0 ? 0 : smaller(count, (distance + stride - 1) / stride);
  }
};

} // namespace

/// result[b, o, y, x] = sum_{c, i, j} input[b, c, y * stride + i * dilation - pad, ...] * filter[o, c, i, j].
LATHE_TEMPLATE void lathe_conv(const void *input, const void *filter, int64_t inputChannels, int64_t outputChannels,
                               int64_t groups, int64_t inputY, int64_t inputX, int64_t outputY, int64_t outputX,
                               int64_t windowY, int64_t windowX, int64_t strideY, int64_t strideX, int64_t padY,
                               int64_t padX, int64_t dilationY, int64_t dilationX, Load load, Load loadFilter,
                               Store store, const Launch *launch, int64_t begin, int64_t end) {
  Axis down{inputY, windowY, strideY, padY, dilationY}, across{inputX, windowX, strideX, padX, dilationX};
  int64_t channels = inputChannels / groups;
  for (int64_t tile = begin; tile < end; ++tile) {
    int64_t image = tile / outputChannels, output = tile % outputChannels;
    int64_t firstChannel = output / (outputChannels / groups) * channels;
    for (int64_t y = 0; y < outputY; ++y)
      for (int64_t x = 0; x < outputX; x += Run) {
        int64_t count = smaller(Run, outputX - x);
        alignas(64) float sums[Run] = {};
        for (int64_t c = 0; c < channels; ++c)
          for (int64_t i = 0; i < windowY; ++i) {
            int64_t fromY = down.place(y, i);
            if (fromY < 0 || fromY >= inputY)
              continue;
            int64_t row = ((image * inputChannels + firstChannel + c) * inputY + fromY) * inputX;
            for (int64_t j = 0; j < windowX; ++j) {
              float weight = loadFilter(filter, ((output * channels + c) * windowY + i) * windowX + j);
              int64_t last = across.firstAt(x, count, j, inputX), from = row + across.place(x, j);
              for (int64_t r = across.firstAt(x, count, j, 0); r < last; ++r)
                sums[r] = multiplyAdd(load(input, from + r * strideX), weight, sums[r]);
            }
          }
        store(launch, sums, (tile * outputY + y) * outputX + x, count);
      }
  }
}

/// result[b, c, y, x] = the largest element of its window that is inside of the image; NaN when one of them is.
LATHE_TEMPLATE void lathe_max_pool(const void *input, int64_t inputY, int64_t inputX, int64_t outputY, int64_t outputX,
                                   int64_t windowY, int64_t windowX, int64_t strideY, int64_t strideX, int64_t padY,
                                   int64_t padX, int64_t dilationY, int64_t dilationX, Load load, Store store,
                                   const Launch *launch, int64_t begin, int64_t end) {
  Axis down{inputY, windowY, strideY, padY, dilationY}, across{inputX, windowX, strideX, padX, dilationX};
  for (int64_t tile = begin; tile < end; ++tile)
    for (int64_t y = 0; y < outputY; ++y)
      for (int64_t x = 0; x < outputX; x += Run) {
        int64_t count = smaller(Run, outputX - x);
        alignas(64) float largest[Run];
        for (int64_t r = 0; r < Run; ++r)
          largest[r] = -__builtin_inff();
        for (int64_t i = 0; i < windowY; ++i) {
          int64_t fromY = down.place(y, i);
          if (fromY < 0 || fromY >= inputY)
            continue;
          int64_t row = (tile * inputY + fromY) * inputX;
          for (int64_t j = 0; j < windowX; ++j) {
            int64_t last = across.firstAt(x, count, j, inputX), from = row + across.place(x, j);
            for (int64_t r = across.firstAt(x, count, j, 0); r < last; ++r) {
              float value = load(input, from + r * strideX);
              largest[r] = value > largest[r] || value != value ? value : largest[r];
            }
          }
        }
        store(launch, largest, (tile * outputY + y) * outputX + x, count);
      }
}
