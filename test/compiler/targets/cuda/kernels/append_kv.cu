// What append_kv.cuh writes into pages, and that it writes nothing else.
#include "PageNumbers.h"
#include "append_kv.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

/// Blocks that nothing was written to keep their bits; in the others a value is half a code away at most, apart from
/// what rounding the scale moves the largest.
template <class State>
void comparePages(Suite &suite, const std::string &title, const std::vector<State> &got,
                  const std::vector<State> &before, const std::vector<double> &want, double slack) {
  if constexpr (!IsSame<State, Q8Block>) {
    suite.compare(title, got, want, std::vector<double>(want.size(), slack));
  } else {
    std::vector<double> untouched = decodePages(before), slacks(want.size());
    for (size_t i = 0; i < want.size(); i += 32) {
      double largest = 0;
      bool written = false;
      for (size_t j = i; j < i + 32; ++j) {
        largest = std::max(largest, std::fabs(want[j]));
        written = written || want[j] != untouched[j];
      }
      for (size_t j = i; j < i + 32 && written; ++j)
        slacks[j] = slack + largest * (0.5 / 127 + 2 * Rounding<Half>);
      if (!written && !got.empty() && std::memcmp(&got[i / 32], &before[i / 32], sizeof(Q8Block)) != 0)
        return suite.report(title, false, "block " + std::to_string(i / 32) + " was written");
    }
    suite.compare(title, got.empty() ? std::vector<double>() : decodePages(got), want, slacks);
  }
}

template <class Input, class State, class Shape> void runCase(Suite &suite, const std::string &name, int64_t tokens) {
  const int64_t pages = ceilDiv<int64_t>(tokens, PageTokens) + 2, page = 3 * Shape::LayerElements;
  const int64_t layer = 2 * Shape::LayerElements, ldK = Shape::KvHeads * Shape::KeyWidth + 4;
  const int64_t ldV = Shape::KvHeads * Shape::ValueWidth + 3;
  auto k = randomVector<Input>(tokens * ldK), v = randomVector<Input>(tokens * ldV);
  auto before = encodePages<State>(randomVector<double>(pages * page));
  std::vector<int32_t> places(pages * PageTokens), slots(tokens);
  for (size_t i = 0; i < places.size(); ++i)
    places[i] = int32_t(i);
  std::shuffle(places.begin(), places.end(), randomness());
  for (int64_t t = 0; t < tokens; ++t)
    slots[t] = t % 5 == 3 ? -1 : places[t];
  Buffer<Input> deviceK(k), deviceV(v);
  Buffer<int32_t> deviceSlots(slots);
  Buffer<State> pool(before);
  using Kernel = AppendKv<Input, State, Shape>;
  typename Kernel::Params params{deviceK.data(), deviceV.data(), pool.data(), deviceSlots.data(), tokens, ldK, ldV,
                                 page,           layer};
  std::string title = name + " tokens " + std::to_string(tokens);
  auto got = suite.twice(
      title, pool, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); }, [&] { pool.copyIn(before); });
  std::vector<double> want = decodePages(before);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < Shape::KvHeads && slots[t] >= 0; ++h) {
      int64_t base = slots[t] / PageTokens * page + layer, row = h * PageTokens + slots[t] % PageTokens;
      for (int64_t i = 0; i < Shape::KeyWidth; ++i)
        want[base + row * Shape::KeyWidth + i] = number(k[t * ldK + h * Shape::KeyWidth + i]);
      for (int64_t i = 0; i < Shape::ValueWidth; ++i)
        want[base + Shape::KvHeads * PageTokens * Shape::KeyWidth + row * Shape::ValueWidth + i] =
            number(v[t * ldV + h * Shape::ValueWidth + i]);
    }
  comparePages(suite, title, got, before, want, 0);
}

