// The products over GGUF blocks, and the unpacking itself, against the formats' definitions.
#include "GgufTiles.h"
#include "quantized_matmul.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Both ways of unpacking, element by element where they belong.
template <class Format, bool Granules> struct Unpack {
  static constexpr int Threads = 64, MinBlocks = 1, SharedBytes = 0;
  struct Params {
    const uint8_t *Blocks;
    float *Out;
    int64_t Count;
  };
  static __host__ __device__ int64_t tiles(const Params &p) { return ceilDiv<int64_t>(p.Count, Threads); }
  static __device__ void run(const Params &p, int64_t tile, char *, const NoBody &) {
    int64_t block = tile * Threads + threadIdx.x;
    if (block >= p.Count)
      return;
    const uint8_t *source = p.Blocks + block * Format::BlockBytes;
    float *out = p.Out + block * Format::Block;
    if constexpr (Granules) {
      for (int g = 0; g < Format::Block / 32; ++g) {
        float w[32];
        Format::unpackGranule(source, g, w);
        for (int i = 0; i < 32; ++i)
          out[Format::granuleColumn(g, i / (32 / Format::Runs)) + i % (32 / Format::Runs)] = w[i];
      }
    } else {
      for (int k = 0; k < Format::Block; k += 8) {
        float w[8];
        Format::unpack8(source, k, w);
        for (int i = 0; i < 8; ++i)
          out[k + i] = w[i];
      }
    }
  }
};

template <class Format, bool Granules> void unpackCase(Suite &suite, const std::string &title, const Blocks &bytes) {
  auto want = unpackAll<Format>(bytes);
  Buffer<uint8_t> blocks(bytes);
  auto out = Buffer<float>::poisoned(want.size());
  using Kernel = Unpack<Format, Granules>;
  auto got = suite.twice(title, out, [&](int64_t grid) {
    launch<Kernel>({blocks.data(), out.data(), int64_t(bytes.size() / Format::BlockBytes)}, NoBody{}, grid);
  });
  suite.report(title, !got.empty() && std::memcmp(got.data(), want.data(), want.size() * 4) == 0,
               "a weight differs in bits");
}

/// `Rounded` is what weights are rounded to before the product, float for not at all; `Tiled` the tiles that they lie
/// in.
template <class Kernel, class Format, class A, class Output, class Rounded, class Tiled = void>
void productCase(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift) {
  auto a = randomVector<A>(m * (k + pad));
  auto bias = randomVector<float>(n);
  Blocks bytes = randomBlocks<Format>(n * k / Format::Block);
  auto w = unpackAll<Format>(bytes);
  Buffer<A> deviceA(a, shift);
  Blocks stored = bytes;
  if constexpr (!IsSame<Tiled, void>)
    stored = Weights<Tiled>::pack(n, k, bytes);
  Buffer<uint8_t> deviceW(stored);
  Buffer<float> deviceBias(bias);
  auto out = Buffer<Output>::poisoned(m * n);
  typename Kernel::Params params{deviceA.data(), deviceW.data(), out.data(), m, n, k, k + pad, n};
  std::string title = name + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k) + " pad " +
                      std::to_string(pad) + " shift " + std::to_string(shift);
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, BiasAndRow{deviceBias.data()}, blocks); });
  std::vector<double> want(m * n), slack(m * n);
  std::vector<double> weights(w.size());
  for (size_t i = 0; i < w.size(); ++i)
    weights[i] = number(element<Rounded>(w[i]));
  for (int64_t row = 0; row < m; ++row)
    for (int64_t col = 0; col < n; ++col) {
      double sum = 0, size = 0;
      for (int64_t i = 0; i < k; ++i) {
        double term = number(a[row * (k + pad) + i]) * weights[col * k + i];
        sum += term;
        size += std::fabs(term);
      }
      want[row * n + col] = sum + bias[col] - 0.125 * double(row);
      slack[row * n + col] = size * accumulation(k) + 4 * Rounding<float> * (2 + std::fabs(sum) + double(row));
    }
  suite.compare(title, got, want, slack);
}

template <class Format> void cases(Suite &suite, const std::string &name) {
  Blocks bytes = randomBlocks<Format>(large(4097, 67));
  unpackCase<Format, false>(suite, name + " unpack8", bytes);
  unpackCase<Format, true>(suite, name + " granules", bytes);
  constexpr int64_t B = Format::Block;
  struct Shape {
    int64_t N, K, Pad;
    size_t Shift;
  };
  for (Shape s : {Shape{1, B, 0, 0}, Shape{2, 3 * B, 0, 0}, Shape{5, 2 * B, 1, 0}, Shape{4, 256, 8, 3},
                  Shape{large(1031, 3), large(4096, 4096 + 256), 0, 0}}) {
    productCase<QuantizedMatmulFewRows<Format, Half, float, 1>, Format, Half, float, float>(
        suite, name + " few 1 f16", 1, s.N, s.K, s.Pad, s.Shift);
    productCase<QuantizedMatmulFewRows<Format, float, Half, 4>, Format, float, Half, float>(
        suite, name + " few 4 f32", 3, s.N, s.K, s.Pad, s.Shift);
    productCase<QuantizedMatmulFewRows<Format, BFloat16, float, 8>, Format, BFloat16, float, float>(
        suite, name + " few 8 bf16", 8, s.N, s.K, s.Pad, s.Shift);
  }
  struct Size {
    int64_t M, N, K, Pad;
    size_t Shift;
  };
  for (Size s : {Size{1, 1, B, 0, 0}, Size{15, 63, B, 8, 0}, Size{65, 65, 2 * B, 0, 0}, Size{129, 130, B, 1, 0},
                 Size{17, 64, 256, 0, 1}, Size{large(300, 33), large(515, 40), large(2048, 256), 0, 0}}) {
    productCase<QuantizedMatmul<Format, Half, float, LargeTile>, Format, Half, float, Half>(
        suite, name + " large f16", s.M, s.N, s.K, s.Pad, s.Shift);
    productCase<QuantizedMatmul<Format, BFloat16, BFloat16, MediumTile>, Format, BFloat16, BFloat16, BFloat16>(
        suite, name + " medium bf16", s.M, s.N, s.K, s.Pad, s.Shift);
    productCase<QuantizedMatmul<Format, Half, Half, SmallTile>, Format, Half, Half, Half>(
        suite, name + " small f16", s.M, s.N, s.K, s.Pad, s.Shift);
    productCase<QuantizedMatmulSimt<Format, float, float>, Format, float, float, float>(suite, name + " simt f32", s.M,
                                                                                        s.N, s.K, s.Pad, s.Shift);
  }
}

