// Products of rows that are rounded to 8 bits, against the reference, for each format that has panels: at sizes around
// what a register, a group of 6 rows, a tile of 32 columns, a span of 132 rows and 512 columns, a run of 512 steps
// hold.
#include "runtime/gguf/BlockPanels.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

const char *const Formats[] = {"q4_0", "q8_0", "q4_k", "q6_k"};

int64_t roundUp(int64_t rows) {
  return (rows + gguf::BlockPanels::Rows - 1) / gguf::BlockPanels::Rows * gguf::BlockPanels::Rows;
}

/// Random blocks in panels, with scales that give weights of about the same size in each format: some hundredths.
Bytes makePanels(const std::string &name, int64_t n, int64_t k, uint32_t seed) {
  const gguf::BlockFormat &format = *gguf::findBlockFormat(name);
  int64_t rowBytes = k / format.weights * format.bytes;
  Bytes blocks(n * rowBytes), panels(roundUp(n) * rowBytes);
  std::mt19937 engine(seed);
  for (uint8_t &byte : blocks)
    byte = uint8_t(engine());
  // A half whose upper byte is 4 e is from 2^(e - 15) on; 0x80 is its sign.
  uint8_t scale = name == "q4_0" ? 0x24 : name == "q8_0" ? 0x14 : name == "q4_k" ? 0x0C : 0x04;
  for (size_t block = 0; block < blocks.size(); block += format.bytes) {
    blocks[block + (name == "q6_k" ? format.bytes - 1 : 1)] = scale;
    if (name == "q4_k")
      blocks[block + 3] = engine() % 2 ? 0x14 : 0x94;
  }
  gguf::packPanels(*gguf::findBlockPanels(format), n, k, blocks.data(), panels.data(), 0,
                   roundUp(n) / gguf::BlockPanels::Rows);
  return panels;
}

LaunchText makeProduct(const std::string &format, int64_t n, int64_t k, const std::string &element = "f32") {
  std::string columns = std::to_string(k), rows = std::to_string(roundUp(n));
  std::string lhs = "tensor<?x" + columns + "x" + element + ">", result = "tensor<?x" + std::to_string(n) + "xf32>";
  std::string rhs = "tensor<" + rows + "x" + columns + "x!lathe.gguf_panels<" + format + ">>";
  return {1,
          {{lhs, "s0, " + columns}, {rhs, rows + ", " + columns}},
          {{result, "s0, " + std::to_string(n)}},
          "%0 = lathe.int8_matmul %a0, %a1 : " + lhs + ", " + rhs + " -> " + result + "\nlathe.yield %0 : " + result};
}

/// Sums of integers are exact; what is left are roundings of f32, a few for each group of 32, in terms that are about
/// as large as the result, which grows with the square root of k.
double getTolerance(int64_t k) { return 4e-7 * std::sqrt(double(k)); }

void check(const std::string &format, int64_t n, int64_t k, const std::vector<int64_t> &rows) {
  std::vector<ImageRunner::Call> calls;
  for (int64_t m : rows)
    calls.push_back({{m}, {toBytes(randomFloats(m * k, uint32_t(m))), makePanels(format, n, k, 3)}, {}, {}, {}});
  checkAgainstReference(makeProduct(format, n, k), calls, getTolerance(k));
}

class Int8Matmul : public testing::TestWithParam<const char *> {};

TEST_P(Int8Matmul, AgreesWithTheReferenceAtSizesAroundTheTile) {
  int64_t block = gguf::findBlockFormat(std::string_view(GetParam()))->weights;
  for (int64_t n : {1, 15, 16, 17, 33})
    check(GetParam(), n, block, {1, 3, 7});
}

TEST_P(Int8Matmul, AgreesWithTheReferenceAtNumbersOfRows) {
  check(GetParam(), 50, 768, {1, 2, 3, 4, 5, 6, 7, 13, 131, 132, 133});
}

TEST_P(Int8Matmul, AgreesWithTheReferenceAroundRunsAndSpans) {
  check(GetParam(), 530, 768, {1, 6});
  check(GetParam(), 20, 8192 + 256, {1, 5});
}

TEST_P(Int8Matmul, ReadsRowsOfSixteenBits) {
  int64_t n = 20, k = 512;
  for (std::string type : {"f16", "bf16"}) {
    ImageRunner::Call call{{5}, {toBytes(randomFloats(5 * k, 1), type), makePanels(GetParam(), n, k, 2)}, {}, {}, {}};
    checkAgainstReference(makeProduct(GetParam(), n, k, type), call, getTolerance(k));
  }
}

