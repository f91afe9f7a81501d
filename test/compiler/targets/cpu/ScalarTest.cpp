// The elementwise operations in images against the expressions of ScalarOps.def compiled into the reference: the CPU
// has functions of its own, and vector code of its own for each level.
#include "dialects/lathe/reference/ScalarFunctions.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <bit>
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Units in the last place of f32 between the functions of the CPU and of the C library: each is at most 2 off, and
/// what is computed around it adds as much; what cancels is compared with 1 instead.
constexpr int64_t AllowedUnits = 4;

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

// The lines of the table that compute in f32.
struct Unary {
  std::string Mnemonic;
  float (*Reference)(float);
};
struct Binary {
  std::string Mnemonic;
  float (*Reference)(float, float);
};
#define IF_f32(...) __VA_ARGS__
#define IF_f64(...)
#define IF_i1(...)
#define IF_i8(...)
#define IF_i16(...)
#define IF_i32(...)
#define IF_i64(...)
#define IF_ui8(...)
#define IF_ui16(...)
#define IF_ui32(...)
#define IF_ui64(...)
#define F32_LINE(name, T, W, mnemonic) IF_##name({#mnemonic, scalar::scalar_##mnemonic}, )
const Unary Unaries[] = {
#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(F32_LINE, mnemonic)
#include "dialects/lathe/ScalarOps.def"
};
const Binary Binaries[] = {
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(F32_LINE, mnemonic)
#include "dialects/lathe/ScalarOps.def"
};

/// Operations without a function of their own: equal to the last bit.
const std::set<std::string> Exact = {"abs", "ceil", "floor", "neg", "reciprocal", "relu", "round", "sign", "sqrt"};
/// Near the zeros of what they subtract from 1 they keep the distance that 1 has.
const std::set<std::string> Cancelling = {"gelu", "gelu_tanh"};

/// A launch of all operations of `type`: results as f32, then as stored. `operands` is what follows %a0.
template <typename Table>
LaunchText makeLaunch(const Table &table, const std::string &type, const std::string &operands,
                      const std::string &operandTypes) {
  LaunchText launch;
  std::string tensor = "tensor<65536x" + type + ">", wide = "tensor<65536xf32>", names, types;
  launch.Inputs = {{tensor, "65536"}};
  if (!operands.empty())
    launch.Inputs.push_back({"tensor<1x" + type + ">", "1"});
  for (size_t i = 0; i < std::size(table); ++i) {
    std::string number = std::to_string(i);
    launch.Outputs.push_back({wide, "65536"});
    launch.Body += "%r" + number + " = lathe." + table[i].Mnemonic + " %a0" + operands + " : " + tensor + operandTypes +
                   "\n%w" + number + " = lathe.cast %r" + number + " : " + tensor + " -> " + wide + "\n";
    names += (i ? ", %w" : "%w") + number;
    types += (i ? ", " : "") + wide;
  }
  for (size_t i = 0; i < std::size(table); ++i) {
    launch.Outputs.push_back({tensor, "65536"});
    names += ", %r" + std::to_string(i);
    types += ", " + tensor;
  }
  launch.Body += "lathe.yield " + names + " : " + types;
  return launch;
}

template <typename Table>
std::vector<ImageRunner::Call> runAll(ImageRunner &runner, const Table &table, std::vector<Bytes> inputs) {
  ImageRunner::Call call;
  call.Inputs = std::move(inputs);
  for (size_t i = 0; i < 2 * std::size(table); ++i)
    call.Outputs.push_back(Bytes((1 << 16) * (i < std::size(table) ? 4 : 2)));
  return runner.run(call);
}

/// What is stored must be what the value before it rounds to, ties to even, subnormals and infinities included.
void expectRoundsOnce(const std::vector<float> &wide, const Bytes &stored, const std::string &type,
                      const std::string &mnemonic) {
  std::vector<float> wanted = roundTo(wide, type), found = fromBytes(stored, type);
  for (size_t i = 0; i < wanted.size(); ++i)
    ASSERT_TRUE(isSame(found[i], wanted[i]))
        << mnemonic << " of pattern " << i << " is " << found[i] << ", needed " << wanted[i];
}

class ScalarTest : public testing::TestWithParam<const char *> {};

TEST_P(ScalarTest, UnaryAgreesOnEveryInput) {
  std::string type = GetParam();
  ImageRunner runner(makePlan(makeLaunch(Unaries, type, "", "")));
  std::vector<float> inputs = fromBytes(allPatterns(), type);
  for (const ImageRunner::Call &done : runAll(runner, Unaries, {allPatterns()}))
    for (size_t op = 0; op < std::size(Unaries); ++op) {
      const Unary &unary = Unaries[op];
      std::vector<float> found = fromBytes(done.Outputs[op]);
      int64_t allowed = Exact.count(unary.Mnemonic) ? 0 : AllowedUnits;
      for (size_t i = 0; i < inputs.size(); ++i) {
        float wanted = unary.Reference(inputs[i]);
        bool near = std::isnan(wanted) ? std::isnan(found[i]) : std::abs(rank(found[i]) - rank(wanted)) <= allowed;
        near |= Cancelling.count(unary.Mnemonic) && std::fabs(found[i] - wanted) <= 2e-7f * std::fabs(inputs[i]);
        // The larger of -0 and 0 is either.
        bool either = unary.Mnemonic == "relu" && wanted == 0.0f;
        ASSERT_TRUE(near) << unary.Mnemonic << "(" << inputs[i] << ") is " << found[i] << ", needed " << wanted;
        ASSERT_TRUE(wanted != wanted || either || std::signbit(found[i]) == std::signbit(wanted))
            << "the sign of " << unary.Mnemonic << "(" << inputs[i] << ")";
      }
      expectRoundsOnce(found, done.Outputs[std::size(Unaries) + op], type, unary.Mnemonic);
    }
}

// Every value on the left, a few on the right: the results are the same bits, NaN aside, but for those of functions.
TEST_P(ScalarTest, BinaryAgreesOnEveryInput) {
  std::string type = GetParam(), tensor = "tensor<65536x" + type + ">", one = "tensor<1x" + type + ">";
  ImageRunner runner(makePlan(makeLaunch(Binaries, type, ", %a1", ", " + one + " -> " + tensor)));
  std::vector<float> inputs = fromBytes(allPatterns(), type);
  for (float value : {0.0f, -0.0f, 1.0f, -3.0f, 0.333251953125f, 65504.0f, INFINITY, -INFINITY, NAN})
    for (const ImageRunner::Call &done : runAll(runner, Binaries, {allPatterns(), toBytes({value}, type)}))
      for (size_t op = 0; op < std::size(Binaries); ++op) {
        const Binary &binary = Binaries[op];
        float rounded = roundTo({value}, type)[0];
        std::vector<float> found = fromBytes(done.Outputs[op]);
        int64_t allowed = binary.Mnemonic == "pow" ? AllowedUnits : 0;
        for (size_t i = 0; i < inputs.size(); ++i) {
          float wanted = binary.Reference(inputs[i], rounded);
          bool near = std::abs(rank(found[i]) - rank(wanted)) <= allowed && !std::isnan(wanted);
          ASSERT_TRUE(isSame(found[i], wanted) || (allowed && near))
              << binary.Mnemonic << "(" << inputs[i] << ", " << rounded << ") is " << found[i] << ", needed " << wanted;
        }
      }
}

INSTANTIATE_TEST_SUITE_P(Types, ScalarTest, testing::Values("f16", "bf16"));

} // namespace
