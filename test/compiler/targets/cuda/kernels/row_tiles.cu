// Tiles of blocks one row high: values of every code, and the products that read them, against the type's definition.
#include "BlockedNumbers.h"
#include "GgufBlocks.h"
#include "dequantize.cuh"
#include "quantized_few_sm90.cuh"
#include "quantized_matmul.cuh"
#include "quantized_rows_sm90.cuh"
#include "quantized_wide_sm90.cuh"
#include "runtime/gguf/RowTiles.h"

namespace gguf = lathe::gguf;
using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// What tiles are made of. `columns(k)`: of a block, in rows of k.
template <class Tiled> struct Source;
template <> struct Source<TiledNF4> {
  using Code = Nf4Code;
  static constexpr const char *Name = "nf4";
  static constexpr bool HasZero = false;
  static int64_t columns(int64_t k) { return k % 64 == 0 ? 64 : k; }
};
template <int Group, int Bits> struct Uint4Source {
  using Code = UnsignedCode<Bits>;
  static constexpr bool HasZero = true;
  static int64_t columns(int64_t) { return Group; }
};
template <> struct Source<TiledUINT4_G32> : Uint4Source<32, 4> {
  static constexpr const char *Name = "uint4_g32";
};
template <> struct Source<TiledUINT4_G64> : Uint4Source<64, 3> { // codes of 3 bits have the same tiles
  static constexpr const char *Name = "uint4_g64";
};
template <> struct Source<TiledUINT4_G128> : Uint4Source<128, 4> {
  static constexpr const char *Name = "uint4_g128";
};
template <class Code_> struct Float8Source {
  using Code = Code_;
  static constexpr bool HasZero = false;
  static int64_t columns(int64_t k) { return k % 256 == 0 ? 128 : k; }
};
template <> struct Source<TiledE4M3> : Float8Source<E4M3Code> {
  static constexpr const char *Name = "e4m3";
};
template <> struct Source<TiledE5M2> : Float8Source<E5M2Code> {
  static constexpr const char *Name = "e5m2";
};

/// A random matrix in tiles: its values, and the magnitude of each one's scale.
template <class Tiled> struct Weights {
  using From = Source<Tiled>;
  static constexpr int Bits = From::Code::Bits;
  static constexpr bool IsFloat8 = Bits == 8;
  std::vector<float> Values, Scales;
  Blocks Tiles;

  Weights(int64_t n, int64_t k) {
    constexpr int ScaleBytes = From::HasZero ? 2 : 4;
    int64_t columns = From::columns(k), bytes = ScaleBytes + From::HasZero + columns * Bits / 8;
    constexpr bool isE4M3 = IsSame<typename From::Code, E4M3Code>;
    float largest = isE4M3 ? 448.0f : IsFloat8 ? 57344.0f : From::HasZero ? 16.0f : 1.0f;
    std::uniform_real_distribution<float> some(0.2f, 1.0f);
    Blocks blocks(n * k / columns * bytes);
    for (uint8_t *own = blocks.data(); own != blocks.data() + blocks.size(); own += bytes) {
      for (int64_t i = ScaleBytes; i < bytes; ++i) {
        own[i] = uint8_t(randomness()());
        if (IsFloat8 && (isE4M3 ? (own[i] & 0x7f) == 0x7f : (own[i] & 0x7c) == 0x7c))
          own[i] ^= 0x40; // NaN, infinity
      }
      uint32_t chance = uint32_t(randomness()()) % 16;
      float scale = chance == 0 ? 0.0f : some(randomness()) / largest * (chance == 1 ? -1.0f : 1.0f);
      if (From::HasZero) {
        uint16_t half = halfBits(scale);
        std::memcpy(own, &half, 2);
        scale = halfValue(half);
        if (chance > 4)
          own[ScaleBytes] = uint8_t(chance); // a zero among the codes; others are any bytes
      } else {
        std::memcpy(own, &scale, 4);
      }
      float zero = From::HasZero ? float(int8_t(own[ScaleBytes])) : 0;
      for (int64_t i = 0; i < columns; ++i) {
        volatile float shifted =
            CodeValue<typename From::Code>::of(codeAt(own + ScaleBytes + From::HasZero, int(i), Bits)) - zero;
        Values.push_back(shifted * scale);
        Scales.push_back(std::fabs(scale));
      }
    }
    const gguf::RowTiles &tiles = *gguf::findRowTiles(From::Name);
    int64_t rows = ceilDiv<int64_t>(n, 16);
    Tiles.resize(rows * tiles.rowBytes(k));
    gguf::packRowTiles(tiles, {columns, Bits, From::HasZero}, n, k, blocks.data(), Tiles.data(), 0, rows);
  }
};

