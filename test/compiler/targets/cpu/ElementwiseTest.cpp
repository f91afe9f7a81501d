// Generated code: bodies without a root, and what follows a root.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

// One rounding of f32, and of f16 and bf16 where the result is stored so.
constexpr double F32 = 2e-7, F16 = 1e-3, Bf16 = 8e-3;

std::vector<ImageRunner::Call> makeCalls(const std::vector<std::vector<int64_t>> &symbols) {
  std::vector<ImageRunner::Call> calls;
  for (const std::vector<int64_t> &values : symbols)
    calls.push_back({values, {}, {}, {}, {}});
  return calls;
}

TEST(CpuElementwise, ComputesSameShapesAtSizesAroundTheTile) {
  std::string t = "tensor<?xf32>";
  LaunchText launch{1, {{t, "s0"}, {t, "s0"}}, {{t, "s0"}}, R"(
    %0 = lathe.add %a0, %a1 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    %1 = lathe.mul %0, %a0 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>
    %2 = lathe.relu %1 : tensor<?xf32>
    lathe.yield %2 : tensor<?xf32>)"};
  checkAgainstReference(launch, makeCalls({{1}, {7}, {4095}, {4096}, {4097}, {20000}}), F32);
}

TEST(CpuElementwise, BroadcastsRowsColumnsAndScalars) {
  LaunchText launch{2,
                    {{"tensor<?x?xf32>", "s0, s1"},
                     {"tensor<?xf32>", "s1"},
                     {"tensor<?x1xf32>", "s0, 1"},
                     {"tensor<1xf32>", "1"},
                     {"tensor<f32>", ""}},
                    {{"tensor<?x?xf32>", "s0, s1"}},
                    R"(
    %0 = lathe.add %a0, %a1 : tensor<?x?xf32>, tensor<?xf32> -> tensor<?x?xf32>
    %1 = lathe.mul %0, %a2 : tensor<?x?xf32>, tensor<?x1xf32> -> tensor<?x?xf32>
    %2 = lathe.sub %a3, %1 : tensor<1xf32>, tensor<?x?xf32> -> tensor<?x?xf32>
    %3 = lathe.maximum %2, %a4 : tensor<?x?xf32>, tensor<f32> -> tensor<?x?xf32>
    lathe.yield %3 : tensor<?x?xf32>)"};
  checkAgainstReference(launch, makeCalls({{1, 1}, {3, 5}, {7, 1000}, {5000, 3}, {1, 9000}}), F32);
}

TEST(CpuElementwise, BroadcastsBothOperandsAndInnerDimensions) {
  LaunchText launch{1,
                    {{"tensor<?x6x1x5xf32>", "s0, 6, 1, 5"}, {"tensor<6x4x1xf32>", "6, 4, 1"}},
                    {{"tensor<?x6x4x5xf32>", "s0, 6, 4, 5"}},
                    R"(
    %0 = lathe.exp %a1 : tensor<6x4x1xf32>
    %1 = lathe.add %a0, %0 : tensor<?x6x1x5xf32>, tensor<6x4x1xf32> -> tensor<?x6x4x5xf32>
    lathe.yield %1 : tensor<?x6x4x5xf32>)"};
  checkAgainstReference(launch, makeCalls({{1}, {50}}), 3e-7);
}

TEST(CpuElementwise, ReadsThroughReshapes) {
  LaunchText launch{1,
                    {{"tensor<?x24xf32>", "s0, 24"}, {"tensor<4x1xf32>", "4, 1"}, {"tensor<24xf32>", "24"}},
                    {{"tensor<?x24xf32>", "s0, 24"}},
                    R"(
    %0 = lathe.reshape %a0 shape [0, 4, 6] : tensor<?x24xf32> -> tensor<?x4x6xf32>
    %1 = lathe.mul %0, %a1 : tensor<?x4x6xf32>, tensor<4x1xf32> -> tensor<?x4x6xf32>
    %2 = lathe.reshape %1 shape [0, -1] : tensor<?x4x6xf32> -> tensor<?x24xf32>
    %3 = lathe.add %2, %a2 : tensor<?x24xf32>, tensor<24xf32> -> tensor<?x24xf32>
    lathe.yield %3 : tensor<?x24xf32>)"};
  checkAgainstReference(launch, makeCalls({{1}, {3}, {400}}), F32);
}

