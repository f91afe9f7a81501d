// Products with chosen experts, row by row and grouped on tensor cores, against sums in f64.
#include "GgufBlocks.h"
#include "expert_matmul_sm90.cuh"
#include "expert_matmul_tiles.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t Tokens, Choices, Experts, N, K;
  bool Shared;         ///< all choices of a token read one row
  bool Skewed = false; ///< one expert has most rows, others none
};

/// Weights in the memory of a format, and what they are.
template <class Format> struct ExpertWeights {
  Blocks Stored;
  std::vector<float> Values;
  ExpertWeights(int64_t rows, int64_t k) : Stored(randomBlocks<Format>(rows * k / Format::Block)) {
    Values = unpackAll<Format>(Stored);
  }
};
template <class Element> struct ExpertWeights<Plain<Element>> {
  std::vector<Element> Stored;
  std::vector<float> Values;
  ExpertWeights(int64_t rows, int64_t k) : Stored(randomVector<Element>(rows * k)) {
    for (Element e : Stored)
      Values.push_back(float(number(e)));
  }
};

template <class Element> struct ExpertWeights<PackedPlain<Element>> {
  std::vector<Element> Stored;
  std::vector<float> Values;
  ExpertWeights(int64_t rows, int64_t k) {
    ExpertWeights<Plain<Element>> plain(rows, k);
    Values = plain.Values;
    int64_t depth = (k + 63) / 64;
    Stored.resize(rows / 64 * depth * 4096);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t col = 0; col < k; ++col)
        Stored[(row / 64 * depth + col / 64) * 4096 + row % 64 * 64 + ((col % 64 / 8) ^ (row & 7)) * 8 + col % 8] =
            plain.Stored[row * k + col];
  }
};

/// `Rounded` is what weights are rounded to before the product, float for not at all.
template <class Kernel, class Format, class A, class Index, class Output, class Rounded>
void productCase(Suite &suite, const std::string &name, const Case &c) {
  int64_t rows = c.Tokens * c.Choices, inputs = c.Shared ? c.Tokens : rows;
  auto x = randomVector<A>(inputs * c.K);
  auto bias = randomVector<float>(c.N);
  ExpertWeights<Format> w(c.Experts * c.N, c.K);
  std::vector<Index> chosen(rows);
  for (Index &each : chosen) {
    each = Index(randomness()() % (c.Experts + 1)); // the last does not exist
    if (c.Skewed && randomness()() % 8)
      each = Index(c.Experts / 2);
    if (randomness()() % 16 == 0)
      each = Index(-1);
  }
  Buffer<A> deviceX(x);
  Buffer<typename decltype(w.Stored)::value_type> deviceW(w.Stored);
  Buffer<Index> deviceChosen(chosen);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(rows * c.N);
  typename Kernel::Params params{};
  params.X = deviceX.data(), params.W = deviceW.data(), params.Chosen = deviceChosen.data(), params.C = out.data();
  params.Rows = rows, params.N = c.N, params.K = c.K, params.Experts = c.Experts;
  params.SharedRows = c.Shared ? c.Choices : 1;
  if constexpr (requires { params.Blocks; })
    params.Blocks = 5; // several pieces of a group for each
  std::string title = name + " " + std::to_string(c.Tokens) + "x" + std::to_string(c.Choices) + " of " +
                      std::to_string(c.Experts) + " " + std::to_string(c.N) + "x" + std::to_string(c.K) +
                      (c.Shared ? " shared" : "") + (c.Skewed ? " skewed" : "");
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  std::vector<double> want(rows * c.N), slack(rows * c.N), weights(w.Values.size()), activations(x.size());
  for (size_t i = 0; i < weights.size(); ++i)
    weights[i] = number(element<Rounded>(w.Values[i]));
  for (size_t i = 0; i < activations.size(); ++i)
    activations[i] = number(x[i]);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t col = 0; col < c.N; ++col) {
      double sum = 0, size = 0;
      int64_t expert = int64_t(chosen[row]);
      for (int64_t k = 0; k < c.K && expert >= 0 && expert < c.Experts; ++k) {
        double term =
            activations[(c.Shared ? row / c.Choices : row) * c.K + k] * weights[(expert * c.N + col) * c.K + k];
        sum += term;
        size += std::fabs(term);
      }
      want[row * c.N + col] = sum + bias[col] - 0.125 * double(row);
      slack[row * c.N + col] = size * accumulation(c.K) + 4 * Rounding<float> * (2 + std::fabs(sum) + double(row));
    }
  suite.compare(title, got, want, slack);
}

