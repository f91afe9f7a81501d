// Products against a naive loop in f64, at sizes around the tile of 16 rows, 16 columns and 256 steps of k.
#include "runtime/gguf/BlockFormat.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>
#include <tuple>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Product {
  int64_t N, K;
  std::string Lhs, Rhs, Result;
  bool Transposed;
  bool Dynamic = false; ///< N and K are symbols, so that one program serves many sizes
  bool Exact = false;   ///< values are multiples of 1/4, whose sums need no rounding

  std::string makeText() const {
    std::string n = Dynamic ? "?" : std::to_string(N), k = Dynamic ? "?" : std::to_string(K);
    std::string lhs = "tensor<?x" + k + "x" + Lhs + ">", result = "tensor<?x" + n + "x" + Result + ">";
    std::string rhs =
        Transposed ? "tensor<" + n + "x" + k + "x" + Rhs + ">" : "tensor<" + k + "x" + n + "x" + Rhs + ">";
    if (Dynamic)
      n = "s1", k = "s2";
    LaunchText launch{Dynamic ? 3u : 1u,
                      {{lhs, "s0, " + k}, {rhs, Transposed ? n + ", " + k : k + ", " + n}},
                      {{result, "s0, " + n}},
                      "%0 = lathe.matmul %a0, %a1 " + std::string(Transposed ? "transpose_rhs" : "") + " : " + lhs +
                          ", " + rhs + " -> " + result + "\nlathe.yield %0 : " + result};
    return makePlan(launch);
  }

  std::vector<double> compute(const std::vector<float> &lhs, const std::vector<float> &rhs) const {
    std::vector<double> result;
    for (size_t m = 0; m < lhs.size() / K; ++m)
      for (int64_t n = 0; n < N; ++n) {
        double sum = 0;
        for (int64_t k = 0; k < K; ++k)
          sum += double(lhs[m * K + k]) * rhs[Transposed ? n * K + k : k * N + n];
        result.push_back(sum);
      }
    return result;
  }
};

/// Rounding errors of f32 sums of k products of values in [-1, 1). The sum's size grows with the square root of k, and
/// so does the error of 16 sums that meet at the end, which products with narrow weights have; one sum in order
/// collects twice as many errors of that size. Others are sums in order over at most 384 steps, which meet at the end.
double getTolerance(const Product &product) {
  if (product.Exact)
    return 0;
  double k = double(product.K), run = std::min(k, 384.0);
  bool narrow = product.Transposed && product.Rhs != "f32";
  return 1e-7 + (narrow ? 2e-7 * std::sqrt(k) : 3e-8 * run * std::sqrt(k / run));
}

std::vector<float> makeExact(std::vector<float> values) {
  for (float &value : values)
    value = std::round(value * 4) / 4;
  return values;
}

void checkRows(ImageRunner &runner, const Product &product, const std::vector<int64_t> &rows, const Bytes &rhs,
               const std::vector<float> &rhsValues) {
  for (int64_t m : rows) {
    std::vector<float> lhs = roundTo(randomFloats(m * product.K, 1), product.Lhs);
    if (product.Exact)
      lhs = makeExact(lhs);
    ImageRunner::Call call{{m, product.N, product.K}, {toBytes(lhs, product.Lhs), rhs}, {}, {}, {}};
    call.Outputs.push_back(Bytes(m * product.N * 4, 0xAB));
    for (const ImageRunner::Call &result : runner.run(call))
      expectNear(fromBytes(result.Outputs[0]), product.compute(lhs, rhsValues), getTolerance(product),
                 product.makeText() + "rows " + std::to_string(m) + " n " + std::to_string(product.N) + " k " +
                     std::to_string(product.K));
  }
}

TEST(CpuMatmul, AgreesWithALoopAtSizesAroundTheTile) {
  for (bool transposed : {false, true}) {
    Product product{0, 0, "f32", "f32", "f32", transposed, true};
    ImageRunner runner(product.makeText());
    for (int64_t n : {1, 7, 15, 16, 17, 100})
      for (int64_t k : {1, 15, 16, 17, 255, 256, 257, 700}) {
        product.N = n;
        product.K = k;
        std::vector<float> rhs = randomFloats(n * k, 2);
        checkRows(runner, product, {1, 3, 15, 16, 17, 40}, toBytes(rhs), rhs);
      }
  }
}

TEST(CpuMatmul, AgreesWithALoopAroundTheBlocksOfThePanels) {
  // 140 rows, 128 columns and 384 steps of k are what a thread computes at a time.
  for (bool transposed : {false, true}) {
    Product product{0, 0, "f32", "f32", "f32", transposed, true, true};
    ImageRunner runner(product.makeText());
    for (auto [n, k] : {std::pair<int64_t, int64_t>{127, 384}, {129, 385}, {160, 769}, {33, 383}}) {
      product.N = n;
      product.K = k;
      std::vector<float> rhs = makeExact(randomFloats(n * k, 2));
      checkRows(runner, product, {13, 14, 139, 140, 141, 300}, toBytes(rhs), rhs);
    }
  }
}

