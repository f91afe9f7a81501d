// Convolution of images with channels last on tensor cores against the sum written out in f64.
#include "KernelTest.h"
#include "convolution_few_channels.cuh"
#include "convolution_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t N, C, H, W, O, KH, KW;
  int64_t StrideH = 1, StrideW = 1, Top = 0, Left = 0, Bottom = 0, Right = 0, DilationH = 1, DilationW = 1;
  int64_t oh() const { return (H + Top + Bottom - DilationH * (KH - 1) - 1) / StrideH + 1; }
  int64_t ow() const { return (W + Left + Right - DilationW * (KW - 1) - 1) / StrideW + 1; }
  int64_t depth() const { return KH * KW * C; }
};

struct BiasResidual {
  const float *Bias;
  const Half *Residual;
  int64_t O;
  __device__ float operator()(float acc, int64_t row, int64_t col) const {
    float x = acc + Bias[col] + toValue(Residual[row * O + col]);
    return x > 0 ? x : 0;
  }
};

/// [O, K] in packed tiles.
template <class T> std::vector<T> pack(const std::vector<T> &w, int64_t n, int64_t k) {
  int64_t depth = ceilDiv<int64_t>(k, 64);
  std::vector<T> packed(size_t(ceilDiv<int64_t>(n, 64) * depth * 4096));
  for (int64_t row = 0; row < n; ++row)
    for (int64_t col = 0; col < k; ++col) {
      int64_t r = row % 64, chunk = col % 64 / 8 ^ (r & 7);
      packed[(row / 64 * depth + col / 64) * 4096 + r * 64 + chunk * 8 + col % 8] = w[row * k + col];
    }
  return packed;
}

template <class Kernel, class Element, class Output>
typename Kernel::Params makeParams(const Case &c, const Element *x, const Element *w, Output *y) {
  return {.X = x,
          .Weights = w,
          .Y = y,
          .N = c.N,
          .C = c.C,
          .H = c.H,
          .W = c.W,
          .O = c.O,
          .KH = c.KH,
          .KW = c.KW,
          .OH = c.oh(),
          .OW = c.ow(),
          .StrideH = c.StrideH,
          .StrideW = c.StrideW,
          .PadTop = c.Top,
          .PadLeft = c.Left,
          .DilationH = c.DilationH,
          .DilationW = c.DilationW,
          .Blocks = 3};
}

std::string titleOf(const std::string &name, const Case &c) {
  return name + " " + std::to_string(c.N) + "x" + std::to_string(c.H) + "x" + std::to_string(c.W) + "x" +
         std::to_string(c.C) + " by " + std::to_string(c.O) + "x" + std::to_string(c.KH) + "x" + std::to_string(c.KW);
}

/// `shift` elements move the image off alignment.
template <class Kernel, class Element, class Output>
void runCase(Suite &suite, const std::string &name, const Case &c, size_t shift = 0) {
  auto x = randomVector<Element>(c.N * c.C * c.H * c.W);
  auto w = randomVector<Element>(c.O * c.depth());
  auto bias = randomVector<float>(c.O);
  int64_t rows = c.N * c.oh() * c.ow();
  auto residual = randomVector<Half>(rows * c.O);
  Buffer<Element> deviceX(x, shift), deviceW(pack(w, c.O, c.depth()));
  Buffer<float> deviceBias(bias);
  Buffer<Half> deviceResidual(residual);
  auto out = Buffer<Output>::poisoned(rows * c.O);
  auto params = makeParams<Kernel>(c, deviceX.data(), deviceW.data(), out.data());
  std::string title = titleOf(name, c);
  BiasResidual epilogue{deviceBias.data(), deviceResidual.data(), c.O};
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, epilogue, blocks); });
  std::vector<double> want(out.size()), slack(out.size());
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t o = 0; o < c.O; ++o) {
      int64_t n = row / (c.oh() * c.ow()), i = row / c.ow() % c.oh(), j = row % c.ow();
      double sum = 0, size = 0;
      for (int64_t r = 0; r < c.KH; ++r)
        for (int64_t s = 0; s < c.KW; ++s) {
          int64_t y = i * c.StrideH - c.Top + r * c.DilationH, z = j * c.StrideW - c.Left + s * c.DilationW;
          if (y < 0 || y >= c.H || z < 0 || z >= c.W)
            continue;
          for (int64_t ch = 0; ch < c.C; ++ch) {
            double term =
                number(x[((n * c.H + y) * c.W + z) * c.C + ch]) * number(w[o * c.depth() + (r * c.KW + s) * c.C + ch]);
            sum += term;
            size += std::fabs(term);
          }
        }
      int64_t at = row * c.O + o;
      want[at] = std::max(0.0, sum + bias[o] + number(residual[at]));
      slack[at] = size * accumulation(c.depth()) + 4 * Rounding<float> * (2 + std::fabs(sum));
    }
  suite.compare(title, got, want, slack);
}

