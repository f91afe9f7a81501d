// Weights of every format in the tiles of dense products, bit for bit, zeros behind the last row and column included.
#include "GgufTiles.h"
#include "dequantize.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Where element (row, column) lies in the result.
int64_t place(int64_t row, int64_t column, int64_t k) {
  int64_t tile = row / 64 * ceilDiv<int64_t>(k, 64) + column / 64;
  return tile * 4096 + row % 64 * 64 + ((column % 64 / 8) ^ row % 8) * 8 + column % 8;
}

template <class Format, class Element>
void check(Suite &suite, const std::string &title, const Buffer<uint8_t> &w, const std::vector<float> &values,
           int64_t n, int64_t k) {
  int64_t count = ceilDiv<int64_t>(n, 64) * ceilDiv<int64_t>(k, 64) * 4096;
  auto out = Buffer<Element>::poisoned(count);
  using Kernel = Dequantize<Format, Element>;
  auto got =
      suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>({w.data(), out.data(), n, k}, NoBody{}, blocks); });
  std::vector<Element> want(count, Element{0});
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < k; ++column)
      want[place(row, column, k)] = element<Element>(values[row * k + column]);
  for (int64_t i = 0; i < int64_t(got.size()); ++i)
    if (got[i].Bits != want[i].Bits && (got[i].Bits | want[i].Bits) != 0x8000)
      return suite.report(title, false, "element " + std::to_string(i) + " differs");
  suite.report(title, !got.empty());
}

template <class Tiled> void cases(Suite &suite, int64_t n, int64_t k) {
  using Format = typename BlocksOf<Tiled>::Format;
  if (k % Format::Block != 0)
    return;
  std::string title = std::string(BlocksOf<Tiled>::Name) + " " + std::to_string(n) + "x" + std::to_string(k);
  Blocks blocks = randomBlocks<Format>(n * k / Format::Block);
  Weights<Tiled> w(n, k, blocks);
  check<Tiled, Half>(suite, title + " tiles f16", w.Device, w.Values, n, k);
  check<Tiled, BFloat16>(suite, title + " tiles bf16", w.Device, w.Values, n, k);
  check<Format, Half>(suite, title + " blocks f16", Buffer<uint8_t>(blocks), w.Values, n, k);
}

template <class Format> void timeCase(Suite &suite, const std::string &title, int64_t n, int64_t k, size_t bytes) {
  if (!suite.Time)
    return;
  std::vector<Buffer<uint8_t>> w;
  for (int i = 0; i < 4; ++i)
    w.emplace_back(Blocks(bytes, uint8_t(1 + i)));
  std::vector<Buffer<Half>> out;
  for (int i = 0; i < 4; ++i)
    out.push_back(Buffer<Half>::poisoned(n * k));
  suite.time(title, 4, double(bytes) + 2.0 * double(n * k), 0,
             [&](int i) { launch<Dequantize<Format, Half>>({w[i].data(), out[i].data(), n, k}, NoBody{}); });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("dequantize", argc, argv);
  for (int64_t n : {int64_t(1), int64_t(63), int64_t(64), int64_t(65), large(1000, 150)})
    for (int64_t k : {int64_t(32), int64_t(96), int64_t(256), int64_t(576), large(4096, 768)}) {
      cases<TiledQ4_0>(suite, n, k);
      cases<TiledQ8_0>(suite, n, k);
      cases<TiledQ4_K>(suite, n, k);
      cases<TiledQ6_K>(suite, n, k);
      cases<TiledIQ4_NL>(suite, n, k);
      cases<TiledMXFP4>(suite, n, k);
      cases<TiledNVFP4>(suite, n, k);
    }
  Blocks blocks = randomBlocks<Q5_K>(70 * 2);
  check<Q5_K, Half>(suite, "q5_k blocks", Buffer<uint8_t>(blocks), unpackAll<Q5_K>(blocks), 70, 512);
  constexpr int64_t N = 14336, K = 4096;
  timeCase<TiledQ4_K>(suite, "q4_k tiles", N, K, N / 16 * K / 256 * TiledQ4_K::Bytes);
  timeCase<TiledQ6_K>(suite, "q6_k tiles", N, K, N / 16 * K / 256 * TiledQ6_K::Bytes);
  timeCase<TiledQ8_0>(suite, "q8_0 tiles", N, K, N / 16 * K / 128 * TiledQ8_0::Bytes);
  timeCase<TiledQ4_0>(suite, "q4_0 tiles", N, K, N / 16 * K / 128 * TiledQ4_0::Bytes);
  timeCase<Q4_K>(suite, "q4_k blocks", N, K, N * K / Q4_K::Block * Q4_K::BlockBytes);
  return suite.finish();
}
