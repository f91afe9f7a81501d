// Images with channels last [B, Y, X, C]: panel_conv, depthwise_conv, channel_max_pool.
//
// A convolution is a product whose left operand is never stored: row r holds the elements under the window of place r
// of the result, k counts them as the filter does. A run of k is copied to scratch memory for all rows of a span; with
// channels last that copies whole rows of the window.
#include "compiler/targets/cpu/kernels/Products.h"

using namespace lathe::cpu;

namespace {

/// Images and the windows over them; y before x. As RootEmitter passes them.
struct Geometry {
  int64_t inputY, inputX, outputY, outputX, windowY, windowX, strideY, strideX, padY, padX, dilationY, dilationX;
};

/// The window of one place of the result.
struct Place {
  int64_t image, y, x; ///< of the input, where element (0, 0) of the window lies

  LATHE_INLINE static Place locate(const Geometry &g, int64_t row) {
    int64_t x = row % g.outputX, y = row / g.outputX % g.outputY, image = row / g.outputX / g.outputY;
    return {image, y * g.strideY - g.padY, x * g.strideX - g.padX};
  }
};

/// Images whose elements are unpacked as they are read.
struct Images {
  const void *base;
  int64_t channels; ///< of all groups
  Unpack unpack;
  bool isF32;

  /// Elements [first, first + count) of the channels from (image, y, x) on.
  LATHE_INLINE void read(const Geometry &g, int64_t image, int64_t y, int64_t x, int64_t first, int64_t count,
                         float *values) const {
    int64_t place = ((image * g.inputY + y) * g.inputX + x) * channels + first;
    if (isF32)
      copyFloats(static_cast<const float *>(base) + place, count, values);
    else
      unpack(base, place, count, values);
  }
};

LATHE_INLINE void fillZeros(int64_t count, float *values) {
  for (int64_t i = 0; i < count; ++i)
    values[i] = 0.0f;
}

/// Elements [first, first + count) of row i of a window, of `width` channels from `channel` on for each element; zeros
/// outside of the image.
LATHE_INLINE void readWindowRow(const Images &images, const Geometry &g, const Place &place, int64_t i, int64_t channel,
                                int64_t width, int64_t first, int64_t count, float *values) {
  int64_t y = place.y + i * g.dilationY;
  if (y < 0 || y >= g.inputY)
    return fillZeros(count, values);
  // Neighbours in the window are neighbours in memory: cut off what is outside, copy the rest at once.
  if (g.dilationX == 1 && width == images.channels) {
    int64_t end = first + count, inside = larger(first, smaller(end, -place.x * width));
    int64_t behind = larger(inside, smaller(end, (g.inputX - place.x) * width));
    fillZeros(inside - first, values);
    if (behind > inside)
      images.read(g, place.image, y, place.x, inside, behind - inside, values + (inside - first));
    return fillZeros(end - behind, values + (behind - first));
  }
  for (int64_t done = 0; done < count;) {
    int64_t j = (first + done) / width, c = (first + done) % width, part = smaller(width - c, count - done);
    int64_t x = place.x + j * g.dilationX;
    if (x < 0 || x >= g.inputX)
      fillZeros(part, values + done);
    else
      images.read(g, place.image, y, x, channel + c, part, values + done);
    done += part;
  }
}

/// Steps [first, first + count) of k for one place: parts of the rows of its window.
LATHE_INLINE void readPatch(const Images &images, const Geometry &g, const Place &place, int64_t channel, int64_t width,
                            int64_t first, int64_t count, float *values) {
  int64_t rowLength = g.windowX * width;
  for (int64_t done = 0; done < count;) {
    int64_t i = (first + done) / rowLength, start = (first + done) % rowLength;
    int64_t part = smaller(rowLength - start, count - done);
    readWindowRow(images, g, place, i, channel, width, start, part, values + done);
    done += part;
  }
}

} // namespace

/// Panels are [groups, P, k, 16]. A tile is TileColumns channels of one group at up to BlockRows places.
LATHE_TEMPLATE void lathe_panel_conv(const void *input, const float *panels, int64_t batch, int64_t channels,
                                     int64_t outputs, int64_t groups, int64_t inputY, int64_t inputX, int64_t outputY,
                                     int64_t outputX, int64_t windowY, int64_t windowX, int64_t strideY,
                                     int64_t strideX, int64_t padY, int64_t padX, int64_t dilationY, int64_t dilationX,
                                     bool isF32, Unpack unpack, Store store, const Launch *launch, int64_t begin,
                                     int64_t end) {
  Geometry g{inputY, inputX, outputY, outputX, windowY, windowX, strideY, strideX, padY, padX, dilationY, dilationX};
  Images images{input, channels, unpack, isF32};
  int64_t width = channels / groups, k = windowY * windowX * width, n = outputs / groups;
  int64_t groupFloats = (n + Lanes - 1) / Lanes * Lanes * k, run = getRunLength(k);
  ProductScratch scratch;
  forEachSpan({batch * outputY * outputX, n}, begin, end, [&](const ProductSpan &span) {
    for (int64_t first = 0; first < k; first += run) {
      int64_t steps = smaller(run, k - first);
      for (int64_t r = 0; r < span.rows; ++r)
        readPatch(images, g, Place::locate(g, span.row + r), span.matrix * width, width, first, steps,
                  scratch.lhs + r * RowFloats);
      const float *right = panels + span.matrix * groupFloats + span.column * k + first * Lanes;
      Block block{scratch.lhs, right, k * Lanes, steps, scratch.sums, BlockColumns, first > 0};
      lathe_multiply_block(&block, span.rows, (span.columns + Lanes - 1) / Lanes);
    }
    for (int64_t r = 0; r < span.rows; ++r)
      store(launch, scratch.sums + r * BlockColumns, (span.row + r) * outputs + span.matrix * n + span.column,
            span.columns);
  });
}

