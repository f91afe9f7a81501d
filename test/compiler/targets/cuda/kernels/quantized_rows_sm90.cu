// quantized_rows_sm90.cuh and quantized_wide_sm90.cuh against products in f64 with weights as the reader has them.
#include "GgufTiles.h"
#include "quantized_rows_sm90.cuh"
#include "quantized_wide_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct BiasAndRow {
  const float *Bias;
  __device__ float operator()(float acc, int64_t row, int64_t col) const { return acc + Bias[col] - 0.125f * row; }
};

struct Gate {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate * 0.5f + up * 2.0f; }
};

/// How far a weight may be off, relative to itself and to the largest of its 32.
struct WeightError {
  double OfWeight, OfLargest = 0;
};

/// A weight is rounded to f16 unless codes are exact. Where they are, minima are taken off sums that are as large as
/// those of codes without minima, up to 32 times as large as the largest of the weights, and sums of A are f16 and what
/// f16 lost of them.
template <class Tiled> constexpr WeightError InRows = {Tiled::HasMinima ? 0 : Rounding<Half>, 64 * Rounding<float>};

/// What unpack says of a weight is rounded once, of q6_k twice; of q4_k the middle of 32 is besides, twice.
template <class Tiled>
constexpr WeightError InWide = {(IsSame<Tiled, TiledQ6_K> ? 2 : 1) * Rounding<Half>,
                                Tiled::HasMinima ? 2 * Rounding<Half> : 0};

/// Sums in f64, and how far those of the template may be off.
struct Expected {
  std::vector<double> Sum, Slack;

  Expected(const std::vector<Half> &a, const std::vector<float> &w, int64_t m, int64_t n, int64_t k, int64_t stride,
           WeightError error)
      : Sum(m * n), Slack(m * n) {
    std::vector<double> largest(n * k / 32);
    for (int64_t i = 0; i < n * k; ++i)
      largest[i / 32] = std::max(largest[i / 32], std::fabs(double(w[i])));
    for (int64_t row = 0; row < m; ++row)
      for (int64_t col = 0; col < n; ++col) {
        double sum = 0, size = 0, rounded = 0;
        for (int64_t i = 0; i < k; ++i) {
          double x = number(a[row * stride + i]), weight = w[col * k + i];
          sum += x * weight;
          size += std::fabs(x * weight);
          rounded += std::fabs(x) * largest[(col * k + i) / 32];
        }
        Sum[row * n + col] = sum;
        Slack[row * n + col] = size * (accumulation(k) + error.OfWeight) + rounded * error.OfLargest +
                               8 * Rounding<float> * (2 + std::fabs(sum));
      }
  }
};

template <class Kernel, class Tiled>
void runProduct(Suite &suite, const std::string &kernel, WeightError error, int64_t m, int64_t n, int64_t k,
                int64_t pad, size_t shift) {
  using Output = typename Kernel::Types::template Output<0>;
  auto a = randomVector<Half>(m * (k + pad));
  auto bias = randomVector<float>(n);
  Weights<Tiled> w(n, k);
  Buffer<Half> deviceA(a, shift);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  typename Kernel::Params params{deviceA.data(), m, k, k + pad, 3, {{{w.Device.data()}, out.data(), n, n}}};
  std::string title = std::string(BlocksOf<Tiled>::Name) + " " + std::to_string(m) + "x" + std::to_string(n) + "x" +
                      std::to_string(k) + " " + kernel;
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  Expected want(a, w.Values, m, n, k, k + pad, error);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col)
      want.Sum[row * n + col] += bias[col] - 0.125 * double(row);
  suite.compare(title, got, want.Sum, want.Slack);
}

template <int Rows, int Cluster, class Tiled, class Output>
void productCase(Suite &suite, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift) {
  runProduct<QuantizedRowsSm90<Output, Rows, Cluster, Tiled>, Tiled>(
      suite, "rows " + std::to_string(Rows) + " cluster " + std::to_string(Cluster), InRows<Tiled>, m, n, k, pad,
      shift);
}

template <int Rows, int Warpgroups, class Tiled, class Output>
void wideCase(Suite &suite, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift) {
  runProduct<QuantizedWideSm90<Output, Rows, Warpgroups, Tiled>, Tiled>(
      suite, "wide " + std::to_string(Rows) + " warpgroups " + std::to_string(Warpgroups), InWide<Tiled>, m, n, k, pad,
      shift);
}