/// How far a kernel may be off.
struct Slack {
  double OfWeight = 0; ///< as a part of each weight
  double OfScale = 0;  ///< as a part of each weight's scale
  bool Halves = false; ///< rows are rounded to 2^-15 of the largest of each 32
};

/// `launch(params of A and C, body, blocks)` against products in f64; B is added to columns, 1/8 of its number taken
/// off a row.
template <class Tiled, class A, class Output, class Launch>
void productCase(Suite &suite, const std::string &what, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift,
                 Slack slack, float magnitude, const Launch &launch) {
  auto a = randomVector<A>(m * (k + pad));
  for (A &x : a)
    x = element<A>(number(x) * magnitude);
  auto bias = randomVector<float>(n);
  Weights<Tiled> w(n, k);
  Buffer<A> deviceA(a, shift);
  Buffer<uint8_t> deviceW(w.Tiles);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  std::string title = std::string(Source<Tiled>::Name) + " " + what + " " + std::to_string(m) + "x" +
                      std::to_string(n) + "x" + std::to_string(k) + " pad " + std::to_string(pad);
  auto got = suite.twice(title, out, [&](int64_t blocks) {
    launch(deviceA.data(), deviceW.data(), out.data(), BiasAndRow{deviceBias.data()}, blocks);
  });
  std::vector<double> want(m * n), limit(m * n);
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col) {
      double sum = 0, size = 0, scales = 0, rounded = 0;
      for (int64_t group = 0; group < k; group += 32) {
        double largest = 0, weights = 0;
        for (int64_t i = group; i < group + 32; ++i) {
          double x = number(a[row * (k + pad) + i]), weight = w.Values[col * k + i], scale = w.Scales[col * k + i];
          sum += x * weight;
          size += std::fabs(x * weight);
          scales += std::fabs(x) * scale;
          largest = std::max(largest, std::fabs(x));
          weights += std::fabs(weight) + 16 * Source<Tiled>::HasZero * scale; // codes before their zero is taken off
        }
        rounded += largest * weights;
      }
      want[row * n + col] = sum + bias[col] - 0.125 * double(row);
      limit[row * n + col] = size * (accumulation(k) + slack.OfWeight) + scales * slack.OfScale +
                             rounded * 4 * Rounding<float> + (slack.Halves ? rounded * 1.004 / (1 << 15) : 0) +
                             8 * Rounding<float> * (2 + std::fabs(sum) + double(row));
    }
  suite.compare(title, got, want, limit);
}

template <class Tiled, class A, class Output, int Rows, int K>
void fewCase(Suite &suite, int64_t m, int64_t n, int64_t pad, size_t shift, float magnitude = 1) {
  constexpr bool One = Rows == 1, IsNf4 = IsSame<Tiled, TiledNF4>;
  Slack slack;
  slack.Halves = One && !Weights<Tiled>::IsFloat8;
  slack.OfScale = One && IsNf4 ? 1.6e-5 : 0;
  slack.OfWeight = One ? (Weights<Tiled>::IsFloat8 ? Rounding<Half> * IsSame<A, float> : 0) : IsNf4 * Rounding<Half>;
  productCase<Tiled, A, Output>(suite, One ? "one row" : "few rows", m, n, K, pad, shift, slack, magnitude,
                                [&](A *a, uint8_t *w, Output *c, BiasAndRow body, int64_t blocks) {
                                  using Kernel = QuantizedFewRowsSm90<A, Output, Rows, K, Tiled>;
                                  launch<Kernel>(typename Kernel::Params{a, m, K + pad, 4, {{{w}, c, n, n}}}, body,
                                                 blocks);
                                });
}

template <class Tiled, class Output, int Rows, int Cluster>
void rowsCase(Suite &suite, int64_t m, int64_t n, int64_t k) {
  // A weight, of NF4 its value, the scale's part of the largest.
  Slack slack{.OfWeight = Weights<Tiled>::IsFloat8 ? 0 : 3 * Rounding<Half>};
  productCase<Tiled, Half, Output>(
      suite, "rows", m, n, k, 0, 0, slack, 1, [&](Half *a, uint8_t *w, Output *c, BiasAndRow body, int64_t blocks) {
        using Kernel = QuantizedRowsSm90<Output, Rows, Cluster, Tiled>;
        launch<Kernel>(typename Kernel::Params{a, m, k, k, 3, {{{w}, c, n, n}}}, body, blocks);
      });
}

