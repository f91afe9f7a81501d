// The products of few rows with blocks in tiles, every format, alone and joined, against the formats' definitions.
#include "GgufTiles.h"
#include "quantized_few_sm90.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Products in f64 and how far off they may be.
struct Expected {
  std::vector<double> Sum, Slack;

  template <class A>
  Expected(const std::vector<A> &a, const std::vector<float> &w, int64_t m, int64_t n, int64_t k, int64_t stride,
           bool halves, double inexact = 0)
      : Sum(m * n), Slack(m * n) {
    for (int64_t row = 0; row < m; ++row)
      for (int64_t col = 0; col < n; ++col) {
        double sum = 0, size = 0, rounded = 0;
        for (int64_t group = 0; group < k; group += 32) {
          double largest = 0, weights = 0;
          for (int64_t i = group; i < group + 32; ++i) {
            double x = number(a[row * stride + i]), weight = w[col * k + i];
            sum += x * weight;
            size += std::fabs(x * weight);
            largest = std::max(largest, std::fabs(x));
            weights += std::fabs(weight);
          }
          rounded += largest * weights;
        }
        Sum[row * n + col] = sum;
        // One row is rounded to 2^-15 of the largest of each 32. In the sums codes stand without their zero or minimum,
        // which is taken off later: up to 32 times the weights of Q6_K, so f32's rounding counts that much more.
        Slack[row * n + col] = size * (accumulation(k) + inexact) + rounded * 4 * Rounding<float> +
                               (halves ? rounded * 1.004 / (1 << 15) : 0) + 8 * Rounding<float> * (2 + std::fabs(sum));
      }
  }
};

/// Rows that the product normalizes: elements may be rounded to a neighbour.
template <class Kernel, class Tiled, class A, class Source, int K>
void normalizedCase(Suite &suite, int64_t m, int64_t n, int64_t pad, size_t shift, float magnitude = 1) {
  const float Epsilon = 0.01f * magnitude * magnitude;
  auto x = randomVector<Source>(m * (K + pad));
  for (Source &value : x)
    value = element<Source>(number(value) * magnitude);
  auto gain = randomVector<float>(K), bias = randomVector<float>(n);
  std::vector<A> a(m * K);
  for (int64_t row = 0; row < m; ++row) {
    double squares = 0;
    for (int64_t i = 0; i < K; ++i)
      squares += number(x[row * (K + pad) + i]) * number(x[row * (K + pad) + i]);
    for (int64_t i = 0; i < K; ++i)
      a[row * K + i] = element<A>(number(x[row * (K + pad) + i]) / std::sqrt(squares / K + Epsilon) * gain[i]);
  }
  Weights<Tiled> w(n, K);
  Buffer<Source> deviceX(x, shift);
  Buffer<float> deviceGain(gain, shift), deviceBias(bias);
  auto out = Buffer<float>::poisoned(m * n);
  typename Kernel::Params params{
      deviceX.data(), m, K + pad, 4, {{{w.Device.data()}, out.data(), n, n}}, {deviceGain.data(), Epsilon}};
  std::string title = std::string(BlocksOf<Tiled>::Name) + " normalized " + std::to_string(m) + "x" +
                      std::to_string(n) + "x" + std::to_string(K);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  bool halves = m == 1 || !IsSame<A, Half>; // other rows than of f16 are taken one by one
  Expected want(a, w.Values, m, n, K, K, halves, 2 * Rounding<A>);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col)
      want.Sum[row * n + col] += bias[col] - 0.125 * double(row);
  suite.compare(title, got, want.Sum, want.Slack);
}