/// Random blocks but for minima, which are those of weights about zero.
template <class Format> Blocks blocksAboutZero(int64_t count) {
  Blocks bytes = randomBlocks<Format>(count);
  if constexpr (IsSame<Format, Q4_K>)
    for (int64_t i = 0; i < count; ++i) {
      uint8_t *block = &bytes[i * Format::BlockBytes];
      uint16_t min = halfBits(7.3f * halfValue(uint16_t(block[0] | block[1] << 8)));
      block[2] = uint8_t(min), block[3] = uint8_t(min >> 8);
      for (int j = 0; j < 4; ++j) { // as many quarters of 6 bits
        block[8 + j] = block[4 + j];
        block[12 + j] = uint8_t(block[12 + j] % 16 * 17);
      }
    }
  return bytes;
}

/// What sums are off by, in the mean, against sums of weights that are rounded to f16 once: bounds of the worst case
/// are too wide to see scales or minima that are. Of formats whose weights are exact in f16 there is nothing to
/// compare.
template <class Tiled> void typicalCase(Suite &suite) {
  using Kernel = QuantizedWideSm90<float, 64, 2, Tiled>;
  constexpr int64_t M = 40, N = 48, K = 768;
  auto a = randomVector<Half>(M * K);
  using Format = typename BlocksOf<Tiled>::Format;
  Weights<Tiled> w(N, K, blocksAboutZero<Format>(N * K / Format::Block));
  Buffer<Half> deviceA(a);
  auto out = Buffer<float>::poisoned(M * N);
  launch<Kernel>({deviceA.data(), M, K, K, 3, {{{w.Device.data()}, out.data(), N, N}}}, StoreAsIs{});
  synchronize();
  std::vector<float> rounded(w.Values.size());
  for (size_t i = 0; i < rounded.size(); ++i)
    rounded[i] = halfValue(halfBits(w.Values[i]));
  Expected want(a, w.Values, M, N, K, K, {}), once(a, rounded, M, N, K, K, {});
  std::vector<float> got = out.read();
  double ofKernel = 0, ofOnce = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    ofKernel += std::pow(got[i] - want.Sum[i], 2);
    ofOnce += std::pow(once.Sum[i] - want.Sum[i], 2);
  }
  double ratio = std::sqrt(ofKernel / ofOnce);
  suite.report(std::string(BlocksOf<Tiled>::Name) + " typical", ratio < 1.5,
               "errors are " + std::to_string(ratio) + " times those of weights that are rounded once");
}

/// Scales of mxfp4 from 2^-19 to 2^6, whose weights are exact, and smaller ones, whose are zero.
void scalesCase(Suite &suite) {
  using Kernel = QuantizedWideSm90<float, 16, 4, TiledMXFP4>;
  constexpr int64_t M = 5, N = 17, K = 256;
  constexpr uint8_t Scales[] = {0, 107, 108, 109, 127, 132, 133};
  auto a = randomVector<Half>(M * K);
  Blocks blocks = randomBlocks<MXFP4>(N * K / 32);
  for (size_t i = 0; i < blocks.size(); i += MXFP4::BlockBytes)
    blocks[i] = Scales[i / MXFP4::BlockBytes % std::size(Scales)];
  Weights<TiledMXFP4> w(N, K, blocks);
  for (size_t i = 0; i < w.Values.size(); ++i)
    if (blocks[i / 32 * MXFP4::BlockBytes] < 108)
      w.Values[i] = 0;
  Buffer<Half> deviceA(a);
  auto out = Buffer<float>::poisoned(M * N);
  launch<Kernel>({deviceA.data(), M, K, K, 3, {{{w.Device.data()}, out.data(), N, N}}}, StoreAsIs{});
  synchronize();
  Expected want(a, w.Values, M, N, K, K, {});
  suite.compare("scales of mxfp4", out.read(), want.Sum, want.Slack);
}

template <class Tiled> void cases(Suite &suite) {
  constexpr int64_t B = BlocksOf<Tiled>::Format::Block;
  productCase<16, 1, Tiled, float>(suite, 1, 1, B, 0, 0);
  productCase<16, 2, Tiled, float>(suite, 9, 129, 3 * B, 8, 0);
  productCase<32, 4, Tiled, Half>(suite, 33, 40, 768, 3, 1);
  productCase<64, 1, Tiled, Half>(suite, 64, large(2053, 143), 1280, 0, 0);
  productCase<64, 2, Tiled, float>(suite, large(70, 65), large(515, 17), 1280, 0, 1);
  if constexpr (Tiled::Columns == 128) {
    productCase<128, 1, Tiled, Half>(suite, 128, large(2053, 257), 320, 0, 0);
    productCase<128, 2, Tiled, float>(suite, large(300, 130), large(515, 143), 448, 8, 1);
  }
  wideCase<16, 4, Tiled, float>(suite, 1, 1, B, 0, 0);
  wideCase<32, 2, Tiled, Half>(suite, 33, 40, 3 * B, 3, 1);
  wideCase<64, 4, Tiled, Half>(suite, 64, large(2053, 300), 768, 0, 0);
  wideCase<128, 2, Tiled, float>(suite, large(300, 130), large(515, 20), 1280, 8, 0);
  wideCase<256, 2, Tiled, Half>(suite, large(700, 249), large(2048, 132), 1024, 0, 0);
}

