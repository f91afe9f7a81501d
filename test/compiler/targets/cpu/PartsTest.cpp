// Launches of several kernels: parts that share no computed value, and two products that meet in one result.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

ImageRunner::Call makeCall(int64_t rows) { return {{rows}, {}, {}, {}, {}}; }

/// Enough rows for one tile, for some, and for the last to be short.
const std::vector<ImageRunner::Call> Calls = {makeCall(1), makeCall(37), makeCall(300)};

TEST(CpuParts, EachHasItsOwnShapeAndEpilogue) {
  LaunchText launch{1,
                    {{"tensor<?x48xf32>", "s0, 48"},
                     {"tensor<70x48xf32>", "70, 48"},
                     {"tensor<48x20xf32>", "48, 20"},
                     {"tensor<20xf32>", "20"}},
                    {{"tensor<?x20xf32>", "s0, 20"}, {"tensor<?x70xf32>", "s0, 70"}},
                    R"(
    %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x48xf32>, tensor<70x48xf32> -> tensor<?x70xf32>
    %1 = lathe.relu %0 : tensor<?x70xf32>
    %2 = lathe.matmul %a0, %a2 : tensor<?x48xf32>, tensor<48x20xf32> -> tensor<?x20xf32>
    %3 = lathe.add %2, %a3 : tensor<?x20xf32>, tensor<20xf32> -> tensor<?x20xf32>
    lathe.yield %3, %1 : tensor<?x20xf32>, tensor<?x70xf32>)"};
  checkAgainstReference(launch, Calls, 5e-6);
}

TEST(CpuParts, TemplatesBesideGeneratedCodeAndCopies) {
  LaunchText launch{1,
                    {{"tensor<?x48xf32>", "s0, 48"}, {"tensor<48xf32>", "48"}},
                    {{"tensor<?x48xf32>", "s0, 48"}, {"tensor<48xf32>", "48"}, {"tensor<?x48xf32>", "s0, 48"}},
                    R"(
    %0 = lathe.softmax %a0 : tensor<?x48xf32>
    %1 = lathe.mul %a0, %a1 : tensor<?x48xf32>, tensor<48xf32> -> tensor<?x48xf32>
    lathe.yield %1, %a1, %0 : tensor<?x48xf32>, tensor<48xf32>, tensor<?x48xf32>)"};
  checkAgainstReference(launch, Calls, 1e-6);
}

/// silu(x * a) * (x * b) with weights of a type; one product waits in the result's memory.
LaunchText makeGate(const std::string &weight) {
  std::string w = "tensor<72x48x" + weight + ">", y = "tensor<?x72xf32>";
  std::string product = " transpose_rhs : tensor<?x48xf32>, " + w + " -> " + y + "\n";
  return {1,
          {{"tensor<?x48xf32>", "s0, 48"}, {w, "72, 48"}, {w, "72, 48"}, {"tensor<72xf32>", "72"}},
          {{y, "s0, 72"}},
          "%0 = lathe.matmul %a0, %a1" + product + "%1 = lathe.add %0, %a3 : " + y + ", tensor<72xf32> -> " + y +
              "\n%2 = lathe.matmul %a0, %a2" + product + "%3 = lathe.silu %2 : " + y +
              "\n%4 = lathe.mul %3, %1 : " + y + ", " + y + " -> " + y + "\nlathe.yield %4 : " + y};
}

TEST(CpuParts, TwoProductsMeetInOneResult) {
  for (const char *weight : {"f32", "f16"}) {
    std::vector<ImageRunner::Call> calls = Calls;
    for (ImageRunner::Call &call : calls) {
      call.Inputs.push_back(toBytes(randomFloats(call.Symbols[0] * 48, 1)));
      for (uint32_t seed : {2, 3})
        call.Inputs.push_back(toBytes(randomFloats(72 * 48, seed), weight));
    }
    checkAgainstReference(makeGate(weight), calls, 1e-5);
  }
}

} // namespace