template <class Kernel, class Tiled, class A, class Output, int K>
void productCase(Suite &suite, int64_t m, int64_t n, int64_t pad, size_t shift) {
  auto a = randomVector<A>(m * (K + pad));
  auto bias = randomVector<float>(n);
  Weights<Tiled> w(n, K);
  Buffer<A> deviceA(a, shift);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  typename Kernel::Params params{deviceA.data(), m, K + pad, 4, {{{w.Device.data()}, out.data(), n, n}}};
  std::string title = std::string(BlocksOf<Tiled>::Name) + " " + std::to_string(m) + "x" + std::to_string(n) + "x" +
                      std::to_string(K) + " pad " + std::to_string(pad) + " shift " + std::to_string(shift);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  Expected want(a, w.Values, m, n, K, K + pad, m == 1);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col)
      want.Sum[row * n + col] += bias[col] - 0.125 * double(row);
  suite.compare(title, got, want.Sum, want.Slack);
}

template <class Tiled, int K> void cases(Suite &suite) {
  for (int64_t n : {int64_t(1), int64_t(16), int64_t(17), large(2053, 75)}) {
    productCase<QuantizedFewRowsSm90<Half, float, 1, K, Tiled>, Tiled, Half, float, K>(suite, 1, n, 0, n % 2);
    productCase<QuantizedFewRowsSm90<Half, Half, 2, K, Tiled>, Tiled, Half, Half, K>(suite, 2, n, 8, 0);
    productCase<QuantizedFewRowsSm90<Half, float, 8, K, Tiled>, Tiled, Half, float, K>(suite, 8, n, n % 3, n % 2);
  }
  productCase<QuantizedFewRowsSm90<BFloat16, BFloat16, 1, K, Tiled>, Tiled, BFloat16, BFloat16, K>(suite, 1, 40, 0, 0);
  productCase<QuantizedFewRowsSm90<float, float, 1, K, Tiled>, Tiled, float, float, K>(suite, 1, 40, 0, 1);
  productCase<QuantizedFewRowsSm90<Half, float, 4, K, Tiled>, Tiled, Half, float, K>(suite, 3, 40, 0, 0);
  // In passes, the last of one row.
  productCase<QuantizedFewRowsSm90<Half, float, 2, K, Tiled>, Tiled, Half, float, K>(suite, 5, 75, 0, 0);
}

struct Gate {
  __device__ float operator()(float gate, float up, int64_t, int64_t) const { return gate * 0.5f + up * 2.0f; }
};

/// Three products with epilogues of their own, the last in another format, and two whose sums meet.
template <int Rows, int K> void joinedCases(Suite &suite) {
  int64_t n[3] = {35, 16, 20}, m = Rows;
  auto a = randomVector<Half>(m * K);
  auto bias = randomVector<float>(35);
  Weights<TiledQ4_K> w0(n[0], K), w1(n[1], K);
  Weights<TiledQ6_K> w2(n[2], K);
  Buffer<Half> deviceA(a);
  Buffer<float> deviceBias(bias);
  auto c0 = Buffer<float>::poisoned(m * n[0]);
  auto c1 = Buffer<Half>::poisoned(m * n[1]), c2 = Buffer<Half>::poisoned(m * n[2]);
  using Kernel = QuantizedFewRowsSm90<Half, Joined<float, Half, Half>, Rows, K, TiledQ4_K, TiledQ4_K, TiledQ6_K>;
  typename Kernel::Params params{deviceA.data(),
                                 m,
                                 K,
                                 132,
                                 {{{w0.Device.data()}, c0.data(), n[0], n[0]},
                                  {{w1.Device.data()}, c1.data(), n[1], n[1]},
                                  {{w2.Device.data()}, c2.data(), n[2], n[2]}}};
  auto body = joinEpilogues(BiasAndRow{deviceBias.data()}, StoreAsIs{}, StoreAsIs{});
  std::string title = "joined " + std::to_string(m);
  auto got = suite.twice(title, c0, [&](int64_t blocks) { launch<Kernel>(params, body, blocks); });
  Expected want0(a, w0.Values, m, n[0], K, K, m == 1), want1(a, w1.Values, m, n[1], K, K, m == 1),
      want2(a, w2.Values, m, n[2], K, K, m == 1);
  for (int64_t i = 0; i < m * n[0]; ++i)
    want0.Sum[i] += bias[i % n[0]] - 0.125 * double(i / n[0]);
  suite.compare(title + " first", got, want0.Sum, want0.Slack);
  suite.compare(title + " second", c1.read(), want1.Sum, want1.Slack);
  suite.compare(title + " third", c2.read(), want2.Sum, want2.Slack);

  using DualKernel = QuantizedFewRowsSm90<Half, Dual<float>, Rows, K, TiledQ4_K>;
  Weights<TiledQ4_K> up(n[0], K);
  auto both = Buffer<float>::poisoned(m * n[0]);
  typename DualKernel::Params dual{
      deviceA.data(), m, K, 132, {{{w0.Device.data(), up.Device.data()}, both.data(), n[0], n[0]}}};
  title = "dual " + std::to_string(m);
  got = suite.twice(title, both, [&](int64_t blocks) { launch<DualKernel>(dual, Gate{}, blocks); });
  Expected first(a, w0.Values, m, n[0], K, K, m == 1), second(a, up.Values, m, n[0], K, K, m == 1);
  for (int64_t i = 0; i < m * n[0]; ++i) {
    first.Sum[i] = first.Sum[i] * 0.5 + second.Sum[i] * 2;
    first.Slack[i] = first.Slack[i] * 0.5 + second.Slack[i] * 2;
  }
  suite.compare(title, got, first.Sum, first.Slack);
}