/// The same products on tiles of blocks, from one row on.
template <class Tiled> void tiledCases(Suite &suite) {
  using Format = typename BlocksOf<Tiled>::Format;
  std::string name = std::string("tiled ") + BlocksOf<Tiled>::Name;
  constexpr int64_t B = Format::Block;
  struct Size {
    int64_t M, N, K;
  };
  for (Size s : {Size{1, 1, B}, Size{15, 63, 3 * B}, Size{65, 130, 2 * B}, Size{large(300, 17), large(515, 80), 768}}) {
    productCase<QuantizedMatmul<Tiled, Half, float, LargeTile>, Format, Half, float, Half, Tiled>(
        suite, name + " large f16", s.M, s.N, s.K, 0, 0);
    productCase<QuantizedMatmul<Tiled, BFloat16, BFloat16, MediumTile>, Format, BFloat16, BFloat16, BFloat16, Tiled>(
        suite, name + " medium bf16", s.M, s.N, s.K, 1, 0);
    productCase<QuantizedMatmul<Tiled, Half, Half, SmallTile>, Format, Half, Half, Half, Tiled>(
        suite, name + " small f16", s.M, s.N, s.K, 0, 1);
  }
}

/// Tiles take as many bytes as blocks, of rows and columns that fill them.
template <class Format, class Kernel>
void timeCase(Suite &suite, const std::string &title, int64_t m, int64_t n, int64_t k) {
  if (!suite.Time)
    return;
  int64_t blocks = n * k / Format::Block;
  double bytes = double(blocks) * Format::BlockBytes;
  Blocks values = randomBlocks<Format>(blocks);
  std::vector<Buffer<uint8_t>> w;
  for (int i = 0; i < int(300e6 / bytes) + 1; ++i)
    w.emplace_back(values);
  Buffer<Half> a(randomVector<Half>(m * k));
  auto c = Buffer<float>::poisoned(m * n);
  suite.time(title + " " + std::to_string(m) + "x" + std::to_string(n) + "x" + std::to_string(k), int(w.size()), bytes,
             2.0 * double(m) * double(n) * double(k),
             [&](int i) { launch<Kernel>({a.data(), w[i].data(), c.data(), m, n, k, k, n}, StoreAsIs{}); });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("quantized_matmul", argc, argv);
  cases<Q4_0>(suite, "q4_0");
  cases<Q8_0>(suite, "q8_0");
  cases<Q4_K>(suite, "q4_k");
  cases<Q5_K>(suite, "q5_k");
  cases<Q6_K>(suite, "q6_k");
  tiledCases<TiledQ4_0>(suite);
  tiledCases<TiledQ8_0>(suite);
  tiledCases<TiledQ4_K>(suite);
  tiledCases<TiledQ6_K>(suite);
  tiledCases<TiledIQ4_NL>(suite);
  tiledCases<TiledMXFP4>(suite);
  tiledCases<TiledNVFP4>(suite);
  timeCase<Q4_K, QuantizedMatmulFewRows<Q4_K, Half, float, 1>>(suite, "q4_k few", 1, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmulFewRows<Q4_K, Half, float, 8>>(suite, "q4_k few", 8, 14336, 4096);
  timeCase<Q6_K, QuantizedMatmulFewRows<Q6_K, Half, float, 1>>(suite, "q6_k few", 1, 14336, 4096);
  timeCase<Q8_0, QuantizedMatmulFewRows<Q8_0, Half, float, 1>>(suite, "q8_0 few", 1, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<Q4_K, Half, float, SmallTile>>(suite, "q4_k small", 16, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<Q4_K, Half, float, LargeTile>>(suite, "q4_k large", 512, 14336, 4096);
  timeCase<Q6_K, QuantizedMatmul<Q6_K, Half, float, LargeTile>>(suite, "q6_k large", 512, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, SmallTile>>(suite, "tiled q4_k small", 16, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, SmallTile>>(suite, "tiled q4_k small", 64, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, SmallTile>>(suite, "tiled q4_k small", 8, 4096, 14336);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, MediumTile>>(suite, "tiled q4_k medium", 64, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, MediumTile>>(suite, "tiled q4_k medium", 64, 4096, 14336);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, MediumTile>>(suite, "tiled q4_k medium", 256, 14336, 4096);
  timeCase<Q4_K, QuantizedMatmul<TiledQ4_K, Half, float, LargeTile>>(suite, "tiled q4_k large", 512, 14336, 4096);
  timeCase<Q6_K, QuantizedMatmul<TiledQ6_K, Half, float, LargeTile>>(suite, "tiled q6_k large", 512, 14336, 4096);
  return suite.finish();
}