TEST(CpuElementwise, TransposesAnyElement) {
  for (std::string type : {"f32", "bf16", "i64", "i8"}) {
    std::string in = "tensor<?x7x5x" + type + ">", out = "tensor<5x?x7x" + type + ">";
    LaunchText launch{1,
                      {{in, "s0, 7, 5"}},
                      {{out, "5, s0, 7"}},
                      "%0 = lathe.transpose %a0 permutation [2, 0, 1] : " + in + " -> " + out +
                          "\nlathe.yield %0 : " + out};
    ImageRunner::Call call{{300}, {}, {}, {}, {}};
    if (type[0] == 'i')
      call.Inputs.push_back(copyBytes(randomFloats(300 * 35 * (type == "i64" ? 2 : 1), 3)));
    checkAgainstReference(launch, call, 0);
  }
}

TEST(CpuElementwise, TransposesWhatItComputedAndBroadcasts) {
  LaunchText launch{1,
                    {{"tensor<?x8xf32>", "s0, 8"}, {"tensor<8xf32>", "8"}, {"tensor<?xf32>", "s0"}},
                    {{"tensor<8x?xf32>", "8, s0"}},
                    R"(
    %0 = lathe.mul %a0, %a1 : tensor<?x8xf32>, tensor<8xf32> -> tensor<?x8xf32>
    %1 = lathe.transpose %0 permutation [1, 0] : tensor<?x8xf32> -> tensor<8x?xf32>
    %2 = lathe.add %1, %a2 : tensor<8x?xf32>, tensor<?xf32> -> tensor<8x?xf32>
    lathe.yield %2 : tensor<8x?xf32>)"};
  checkAgainstReference(launch, makeCalls({{1}, {9}, {1000}}), F32);
}

TEST(CpuElementwise, RoundsOnceWhenItStores) {
  for (auto [type, tolerance] : {std::pair<std::string, double>{"f16", F16}, {"bf16", Bf16}}) {
    std::string t = "tensor<?x" + type + ">";
    LaunchText launch{1,
                      {{t, "s0"}, {"tensor<?xf32>", "s0"}},
                      {{t, "s0"}, {"tensor<?xf32>", "s0"}},
                      "%0 = lathe.cast %a0 : " + t + " -> tensor<?xf32>\n" +
                          "%1 = lathe.mul %0, %a1 : tensor<?xf32>, tensor<?xf32> -> tensor<?xf32>\n" +
                          "%2 = lathe.cast %1 : tensor<?xf32> -> " + t + "\nlathe.yield %2, %1 : " + t +
                          ", tensor<?xf32>"};
    checkAgainstReference(launch, makeCalls({{1}, {5000}}), tolerance);
  }
}

TEST(CpuElementwise, YieldsResultsOfDifferentSizes) {
  LaunchText launch{2,
                    {{"tensor<?xf32>", "s0"}, {"tensor<?xf32>", "s1"}},
                    {{"tensor<?xf32>", "s0"}, {"tensor<?xf32>", "s1"}},
                    R"(
    %0 = lathe.neg %a0 : tensor<?xf32>
    %1 = lathe.silu %a1 : tensor<?xf32>
    lathe.yield %0, %1 : tensor<?xf32>, tensor<?xf32>)"};
  checkAgainstReference(launch, makeCalls({{9000, 5}, {5, 9000}, {1, 1}}), 4e-7);
}

TEST(CpuElementwise, FollowsAProduct) {
  LaunchText launch{1,
                    {{"tensor<?x40xf32>", "s0, 40"},
                     {"tensor<36x40xf32>", "36, 40"},
                     {"tensor<36xf32>", "36"},
                     {"tensor<?x36xf32>", "s0, 36"}},
                    {{"tensor<?x36xf16>", "s0, 36"}, {"tensor<?x9x4xf32>", "s0, 9, 4"}},
                    R"(
    %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x40xf32>, tensor<36x40xf32> -> tensor<?x36xf32>
    %1 = lathe.add %0, %a2 : tensor<?x36xf32>, tensor<36xf32> -> tensor<?x36xf32>
    %2 = lathe.silu %1 : tensor<?x36xf32>
    %3 = lathe.mul %2, %a3 : tensor<?x36xf32>, tensor<?x36xf32> -> tensor<?x36xf32>
    %4 = lathe.cast %3 : tensor<?x36xf32> -> tensor<?x36xf16>
    %5 = lathe.reshape %0 shape [0, 9, 4] : tensor<?x36xf32> -> tensor<?x9x4xf32>
    lathe.yield %4, %5 : tensor<?x36xf16>, tensor<?x9x4xf32>)"};
  checkAgainstReference(launch, makeCalls({{1}, {2}, {17}, {50}}), F16);
}

} // namespace
