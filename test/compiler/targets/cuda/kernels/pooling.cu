// Max and average pooling against loops in f64.
#include "KernelTest.h"
#include "pooling.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t Planes, H, W, KH, KW, OH, OW, StrideH = 1, StrideW = 1;
  int64_t Top = 0, Left = 0, Bottom = 0, Right = 0, DilationH = 1, DilationW = 1;
  bool CountPads = false;
};

struct AddIndices {
  __device__ float operator()(float x, int64_t row, int64_t col) const {
    return x + 0.25f * float(row) - 0.125f * float(col);
  }
};

template <class Input, class Output, Pool Operation>
void runCase(Suite &suite, const std::string &name, const Case &c) {
  auto x = randomVector<Input>(c.Planes * c.H * c.W);
  Buffer<Input> in(x);
  auto out = Buffer<Output>::poisoned(c.Planes * c.OH * c.OW);
  using Kernel = Pooling<Input, Output, Operation>;
  typename Kernel::Params params{.X = in.data(),
                                 .Y = out.data(),
                                 .Planes = c.Planes,
                                 .H = c.H,
                                 .W = c.W,
                                 .KH = c.KH,
                                 .KW = c.KW,
                                 .OH = c.OH,
                                 .OW = c.OW,
                                 .StrideH = c.StrideH,
                                 .StrideW = c.StrideW,
                                 .PadTop = c.Top,
                                 .PadLeft = c.Left,
                                 .PadBottom = c.Bottom,
                                 .PadRight = c.Right,
                                 .DilationH = c.DilationH,
                                 .DilationW = c.DilationW,
                                 .CountPads = c.CountPads};
  std::string title = name + " " + std::to_string(c.Planes) + "x" + std::to_string(c.H) + "x" + std::to_string(c.W) +
                      " by " + std::to_string(c.KH) + "x" + std::to_string(c.KW) + (c.CountPads ? " count pads" : "");
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, AddIndices{}, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  for (int64_t id = 0; id < int64_t(want.size()); ++id) {
    int64_t col = id % (c.OH * c.OW), row = id / (c.OH * c.OW);
    double top = -INFINITY, sum = 0;
    int inside = 0, padded = 0;
    for (int64_t r = 0; r < c.KH; ++r)
      for (int64_t s = 0; s < c.KW; ++s) {
        int64_t i = col / c.OW * c.StrideH - c.Top + r * c.DilationH,
                j = col % c.OW * c.StrideW - c.Left + s * c.DilationW;
        padded += i < c.H + c.Bottom && j < c.W + c.Right;
        if (i < 0 || i >= c.H || j < 0 || j >= c.W)
          continue;
        double value = number(x[(row * c.H + i) * c.W + j]);
        ++inside;
        sum += value;
        top = std::max(top, value);
      }
    want[id] = Operation == Pool::Max ? top : sum / (c.CountPads ? padded : inside);
    want[id] += 0.25 * double(row) - 0.125 * double(col);
    slack[id] = accumulation(c.KH * c.KW) + 4 * Rounding<float> * (std::fabs(want[id]) + double(row + col));
  }
  suite.compare(title, got, want, slack);
}

/// The same with channels last: Planes is N images of so many channels.
template <class Input, class Output, int Vector>
void runChannels(Suite &suite, const std::string &name, const Case &c, int64_t channels) {
  int64_t images = c.Planes, places = c.OH * c.OW;
  auto x = randomVector<Input>(images * c.H * c.W * channels);
  if (x.size() > 9)
    x[9] = element<Input>(NAN);
  Buffer<Input> in(x);
  auto out = Buffer<Output>::poisoned(images * places * channels);
  using Kernel = ChannelMaxPooling<Input, Output, Vector>;
  typename Kernel::Params params{.X = in.data(),
                                 .Y = out.data(),
                                 .N = images,
                                 .H = c.H,
                                 .W = c.W,
                                 .C = channels,
                                 .KH = c.KH,
                                 .KW = c.KW,
                                 .OH = c.OH,
                                 .OW = c.OW,
                                 .StrideH = c.StrideH,
                                 .StrideW = c.StrideW,
                                 .PadTop = c.Top,
                                 .PadLeft = c.Left,
                                 .DilationH = c.DilationH,
                                 .DilationW = c.DilationW};
  std::string title = name + " channels last " + std::to_string(images) + "x" + std::to_string(c.H) + "x" +
                      std::to_string(c.W) + "x" + std::to_string(channels) + " by " + std::to_string(c.KH) + "x" +
                      std::to_string(c.KW);
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, AddIndices{}, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  for (int64_t id = 0; id < int64_t(want.size()); ++id) {
    int64_t channel = id % channels, row = id / channels, place = row % places;
    double top = -INFINITY;
    for (int64_t r = 0; r < c.KH; ++r)
      for (int64_t s = 0; s < c.KW; ++s) {
        int64_t i = place / c.OW * c.StrideH - c.Top + r * c.DilationH,
                j = place % c.OW * c.StrideW - c.Left + s * c.DilationW;
        if (i < 0 || i >= c.H || j < 0 || j >= c.W)
          continue;
        double value = number(x[((row / places * c.H + i) * c.W + j) * channels + channel]);
        top = std::isnan(top) || std::isnan(value) ? NAN : std::max(top, value);
      }
    want[id] = top + 0.25 * double(row) - 0.125 * double(channel);
    slack[id] = 4 * Rounding<float> * (std::fabs(want[id]) + double(row + channel));
  }
  suite.compare(title, got, want, slack);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("pooling", argc, argv);
  const Case all[] = {
      {1, 1, 1, 1, 1, 1, 1},
      {5, 8, 8, 2, 2, 4, 4, 2, 2},
      {3, 7, 9, 3, 2, 4, 8, 2, 1, 1, 0, 1, 0},
      {3, 7, 9, 3, 2, 4, 8, 2, 1, 1, 0, 1, 0, 1, 1, true},
      {2, 7, 7, 3, 3, 4, 4, 2, 2, 0, 0, 0, 0, 1, 1, true}, // ceil mode: the last windows reach beyond the pads
      {2, 12, 12, 3, 3, 8, 8, 1, 1, 0, 0, 0, 0, 2, 2},
      {64, 7, 7, 7, 7, 1, 1},
      {large(300, 10), 31, 33, 3, 3, 31, 33, 1, 1, 1, 1, 1, 1},
  };
  for (const Case &c : all) {
    runCase<float, float, Pool::Max>(suite, "max f32", c);
    runCase<float, float, Pool::Average>(suite, "average f32", c);
    runCase<Half, Half, Pool::Max>(suite, "max f16", c);
    runCase<BFloat16, float, Pool::Average>(suite, "average bf16", c);
    if (c.Planes <= 5) {
      runChannels<Half, Half, 8>(suite, "max f16", c, 24);
      runChannels<float, Half, 4>(suite, "max f32", c, 20);
      runChannels<BFloat16, float, 1>(suite, "max bf16", c, 3);
    }
  }
  return suite.finish();
}