TEST(CpuMatmul, BroadcastsBatches) {
  std::string lhs = "tensor<?x1x?x9xf32>", right = "tensor<3x9x20xf32>", left = "tensor<3x20x9xf32>";
  std::string result = "tensor<?x3x?x20xf32>";
  for (bool transposed : {false, true}) {
    std::string rhs = transposed ? left : right;
    LaunchText launch{2,
                      {{lhs, "s0, 1, s1, 9"}, {rhs, transposed ? "3, 20, 9" : "3, 9, 20"}},
                      {{result, "s0, 3, s1, 20"}},
                      "%0 = lathe.matmul %a0, %a1 " + std::string(transposed ? "transpose_rhs" : "") + " : " + lhs +
                          ", " + rhs + " -> " + result + "\nlathe.yield %0 : " + result};
    checkAgainstReference(launch, std::vector<ImageRunner::Call>{{{2, 5}, {}, {}, {}, {}}, {{1, 150}, {}, {}, {}, {}}},
                          2e-6);
  }
  // One matrix on the right serves the rows of all matrices on the left.
  LaunchText shared{1,
                    {{"tensor<?x3x40xf32>", "s0, 3, 40"}, {"tensor<40x7xf32>", "40, 7"}},
                    {{"tensor<?x3x7xf32>", "s0, 3, 7"}},
                    "%0 = lathe.matmul %a0, %a1 : tensor<?x3x40xf32>, tensor<40x7xf32> -> tensor<?x3x7xf32>\n"
                    "lathe.yield %0 : tensor<?x3x7xf32>"};
  checkAgainstReference(shared, std::vector<ImageRunner::Call>{{{1}, {}, {}, {}, {}}, {{60}, {}, {}, {}, {}}}, 2e-6);
}

TEST(CpuMatmul, TakesEveryPairOfTypes) {
  for (std::string lhs : {"f32", "f16", "bf16"})
    for (bool transposed : {false, true}) {
      Product product{33, 70, lhs, lhs, "f32", transposed};
      std::vector<float> rhs = roundTo(randomFloats(33 * 70, 3), lhs);
      ImageRunner runner(product.makeText());
      checkRows(runner, product, {1, 5, 17}, toBytes(rhs, lhs), rhs);
    }
}

TEST(CpuMatmul, RoundsItsResultToTheStoredType) {
  for (std::string type : {"f16", "bf16"}) {
    Product product{19, 32, type, type, type, true};
    std::vector<float> lhs = roundTo(randomFloats(3 * 32, 4), type), rhs = roundTo(randomFloats(19 * 32, 5), type);
    Product wide = product;
    wide.Result = "f32";
    ImageRunner::Call call{{3}, {toBytes(lhs, type), toBytes(rhs, type)}, {Bytes(3 * 19 * 4)}, {}, {}};
    std::vector<ImageRunner::Call> wanted = ImageRunner(wide.makeText()).run(call);
    call.Outputs[0].resize(3 * 19 * 2);
    std::vector<ImageRunner::Call> found = ImageRunner(product.makeText()).run(call);
    for (size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i].Outputs[0], toBytes(fromBytes(wanted[i].Outputs[0]), type)) << type;
  }
}

TEST(CpuMatmul, GivesARowTheSameBitsAloneAndInABatch) {
  for (std::string type : {"f32", "f16"}) { // the first through panels, the second row by row
    Product product{50, 600, "f32", type, "f32", true};
    ImageRunner runner(product.makeText());
    std::vector<float> lhs = randomFloats(37 * 600, 6);
    Bytes rhs = toBytes(randomFloats(50 * 600, 7), type), batch = toBytes(lhs);
    std::vector<ImageRunner::Call> all = runner.run({{37}, {batch, rhs}, {Bytes(37 * 50 * 4)}, {}, {}});
    for (int64_t row : {0, 3, 15, 16, 36}) {
      Bytes one(batch.begin() + row * 2400, batch.begin() + (row + 1) * 2400);
      std::vector<ImageRunner::Call> alone = runner.run({{1}, {one, rhs}, {Bytes(50 * 4)}, {}, {}});
      for (size_t i = 0; i < all.size(); ++i)
        EXPECT_TRUE(
            std::equal(alone[i].Outputs[0].begin(), alone[i].Outputs[0].end(), all[i].Outputs[0].begin() + row * 200))
            << runner.getImages()[i].first << " row " << row;
    }
  }
}

/// A product with packed weights: [s0, k] by [k, n].
LaunchText makePanelProduct(int64_t n, int64_t k, const std::string &element, const std::string &weights = "f32") {
  std::string lhs = "tensor<?x" + std::to_string(k) + "x" + element + ">",
              result = "tensor<?x" + std::to_string(n) + "xf32>";
  std::string count = std::to_string((n + 15) / 16),
              panels = "tensor<" + count + "x" + std::to_string(k) + "x16x" + weights + ">";
  return {1,
          {{lhs, "s0, " + std::to_string(k)}, {panels, count + ", " + std::to_string(k) + ", 16"}},
          {{result, "s0, " + std::to_string(n)}},
          "%0 = lathe.panel_matmul %a0, %a1 : " + lhs + ", " + panels + " -> " + result +
              "\nlathe.yield %0 : " + result};
}