/// Three products with epilogues of their own, in formats whose tiles are of two widths.
template <class Kernel>
void joinedCase(Suite &suite, const std::string &kernel, const WeightError (&errors)[3], int64_t m, int64_t k) {
  int64_t n[3] = {35, 130, 20};
  auto a = randomVector<Half>(m * k);
  auto bias = randomVector<float>(35);
  Weights<TiledQ4_K> w0(n[0], k);
  Weights<TiledQ8_0> w1(n[1], k);
  Weights<TiledQ6_K> w2(n[2], k);
  Buffer<Half> deviceA(a);
  Buffer<float> deviceBias(bias);
  auto c0 = Buffer<float>::poisoned(m * n[0]);
  auto c1 = Buffer<Half>::poisoned(m * n[1]), c2 = Buffer<Half>::poisoned(m * n[2]);
  typename Kernel::Params params{deviceA.data(),
                                 m,
                                 k,
                                 k,
                                 132,
                                 {{{w0.Device.data()}, c0.data(), n[0], n[0]},
                                  {{w1.Device.data()}, c1.data(), n[1], n[1]},
                                  {{w2.Device.data()}, c2.data(), n[2], n[2]}}};
  auto body = joinEpilogues(BiasAndRow{deviceBias.data()}, StoreAsIs{}, StoreAsIs{});
  std::string title = "joined " + std::to_string(m) + " " + kernel;
  auto got = suite.twice(title, c0, [&](int64_t blocks) { launch<Kernel>(params, body, blocks); });
  Expected want0(a, w0.Values, m, n[0], k, k, errors[0]), want1(a, w1.Values, m, n[1], k, k, errors[1]),
      want2(a, w2.Values, m, n[2], k, k, errors[2]);
  for (int64_t i = 0; i < m * n[0]; ++i)
    want0.Sum[i] += bias[i % n[0]] - 0.125 * double(i / n[0]);
  suite.compare(title + " first", got, want0.Sum, want0.Slack);
  suite.compare(title + " second", c1.read(), want1.Sum, want1.Slack);
  suite.compare(title + " third", c2.read(), want2.Sum, want2.Slack);
}

/// Two products whose sums meet.
template <class Kernel>
void dualCase(Suite &suite, const std::string &kernel, WeightError error, int64_t m, int64_t n, int64_t k) {
  auto a = randomVector<Half>(m * k);
  Weights<TiledQ4_K> gate(n, k), up(n, k);
  Buffer<Half> deviceA(a);
  auto both = Buffer<float>::poisoned(m * n);
  typename Kernel::Params params{
      deviceA.data(), m, k, k, 132, {{{gate.Device.data(), up.Device.data()}, both.data(), n, n}}};
  std::string title = "dual " + std::to_string(m) + " " + kernel;
  auto got = suite.twice(title, both, [&](int64_t blocks) { launch<Kernel>(params, Gate{}, blocks); });
  Expected first(a, gate.Values, m, n, k, k, error), second(a, up.Values, m, n, k, k, error);
  for (int64_t i = 0; i < m * n; ++i) {
    first.Sum[i] = first.Sum[i] * 0.5 + second.Sum[i] * 2;
    first.Slack[i] = first.Slack[i] * 0.5 + second.Slack[i] * 2;
  }
  suite.compare(title, got, first.Sum, first.Slack);
}

template <int Rows, int Cluster> void severalCases(Suite &suite, int64_t m, int64_t k) {
  std::string kernel = "rows " + std::to_string(Rows) + " cluster " + std::to_string(Cluster);
  joinedCase<QuantizedRowsSm90<Joined<float, Half, Half>, Rows, Cluster, TiledQ4_K, TiledQ8_0, TiledQ6_K>>(
      suite, kernel, {InRows<TiledQ4_K>, InRows<TiledQ8_0>, InRows<TiledQ6_K>}, m, k);
  dualCase<QuantizedRowsSm90<Dual<float>, Rows, Cluster, TiledQ4_K>>(suite, kernel, InRows<TiledQ4_K>, m, 35, k);
}

