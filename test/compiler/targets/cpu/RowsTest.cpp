// Norms, softmax, gather, convolution and pooling against the reference.
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

std::vector<ImageRunner::Call> makeCalls(const std::vector<std::vector<int64_t>> &symbols) {
  std::vector<ImageRunner::Call> calls;
  for (const std::vector<int64_t> &values : symbols)
    calls.push_back({values, {}, {}, {}, {}});
  return calls;
}

const std::vector<std::vector<int64_t>> RowSizes = {{1, 1},   {3, 15},  {2, 16},  {2, 17},
                                                    {5, 255}, {4, 256}, {3, 257}, {2, 4000}};

TEST(CpuRows, RmsNormAgreesWithTheReference) {
  for (auto [type, tolerance] : {std::pair<std::string, double>{"f32", 1e-6}, {"f16", 2e-3}, {"bf16", 1e-2}}) {
    std::string t = "tensor<?x?x" + type + ">";
    LaunchText launch{2,
                      {{t, "s0, s1"}, {"tensor<?xf32>", "s1"}},
                      {{t, "s0, s1"}},
                      "%0 = lathe.rms_norm %a0, %a1 epsilon 1.0e-05 : " + t + ", tensor<?xf32>\nlathe.yield %0 : " + t};
    checkAgainstReference(launch, makeCalls(RowSizes), tolerance);
  }
}

TEST(CpuRows, RmsNormGivesARowTheSameBitsAloneAndInABatch) {
  std::string t = "tensor<?x300xf32>";
  ImageRunner runner(
      makePlan({1,
                {{t, "s0, 300"}, {"tensor<300xf32>", "300"}},
                {{t, "s0, 300"}},
                "%0 = lathe.rms_norm %a0, %a1 epsilon 1.0e-05 : " + t + ", tensor<300xf32>\nlathe.yield %0 : " + t}));
  Bytes batch = toBytes(randomFloats(5 * 300, 1)), weight = toBytes(randomFloats(300, 2));
  std::vector<ImageRunner::Call> all = runner.run({{5}, {batch, weight}, {Bytes(5 * 1200)}, {}, {}});
  Bytes one(batch.begin() + 3600, batch.begin() + 4800);
  std::vector<ImageRunner::Call> alone = runner.run({{1}, {one, weight}, {Bytes(1200)}, {}, {}});
  for (size_t i = 0; i < all.size(); ++i)
    EXPECT_TRUE(std::equal(alone[i].Outputs[0].begin(), alone[i].Outputs[0].end(), all[i].Outputs[0].begin() + 3600));
}

TEST(CpuRows, LayerNormAgreesWithTheReference) {
  for (auto [type, tolerance] : {std::pair<std::string, double>{"f32", 3e-6}, {"f16", 2e-3}, {"bf16", 1e-2}}) {
    std::string t = "tensor<?x?x" + type + ">", w = "tensor<?xf32>";
    LaunchText launch{2,
                      {{t, "s0, s1"}, {w, "s1"}, {w, "s1"}},
                      {{t, "s0, s1"}},
                      "%0 = lathe.layer_norm %a0 scale %a1 : " + w + " bias %a2 : " + w +
                          " axis 1 epsilon 1.0e-05 : " + t + "\nlathe.yield %0 : " + t};
    checkAgainstReference(launch, makeCalls(RowSizes), tolerance);
  }
}

TEST(CpuRows, LayerNormTakesEachOperandAlone) {
  std::string t = "tensor<?x3x50xf32>", w = "tensor<3x50xf32>";
  for (std::string operand : {"", "scale", "bias"}) {
    LaunchText launch{1, {{t, "s0, 3, 50"}}, {{t, "s0, 3, 50"}}, "%0 = lathe.layer_norm %a0 "};
    if (!operand.empty()) {
      launch.Inputs.push_back({w, "3, 50"});
      launch.Body += operand + " %a1 : " + w;
    }
    launch.Body += " axis 1 epsilon 0.0 : " + t + "\nlathe.yield %0 : " + t;
    checkAgainstReference(launch, makeCalls({{1}, {7}}), 3e-6);
  }
}

