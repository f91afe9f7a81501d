// Blocks of `!lathe.blocked`: unpacking, products, rows of a table, values in tiles, against the type's definition.
#include "BlockedNumbers.h"
#include "QuantizedCases.h"
#include "dequantize.cuh"
#include "gather.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

template <class Format> struct Parts;
template <class C, int N, class S, class Z> struct Parts<Blocked<C, N, S, Z>> {
  using Code = C;
  using Scale = S;
  static constexpr int Columns = N, ScaleBytes = sizeof(S), Bits = C::Bits;
  static constexpr bool HasZero = !IsSame<Z, void>;
  static constexpr int OwnBytes = ScaleBytes + HasZero + N * C::Bits / 8;
  static float zero(const uint8_t *own) {
    if constexpr (HasZero)
      return float(Z(own[ScaleBytes]));
    return 0;
  }
};

template <class Format> std::vector<float> values(const Blocks &bytes) {
  using P = Parts<Format>;
  std::vector<float> result;
  for (size_t at = 0; at < bytes.size(); at += P::OwnBytes) {
    const uint8_t *own = &bytes[at];
    float scale;
    if constexpr (IsSame<typename P::Scale, float>)
      std::memcpy(&scale, own, 4);
    else
      scale = half(own);
    for (int i = 0; i < P::Columns; ++i) {
      int code = codeAt(own + P::ScaleBytes + P::HasZero, i, P::Bits);
      volatile float shifted = CodeValue<typename P::Code>::of(code) - P::zero(own);
      result.push_back(shifted * scale);
    }
  }
  return result;
}

/// Blocks of random codes, without the codes of NaN and infinities, whose weights are about one at most.
template <class Format> Blocks random(int64_t elements) {
  using P = Parts<Format>;
  Blocks bytes(elements / P::Columns * P::OwnBytes);
  std::uniform_real_distribution<float> scale(0.2f, 1.0f);
  constexpr bool isE4M3 = IsSame<typename P::Code, E4M3Code>, isE5M2 = IsSame<typename P::Code, E5M2Code>;
  float largest = isE4M3 ? 448 : isE5M2 ? 57344 : std::ldexp(1.0f, P::HasZero ? 7 : P::Bits - 1);
  for (size_t at = 0; at < bytes.size(); at += P::OwnBytes) {
    uint8_t *own = &bytes[at];
    float value = scale(randomness()) / largest;
    uint16_t bits = halfBits(value);
    if constexpr (IsSame<typename P::Scale, float>)
      std::memcpy(own, &value, 4);
    else
      own[0] = uint8_t(bits), own[1] = uint8_t(bits >> 8);
    for (int i = P::ScaleBytes; i < P::OwnBytes; ++i) {
      own[i] = uint8_t(randomness()());
      if ((isE4M3 && (own[i] & 0x7f) == 0x7f) || (isE5M2 && (own[i] & 0x7c) == 0x7c))
        own[i] ^= 0x40;
    }
  }
  return bytes;
}

/// Element (row, column) of values in tiles of 64 x 64.
int64_t place(int64_t row, int64_t column, int64_t k) {
  int64_t tile = row / 64 * ceilDiv<int64_t>(k, 64) + column / 64;
  return tile * 4096 + row % 64 * 64 + ((column % 64 / 8) ^ row % 8) * 8 + column % 8;
}

template <class Format> void tilesCase(Suite &suite, const std::string &name, int64_t n, int64_t k) {
  Blocks bytes = random<Format>(n * k);
  std::vector<float> w = values<Format>(bytes);
  Buffer<uint8_t> device(bytes);
  int64_t count = ceilDiv<int64_t>(n, 64) * ceilDiv<int64_t>(k, 64) * 4096;
  auto out = Buffer<Half>::poisoned(count);
  std::string title = name + " in tiles " + std::to_string(n) + "x" + std::to_string(k);
  auto got = suite.twice(title, out, [&](int64_t blocks) {
    launch<Dequantize<Format, Half>>({device.data(), out.data(), n, k}, NoBody{}, blocks);
  });
  std::vector<double> want(count);
  for (int64_t row = 0; row < n; ++row)
    for (int64_t column = 0; column < k; ++column)
      want[place(row, column, k)] = number(element<Half>(w[row * k + column]));
  suite.compare(title, got, want, std::vector<double>(count));
}

template <class Format> void gatherCase(Suite &suite, const std::string &name, int64_t n, int64_t k) {
  Blocks bytes = random<Format>(n * k);
  std::vector<float> w = values<Format>(bytes);
  std::vector<int32_t> rows = {int32_t(n - 1), 0, int32_t(n / 2), -1, int32_t(n)}; // the last is outside
  Buffer<uint8_t> device(bytes);
  Buffer<int32_t> indices(rows);
  auto out = Buffer<float>::poisoned(int64_t(rows.size()) * k);
  using Kernel = Gather<Format, int32_t, float>;
  typename Kernel::Params params{device.data(), indices.data(), out.data(), int64_t(rows.size()), k, n, 0, k, {}};
  std::string title = name + " gathered";
  auto got = suite.twice(title, out, [&](int64_t blocks) { launch<Kernel>(params, StoreAsIs{}, blocks); });
  std::vector<double> want(rows.size() * k);
  for (size_t i = 0; i < rows.size(); ++i)
    for (int64_t column = 0; column < k; ++column)
      want[i * k + column] = rows[i] == n ? 0 : w[(rows[i] < 0 ? rows[i] + n : rows[i]) * k + column];
  suite.compare(title, got, want, std::vector<double>(want.size()));
}

