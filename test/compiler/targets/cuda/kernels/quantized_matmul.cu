// The products over GGUF blocks, and the unpacking itself, against the formats' definitions.
#include "GgufTiles.h"
#include "QuantizedCases.h"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// A product on random blocks, or on the tiles that `Tiled` makes of them.
template <class Kernel, class Format, class A, class Output, class Rounded, class Tiled = void>
void randomCase(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k, int64_t pad, size_t shift) {
  Blocks bytes = randomBlocks<Format>(n * k / Format::Block), stored = bytes;
  if constexpr (!IsSame<Tiled, void>)
    stored = Weights<Tiled>::pack(n, k, bytes);
  productCase<Kernel, A, Output, Rounded>(suite, name, m, n, k, pad, shift, stored, unpackAll<Format>(bytes));
}

template <class Format> void cases(Suite &suite, const std::string &name) {
  Blocks bytes = randomBlocks<Format>(large(4097, 67));
  unpackCase<Format, false>(suite, name + " unpack8", bytes, unpackAll<Format>(bytes));
  unpackCase<Format, true>(suite, name + " granules", bytes, unpackAll<Format>(bytes));
  constexpr int64_t B = Format::Block;
  struct Shape {
    int64_t N, K, Pad;
    size_t Shift;
  };
  for (Shape s : {Shape{1, B, 0, 0}, Shape{2, 3 * B, 0, 0}, Shape{5, 2 * B, 1, 0}, Shape{4, 256, 8, 3},
                  Shape{large(1031, 3), large(4096, 4096 + 256), 0, 0}}) {
    randomCase<QuantizedMatmulFewRows<Format, Half, float, 1>, Format, Half, float, float>(suite, name + " few 1 f16",
                                                                                           1, s.N, s.K, s.Pad, s.Shift);
    randomCase<QuantizedMatmulFewRows<Format, float, Half, 4>, Format, float, Half, float>(suite, name + " few 4 f32",
                                                                                           3, s.N, s.K, s.Pad, s.Shift);
    randomCase<QuantizedMatmulFewRows<Format, BFloat16, float, 8>, Format, BFloat16, float, float>(
        suite, name + " few 8 bf16", 8, s.N, s.K, s.Pad, s.Shift);
  }
  struct Size {
    int64_t M, N, K, Pad;
    size_t Shift;
  };
  for (Size s : {Size{1, 1, B, 0, 0}, Size{15, 63, B, 8, 0}, Size{65, 65, 2 * B, 0, 0}, Size{129, 130, B, 1, 0},
                 Size{17, 64, 256, 0, 1}, Size{large(300, 33), large(515, 40), large(2048, 256), 0, 0}}) {
    randomCase<QuantizedMatmul<Format, Half, float, LargeTile>, Format, Half, float, Half>(
        suite, name + " large f16", s.M, s.N, s.K, s.Pad, s.Shift);
    randomCase<QuantizedMatmul<Format, BFloat16, BFloat16, MediumTile>, Format, BFloat16, BFloat16, BFloat16>(
        suite, name + " medium bf16", s.M, s.N, s.K, s.Pad, s.Shift);
    randomCase<QuantizedMatmul<Format, Half, Half, SmallTile>, Format, Half, Half, Half>(suite, name + " small f16",
                                                                                         s.M, s.N, s.K, s.Pad, s.Shift);
    randomCase<QuantizedMatmulSimt<Format, float, float>, Format, float, float, float>(suite, name + " simt f32", s.M,
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
    randomCase<QuantizedMatmul<Tiled, Half, float, LargeTile>, Format, Half, float, Half, Tiled>(
        suite, name + " large f16", s.M, s.N, s.K, 0, 0);
    randomCase<QuantizedMatmul<Tiled, BFloat16, BFloat16, MediumTile>, Format, BFloat16, BFloat16, BFloat16, Tiled>(
        suite, name + " medium bf16", s.M, s.N, s.K, 1, 0);
    randomCase<QuantizedMatmul<Tiled, Half, Half, SmallTile>, Format, Half, Half, Half, Tiled>(
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
