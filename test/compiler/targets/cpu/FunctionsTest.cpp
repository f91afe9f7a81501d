// Our own functions over all exponents of f32, against the C library in f64.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Distance in steps of f32 between `found` and `wanted`; 0 for two NaNs, infinite for one.
double countUlps(float found, double wanted) {
  if (std::isnan(wanted) || std::isnan(found))
    return std::isnan(wanted) && std::isnan(found) ? 0 : INFINITY;
  if (float(wanted) == found)
    return 0;
  if (std::isinf(found) || std::isinf(float(wanted)))
    return INFINITY;
  double step = std::ldexp(1.0, std::max(std::ilogb(std::max(std::fabs(wanted), 0x1p-126)), -126) - 23);
  return std::fabs(found - wanted) / step;
}

/// Runs `lathe.<mnemonic>` over `x` and returns the worst distance from `wanted`, in ulps, over all levels.
double findWorst(const std::string &mnemonic, const std::vector<float> &x, double (*wanted)(double)) {
  std::string t = "tensor<?xf32>";
  ImageRunner runner(
      makePlan({1, {{t, "s0"}}, {{t, "s0"}}, "%0 = lathe." + mnemonic + " %a0 : " + t + "\nlathe.yield %0 : " + t}));
  double worst = 0;
  for (const ImageRunner::Call &result :
       runner.run({{int64_t(x.size())}, {toBytes(x)}, {Bytes(x.size() * 4)}, {}, {}})) {
    std::vector<float> found = fromBytes(result.Outputs[0]);
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, countUlps(found[i], wanted(x[i])));
  }
  return worst;
}

/// Values of every exponent of f32, both signs, with `each` mantissas.
std::vector<float> everyExponent(uint32_t each) {
  std::vector<float> values;
  std::mt19937 engine(7);
  for (uint32_t top = 0; top < 512; ++top)
    for (uint32_t i = 0; i < each; ++i) {
      uint32_t bits = top << 23 | (i == 0 ? 0 : i == 1 ? 0x7FFFFF : engine() & 0x7FFFFF);
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      values.push_back(value);
    }
  return values;
}

TEST(CpuFunctions, ExponentialIsWithinTwoUlpsOverAllExponents) {
  std::vector<float> x = everyExponent(2000);
  for (int i = -110000; i < 95000; ++i) // where the result is neither 0, 1 nor infinite
    x.push_back(float(i) / 1000);
  EXPECT_LE(findWorst("exp", x, std::exp), 2.0);
}

TEST(CpuFunctions, TangentIsWithinTwoUlpsOverAllExponents) {
  std::vector<float> x = everyExponent(2000);
  for (int i = -12000; i < 12000; ++i)
    x.push_back(float(i) / 1000);
  EXPECT_LE(findWorst("tanh", x, std::tanh), 2.0);
}

TEST(CpuFunctions, ErrorFunctionIsWithinTwoUlpsOverAllExponents) {
  std::vector<float> x = everyExponent(2000);
  for (int i = -45000; i < 45000; ++i)
    x.push_back(float(i) / 10000);
  EXPECT_LE(findWorst("erf", x, std::erf), 2.0);
}

TEST(CpuFunctions, LogarithmIsWithinTwoUlpsOverAllExponents) {
  std::vector<float> x = everyExponent(2000);
  for (int i = 1; i < 40000; ++i)
    x.push_back(float(i) / 10000);
  EXPECT_LE(findWorst("log", x, std::log), 2.0);
}

TEST(CpuFunctions, SoftplusIsWithinFourUlpsOverAllExponents) {
  std::vector<float> x = everyExponent(2000);
  for (int i = -110000; i < 30000; ++i)
    x.push_back(float(i) / 1000);
  auto softplus = [](double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); };
  EXPECT_LE(findWorst("softplus", x, softplus), 4.0);
}

} // namespace