template <class Kernel, class Format, class A, class Output, class Rounded>
void product(Suite &suite, const std::string &name, int64_t m, int64_t n, int64_t k) {
  Blocks bytes = random<Format>(n * k);
  productCase<Kernel, A, Output, Rounded>(suite, name, m, n, k, 0, 0, bytes, values<Format>(bytes));
}

/// `k`: a length of rows, for blocks that are whole rows theirs.
template <class Format> void cases(Suite &suite, const std::string &name, int64_t k) {
  Blocks bytes = random<Format>(large(4096, 64) * Format::Block);
  unpackCase<Format, false>(suite, name + " unpack8", bytes, values<Format>(bytes));
  unpackCase<Format, true>(suite, name + " granules", bytes, values<Format>(bytes));
  tilesCase<Format>(suite, name, 65, k);
  gatherCase<Format>(suite, name, 9, k);
  for (int64_t n : {int64_t(1), large(1031, 5)}) {
    product<QuantizedMatmulFewRows<Format, Half, float, 1>, Format, Half, float, float>(suite, name + " few 1", 1, n,
                                                                                        k);
    product<QuantizedMatmulFewRows<Format, BFloat16, Half, 8>, Format, BFloat16, Half, float>(suite, name + " few 8", 7,
                                                                                              n, k);
    product<QuantizedMatmul<Format, Half, float, SmallTile>, Format, Half, float, Half>(suite, name + " small", 9, n,
                                                                                        k);
    product<QuantizedMatmul<Format, BFloat16, BFloat16, MediumTile>, Format, BFloat16, BFloat16, BFloat16>(
        suite, name + " medium", 65, n, k);
    product<QuantizedMatmulSimt<Format, float, float>, Format, float, float, float>(suite, name + " simt", 17, n, k);
  }
}

template <class Format> void timeCase(Suite &suite, const std::string &name) {
  if (!suite.Time)
    return;
  constexpr int64_t N = 28672, K = 4096;
  Blocks bytes = random<Format>(N * K);
  std::vector<Buffer<uint8_t>> w;
  for (int i = 0; i < int(300e6 / double(bytes.size())) + 1; ++i)
    w.emplace_back(bytes);
  Buffer<Half> a(randomVector<Half>(K));
  auto c = Buffer<float>::poisoned(N);
  suite.time(name + " few 1x28672x4096", int(w.size()), double(bytes.size()), 2.0 * N * K, [&](int i) {
    launch<QuantizedMatmulFewRows<Format, Half, float, 1>>({a.data(), w[i].data(), c.data(), 1, N, K, K, N},
                                                           StoreAsIs{});
  });
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("blocked_matmul", argc, argv);
  cases<Blocked<SignedCode<8>, 160, float>>(suite, "int8 rows", 160);
  cases<Blocked<SignedCode<8>, 64, Half>>(suite, "int8_g64", 192);
  cases<Blocked<SignedCode<4>, 32, Half>>(suite, "int4_g32", 96);
  cases<Blocked<UnsignedCode<4>, 32, Half, int8_t>>(suite, "uint4_g32", 160);
  cases<Blocked<UnsignedCode<4>, 128, Half, int8_t>>(suite, "uint4_g128", 256);
  cases<Blocked<SignedCode<3>, 32, Half>>(suite, "int3_g32", 96);
  cases<Blocked<UnsignedCode<3>, 64, Half, int8_t>>(suite, "uint3_g64", 320);
  cases<Blocked<UnsignedCode<8>, 32, Half, uint8_t>>(suite, "bytes with a zero", 96);
  cases<Blocked<SignedCode<2>, 32, float>>(suite, "2 bits", 64);
  cases<Blocked<E4M3Code, 96, float>>(suite, "e4m3 rows", 96);
  cases<Blocked<E4M3Code, 128, float>>(suite, "e4m3 blocks", 384);
  cases<Blocked<E5M2Code, 128, float>>(suite, "e5m2 blocks", 256);
  cases<Blocked<Nf4Code, 64, float>>(suite, "nf4", 192);
  cases<Blocked<E2M1Code, 32, float>>(suite, "e2m1 of 32", 160);
  cases<Blocked<E2M1Code, 16, float>>(suite, "e2m1 of 16", 96);
  timeCase<Blocked<E4M3Code, 4096, float>>(suite, "e4m3 rows");
  timeCase<Blocked<Nf4Code, 64, float>>(suite, "nf4");
  timeCase<Blocked<UnsignedCode<4>, 128, Half, int8_t>>(suite, "uint4_g128");
  timeCase<Blocked<SignedCode<3>, 128, Half>>(suite, "int3_g128");
  return suite.finish();
}