TEST(CpuRows, SoftmaxAgreesWithTheReference) {
  std::string t = "tensor<?x?xf32>";
  LaunchText launch{2, {{t, "s0, s1"}}, {{t, "s0, s1"}}, "%0 = lathe.softmax %a0 : " + t + "\nlathe.yield %0 : " + t};
  std::vector<ImageRunner::Call> calls = makeCalls(RowSizes);
  std::vector<float> far(2 * 20);
  for (size_t i = 0; i < far.size(); ++i)
    far[i] = float(i % 20) * 30 - 200; // what is 88 below the largest vanishes
  calls.push_back({{2, 20}, {toBytes(far)}, {}, {}, {}});
  calls.push_back({{2, 9001}, {}, {}, {}, {}}); // more than stays on the stack
  checkAgainstReference(launch, calls, 1e-6);
}

TEST(CpuRows, SoftmaxGivesNothingToWhatIsMasked) {
  std::string t = "tensor<?x?xf32>";
  ImageRunner runner(
      makePlan({2, {{t, "s0, s1"}}, {{t, "s0, s1"}}, "%0 = lathe.softmax %a0 : " + t + "\nlathe.yield %0 : " + t}));
  std::vector<float> row(40, -INFINITY);
  row[3] = row[30] = 2;
  row[5] = -1e9f;
  for (const ImageRunner::Call &result : runner.run({{1, 40}, {toBytes(row)}, {Bytes(160)}, {}, {}})) {
    std::vector<float> found = fromBytes(result.Outputs[0]);
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i], i == 3 || i == 30 ? 0.5f : 0.0f);
  }
}

TEST(CpuRows, GatherReadsRowZeroForAnIndexOutsideOfTheTable) {
  std::string t = "tensor<5x3xf32>", out = "tensor<?x3xf32>";
  ImageRunner runner(
      makePlan({1,
                {{t, "5, 3"}, {"tensor<?xi32>", "s0"}},
                {{out, "s0, 3"}},
                "%0 = lathe.gather %a0, %a1 : " + t + ", tensor<?xi32> -> " + out + "\nlathe.yield %0 : " + out}));
  std::vector<float> table = randomFloats(15, 1);
  std::vector<int32_t> indices = {4, -1, 5, 2};
  for (const ImageRunner::Call &result : runner.run({{4}, {toBytes(table), copyBytes(indices)}, {Bytes(48)}, {}, {}})) {
    std::vector<float> found = fromBytes(result.Outputs[0]);
    for (int64_t i = 0; i < 4; ++i)
      for (int64_t j = 0; j < 3; ++j)
        EXPECT_EQ(found[i * 3 + j], table[(i == 0 ? 4 : i == 3 ? 2 : 0) * 3 + j]);
  }
}

TEST(CpuRows, GatherUnpacksBlocksAndWidensFloats) {
  for (std::string type : {"f16", "bf16", "!lathe.gguf<q4_k>", "!lathe.gguf<q6_k>"})
    for (std::string index : {"i32", "i64"}) {
      std::string t = "tensor<6x512x" + type + ">", out = "tensor<?x512xf32>", indices = "tensor<?x" + index + ">";
      LaunchText launch{1,
                        {{t, "6, 512"}, {indices, "s0"}},
                        {{out, "s0, 512"}},
                        "%0 = lathe.gather %a0, %a1 : " + t + ", " + indices + " -> " + out +
                            "\nlathe.yield %0 : " + out};
      Bytes table = toBytes(randomFloats(6 * 512, 4), type == "bf16" ? "bf16" : "f16");
      Bytes chosen =
          index == "i32" ? copyBytes(std::vector<int32_t>{5, 0, 3}) : copyBytes(std::vector<int64_t>{5, 0, 3});
      if (type[0] == '!')
        table.resize(type.find("q4_k") != std::string::npos ? 6 * 2 * 144 : 6 * 2 * 210);
      for (size_t i = 0; i < table.size() && type[0] == '!'; ++i)
        table[i] &= 0x3F; // halves among the blocks stay finite
      checkAgainstReference(launch, ImageRunner::Call{{3}, {table, chosen}, {}, {}, {}}, 0);
    }
}

