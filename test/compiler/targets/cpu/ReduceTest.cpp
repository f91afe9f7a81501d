// Reductions against the reference: every kind and type, over inner, outer and separate dimensions.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Case {
  std::string Type, Dims, Axes, Result, ResultDims;
};

LaunchText makeLaunch(const Case &shape, const std::string &element, const std::string &kind) {
  LaunchText launch;
  std::string type = "tensor<" + shape.Type + element + ">", result = "tensor<" + shape.Result + element + ">";
  launch.Symbols = 2;
  launch.Inputs = {{type, shape.Dims}};
  launch.Outputs = {{result, shape.ResultDims}};
  launch.Body = "%0 = lathe.reduce " + kind + " %a0 axes [" + shape.Axes + "] : " + type + " -> " + result +
                "\nlathe.yield %0 : " + result;
  return launch;
}

const Case Cases[] = {
    {"?x?x", "s0, s1", "1", "?x", "s0"},                      // rows
    {"?x?x", "s0, s1", "0", "?x", "s1"},                      // columns
    {"?x3x?x5x", "s0, 3, s1, 5", "2, 3", "?x3x", "s0, 3"},    // an image
    {"?x3x?x5x", "s0, 3, s1, 5", "0, 2", "3x5x", "3, 5"},     // separate dimensions, the last one stays
    {"?x3x?x5x", "s0, 3, s1, 5", "0, 3", "3x?x", "3, s1"},    // separate dimensions, the last one goes
    {"?x?x", "s0, s1", "0, 1", "", ""},                       // everything
    {"2x3x1x4x", "2, 3, 1, 4", "1, 2", "2x4x", "2, 4"},       // sizes known when it is compiled
    {"2x3x1x400x", "2, 3, 1, 400", "3", "2x3x1x", "2, 3, 1"}, // a row of several chunks
};

std::vector<ImageRunner::Call> makeCalls(std::vector<std::vector<int64_t>> symbols) {
  std::vector<ImageRunner::Call> calls;
  for (const std::vector<int64_t> &values : symbols)
    calls.push_back({values, {}, {}, {}, {}});
  return calls;
}

TEST(CpuReduce, SumsOverAnyDimensions) {
  for (const Case &shape : Cases)
    checkAgainstReference(makeLaunch(shape, "f32", "sum"), makeCalls({{1, 1}, {3, 17}, {70, 33}, {5, 600}}), 2e-7);
}

// Rows and columns take turns: both run the same operations of a kind.
TEST(CpuReduce, EveryKindOfFloat) {
  int shape = 0;
  for (std::string kind : {"sum", "mean", "prod", "max", "min"})
    for (auto [type, tolerance] : {std::pair<std::string, double>{"f32", 2e-7}, {"f64", 1e-14}, {"f16", 1e-3}})
      checkAgainstReference(makeLaunch(Cases[shape++ % 2], type, kind), makeCalls({{3, 35}, {2, 300}}), tolerance);
  checkAgainstReference(makeLaunch(Cases[0], "bf16", "sum"), makeCalls({{3, 35}, {2, 300}}), 8e-3);
}

/// Bytes that are numbers of every kind.
Bytes makeBytes(size_t count) {
  Bytes bytes(count);
  std::mt19937 engine(5);
  for (uint8_t &byte : bytes)
    byte = uint8_t(engine() >> 11);
  return bytes;
}

TEST(CpuReduce, EveryKindOfInteger) {
  int shape = 0;
  for (std::string kind : {"sum", "mean", "prod", "max", "min", "and", "or"})
    for (auto [type, size] : {std::pair<std::string, size_t>{"i8", 1}, {"i64", 8}, {"ui8", 1}}) {
      ImageRunner::Call call{{4, 37}, {makeBytes(4 * 37 * size)}, {}, {}, {}};
      checkAgainstReference(makeLaunch(Cases[shape++ % 2], type, kind), call, 0);
    }
}

TEST(CpuReduce, Bools) {
  for (std::string kind : {"and", "or"}) {
    Bytes values = makeBytes(4 * 3);
    for (uint8_t &value : values)
      value &= 1;
    checkAgainstReference(makeLaunch(Cases[0], "i1", kind), ImageRunner::Call{{4, 3}, {values}, {}, {}, {}}, 0);
  }
}

TEST(CpuReduce, NanAndEmptyRows) {
  std::vector<float> values = randomFloats(3 * 40, 1);
  values[47] = NAN;
  for (std::string kind : {"sum", "mean", "max", "min"}) {
    std::vector<ImageRunner::Call> calls = makeCalls({{4, 0}});
    calls.push_back({{3, 40}, {toBytes(values)}, {}, {}, {}});
    checkAgainstReference(makeLaunch(Cases[0], "f32", kind), calls, 2e-7);
  }
}

TEST(CpuReduce, GoesOnElementwise) {
  std::string t = "tensor<?x?xf32>", r = "tensor<?x1xf32>";
  LaunchText launch{2, {{t, "s0, s1"}, {r, "s0, 1"}}, {{r, "s0, 1"}, {"tensor<?x1xi1>", "s0, 1"}}, R"(
    %0 = lathe.reduce mean %a0 axes [1] keep : tensor<?x?xf32> -> tensor<?x1xf32>
    %1 = lathe.sqrt %0 : tensor<?x1xf32>
    %2 = lathe.mul %1, %a1 : tensor<?x1xf32>, tensor<?x1xf32> -> tensor<?x1xf32>
    %3 = lathe.is_nan %2 : tensor<?x1xf32>
    lathe.yield %2, %3 : tensor<?x1xf32>, tensor<?x1xi1>)"};
  checkAgainstReference(launch, makeCalls({{1, 5}, {100, 64}}), 1e-6);
}

TEST(CpuReduce, FindsTheLargestAndTheSmallest) {
  for (std::string op : {"arg_max", "arg_min"})
    for (std::string element : {"f32", "i8"})
      for (std::string last : {"", " select_last"})
        for (int axis : {1, 2}) {
          std::string type = "tensor<3x7x5x" + element + ">";
          std::string dims = axis == 1 ? "3, 5" : "3, 7";
          std::string result = axis == 1 ? "tensor<3x5xi64>" : "tensor<3x7xi64>";
          LaunchText launch{0,
                            {{type, "3, 7, 5"}},
                            {{result, dims}},
                            "%0 = lathe." + op + " %a0 axis " + std::to_string(axis) + last + " : " + type + " -> " +
                                result + "\nlathe.yield %0 : " + result};
          std::vector<float> values = randomFloats(105, 3);
          for (size_t i = 0; i < values.size(); ++i)
            values[i] = i % 20 == 7 ? NAN : float(int(values[i] * 4)); // many are equal
          Bytes bytes = element[0] == 'f' ? toBytes(values, element) : makeBytes(105);
          for (uint8_t &byte : bytes)
            byte = element[0] == 'f' ? byte : byte & 0x83;
          checkAgainstReference(launch, ImageRunner::Call{{}, {bytes}, {}, {}, {}}, 0);
        }
}

} // namespace