/// The first `Dims` elements of each key are turned.
template <class Input, class State, class Shape, Pairing Pairs>
void rotatedCase(Suite &suite, const std::string &name, int64_t tokens, int64_t dims) {
  const int64_t page = Shape::LayerElements, pages = ceilDiv<int64_t>(tokens, PageTokens);
  const int64_t ldK = Shape::KvHeads * Shape::KeyWidth, ldV = Shape::KvHeads * Shape::ValueWidth, pairs = dims / 2;
  auto k = randomVector<Input>(tokens * ldK), v = randomVector<Input>(tokens * ldV);
  auto before = encodePages<State>(randomVector<double>(pages * page));
  auto positions = randomVector<int32_t>(tokens * 2, 0, 5000);
  std::vector<int32_t> slots(tokens);
  for (int64_t t = 0; t < tokens; ++t)
    slots[t] = t % 5 == 3 ? -1 : int32_t(tokens - 1 - t);
  Buffer<Input> deviceK(k), deviceV(v);
  Buffer<int32_t> deviceSlots(slots), devicePositions(positions);
  Buffer<State> pool(before);
  using Kernel = AppendRotatedKv<Input, State, Shape, Pairs, /*Early=*/Pairs == Pairing::Adjacent>;
  typename Kernel::Params params{.K = deviceK.data(),
                                 .V = deviceV.data(),
                                 .Pool = pool.data(),
                                 .Slots = deviceSlots.data(),
                                 .Positions = devicePositions.data(),
                                 .Factors = nullptr,
                                 .Tokens = tokens,
                                 .Dims = dims,
                                 .LdK = ldK,
                                 .LdV = ldV,
                                 .PageElements = page,
                                 .LayerOffset = 0,
                                 .PositionStride = 2,
                                 .Base = 10000,
                                 .PositionScale = 1,
                                 .Magnitude = 1.25f};
  std::string title = name + " tokens " + std::to_string(tokens) + " dims " + std::to_string(dims);
  auto got = suite.twice(
      title, pool, [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); }, [&] { pool.copyIn(before); });
  std::vector<double> want = decodePages(before);
  for (int64_t t = 0; t < tokens; ++t)
    for (int64_t h = 0; h < Shape::KvHeads && slots[t] >= 0; ++h) {
      int64_t base = slots[t] / PageTokens * page, row = h * PageTokens + slots[t] % PageTokens;
      double *key = &want[base + row * Shape::KeyWidth];
      const Input *source = &k[t * ldK + h * Shape::KeyWidth];
      for (int64_t i = dims; i < Shape::KeyWidth; ++i)
        key[i] = number(source[i]);
      for (int64_t i = 0; i < pairs; ++i) {
        float frequency = float(std::pow(10000.0, -2.0 * double(i) / double(dims)));
        volatile float theta = float(positions[t * 2]) * frequency;
        int64_t first = Pairs == Pairing::Adjacent ? 2 * i : i,
                second = Pairs == Pairing::Adjacent ? first + 1 : i + pairs;
        double a = number(source[first]), b = number(source[second]), angle = theta;
        key[first] = 1.25 * (a * std::cos(angle) - b * std::sin(angle));
        key[second] = 1.25 * (b * std::cos(angle) + a * std::sin(angle));
      }
      for (int64_t i = 0; i < Shape::ValueWidth; ++i)
        want[base + Shape::KvHeads * PageTokens * Shape::KeyWidth + row * Shape::ValueWidth + i] =
            number(v[t * ldV + h * Shape::ValueWidth + i]);
    }
  // As in rope.cu: half a unit of the f32 frequency may differ between two f64 libraries.
  double slack = 8 * Rounding<float> + 2.5 * Rounding<float> * 1e-8 * 5000;
  comparePages(suite, title, got, before, want, slack);
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("append_kv", argc, argv);
  for (int64_t tokens : {int64_t(1), int64_t(15), int64_t(16), int64_t(17), large(1025, 65)}) {
    runCase<float, float, AttentionShape<4, 2, 64, 64>>(suite, "f32", tokens);
    runCase<float, Half, AttentionShape<32, 8, 128, 128>>(suite, "f32 to f16", tokens);
    runCase<BFloat16, BFloat16, AttentionShape<3, 3, 5, 7>>(suite, "bf16 5/7", tokens);
    runCase<Half, float, AttentionShape<2, 1, 192, 128>>(suite, "f16 to f32", tokens);
    runCase<float, Float8, AttentionShape<4, 2, 80, 64>>(suite, "f32 to fp8 80/64", tokens);
    runCase<float, Q8Block, AttentionShape<8, 2, 128, 64>>(suite, "f32 to q8_0 128/64", tokens);
    runCase<BFloat16, Q8Block, AttentionShape<3, 3, 32, 96>>(suite, "bf16 to q8_0 32/96", tokens);
  }
  for (int64_t tokens : {1, 16, 33}) {
    rotatedCase<float, Half, AttentionShape<8, 2, 64, 64>, Pairing::Half>(suite, "rotated f32 to f16", tokens, 64);
    rotatedCase<float, float, AttentionShape<4, 2, 80, 48>, Pairing::Adjacent>(suite, "rotated f32", tokens, 32);
    rotatedCase<Half, Float8, AttentionShape<4, 2, 64, 64>, Pairing::Adjacent>(suite, "rotated f16 to fp8", tokens, 48);
    rotatedCase<float, Q8Block, AttentionShape<8, 2, 128, 64>, Pairing::Half>(suite, "rotated f32 to q8_0", tokens,
                                                                              128);
    rotatedCase<Half, Q8Block, AttentionShape<4, 2, 96, 64>, Pairing::Adjacent>(suite, "rotated f16 to q8_0", tokens,
                                                                                64);
  }
  return suite.finish();
}