TEST(CpuMatmul, AgreesWithTheReferenceOnPanels) {
  for (auto [n, k, element] : {std::tuple<int64_t, int64_t, std::string>{1, 1, "f32"},
                               {17, 5, "bf16"},
                               {150, 33, "f32"},
                               {33, 385, "f32"},
                               {16, 769, "f16"}}) {
    Bytes panels = toBytes(makeExact(randomFloats((n + 15) / 16 * 16 * k, 2)));
    std::vector<ImageRunner::Call> calls;
    for (int64_t rows : {1, 6, 7, 14, 15, 141})
      calls.push_back({{rows}, {toBytes(makeExact(randomFloats(rows * k, 1)), element), panels}, {}, {}, {}});
    checkAgainstReference(makePanelProduct(n, k, element), calls, 0);
  }
}

TEST(CpuMatmul, AgreesWithTheReferenceOnPanelsOfSixteenBits) {
  for (std::string type : {"f16", "bf16"})
    for (auto [n, k, rows] :
         {std::tuple<int64_t, int64_t, std::string>{1, 1, type}, {150, 33, "f32"}, {49, 769, "f32"}}) {
      Bytes panels = toBytes(makeExact(randomFloats((n + 15) / 16 * 16 * k, 2)), type);
      std::vector<ImageRunner::Call> calls;
      for (int64_t m : {1, 6, 7, 14, 15, 141})
        calls.push_back({{m}, {toBytes(makeExact(randomFloats(m * k, 1)), rows), panels}, {}, {}, {}});
      checkAgainstReference(makePanelProduct(n, k, rows, type), calls, 0);
    }
}

TEST(CpuMatmul, GivesARowTheSameBitsAloneAndInABatchOfPanels) {
  for (std::string type : {"f32", "f16"}) {
    ImageRunner runner(makePlan(makePanelProduct(50, 600, "f32", type)));
    Bytes batch = toBytes(randomFloats(37 * 600, 6)), panels = toBytes(randomFloats(4 * 600 * 16, 7), type);
    std::vector<ImageRunner::Call> all = runner.run({{37}, {batch, panels}, {Bytes(37 * 200)}, {}, {}});
    for (int64_t row : {0, 13, 14, 36}) {
      Bytes one(batch.begin() + row * 2400, batch.begin() + (row + 1) * 2400);
      std::vector<ImageRunner::Call> alone = runner.run({{1}, {one, panels}, {Bytes(200)}, {}, {}});
      for (size_t i = 0; i < all.size(); ++i)
        EXPECT_TRUE(
            std::equal(alone[i].Outputs[0].begin(), alone[i].Outputs[0].end(), all[i].Outputs[0].begin() + row * 200))
            << runner.getImages()[i].first << " row " << row;
    }
  }
}

/// Random blocks whose scales are small halves, so that every value is finite.
Bytes makeBlocks(const gguf::BlockFormat &format, int64_t values, uint32_t seed) {
  Bytes bytes(values / format.weights * format.bytes);
  std::mt19937 engine(seed);
  for (uint8_t &byte : bytes)
    byte = uint8_t(engine() & 0x3F);
  return bytes;
}

TEST(CpuMatmul, UnpacksEveryBlockFormat) {
  int tried = 0;
  for (const gguf::BlockFormat &format : gguf::blockFormats()) {
    if (!format.isBlocked)
      continue;
    int64_t n = 18, k = 768 + (format.weights < 256 ? format.weights : 0);
    Product product{n, k, "f32", "!lathe.gguf<" + std::string(format.name) + ">", "f32", true};
    Bytes rhs = makeBlocks(format, n * k, 8);
    std::vector<float> values(n * k);
    gguf::dequantize(format, rhs.data(), n * k, values.data());
    float largest = 0;
    for (float value : values)
      largest = std::max(largest, std::fabs(value));
    ASSERT_TRUE(std::isfinite(largest) && largest > 0) << format.name;
    ImageRunner runner(product.makeText());
    std::vector<float> lhs = randomFloats(5 * k, 9);
    for (const ImageRunner::Call &result : runner.run({{5}, {toBytes(lhs), rhs}, {Bytes(5 * n * 4)}, {}, {}})) {
      std::vector<float> found = fromBytes(result.Outputs[0]);
      std::vector<double> wanted = product.compute(lhs, values);
      for (float &value : found)
        value /= largest;
      for (double &value : wanted)
        value /= largest;
      expectNear(found, wanted, getTolerance(product), format.name);
    }
    ++tried;
  }
  EXPECT_EQ(tried, 27) << "a new block format needs a line in kernels/Formats.cpp";
}

} // namespace