template <int Rows, int Warpgroups> void severalWideCases(Suite &suite, int64_t m, int64_t k) {
  std::string kernel = "wide " + std::to_string(Rows) + " warpgroups " + std::to_string(Warpgroups);
  joinedCase<QuantizedWideSm90<Joined<float, Half, Half>, Rows, Warpgroups, TiledQ4_K, TiledQ8_0, TiledQ6_K>>(
      suite, kernel, {InWide<TiledQ4_K>, InWide<TiledQ8_0>, InWide<TiledQ6_K>}, m, k);
  dualCase<QuantizedWideSm90<Dual<float>, Rows, Warpgroups, TiledQ4_K>>(suite, kernel, InWide<TiledQ4_K>, m, 70, k);
}

/// Medians over copies of the weights that do not fit the L2 together.
template <class Tiled, int Rows, int Cluster, class Outputs = Half>
void timeCase(Suite &suite, int64_t m, int64_t n, int64_t k) {
  if (!suite.Time)
    return;
  using Kernel = QuantizedRowsSm90<Outputs, Rows, Cluster, Tiled>;
  using Format = typename BlocksOf<Tiled>::Format;
  constexpr int Sums = Kernel::Sums;
  Blocks packed = Weights<Tiled>::pack(n, k, randomBlocks<Format>(n * k / Format::Block));
  std::vector<Buffer<uint8_t>> w;
  while (double(w.size()) * double(packed.size()) < 200e6 || w.size() % Sums != 0)
    w.emplace_back(packed);
  Buffer<Half> a(randomVector<Half>(m * k));
  auto c = Buffer<Half>::poisoned(m * n);
  suite.time(
      std::string(BlocksOf<Tiled>::Name) + (Sums == 2 ? " dual " : " ") + std::to_string(m) + "x" + std::to_string(n) +
          "x" + std::to_string(k) + " rows " + std::to_string(Rows) + " cluster " + std::to_string(Cluster),
      int(w.size()) / Sums, double(packed.size()) * Sums, 2.0 * Sums * double(m) * double(n) * double(k), [&](int i) {
        typename Kernel::Params params{a.data(), m, k, k, 132, {{{w[i * Sums].data()}, c.data(), n, n}}};
        params.Parts[0].W[Sums - 1] = w[i * Sums + Sums - 1].data();
        if constexpr (Sums == 2)
          launch<Kernel>(params, Gate{});
        else
          launch<Kernel>(params, StoreAsIs{});
      });
}

template <int Rows> void timeRows(Suite &suite, int64_t m) {
  timeCase<TiledQ4_K, Rows, 1, Dual<Half>>(suite, m, 14336, 4096);
  timeCase<TiledQ4_K, Rows, 2>(suite, m, 6144, 4096);
  timeCase<TiledQ4_K, Rows, 4>(suite, m, 4096, 4096);
  timeCase<TiledQ4_K, Rows, 4>(suite, m, 4096, 14336);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("quantized_rows_sm90", argc, argv);
  cases<TiledQ4_0>(suite);
  cases<TiledQ8_0>(suite);
  cases<TiledQ4_K>(suite);
  cases<TiledQ6_K>(suite);
  cases<TiledIQ4_NL>(suite);
  cases<TiledMXFP4>(suite);
  cases<TiledNVFP4>(suite);
  scalesCase(suite);
  typicalCase<TiledQ4_0>(suite);
  typicalCase<TiledQ8_0>(suite);
  typicalCase<TiledQ4_K>(suite);
  typicalCase<TiledQ6_K>(suite);
  typicalCase<TiledIQ4_NL>(suite);
  severalCases<16, 1>(suite, 11, 768);
  severalCases<32, 2>(suite, 32, 1280);
  severalWideCases<32, 4>(suite, 11, 768);
  severalWideCases<128, 2>(suite, large(300, 65), 1280);
  timeRows<16>(suite, 16);
  timeRows<32>(suite, 32);
  timeRows<64>(suite, 64);
  timeCase<TiledQ4_K, 64, 1>(suite, 64, 14336, 4096);
  timeCase<TiledQ6_K, 64, 1>(suite, 64, 128256, 4096);
  timeCase<TiledQ6_K, 64, 4>(suite, 64, 4096, 14336);
  timeCase<TiledQ8_0, 64, 1, Dual<Half>>(suite, 64, 14336, 4096);
  timeCase<TiledQ8_0, 64, 4>(suite, 64, 4096, 14336);
  timeCase<TiledQ4_0, 64, 1, Dual<Half>>(suite, 64, 14336, 4096);
  return suite.finish();
}