template <class Tiled, class Output, int Rows, int Warpgroups>
void wideCase(Suite &suite, int64_t m, int64_t n, int64_t k) {
  // A weight; of those with f32 scales the value and the scale too. What is less than 2^-20 loses digits, of E5M2
  // weights of a few times their scale.
  Slack slack{.OfWeight = (Tiled::HasTileFactors ? 3 : 1) * Rounding<Half>,
              .OfScale = IsSame<Tiled, TiledE5M2> ? 1.0 / (1 << 15) : 0};
  productCase<Tiled, Half, Output>(
      suite, "wide", m, n, k, 0, 0, slack, 1, [&](Half *a, uint8_t *w, Output *c, BiasAndRow body, int64_t blocks) {
        using Kernel = QuantizedWideSm90<Output, Rows, Warpgroups, Tiled>;
        launch<Kernel>(typename Kernel::Params{a, m, k, k, 3, {{{w}, c, n, n}}}, body, blocks);
      });
}

template <class Tiled, class A, class Tile> void matmulCase(Suite &suite, int64_t m, int64_t n, int64_t k) {
  productCase<Tiled, A, A>(suite, "portable", m, n, k, 0, 0, {.OfWeight = Rounding<A>}, 1,
                           [&](A *a, uint8_t *w, A *c, BiasAndRow body, int64_t blocks) {
                             using Kernel = QuantizedMatmul<Tiled, A, A, Tile>;
                             launch<Kernel>(typename Kernel::Params{a, w, c, m, n, k, k, n}, body, blocks);
                           });
}

/// Bit for bit, zeros behind the last row and column included.
template <class Tiled, class Element> void valuesCase(Suite &suite, int64_t n, int64_t k) {
  Weights<Tiled> w(n, k);
  Buffer<uint8_t> device(w.Tiles);
  int64_t wide = ceilDiv<int64_t>(k, 64), count = ceilDiv<int64_t>(n, 64) * wide * 4096;
  auto out = Buffer<Element>::poisoned(count);
  std::string title = std::string(Source<Tiled>::Name) + " values " + std::to_string(n) + "x" + std::to_string(k);
  auto got = suite.twice(title, out, [&](int64_t blocks) {
    launch<Dequantize<Tiled, Element>>({device.data(), out.data(), n, k}, NoBody{}, blocks);
  });
  std::vector<Element> want(count, Element{0});
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < k; ++column) {
      int64_t place = (row / 64 * wide + column / 64) * 4096 + row % 64 * 64;
      want[place + ((column % 64 / 8) ^ row % 8) * 8 + column % 8] = element<Element>(w.Values[row * k + column]);
    }
  for (int64_t i = 0; i < int64_t(got.size()); ++i)
    if (got[i].Bits != want[i].Bits && (got[i].Bits | want[i].Bits) != 0x8000)
      return suite.report(title, false, "element " + std::to_string(i) + " differs");
  suite.report(title, !got.empty());
}

/// `Short` and `Long` are lengths of rows.
template <class Tiled, int Short, int Long> void cases(Suite &suite) {
  valuesCase<Tiled, Half>(suite, 1, Short);
  valuesCase<Tiled, Half>(suite, large(1000, 65), Long);
  valuesCase<Tiled, BFloat16>(suite, 17, Long);
  for (int64_t n : {int64_t(1), int64_t(17), large(2053, 40)}) {
    fewCase<Tiled, Half, float, 1, Short>(suite, 1, n, 0, n % 2);
    fewCase<Tiled, Half, Half, 1, Long>(suite, 1, n, 0, 0);
    fewCase<Tiled, Half, float, 8, Long>(suite, 7, n, n % 3, n % 2);
  }
  fewCase<Tiled, BFloat16, BFloat16, 1, Long>(suite, 3, 40, 8, 0); // row by row
  fewCase<Tiled, BFloat16, float, 1, Long>(suite, 1, 40, 0, 0, 1e12f);
  fewCase<Tiled, float, float, 1, Short>(suite, 1, 40, 0, 1, 1e-6f);
  fewCase<Tiled, Half, float, 2, Short>(suite, 3, 33, 0, 0);
  rowsCase<Tiled, float, 16, 1>(suite, 1, 1, Short);
  rowsCase<Tiled, float, 16, 4>(suite, 9, 129, Long);
  rowsCase<Tiled, Half, 64, 2>(suite, large(70, 65), large(515, 17), Long);
  rowsCase<Tiled, float, 128, 1>(suite, 128, large(2053, 143), Short);
  wideCase<Tiled, Half, 16, 4>(suite, 9, large(2053, 65), Long);
  wideCase<Tiled, float, 256, 2>(suite, large(300, 130), large(515, 33), Short);
  matmulCase<Tiled, Half, SmallTile>(suite, 15, 63, Short);
  matmulCase<Tiled, BFloat16, MediumTile>(suite, 65, large(515, 80), Long);
}

