// Rotary embedding against f64, at positions up to 100,000.
#include "KernelTest.h"
#include "rope.cuh"

using namespace lathe::kernels;
using namespace lathe::kernels::test;

namespace {

struct Case {
  int64_t Tokens, Heads, Width, Dims;
  int32_t Position; ///< the largest
  bool Factors, InPlace;
};

template <class Input, class Output, Pairing Pairs> void runCase(Suite &suite, const std::string &name, const Case &c) {
  const int64_t ldX = c.Heads * c.Width + 5, ldOut = c.InPlace ? ldX : c.Heads * c.Width, pairs = c.Dims / 2;
  auto x = randomVector<Input>(c.Tokens * ldX);
  auto positions = randomVector<int32_t>(c.Tokens * 2, 0, c.Position);
  positions[0] = c.Position;
  auto factors = randomVector<float>(pairs, 1, 8);
  Buffer<Input> in(x);
  Buffer<int32_t> devicePositions(positions);
  Buffer<float> deviceFactors(factors);
  auto out = Buffer<Output>::poisoned(c.InPlace ? 1 : c.Tokens * ldOut);
  using Kernel = Rope<Input, Output, Pairs, /*Early=*/Pairs == Pairing::Half>;
  typename Kernel::Params params{.X = in.data(),
                                 .Out = c.InPlace ? reinterpret_cast<Output *>(in.data()) : out.data(),
                                 .Positions = devicePositions.data(),
                                 .Factors = c.Factors ? deviceFactors.data() : nullptr,
                                 .Tokens = c.Tokens,
                                 .Heads = c.Heads,
                                 .Width = c.Width,
                                 .Dims = c.Dims,
                                 .LdX = ldX,
                                 .LdOut = ldOut,
                                 .PositionStride = 2,
                                 .Base = 10000,
                                 .PositionScale = 0.25f,
                                 .Magnitude = 1.25f};
  std::string title = name + " " + std::to_string(c.Tokens) + "x" + std::to_string(c.Heads) + "x" +
                      std::to_string(c.Width) + " dims " + std::to_string(c.Dims) + " to " +
                      std::to_string(c.Position) + (c.Factors ? " factors" : "") + (c.InPlace ? " in place" : "");
  std::vector<Output> got;
  auto work = [&](int64_t blocks) { launch<Kernel>(params, NoBody{}, blocks); };
  if constexpr (IsSame<Input, Output>)
    if (c.InPlace)
      got = suite.twice(title, in, work, [&] { in.copyIn(x); });
  if (!c.InPlace)
    got = suite.twice(title, out, work);
  std::vector<double> want(got.size());
  for (size_t i = 0; c.InPlace && i < want.size(); ++i)
    want[i] = number(x[i]);
  for (int64_t t = 0; t < c.Tokens; ++t)
    for (int64_t h = 0; h < c.Heads && !got.empty(); ++h) {
      const Input *row = &x[t * ldX + h * c.Width];
      double *y = &want[t * ldOut + h * c.Width];
      for (int64_t i = c.Dims; i < c.Width; ++i)
        y[i] = number(row[i]);
      for (int64_t i = 0; i < pairs; ++i) {
        // The angle is an f32 product by definition; its cosine and sine are not.
        float frequency = float(std::pow(10000.0, -2.0 * double(i) / double(c.Dims)) / (c.Factors ? factors[i] : 1.0));
        volatile float scaled = float(positions[t * 2]) * 0.25f, theta = scaled * frequency;
        int64_t first = Pairs == Pairing::Adjacent ? 2 * i : i,
                second = Pairs == Pairing::Adjacent ? first + 1 : i + pairs;
        double a = number(row[first]), b = number(row[second]), angle = theta;
        y[first] = 1.25 * (a * std::cos(angle) - b * std::sin(angle));
        y[second] = 1.25 * (b * std::cos(angle) + a * std::sin(angle));
      }
    }
  // Half a unit of the f32 frequency may differ between two f64 libraries: that much of the angle, at most 25,000.
  double slack = 8 * Rounding<float> + 2.5 * Rounding<float> * 1e-8 * c.Position;
  suite.compare(title, got, want, std::vector<double>(got.size(), slack));
}

} // namespace

int main(int argc, char **argv) {
  Suite suite("rope", argc, argv);
  for (const Case &c :
       {Case{1, 1, 2, 2, 1, false, false}, Case{3, 2, 64, 64, 512, false, false}, Case{5, 3, 80, 32, 4096, true, false},
        Case{17, 32, 128, 128, 100000, false, false}, Case{2, 5, 130, 126, 100000, true, true},
        Case{large(1025, 9), 8, 256, 256, 100000, false, true}}) {
    runCase<float, float, Pairing::Adjacent>(suite, "f32 adjacent", c);
    runCase<Half, Half, Pairing::Half>(suite, "f16 half", c);
    if (!c.InPlace)
      runCase<float, BFloat16, Pairing::Half>(suite, "f32 to bf16 half", c);
  }
  if (suite.Time) {
    const int64_t tokens = 4096;
    Buffer<Half> x(randomVector<Half>(tokens * 4096));
    Buffer<int32_t> positions(randomVector<int32_t>(tokens, 0, 100000));
    using Kernel = Rope<Half, Half, Pairing::Half>;
    for (int64_t count : {int64_t(1), tokens}) {
      Kernel::Params params{x.data(), x.data(), positions.data(), nullptr, count, 32, 128, 128, 4096, 4096, 1, 10000,
                            1,        1};
      suite.time("f16 32 heads of 128, tokens " + std::to_string(count), 1, 4.0 * 4096 * double(count), 0,
                 [&](int) { launch<Kernel>(params, NoBody{}); });
    }
  }
  return suite.finish();
}