/// Two products whose tiles have 256 and 128 columns: a warp reads what others have rounded.
template <int K> void mixedColumnsCase(Suite &suite) {
  constexpr int64_t n = 20;
  auto a = randomVector<Half>(K);
  Weights<TiledQ4_K> w0(n, K);
  Weights<TiledQ8_0> w1(n, K);
  Buffer<Half> deviceA(a);
  auto c0 = Buffer<float>::poisoned(n), c1 = Buffer<float>::poisoned(n);
  using Kernel = QuantizedFewRowsSm90<Half, Joined<float, float>, 1, K, TiledQ4_K, TiledQ8_0>;
  typename Kernel::Params params{
      deviceA.data(), 1, K, 2, {{{w0.Device.data()}, c0.data(), n, n}, {{w1.Device.data()}, c1.data(), n, n}}};
  std::string title = "256 and 128 columns";
  auto got = suite.twice(
      title, c0, [&](int64_t blocks) { launch<Kernel>(params, joinEpilogues(StoreAsIs{}, StoreAsIs{}), blocks); });
  Expected want0(a, w0.Values, 1, n, K, K, true), want1(a, w1.Values, 1, n, K, K, true);
  suite.compare(title + " first", got, want0.Sum, want0.Slack);
  suite.compare(title + " second", c1.read(), want1.Sum, want1.Slack);
}