struct Window {
  int64_t Y, X, WindowY, WindowX, StrideY, StrideX, Top, Left, Bottom, Right, DilationY, DilationX;
  int64_t outY() const { return (Y + Top + Bottom - DilationY * (WindowY - 1) - 1) / StrideY + 1; }
  int64_t outX() const { return (X + Left + Right - DilationX * (WindowX - 1) - 1) / StrideX + 1; }
  std::string attributes() const {
    auto pair = [](int64_t a, int64_t b) { return "[" + std::to_string(a) + ", " + std::to_string(b) + "]"; };
    return " strides " + pair(StrideY, StrideX) + " pads [" + std::to_string(Top) + ", " + std::to_string(Left) + ", " +
           std::to_string(Bottom) + ", " + std::to_string(Right) + "] dilations " + pair(DilationY, DilationX);
  }
};

const Window Windows[] = {
    {8, 8, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1},   {7, 9, 3, 2, 2, 3, 0, 1, 2, 0, 1, 1},
    {5, 150, 1, 5, 1, 1, 0, 2, 0, 2, 1, 1}, {9, 140, 3, 3, 1, 2, 2, 2, 2, 2, 2, 2},
    {3, 3, 3, 3, 1, 1, 0, 0, 0, 0, 1, 1},   {8, 8, 2, 2, 2, 2, 0, 0, 0, 0, 1, 1},
};

std::string makeType(const std::string &batch, std::initializer_list<int64_t> sizes, const std::string &element,
                     bool type) {
  std::string text = type ? "tensor<" + batch : batch;
  for (int64_t size : sizes)
    text += (type ? "x" : ", ") + std::to_string(size);
  return type ? text + "x" + element + ">" : text;
}

TEST(CpuImages, ConvolutionAgreesWithTheReference) {
  for (const Window &w : Windows)
    for (int64_t groups : {1, 2}) {
      std::string in = makeType("?", {4, w.Y, w.X}, "f32", true),
                  out = makeType("?", {6, w.outY(), w.outX()}, "f32", true);
      std::string filter = makeType("6", {4 / groups, w.WindowY, w.WindowX}, "f32", true);
      LaunchText launch{1,
                        {{in, makeType("s0", {4, w.Y, w.X}, "", false)},
                         {filter, makeType("6", {4 / groups, w.WindowY, w.WindowX}, "", false)},
                         {"tensor<6x1x1xf32>", "6, 1, 1"}},
                        {{out, makeType("s0", {6, w.outY(), w.outX()}, "", false)}},
                        "%0 = lathe.conv %a0, %a1" + w.attributes() + " groups " + std::to_string(groups) + " : " + in +
                            ", " + filter + " -> " + out + "\n%1 = lathe.add %0, %a2 : " + out +
                            ", tensor<6x1x1xf32> -> " + out + "\n%2 = lathe.relu %1 : " + out +
                            "\nlathe.yield %2 : " + out};
      checkAgainstReference(launch, makeCalls({{1}, {3}}), 2e-6);
    }
}

TEST(CpuImages, PoolingAgreesWithTheReference) {
  for (const Window &w : Windows) {
    std::string in = makeType("?", {2, w.Y, w.X}, "f32", true),
                out = makeType("?", {2, w.outY(), w.outX()}, "f32", true);
    std::string window = " window [" + std::to_string(w.WindowY) + ", " + std::to_string(w.WindowX) + "]";
    LaunchText launch{1,
                      {{in, makeType("s0", {2, w.Y, w.X}, "", false)}},
                      {{out, makeType("s0", {2, w.outY(), w.outX()}, "", false)}},
                      "%0 = lathe.max_pool %a0" + window + w.attributes() + " : " + in + " -> " + out +
                          "\nlathe.yield %0 : " + out};
    checkAgainstReference(launch, makeCalls({{1}, {3}}), 0);
  }
}

} // namespace
