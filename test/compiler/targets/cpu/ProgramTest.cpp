// Whole programs: clones, copies, weights, the arena, kernels that launches share.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

// y = relu(x w^T + b) for up to 8 rows, x w^T + b beyond; the second output is a copy of x.
const char TwoClones[] = R"mlir(
plan.data @w "w" offset 0 : tensor<4x3xf32> {
  %0 = lathe.weight "w" file 0 offset 0 bytes 48 : tensor<4x3xf32>
  lathe.yield %0 : tensor<4x3xf32>
}
plan.data @b "b" offset 256 : tensor<4xf32> {
  %0 = lathe.weight "b" file 0 offset 48 bytes 16 : tensor<4xf32>
  lathe.yield %0 : tensor<4xf32>
}
plan.program @main "tensor" symbols [#lathe.symbol<"batch", 1, 64>]
    inputs [#plan.port<"x", "tensor", f32, ()[s0] -> (s0, 3)>]
    outputs [#plan.port<"y", "tensor", f32, ()[s0] -> (s0, 4)>, #plan.port<"z", "tensor", f32, ()[s0] -> (s0, 3)>]
    states [] {
^bb0(%x: !plan.buffer, %y: !plan.buffer, %z: !plan.buffer):
  plan.clone range [#lathe.symbol<"batch", 1, 8>] arena affine_map<()[s0] -> (s0 * 16 + 256)> {
    %w = plan.address @w
    %b = plan.address @b
    %t = plan.buffer at affine_map<()[s0] -> (256)> bytes affine_map<()[s0] -> (s0 * 16)>
    plan.launch #lathe.kernel<"matmul", {}, ""> ins(%x, %w) outs(%t)
        shapes [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (4, 3)>, affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%a0: tensor<?x3xf32>, %a1: tensor<4x3xf32>):
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x3xf32>, tensor<4x3xf32> -> tensor<?x4xf32>
      lathe.yield %0 : tensor<?x4xf32>
    }
    plan.launch #lathe.kernel<"elementwise", {}, ""> ins(%t, %b) outs(%y)
        shapes [affine_map<()[s0] -> (s0, 4)>, affine_map<()[s0] -> (4)>, affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%a0: tensor<?x4xf32>, %a1: tensor<4xf32>):
      %0 = lathe.add %a0, %a1 : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
      %1 = lathe.relu %0 : tensor<?x4xf32>
      lathe.yield %1 : tensor<?x4xf32>
    }
    plan.copy %x to %z bytes affine_map<()[s0] -> (s0 * 12)>
  }
  plan.clone range [] arena affine_map<()[s0] -> (0)> {
    %w = plan.address @w
    %b = plan.address @b
    plan.launch #lathe.kernel<"matmul", {}, ""> ins(%x, %w, %b) outs(%y)
        shapes [affine_map<()[s0] -> (s0, 3)>, affine_map<()[s0] -> (4, 3)>, affine_map<()[s0] -> (4)>,
                affine_map<()[s0] -> (s0, 4)>] {
    ^bb0(%a0: tensor<?x3xf32>, %a1: tensor<4x3xf32>, %a2: tensor<4xf32>):
      %0 = lathe.matmul %a0, %a1 transpose_rhs : tensor<?x3xf32>, tensor<4x3xf32> -> tensor<?x4xf32>
      %1 = lathe.add %0, %a2 : tensor<?x4xf32>, tensor<4xf32> -> tensor<?x4xf32>
      lathe.yield %1 : tensor<?x4xf32>
    }
    plan.copy %x to %z bytes affine_map<()[s0] -> (s0 * 12)>
  }
}
)mlir";

Bytes makeWeights(const std::vector<float> &w, const std::vector<float> &b) {
  Bytes weights = toBytes(w), bias = toBytes(b);
  weights.resize(256);
  weights.insert(weights.end(), bias.begin(), bias.end());
  return weights;
}