/// Rows that the product normalizes, and two formats of which one takes a row in halves, one in pairs.
template <int K> void joinedCase(Suite &suite) {
  constexpr int64_t n = 40;
  auto a = randomVector<Half>(K);
  Weights<TiledNF4> w0(n, K);
  Weights<TiledE4M3> w1(n, K);
  Buffer<Half> deviceA(a);
  Buffer<uint8_t> device0(w0.Tiles), device1(w1.Tiles);
  auto c0 = Buffer<float>::poisoned(n), c1 = Buffer<float>::poisoned(n);
  using Kernel = QuantizedFewRowsSm90<Half, Joined<float, float>, 1, K, TiledNF4, TiledE4M3>;
  typename Kernel::Params params{
      deviceA.data(), 1, K, 2, {{{device0.data()}, c0.data(), n, n}, {{device1.data()}, c1.data(), n, n}}};
  std::string title = "halves and pairs";
  auto got = suite.twice(
      title, c0, [&](int64_t blocks) { launch<Kernel>(params, joinEpilogues(StoreAsIs{}, StoreAsIs{}), blocks); });
  auto compare = [&](const std::vector<float> &got, const std::vector<float> &w, const char *part) {
    std::vector<double> want(n), limit(n);
    for (int64_t col = 0; col < n; ++col)
      for (int64_t i = 0; i < K; ++i) {
        double term = number(a[i]) * w[col * K + i];
        want[col] += term;
        limit[col] += std::fabs(term) * accumulation(K) + 1e-4;
      }
    suite.compare(title + part, got, want, limit);
  };
  compare(got, w0.Values, " first");
  compare(c1.read(), w1.Values, " second");
}

/// Medians over copies of the weights that do not fit the L2 together.
template <class Tiled> void timeCases(Suite &suite) {
  if (!suite.Time)
    return;
  constexpr int64_t N = 28672;
  constexpr int K = 4096;
  Blocks packed = Weights<Tiled>(N, K).Tiles;
  std::vector<Buffer<uint8_t>> w;
  while (double(w.size()) * double(packed.size()) < 200e6)
    w.emplace_back(packed);
  Buffer<Half> a(randomVector<Half>(64 * K));
  auto c = Buffer<Half>::poisoned(64 * N);
  auto time = [&]<class Kernel>(const char *title, int64_t m, const auto &params) {
    suite.time(std::string(Source<Tiled>::Name) + title, int(w.size()), double(packed.size()), 2.0 * double(m * N) * K,
               [&](int i) { launch<Kernel>(params(i), StoreAsIs{}); });
  };
  using Few = QuantizedFewRowsSm90<Half, Half, 1, K, Tiled>;
  time.template operator()<Few>(
      " 1 row", 1, [&](int i) { return typename Few::Params{a.data(), 1, K, 132, {{{w[i].data()}, c.data(), N, N}}}; });
  using Wide = QuantizedWideSm90<Half, 16, 4, Tiled>;
  time.template operator()<Wide>(" 16 rows", 16, [&](int i) {
    return typename Wide::Params{a.data(), 16, K, K, 132, {{{w[i].data()}, c.data(), N, N}}};
  });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("row_tiles", argc, argv);
  cases<TiledNF4, 96, 1280>(suite);
  cases<TiledUINT4_G32, 32, 1120>(suite);
  cases<TiledUINT4_G64, 64, 1216>(suite);
  cases<TiledUINT4_G128, 128, 1152>(suite);
  cases<TiledE4M3, 96, 1280>(suite);
  cases<TiledE5M2, 160, 1280>(suite);
  joinedCase<1280>(suite);
  timeCases<TiledNF4>(suite);
  timeCases<TiledUINT4_G32>(suite);
  timeCases<TiledUINT4_G128>(suite);
  timeCases<TiledE4M3>(suite);
  timeCases<TiledE5M2>(suite);
  return suite.finish();
}