template <class Element, class Output, class Tile, int Split>
void runTiles(Suite &suite, const std::string &name, const Case &c) {
  runCase<ConvolutionTiles<Element, Output, Tile, Split>, Element, Output>(suite, name, c);
}

template <class Element, class Output, class Tile, int Split>
void runWarpgroups(Suite &suite, const std::string &name, const Case &c, size_t shift = 0) {
  runCase<ConvolutionSm90<Element, Output, Tile, Split>, Element, Output>(suite, "warpgroups " + name, c, shift);
}

/// A window of few channels on images of which it leaves neither whole tiles nor whole chunks.
template <class Element, class Output, int KH, int KW, int StrideH, int StrideW, int DilationH, int Width>
void runFewChannels(Suite &suite, int64_t channels, int64_t filters, int64_t top, int64_t left) {
  using Window = FewChannelsWindow<KH, KW, StrideH, StrideW, DilationH, Width>;
  const Case c = {
      3, channels, 5 * StrideH + KH * DilationH, 13 * StrideW + KW, filters, KH, KW, StrideH, StrideW, top, left, 1,
      2, DilationH};
  runCase<ConvolutionFewChannels<Element, Output, Window>, Element, Output>(suite, "few channels", c, 1);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("convolution_tiles", argc, argv);
  const Case all[] = {
      {1, 8, 1, 1, 1, 1, 1},
      {2, 64, 5, 4, 64, 1, 1},
      {1, 3, 11, 9, 65, 7, 7, 2, 2, 3, 3, 3, 3}, // elements one by one
      {2, 5, 6, 7, 3, 3, 2, 1, 2, 1, 0, 0, 1},
      {1, 72, 7, 9, 70, 3, 3, 1, 1, 1, 1, 1, 1}, // chunks of several places in one step
      {1, 16, 9, 13, 40, 3, 3, 2, 1, 2, 1, 2, 3, 2, 3},
      {3, 64, 9, 8, 130, 3, 3, 2, 2, 1, 1, 1, 1},
      {1, 24, 4, 4, 9, 4, 4},
      {2, 8, 19, 12, 60, 7, 4, 2, 1, 3, 2, 3, 1}, // eight places in one step, several tiles of rows
  };
  for (const Case &c : all) {
    runTiles<Half, Half, ConvolutionMediumTile, 1>(suite, "medium f16", c);
    runTiles<BFloat16, float, ConvolutionTallTile, 1>(suite, "tall bf16", c);
    runTiles<Half, float, ConvolutionLargeTile, 1>(suite, "large f16", c);
    runTiles<Half, Half, ConvolutionMediumTile, 4>(suite, "medium f16 split 4", c);
    runTiles<BFloat16, float, ConvolutionMediumTile, 8>(suite, "medium bf16 split 8", c);
    if (c.C % 8 != 0)
      continue;
    runWarpgroups<Half, Half, ConvolutionNarrowSm90, 1>(suite, "narrow f16", c);
    runWarpgroups<BFloat16, float, ConvolutionSquareSm90, 1>(suite, "square bf16", c);
    runWarpgroups<Half, float, ConvolutionWideSm90, 1>(suite, "wide f16", c, 1);
    runWarpgroups<Half, Half, ConvolutionNarrowSm90, 2>(suite, "narrow f16 split 2", c, 8);
    runWarpgroups<BFloat16, Half, ConvolutionSquareSm90, 4>(suite, "square bf16 split 4", c, 3);
    runWarpgroups<Half, float, ConvolutionWideSm90, 5>(suite, "wide f16 split 5", c);
    runWarpgroups<Half, Half, ConvolutionHighSm90, 1>(suite, "high f16", c);
    runWarpgroups<BFloat16, float, ConvolutionHighSm90, 2>(suite, "high bf16 split 2", c);
  }
  runFewChannels<Half, Half, 7, 7, 2, 2, 1, 8>(suite, 3, 64, 3, 3);
  runFewChannels<Half, float, 7, 7, 2, 2, 1, 56>(suite, 4, 130, 3, 2);
  runFewChannels<BFloat16, Half, 3, 3, 1, 1, 2, 24>(suite, 7, 9, 2, 1);
  runFewChannels<Half, Half, 3, 5, 3, 4, 1, 16>(suite, 2, 70, 0, 0);
  runFewChannels<Half, float, 1, 2, 1, 1, 1, 8>(suite, 1, 1, 0, 1);
  return suite.finish();
}