/// Medians over copies of the weights that do not fit the L2 together.
template <class Tiled, int Rows, int K> void timeCase(Suite &suite, int64_t n, int64_t m = Rows) {
  if (!suite.Time)
    return;
  using Kernel = QuantizedFewRowsSm90<Half, Half, Rows, K, Tiled>;
  using Format = typename BlocksOf<Tiled>::Format;
  Blocks packed = Weights<Tiled>::pack(n, K, randomBlocks<Format>(n * K / Format::Block));
  std::vector<Buffer<uint8_t>> w;
  while (double(w.size()) * double(packed.size()) < 200e6)
    w.emplace_back(packed);
  Buffer<Half> a(randomVector<Half>(m * K));
  auto c = Buffer<Half>::poisoned(m * n);
  suite.time(std::string(BlocksOf<Tiled>::Name) + " " + std::to_string(m) + "x" + std::to_string(n) + "x" +
                 std::to_string(K),
             int(w.size()), double(packed.size()), 2.0 * double(m) * double(n) * K,
             [&](int i) { launch<Kernel>({a.data(), m, K, 132, {{{w[i].data()}, c.data(), n, n}}}, StoreAsIs{}); });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("quantized_few_sm90", argc, argv);
  cases<TiledQ4_0, 32>(suite);
  cases<TiledQ4_0, 2208>(suite);
  cases<TiledQ8_0, 96>(suite);
  cases<TiledQ8_0, 1184>(suite);
  cases<TiledQ4_K, 256>(suite);
  cases<TiledQ4_K, 2304>(suite);
  cases<TiledQ6_K, 256>(suite);
  cases<TiledQ6_K, 2304>(suite);
  cases<TiledIQ4_NL, 32>(suite);
  cases<TiledIQ4_NL, 2208>(suite);
  cases<TiledMXFP4, 32>(suite);
  cases<TiledMXFP4, 2208>(suite);
  cases<TiledNVFP4, 64>(suite);
  cases<TiledNVFP4, 2240>(suite);
  // Rows so long that stages of the ring belong to a part of the workers each, in an odd number of steps too.
  productCase<QuantizedFewRowsSm90<Half, Half, 1, 14336, TiledQ6_K>, TiledQ6_K, Half, Half, 14336>(suite, 1, 75, 0, 0);
  productCase<QuantizedFewRowsSm90<Half, Half, 4, 5376, TiledQ6_K>, TiledQ6_K, Half, Half, 5376>(suite, 4, 75, 0, 0);
  using Norm = RmsNormalized<float, float>;
  normalizedCase<QuantizedFewRowsOf<Norm, Half, float, 1, 2304, TiledQ4_K>, TiledQ4_K, Half, float, 2304>(suite, 1, 75,
                                                                                                          0, 0);
  normalizedCase<QuantizedFewRowsOf<RmsNormalized<BFloat16, float>, BFloat16, float, 1, 96, TiledQ8_0>, TiledQ8_0,
                 BFloat16, BFloat16, 96>(suite, 1, 40, 3, 1);
  normalizedCase<QuantizedFewRowsOf<Norm, Half, float, 8, 2304, TiledQ6_K>, TiledQ6_K, Half, float, 2304>(suite, 7, 33,
                                                                                                          8, 0);
  // Rows in two passes.
  normalizedCase<QuantizedFewRowsOf<Norm, Half, float, 2, 1184, TiledQ8_0>, TiledQ8_0, Half, float, 1184>(suite, 3, 75,
                                                                                                          1, 1);
  // One row at a time, and one whose elements a norm makes much smaller or larger.
  normalizedCase<QuantizedFewRowsOf<Norm, float, float, 1, 768, TiledQ4_K>, TiledQ4_K, float, float, 768>(suite, 3, 40,
                                                                                                          0, 0);
  for (float magnitude : {1e-6f, 1e6f})
    normalizedCase<QuantizedFewRowsOf<Norm, Half, float, 1, 512, TiledQ6_K>, TiledQ6_K, Half, float, 512>(
        suite, 1, 40, 0, 0, magnitude);
  mixedColumnsCase<4352>(suite);
  joinedCases<1, 768>(suite);
  joinedCases<8, 768>(suite);
  timeCase<TiledQ4_K, 1, 4096>(suite, 14336);
  timeCase<TiledQ4_K, 8, 4096>(suite, 14336);
  timeCase<TiledQ6_K, 1, 4096>(suite, 14336);
  timeCase<TiledQ6_K, 8, 4096>(suite, 14336);
  timeCase<TiledQ8_0, 1, 4096>(suite, 14336);
  timeCase<TiledQ8_0, 8, 4096>(suite, 14336);
  timeCase<TiledQ4_0, 1, 4096>(suite, 14336);
  timeCase<TiledQ4_K, 1, 14336>(suite, 4096);
  timeCase<TiledQ4_K, 4, 14336>(suite, 4096, 8);
  timeCase<TiledQ4_K, 8, 4096>(suite, 14336, 16);
  timeCase<TiledQ4_K, 8, 4096>(suite, 14336, 64);
  return suite.finish();
}