TEST_P(Int8Matmul, GivesARowTheSameBitsAloneAndInABatchOnEveryLevel) {
  int64_t n = 50, k = 1280, rowBytes = k * 4, resultBytes = n * 4;
  ImageRunner runner(makePlan(makeProduct(GetParam(), n, k)));
  Bytes panels = makePanels(GetParam(), n, k, 4), batch = toBytes(randomFloats(140 * k, 6));
  std::vector<ImageRunner::Call> all = runner.run({{140}, {batch, panels}, {Bytes(140 * resultBytes)}, {}, {}});
  for (const ImageRunner::Call &level : all)
    EXPECT_EQ(level.Outputs, all[0].Outputs); // integers are exact, and floats are added in one order everywhere
  for (int64_t count : {1, 2, 3, 5, 20})
    for (int64_t row : {0, 5, 69, 70, 120}) {
      Bytes few(batch.begin() + row * rowBytes, batch.begin() + (row + count) * rowBytes);
      for (const ImageRunner::Call &call : runner.run({{count}, {few, panels}, {Bytes(count * resultBytes)}, {}, {}}))
        EXPECT_TRUE(
            std::equal(call.Outputs[0].begin(), call.Outputs[0].end(), all[0].Outputs[0].begin() + row * resultBytes))
            << count << " rows from " << row;
    }
}

TEST_P(Int8Matmul, KeepsWhatIsNotFinite) {
  int64_t n = 16, k = 512;
  std::vector<float> lhs = randomFloats(3 * k, 1);
  lhs[40] = NAN;
  lhs[k + 300] = INFINITY;
  std::fill(lhs.begin() + 2 * k, lhs.end(), 1e-39f);
  ImageRunner runner(makePlan(makeProduct(GetParam(), n, k)));
  for (const ImageRunner::Call &call :
       runner.run({{3}, {toBytes(lhs), makePanels(GetParam(), n, k, 2)}, {Bytes(3 * n * 4)}, {}, {}})) {
    std::vector<float> found = fromBytes(call.Outputs[0]);
    for (int64_t j = 0; j < n; ++j) {
      EXPECT_TRUE(std::isnan(found[j])) << j;
      EXPECT_FALSE(std::isfinite(found[n + j])) << j;
      EXPECT_EQ(found[2 * n + j], 0) << j;
    }
  }
}

/// Rows of a table in panels are those of the blocks: of one chunk that is unpacked at a time, and of more.
TEST_P(Int8Matmul, PanelsAreTablesToo) {
  for (int64_t k : {256, 768})
    for (std::string index : {"i32", "i64"}) {
      std::string columns = std::to_string(k),
                  table = "tensor<48x" + columns + "x!lathe.gguf_panels<" + GetParam() + ">>";
      std::string indices = "tensor<?x" + index + ">", result = "tensor<?x" + columns + "xf32>";
      LaunchText launch{1,
                        {{table, "48, " + columns}, {indices, "s0"}},
                        {{result, "s0, " + columns}},
                        "%0 = lathe.gather %a0, %a1 : " + table + ", " + indices + " -> " + result +
                            "\nlathe.yield %0 : " + result};
      Bytes chosen = index == "i32" ? copyBytes(std::vector<int32_t>{39, 0, 15, 16, 39})
                                    : copyBytes(std::vector<int64_t>{39, 0, 15, 16, 39});
      checkAgainstReference(launch, ImageRunner::Call{{5}, {makePanels(GetParam(), 40, k, 5), chosen}, {}, {}, {}}, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, Int8Matmul, testing::ValuesIn(Formats),
                         [](const testing::TestParamInfo<const char *> &info) { return std::string(info.param); });

/// Two products that meet are one kernel, as the gate of a feed-forward layer.
TEST(Int8Matmuls, ShareAKernel) {
  std::string lhs = "tensor<?x256xf32>", rhs = "tensor<48x256x!lathe.gguf_panels<q4_k>>",
              other = "tensor<48x256x!lathe.gguf_panels<q6_k>>", result = "tensor<?x40xf32>";
  LaunchText launch{1,
                    {{lhs, "s0, 256"}, {rhs, "48, 256"}, {other, "48, 256"}},
                    {{result, "s0, 40"}},
                    "%0 = lathe.int8_matmul %a0, %a1 : " + lhs + ", " + rhs + " -> " + result +
                        "\n%1 = lathe.int8_matmul %a0, %a2 : " + lhs + ", " + other + " -> " + result +
                        "\n%2 = lathe.mul %0, %1 : " + result + ", " + result + " -> " + result +
                        "\nlathe.yield %2 : " + result};
  for (int64_t m : {1, 9})
    checkAgainstReference(launch,
                          ImageRunner::Call{{m},
                                            {toBytes(randomFloats(m * 256, 1)), makePanels("q4_k", 40, 256, 2),
                                             makePanels("q6_k", 40, 256, 3)},
                                            {},
                                            {},
                                            {}},
                          2 * getTolerance(256));
}

} // namespace
