// Convolution against the sum written out in f64.
#include "KernelTest.h"
#include "convolution.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t N, C, H, W, O, KH, KW, Groups = 1;
  int64_t StrideH = 1, StrideW = 1, Top = 0, Left = 0, Bottom = 0, Right = 0, DilationH = 1, DilationW = 1;
};

struct BiasAndCol {
  const float *Bias;
  int64_t O;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    return acc + Bias[row % O] - 0.125f * float(col);
  }
};

template <class Input, class Weight, class Output> void runCase(Suite &suite, const std::string &name, const Case &c) {
  int64_t oh = (c.H + c.Top + c.Bottom - c.DilationH * (c.KH - 1) - 1) / c.StrideH + 1;
  int64_t ow = (c.W + c.Left + c.Right - c.DilationW * (c.KW - 1) - 1) / c.StrideW + 1;
  int64_t channels = c.C / c.Groups;
  auto x = randomVector<Input>(c.N * c.C * c.H * c.W);
  auto w = randomVector<Weight>(c.O * channels * c.KH * c.KW);
  auto bias = randomVector<float>(c.O);
  Buffer<Input> deviceX(x);
  Buffer<Weight> deviceW(w);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(c.N * c.O * oh * ow);
  using Kernel = Convolution<Input, Weight, Output>;
  typename Kernel::Params params{.X = deviceX.data(),
                                 .Weights = deviceW.data(),
                                 .Y = out.data(),
                                 .N = c.N,
                                 .C = c.C,
                                 .H = c.H,
                                 .W = c.W,
                                 .O = c.O,
                                 .KH = c.KH,
                                 .KW = c.KW,
                                 .OH = oh,
                                 .OW = ow,
                                 .Groups = c.Groups,
                                 .StrideH = c.StrideH,
                                 .StrideW = c.StrideW,
                                 .PadTop = c.Top,
                                 .PadLeft = c.Left,
                                 .DilationH = c.DilationH,
                                 .DilationW = c.DilationW};
  std::string title = name + " " + std::to_string(c.N) + "x" + std::to_string(c.C) + "x" + std::to_string(c.H) + "x" +
                      std::to_string(c.W) + " by " + std::to_string(c.O) + "x" + std::to_string(c.KH) + "x" +
                      std::to_string(c.KW) + " groups " + std::to_string(c.Groups);
  auto got = suite.twice(title, out,
                         [&](int64_t blocks) { launch<Kernel>(params, BiasAndCol{deviceBias.data(), c.O}, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  for (int64_t id = 0; id < int64_t(want.size()); ++id) {
    int64_t col = id % (oh * ow), o = id / (oh * ow) % c.O, n = id / (oh * ow) / c.O;
    double sum = 0, size = 0;
    for (int64_t ch = 0; ch < channels; ++ch)
      for (int64_t r = 0; r < c.KH; ++r)
        for (int64_t s = 0; s < c.KW; ++s) {
          int64_t i = col / ow * c.StrideH - c.Top + r * c.DilationH,
                  j = col % ow * c.StrideW - c.Left + s * c.DilationW;
          if (i < 0 || i >= c.H || j < 0 || j >= c.W)
            continue;
          int64_t plane = n * c.C + o / (c.O / c.Groups) * channels + ch;
          double term = number(x[(plane * c.H + i) * c.W + j]) * number(w[((o * channels + ch) * c.KH + r) * c.KW + s]);
          sum += term;
          size += std::fabs(term);
        }
    want[id] = sum + bias[o] - 0.125 * double(col);
    slack[id] = size * accumulation(channels * c.KH * c.KW) + 4 * Rounding<float> * (2 + std::fabs(sum) + double(col));
  }
  suite.compare(title, got, want, slack);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("convolution", argc, argv);
  const Case all[] = {
      {1, 1, 1, 1, 1, 1, 1},
      {2, 1, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1, 1},
      {1, 3, 17, 19, 5, 5, 4, 1, 2, 3, 2, 1, 1, 2},
      {3, 8, 9, 11, 12, 3, 3, 4, 1, 2, 1, 0, 2, 1, 2, 3},
      {2, 6, 14, 14, 6, 3, 3, 6, 1, 1, 1, 1, 1, 1},
      {2, 4, 1, 50, 7, 1, 9, 1, 1, 2, 0, 4, 0, 4},
      {1, 2, 3, 3, 3, 3, 3, 1, 1, 1, 4, 4, 4, 4},
      {large(4, 1), 32, large(56, 12), large(56, 12), 24, 3, 3, 1, 1, 1, 1, 1, 1, 1},
  };
  for (const Case &c : all) {
    runCase<float, float, float>(suite, "f32", c);
    runCase<Half, Half, Half>(suite, "f16", c);
    runCase<float, BFloat16, float>(suite, "f32*bf16", c);
  }
  return suite.finish();
}
