// The elementwise operations in images against the expressions of ScalarOps.def compiled into the reference: the CPU
// has its own expf and tanhf, and vector code of its own for each level.
#include "dialects/lathe/reference/ScalarFunctions.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Units in the last place of f32 between the functions of the CPU and of the C library: exp of each is at most 1 off,
/// and the sum and quotient around it add 1.
constexpr int64_t AllowedUnits = 2;

/// A place on the line of all floats, which neighbours differ on by 1. Zeros of both signs share one.
int64_t rank(float value) {
  int32_t bits = std::bit_cast<int32_t>(value);
  return bits < 0 ? -int64_t(bits & 0x7fffffff) : bits;
}

bool isSame(float found, float wanted) {
  return (std::isnan(found) && std::isnan(wanted)) || std::bit_cast<uint32_t>(found) == std::bit_cast<uint32_t>(wanted);
}

/// Every value of a 16-bit type.
Bytes allPatterns() {
  std::vector<uint16_t> patterns(1 << 16);
  for (size_t i = 0; i < patterns.size(); ++i)
    patterns[i] = uint16_t(i);
  return copyBytes(patterns);
}

LaunchText makeUnary(const std::string &mnemonic, const std::string &type, const std::string &resultType) {
  LaunchText launch;
  std::string tensor = "tensor<65536x" + type + ">", result = "tensor<65536x" + resultType + ">";
  launch.Inputs = {{tensor, "65536"}};
  launch.Outputs = {{result, "65536"}};
  launch.Body = "%0 = lathe." + mnemonic + " %a0 : " + tensor + "\n";
  if (type == resultType)
    launch.Body += "lathe.yield %0 : " + result;
  else
    launch.Body += "%1 = lathe.cast %0 : " + tensor + " -> " + result + "\nlathe.yield %1 : " + result;
  return launch;
}

/// The operation of every input of `type`, as `resultType`, from each image.
std::vector<std::vector<float>> runUnary(const std::string &mnemonic, const std::string &type,
                                         const std::string &resultType) {
  ImageRunner runner(makePlan(makeUnary(mnemonic, type, resultType)));
  ImageRunner::Call call;
  call.Inputs = {allPatterns()};
  call.Outputs = {Bytes((1 << 16) * (resultType == "f32" ? 4 : 2))};
  std::vector<std::vector<float>> results;
  for (const ImageRunner::Call &done : runner.run(call))
    results.push_back(fromBytes(done.Outputs[0], resultType));
  return results;
}

struct Unary {
  const char *Mnemonic;
  float (*Reference)(float);
};
const Unary Unaries[] = {
#define LATHE_UNARY(Op, mnemonic, expression) {#mnemonic, scalar::mnemonic},
#include "dialects/lathe/ScalarOps.def"
};
const std::set<std::string> Exact = {"neg", "relu"};

class ScalarTest : public testing::TestWithParam<std::tuple<Unary, const char *>> {};

// Before the store: at most AllowedUnits of f32 away from the reference, and exact where no function is called.
TEST_P(ScalarTest, AgreesInF32) {
  auto [unary, type] = GetParam();
  std::vector<float> inputs = fromBytes(allPatterns(), type);
  int64_t allowed = Exact.count(unary.Mnemonic) ? 0 : AllowedUnits;
  for (const std::vector<float> &found : runUnary(unary.Mnemonic, type, "f32"))
    for (size_t i = 0; i < inputs.size(); ++i) {
      float wanted = unary.Reference(inputs[i]);
      bool near = std::isnan(wanted) ? std::isnan(found[i]) : std::abs(rank(found[i]) - rank(wanted)) <= allowed;
      ASSERT_TRUE(near) << unary.Mnemonic << "(" << inputs[i] << ") is " << found[i] << ", needed " << wanted;
      ASSERT_TRUE(std::isnan(wanted) || std::signbit(found[i]) == std::signbit(wanted)) << "the sign of " << inputs[i];
    }
}

// After the store: what is stored is what the value before it rounds to, ties to even, subnormals and infinities
// included.
TEST_P(ScalarTest, RoundsOnce) {
  auto [unary, type] = GetParam();
  auto wide = runUnary(unary.Mnemonic, type, "f32"), stored = runUnary(unary.Mnemonic, type, type);
  ASSERT_EQ(wide.size(), stored.size());
  for (size_t image = 0; image < wide.size(); ++image) {
    std::vector<float> wanted = roundTo(wide[image], type);
    for (size_t i = 0; i < wanted.size(); ++i)
      ASSERT_TRUE(isSame(stored[image][i], wanted[i]))
          << unary.Mnemonic << " of pattern " << i << " is " << stored[image][i] << ", needed " << wanted[i];
  }
}

std::string nameCase(const testing::TestParamInfo<ScalarTest::ParamType> &info) {
  return std::string(std::get<0>(info.param).Mnemonic) + "_" + std::get<1>(info.param);
}
INSTANTIATE_TEST_SUITE_P(Unary, ScalarTest,
                         testing::Combine(testing::ValuesIn(Unaries), testing::Values("f16", "bf16")), nameCase);

struct Binary {
  const char *Mnemonic;
  float (*Reference)(float, float);
};
const Binary Binaries[] = {
#define LATHE_BINARY(Op, mnemonic, expression) {#mnemonic, scalar::mnemonic},
#include "dialects/lathe/ScalarOps.def"
};

// Every f16 and bf16 value on the left, a few on the right: the results are the same bits, NaN aside.
TEST(BinaryScalarTest, AgreesExactly) {
  const float values[] = {0.0f, -0.0f, 1.0f, -3.0f, 0.333251953125f, 65504.0f, INFINITY, -INFINITY, NAN};
  for (const Binary &binary : Binaries)
    for (std::string type : {"f16", "bf16"}) {
      std::string tensor = "tensor<65536x" + type + ">", one = "tensor<1x" + type + ">", wide = "tensor<65536xf32>";
      LaunchText launch;
      launch.Inputs = {{tensor, "65536"}, {one, "1"}};
      launch.Outputs = {{wide, "65536"}};
      launch.Body = std::string("%0 = lathe.") + binary.Mnemonic + " %a0, %a1 : " + tensor + ", " + one + " -> " +
                    tensor + "\n%1 = lathe.cast %0 : " + tensor + " -> " + wide + "\nlathe.yield %1 : " + wide;
      ImageRunner runner(makePlan(launch));
      std::vector<float> inputs = fromBytes(allPatterns(), type);
      for (float value : values) {
        float rounded = roundTo({value}, type)[0];
        ImageRunner::Call call;
        call.Inputs = {allPatterns(), toBytes({value}, type)};
        call.Outputs = {Bytes((1 << 16) * 4)};
        for (const ImageRunner::Call &done : runner.run(call)) {
          std::vector<float> found = fromBytes(done.Outputs[0]);
          for (size_t i = 0; i < inputs.size(); ++i)
            ASSERT_TRUE(isSame(found[i], binary.Reference(inputs[i], rounded)))
                << binary.Mnemonic << "(" << inputs[i] << ", " << rounded << ") is " << found[i] << ", needed "
                << binary.Reference(inputs[i], rounded);
        }
      }
    }
}

} // namespace