template <class Format> void cases(Suite &suite, const std::string &name) {
  constexpr int64_t B = Format::Block == 8 ? 24 : Format::Block;
  for (const Case &c :
       {Case{1, 1, 1, 1, B, true}, Case{1, 4, 8, 17, 2 * B, true}, Case{3, 2, 5, 64, B, false},
        Case{7, 8, 40, 33, 3 * B, true, true}, Case{large(8, 2), 8, 128, large(768, 40), 2 * B, false}}) {
    productCase<ExpertMatmul<Format, Half, int64_t, float>, Format, Half, int64_t, float, float>(suite,
                                                                                                 name + " rows f16", c);
    productCase<ExpertMatmul<Format, float, int32_t, Half>, Format, float, int32_t, Half, float>(suite,
                                                                                                 name + " rows f32", c);
  }
  for (const Case &c :
       {Case{1, 1, 1, 1, B, true}, Case{9, 2, 4, 63, B, true}, Case{33, 2, 3, 65, 2 * B, false, true},
        Case{16, 8, 128, 64, B, true}, Case{65, 1, 2, 130, 3 * B, false},
        Case{large(300, 40), 4, 40, large(259, 70), B, true}, Case{large(3000, 150), 2, 2, 20, B, false, true}}) {
    productCase<ExpertMatmulTiles<Format, Half, int64_t, float, SmallTile, 1>, Format, Half, int64_t, float, Half>(
        suite, name + " small f16", c);
    productCase<ExpertMatmulTiles<Format, BFloat16, int32_t, BFloat16, MediumTile, 2>, Format, BFloat16, int32_t,
                BFloat16, BFloat16>(suite, name + " medium bf16", c);
    productCase<ExpertMatmulTiles<Format, Half, int64_t, Half, LargeTile, 1>, Format, Half, int64_t, Half, Half>(
        suite, name + " large f16", c);
  }
}

/// The kernels of other GPUs on the same weights.
template <class Element> void packedCases(Suite &suite, const std::string &name) {
  using Format = PackedPlain<Element>;
  for (const Case &c : {Case{1, 4, 8, 64, 16, true}, Case{7, 8, 40, 64, 72, true, true}, Case{5, 2, 3, 192, 37, false},
                        Case{33, 2, 3, 128, 130, false, true}, Case{large(300, 40), 4, 40, 64, 96, true}}) {
    productCase<ExpertMatmul<Format, Element, int64_t, float>, Format, Element, int64_t, float, float>(
        suite, name + " packed rows", c);
    productCase<ExpertMatmulTiles<Format, Element, int64_t, float, SmallTile, 1>, Format, Element, int64_t, float,
                Element>(suite, name + " packed small", c);
    productCase<ExpertMatmulTiles<Format, Element, int32_t, Element, MediumTile, 2>, Format, Element, int32_t, Element,
                Element>(suite, name + " packed medium", c);
  }
}

template <class Element, class Index, class Output, int Tokens>
void hopperCases(Suite &suite, const std::string &name) {
  using Kernel = ExpertMatmulSm90<Element, Index, Output, Tokens>;
  for (const Case &c :
       {Case{1, 1, 1, 64, 8, true}, Case{9, 2, 4, 64, 64, true}, Case{33, 2, 3, 128, 130, false, true},
        Case{16, 8, 128, 64, 72, true}, Case{65, 1, 2, 192, 200, false}, Case{7, 3, 5, 64, 37, true},
        Case{large(300, 40), 4, 40, large(320, 64), 96, true}, Case{large(3000, 150), 2, 2, 64, 64, false, true},
        Case{large(2000, 90), 2, 3, large(1024, 128), large(520, 40), false}, Case{3, 2, 511, 64, 24, false}})
    productCase<Kernel, PackedPlain<Element>, Element, Index, Output, Element>(suite, name + " sm90", c);
}

