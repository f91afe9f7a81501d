// Elementwise operations on every element type against the reference: integers to the bit, with the values at which
// arithmetic wraps around or divides by zero; casts between all pairs of types.
#include "dialects/lathe/ScalarTypes.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Line {
  std::string Mnemonic, Type;
  bool GivesBool;
};
#define ADD_PLAIN(name, T, W, mnemonic) {#mnemonic, #name, false},
#define ADD_BOOL(name, T, W, mnemonic) {#mnemonic, #name, true},
const Line OneOperand[] = {
#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(ADD_PLAIN, mnemonic)
#define LATHE_UNARY_ALSO LATHE_UNARY
#define LATHE_PREDICATE(Op, mnemonic, types, expression) LATHE_EACH_##types(ADD_BOOL, mnemonic)
#include "dialects/lathe/ScalarOps.def"
};
const Line TwoOperands[] = {
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(ADD_PLAIN, mnemonic)
#define LATHE_BINARY_ALSO LATHE_BINARY
#define LATHE_COMPARISON(Op, mnemonic, types, expression) LATHE_EACH_##types(ADD_BOOL, mnemonic)
#include "dialects/lathe/ScalarOps.def"
};

/// 16 values: the ends of the type, small ones of both signs, shifts around the width.
template <typename T> Bytes makeValues() {
  std::vector<T> values;
  if constexpr (std::is_floating_point_v<T>) {
    for (double value : {0.0, -0.0, 1.0, -1.0, 0.5, -2.75, 3e9, -3e9, 1e30, -1e30, 127.5, -128.5, 1e-30, 20.0})
      values.push_back(T(value));
    values.push_back(std::numeric_limits<T>::infinity());
    values.push_back(std::numeric_limits<T>::quiet_NaN());
  } else {
    for (int value : {0, 1, 2, 3, 7, 8, 15, 31, 63, 100, -1, -2, -7})
      values.push_back(T(value));
    values.push_back(std::numeric_limits<T>::min());
    values.push_back(std::numeric_limits<T>::max());
    values.push_back(T(std::numeric_limits<T>::max() / 2 + 1));
  }
  return copyBytes(values);
}

Bytes makeValues(const std::string &type) {
  if (type == "i1")
    return {0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 0, 1};
  if (type == "f16" || type == "bf16")
    return toBytes(fromBytes(makeValues<float>()), type);
#define MAKE(name, T, W)                                                                                               \
  if (type == #name)                                                                                                   \
    return makeValues<T>();
  LATHE_EACH_NUMBER(MAKE)
  throw std::logic_error("no values of type " + type);
}

/// Adds `expression`, which computes a value of `type`, as an output.
void addOutput(LaunchText &launch, const std::string &expression, const std::string &type, const std::string &dims) {
  launch.Body += "%r" + std::to_string(launch.Outputs.size()) + " = " + expression + "\n";
  launch.Outputs.push_back({type, dims});
}

/// Yields the outputs and compares them with the reference.
void check(LaunchText launch, std::vector<Bytes> inputs, double tolerance) {
  std::string names, types;
  for (size_t i = 0; i < launch.Outputs.size(); ++i) {
    names += (i ? ", %r" : "%r") + std::to_string(i);
    types += (i ? ", " : "") + launch.Outputs[i].Type;
  }
  launch.Body += "lathe.yield " + names + " : " + types;
  checkAgainstReference(launch, ImageRunner::Call{{}, std::move(inputs), {}, {}, {}}, tolerance);
}

class TypesTest : public testing::TestWithParam<const char *> {};

TEST_P(TypesTest, OperationsAgreeWithTheReference) {
  std::string type = GetParam(), computed = type == "f16" || type == "bf16" ? "f32" : type,
              row = "tensor<16x" + type + ">", column = "tensor<16x1x" + type + ">";
  LaunchText launch;
  launch.Inputs = {{row, "16"}, {column, "16, 1"}};
  for (const Line &line : OneOperand)
    if (line.Type == computed)
      addOutput(launch, "lathe." + line.Mnemonic + " %a0 : " + row, line.GivesBool ? "tensor<16xi1>" : row, "16");
  for (const Line &line : TwoOperands)
    if (line.Type == computed) {
      std::string result = "tensor<16x16x" + (line.GivesBool ? "i1" : type) + ">";
      addOutput(launch, "lathe." + line.Mnemonic + " %a1, %a0 : " + column + ", " + row + " -> " + result, result,
                "16, 16");
    }
  // Both sides call the same functions in f64. In f32 those of the CPU are 4 units off at most, which f16 and bf16 may
  // round to the neighbour.
  std::map<std::string, double> tolerances = {{"f32", 5e-7}, {"f16", 1e-3}, {"bf16", 8e-3}};
  check(launch, {makeValues(type), makeValues(type)}, tolerances[type]);
}

TEST_P(TypesTest, SelectBroadcastsAllThree) {
  std::string type = GetParam(), row = "tensor<16x" + type + ">", one = "tensor<" + type + ">";
  LaunchText launch;
  launch.Inputs = {{"tensor<16x1xi1>", "16, 1"}, {row, "16"}, {one, ""}};
  std::string result = "tensor<16x16x" + type + ">";
  addOutput(launch, "lathe.select %a0, %a1, %a2 : tensor<16x1xi1>, " + row + ", " + one + " -> " + result, result,
            "16, 16");
  Bytes values = makeValues(type);
  check(launch, {makeValues("i1"), values, Bytes(values.end() - values.size() / 16, values.end())}, 0);
}

TEST_P(TypesTest, CastsToEveryType) {
  std::string type = GetParam(), row = "tensor<16x" + type + ">";
  LaunchText launch;
  launch.Inputs = {{row, "16"}};
  for (std::string to : {"f16", "bf16", "f32", "f64", "i8", "i16", "i32", "i64", "ui8", "ui16", "ui32", "ui64", "i1"}) {
    std::string result = "tensor<16x" + to + ">";
    addOutput(launch, "lathe.cast %a0 : " + row + " -> " + result, result, "16");
  }
  check(launch, {makeValues(type)}, 0);
}

INSTANTIATE_TEST_SUITE_P(Types, TypesTest,
                         testing::Values("f16", "bf16", "f32", "f64", "i8", "i16", "i32", "i64", "ui8", "ui16", "ui32",
                                         "ui64", "i1"),
                         [](const auto &info) { return std::string(info.param); });

// What a template computes may go on as another type.
TEST(TypesAfterAProduct, CompareAndSelect) {
  LaunchText launch;
  std::string t = "tensor<8x8xf32>";
  launch.Inputs = {{t, "8, 8"}, {t, "8, 8"}, {"tensor<f32>", ""}};
  launch.Outputs = {{"tensor<8x8xi64>", "8, 8"}, {"tensor<8x8xi1>", "8, 8"}};
  launch.Body = R"(
    %0 = lathe.matmul %a0, %a1 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %1 = lathe.less %0, %a2 : tensor<8x8xf32>, tensor<f32> -> tensor<8x8xi1>
    %2 = lathe.select %1, %a0, %0 : tensor<8x8xi1>, tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %3 = lathe.mul %2, %2 : tensor<8x8xf32>, tensor<8x8xf32> -> tensor<8x8xf32>
    %4 = lathe.cast %3 : tensor<8x8xf32> -> tensor<8x8xi64>
    lathe.yield %4, %1 : tensor<8x8xi64>, tensor<8x8xi1>)";
  checkAgainstReference(launch, ImageRunner::Call{}, 0);
}

} // namespace
