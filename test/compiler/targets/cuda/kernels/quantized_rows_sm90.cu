// quantized_rows_sm90.cuh against products in f64 with weights as the reader has them.
#include "GgufTiles.h"
#include "quantized_rows_sm90.cuh"

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

/// Sums in f64, and how far those of the template may be off: a weight is rounded to f16 unless codes are exact. Where
/// they are, minima are taken off sums that are as large as those of codes without minima, up to 32 times as large as
/// the largest of the weights, and sums of A are f16 and what f16 lost of them.
struct Expected {
  std::vector<double> Sum, Slack;

  Expected(const std::vector<Half> &a, const std::vector<float> &w, int64_t m, int64_t n, int64_t k, int64_t stride,
           bool exact)
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
        Slack[row * n + col] = size * (accumulation(k) + (exact ? 0 : Rounding<Half>)) +
                               rounded * 64 * Rounding<float> + 8 * Rounding<float> * (2 + std::fabs(sum));
      }
  }
};

template <int Rows, int Cluster, class Tiled, class Output>
void productCase(Suite &suite, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift) {
  using Kernel = QuantizedRowsSm90<Output, Rows, Cluster, Tiled>;
  auto a = randomVector<Half>(m * (k + pad));
  auto bias = randomVector<float>(n);
  Weights<Tiled> w(n, k);
  Buffer<Half> deviceA(a, shift);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  typename Kernel::Params params{deviceA.data(), m, k, k + pad, 3, {{{w.Device.data()}, out.data(), n, n}}};
  std::string title = std::string(BlocksOf<Tiled>::Name) + " " + std::to_string(m) + "x" + std::to_string(n) + "x" +
                      std::to_string(k) + " rows " + std::to_string(Rows) + " cluster " + std::to_string(Cluster);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  Expected want(a, w.Values, m, n, k, k + pad, Tiled::HasMinima);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col)
      want.Sum[row * n + col] += bias[col] - 0.125 * double(row);
  suite.compare(title, got, want.Sum, want.Slack);
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
}

/// Three products with epilogues of their own, in formats whose tiles are of two widths, and two whose sums meet.
template <int Rows, int Cluster> void joinedCases(Suite &suite, int64_t m, int64_t k) {
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
  using Kernel = QuantizedRowsSm90<Joined<float, Half, Half>, Rows, Cluster, TiledQ4_K, TiledQ8_0, TiledQ6_K>;
  typename Kernel::Params params{deviceA.data(),
                                 m,
                                 k,
                                 k,
                                 132,
                                 {{{w0.Device.data()}, c0.data(), n[0], n[0]},
                                  {{w1.Device.data()}, c1.data(), n[1], n[1]},
                                  {{w2.Device.data()}, c2.data(), n[2], n[2]}}};
  auto body = joinEpilogues(BiasAndRow{deviceBias.data()}, StoreAsIs{}, StoreAsIs{});
  std::string title = "joined " + std::to_string(m) + " cluster " + std::to_string(Cluster);
  auto got = suite.twice(title, c0, [&](int64_t blocks) { launch<Kernel>(params, body, blocks); });
  Expected want0(a, w0.Values, m, n[0], k, k, true), want1(a, w1.Values, m, n[1], k, k, false),
      want2(a, w2.Values, m, n[2], k, k, false);
  for (int64_t i = 0; i < m * n[0]; ++i)
    want0.Sum[i] += bias[i % n[0]] - 0.125 * double(i / n[0]);
  suite.compare(title + " first", got, want0.Sum, want0.Slack);
  suite.compare(title + " second", c1.read(), want1.Sum, want1.Slack);
  suite.compare(title + " third", c2.read(), want2.Sum, want2.Slack);

  using DualKernel = QuantizedRowsSm90<Dual<float>, Rows, Cluster, TiledQ4_K>;
  Weights<TiledQ4_K> up(n[0], k);
  auto both = Buffer<float>::poisoned(m * n[0]);
  typename DualKernel::Params dual{
      deviceA.data(), m, k, k, 132, {{{w0.Device.data(), up.Device.data()}, both.data(), n[0], n[0]}}};
  title = "dual " + std::to_string(m) + " cluster " + std::to_string(Cluster);
  got = suite.twice(title, both, [&](int64_t blocks) { launch<DualKernel>(dual, Gate{}, blocks); });
  Expected first(a, w0.Values, m, n[0], k, k, true), second(a, up.Values, m, n[0], k, k, true);
  for (int64_t i = 0; i < m * n[0]; ++i) {
    first.Sum[i] = first.Sum[i] * 0.5 + second.Sum[i] * 2;
    first.Slack[i] = first.Slack[i] * 0.5 + second.Slack[i] * 2;
  }
  suite.compare(title, got, first.Sum, first.Slack);
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
  joinedCases<16, 1>(suite, 11, 768);
  joinedCases<32, 2>(suite, 32, 1280);
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