/// A layer of a model with 128 experts of 768 x 2048 of which a token chooses 8; other ones each time.
template <class Format> struct Layer {
  static constexpr int64_t Experts = 128, Choices = 8, N = 768, K = 2048;
  using Element = typename decltype(ExpertWeights<Format>::Stored)::value_type;
  Suite &TheSuite;
  std::string Name;
  std::vector<Element> Matrix;
  Buffer<Element> Weights;

  Layer(Suite &suite, const std::string &name)
      : TheSuite(suite), Name(name), Matrix(ExpertWeights<Format>(N, K).Stored), Weights(repeat(Matrix)) {}

  static std::vector<Element> repeat(const std::vector<Element> &matrix) {
    std::vector<Element> all;
    all.reserve(matrix.size() * Experts);
    for (int64_t i = 0; i < Experts; ++i)
      all.insert(all.end(), matrix.begin(), matrix.end());
    return all;
  }

  template <class Kernel> void time(const std::string &kernel, int64_t tokens) {
    constexpr int64_t Copies = 13;
    std::vector<int64_t> chosen;
    int64_t matrices = 0;
    for (int64_t copy = 0; copy < Copies; ++copy) {
      std::vector<bool> used(Experts);
      for (int64_t t = 0; t < tokens; ++t)
        for (int64_t j = 0, first = int64_t(randomness()() % Experts); j < Choices; ++j) {
          chosen.push_back((first + j * 13) % Experts);
          used[chosen.back()] = true;
        }
      matrices += std::count(used.begin(), used.end(), true);
    }
    Buffer<Half> x(randomVector<Half>(tokens * K));
    Buffer<int64_t> deviceChosen(chosen);
    auto out = Buffer<float>::poisoned(tokens * Choices * N);
    typename Kernel::Params params{.X = x.data(),
                                   .W = Weights.data(),
                                   .Chosen = nullptr,
                                   .C = out.data(),
                                   .Rows = tokens * Choices,
                                   .N = N,
                                   .K = K,
                                   .Experts = Experts,
                                   .SharedRows = Choices};
    TheSuite.time(Name + " " + kernel + ", " + std::to_string(tokens) + " tokens, 8 of 128 768x2048", Copies,
                  double(matrices) / Copies * double(Matrix.size() * sizeof(Element)),
                  2.0 * double(tokens * Choices * N * K), [&](int i) {
                    params.Chosen = deviceChosen.data() + i * tokens * Choices;
                    launch<Kernel>(params, StoreAsIs{});
                  });
  }
};

template <class Format> void times(Suite &suite, const std::string &name) {
  if (!suite.Time)
    return;
  Layer<Format> layer(suite, name);
  for (int64_t tokens : {1, 4, 8, 16})
    layer.template time<ExpertMatmul<Format, Half, int64_t, float>>("rows", tokens);
  for (int64_t tokens : {4, 16, 64, 256})
    layer.template time<ExpertMatmulTiles<Format, Half, int64_t, float, SmallTile, 1>>("small", tokens);
  for (int64_t tokens : {64, 256, 1024, 4096})
    layer.template time<ExpertMatmulTiles<Format, Half, int64_t, float, MediumTile, 1>>("medium", tokens);
  for (int64_t tokens : {1024, 4096}) {
    layer.template time<ExpertMatmulTiles<Format, Half, int64_t, float, MediumTile, 4>>("medium x 4", tokens);
    layer.template time<ExpertMatmulTiles<Format, Half, int64_t, float, LargeTile, 1>>("large", tokens);
    layer.template time<ExpertMatmulTiles<Format, Half, int64_t, float, LargeTile, 3>>("large x 3", tokens);
  }
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("expert_matmul", argc, argv);
  cases<Plain<Half>>(suite, "f16");
  cases<Plain<BFloat16>>(suite, "bf16");
  cases<Q8_0>(suite, "q8_0");
  cases<Q4_K>(suite, "q4_k");
  cases<Q6_K>(suite, "q6_k");
  packedCases<Half>(suite, "f16");
  packedCases<BFloat16>(suite, "bf16");
  hopperCases<Half, int64_t, float, 16>(suite, "f16 16");
  hopperCases<BFloat16, int32_t, BFloat16, 64>(suite, "bf16 64");
  hopperCases<Half, int64_t, Half, 256>(suite, "f16 256");
  // Rows that no copy of eight can read.
  productCase<ExpertMatmulTiles<Plain<Half>, Half, int32_t, float, SmallTile, 1>, Plain<Half>, Half, int32_t, float,
              Half>(suite, "f16 odd", {9, 3, 4, 21, 37, false});
  productCase<ExpertMatmulTiles<Plain<float>, Half, int32_t, float, SmallTile, 1>, Plain<float>, Half, int32_t, float,
              Half>(suite, "f32 odd", {9, 3, 4, 21, 37, true});
  times<Plain<Half>>(suite, "f16");
  times<Q4_K>(suite, "q4_k");
  return suite.finish();
}