TEST(CpuProgram, PicksTheCloneAndRunsItsLaunchesInOrder) {
  ImageRunner runner(TwoClones);
  std::vector<float> w = randomFloats(12, 1), b = randomFloats(4, 2);
  for (int64_t batch : {1, 8, 9, 64}) {
    std::vector<float> x = randomFloats(batch * 3, 3);
    std::vector<double> wanted;
    for (int64_t r = 0; r < batch; ++r)
      for (int64_t n = 0; n < 4; ++n) {
        double sum = b[n];
        for (int64_t k = 0; k < 3; ++k)
          sum += double(x[r * 3 + k]) * w[n * 3 + k];
        wanted.push_back(batch <= 8 ? std::max(sum, 0.0) : sum);
      }
    ImageRunner::Call call{{batch}, {toBytes(x)}, {Bytes(batch * 16), Bytes(batch * 12)}, {}, makeWeights(w, b)};
    for (const ImageRunner::Call &result : runner.run(call)) {
      expectNear(fromBytes(result.Outputs[0]), wanted, 1e-6, "batch " + std::to_string(batch));
      EXPECT_EQ(result.Outputs[1], call.Inputs[0]);
    }
  }
}

TEST(CpuProgram, SaysArenaAndOutputSizes) {
  ImageRunner runner(TwoClones);
  EXPECT_EQ(runner.getArenaBytes({8}), 8 * 16 + 256);
  EXPECT_EQ(runner.getArenaBytes({9}), 0);
  EXPECT_EQ(runner.getOutputDims({5}, 4), (std::vector<int64_t>{5, 4, 5, 3}));
}

std::string makeAppends(const std::vector<int> &layers) {
  std::string state = "!lathe.state<paged, 3x1x4xf32>", launches;
  for (int layer : layers)
    launches += R"(
    plan.launch #lathe.kernel<"append_kv", {}, ""> ins(%k, %k, %s, %slots) outs(%s)
        shapes [affine_map<()[s0] -> (s0, 1, 2)>, affine_map<()[s0] -> (s0, 1, 2)>, affine_map<()[s0] -> ()>,
                affine_map<()[s0] -> (s0)>, affine_map<()[s0] -> ()>] {
    ^bb0(%a0: tensor<?x1x2xf32>, %a1: tensor<?x1x2xf32>, %a2: )" +
                state + R"(, %a3: tensor<?xi32>):
      %0 = lathe.append_kv %a0, %a1, %a2, %a3 layer )" +
                std::to_string(layer) + " : tensor<?x1x2xf32>, tensor<?x1x2xf32>, " + state + R"(, tensor<?xi32>
      lathe.yield %0 : )" +
                state + "\n    }";
  return R"(
plan.program @main "tensor" symbols [#lathe.symbol<"tokens", 1, 64>]
    inputs [#plan.port<"k", "tensor", f32, ()[s0] -> (s0, 1, 2)>, #plan.port<"slots", "tensor", i32, ()[s0] -> (s0)>]
    outputs [] states [#plan.port<"kv", "state", )" +
         state + R"(, ()[s0] -> ()>] {
^bb0(%k: !plan.buffer, %slots: !plan.buffer, %s: !plan.buffer):
  plan.clone range [] arena affine_map<()[s0] -> (0)> {)" +
         launches + "\n  }\n}\n";
}

TEST(CpuProgram, LayersShareOneKernel) {
  ImageRunner both(makeAppends({0, 2})), first(makeAppends({0})), second(makeAppends({2}));
  EXPECT_EQ(both.countKernels(), 1u);
  ImageRunner::Call call{{2}, {toBytes(randomFloats(4, 1)), copyBytes(std::vector<int32_t>{3, 17})}, {}, {}, {}};
  call.States.push_back(toBytes(randomFloats(2 * 3 * 16 * 4, 2)));
  std::vector<ImageRunner::Call> found = both.run(call);
  for (size_t i = 0; i < found.size(); ++i) {
    ImageRunner::Call wanted = second.run(first.run(call)[i])[i];
    EXPECT_EQ(found[i].States, wanted.States);
    EXPECT_NE(found[i].States, first.run(call)[i].States);
  }
}

TEST(CpuProgram, DifferentBodiesHaveKernelsOfTheirOwn) { EXPECT_EQ(ImageRunner(TwoClones).countKernels(), 3u); }

TEST(CpuProgram, GivesTheSameBytesForTheSamePlan) {
  EXPECT_EQ(ImageRunner(TwoClones).getImages(), ImageRunner(TwoClones).getImages());
}

} // namespace