namespace {

/// Channels that are computed together, in registers.
constexpr int64_t ChannelVectors = 4, ChannelRun = ChannelVectors * Lanes;

/// Calls `visit(values, element)` for the elements under the window of `place` that are inside of the image: `values`
/// has `count` channels from `channel` on.
template <typename Visit>
LATHE_INLINE void forEachInside(const Images &images, const Geometry &g, const Place &place, int64_t channel,
                                int64_t count, Visit visit) {
  for (int64_t i = 0; i < g.windowY; ++i) {
    int64_t y = place.y + i * g.dilationY;
    if (y < 0 || y >= g.inputY)
      continue;
    for (int64_t j = 0; j < g.windowX; ++j) {
      int64_t x = place.x + j * g.dilationX;
      if (x < 0 || x >= g.inputX)
        continue;
      int64_t from = ((place.image * g.inputY + y) * g.inputX + x) * images.channels + channel;
      if (images.isF32 && count == ChannelRun) {
        visit(static_cast<const float *>(images.base) + from, i * g.windowX + j);
        continue;
      }
      alignas(64) float values[ChannelRun];
      unpackPadded(images.unpack, images.base, from, count, values);
      for (int64_t c = (count + Lanes - 1) / Lanes * Lanes; c < ChannelRun; c += Lanes)
        storeVector(values + c, Vector{});
      visit(values, i * g.windowX + j);
    }
  }
}

} // namespace

/// Filters are [I, J, C]. A tile is one row of one image of the result.
LATHE_TEMPLATE void lathe_depthwise_conv(const void *input, const void *filter, int64_t channels, int64_t inputY,
                                         int64_t inputX, int64_t outputY, int64_t outputX, int64_t windowY,
                                         int64_t windowX, int64_t strideY, int64_t strideX, int64_t padY, int64_t padX,
                                         int64_t dilationY, int64_t dilationX, bool isF32, Unpack unpack,
                                         Unpack unpackFilter, Store store, const Launch *launch, int64_t begin,
                                         int64_t end) {
  Geometry g{inputY, inputX, outputY, outputX, windowY, windowX, strideY, strideX, padY, padX, dilationY, dilationX};
  Images images{input, channels, unpack, isF32};
  for (int64_t row = begin * outputX; row < end * outputX; ++row) {
    Place place = Place::locate(g, row);
    for (int64_t channel = 0; channel < channels; channel += ChannelRun) {
      int64_t count = smaller(ChannelRun, channels - channel);
      Vector sums[ChannelVectors] = {};
      forEachInside(images, g, place, channel, count, [&](const float *values, int64_t element) {
        alignas(64) float weights[ChannelRun] = {};
        unpackFilter(filter, element * channels + channel, count, weights);
        for (int64_t v = 0; v < ChannelVectors; ++v)
          sums[v] = multiplyAdd(loadVector(values + v * Lanes), loadVector(weights + v * Lanes), sums[v]);
      });
      store(launch, reinterpret_cast<const float *>(sums), row * channels + channel, count);
    }
  }
}

/// A tile is one row of one image of the result.
LATHE_TEMPLATE void lathe_channel_max_pool(const void *input, int64_t channels, int64_t inputY, int64_t inputX,
                                           int64_t outputY, int64_t outputX, int64_t windowY, int64_t windowX,
                                           int64_t strideY, int64_t strideX, int64_t padY, int64_t padX,
                                           int64_t dilationY, int64_t dilationX, bool isF32, Unpack unpack, Store store,
                                           const Launch *launch, int64_t begin, int64_t end) {
  Geometry g{inputY, inputX, outputY, outputX, windowY, windowX, strideY, strideX, padY, padX, dilationY, dilationX};
  Images images{input, channels, unpack, isF32};
  for (int64_t row = begin * outputX; row < end * outputX; ++row) {
    Place place = Place::locate(g, row);
    for (int64_t channel = 0; channel < channels; channel += ChannelRun) {
      int64_t count = smaller(ChannelRun, channels - channel);
      Vector largest[ChannelVectors];
      for (Vector &v : largest)
        v = broadcast(-__builtin_inff());
      forEachInside(images, g, place, channel, count, [&](const float *values, int64_t) {
        for (int64_t v = 0; v < ChannelVectors; ++v) {
          Vector x = loadVector(values + v * Lanes);
          largest[v] = ((x > largest[v]) | (x != x)) ? x : largest[v];
        }
      });
      store(launch, reinterpret_cast<const float *>(largest), row * channels + channel, count);
    }
  }
}
