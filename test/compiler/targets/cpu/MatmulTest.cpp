// Products against a naive loop in f64, at sizes around the tile of 16 rows, 16 columns and 256 steps of k.
#include "runtime/gguf/BlockFormat.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

struct Product {
  int64_t N, K;
  std::string Lhs, Rhs, Result;
  bool Transposed;
  bool Dynamic = false; ///< N and K are symbols, so that one program serves many sizes

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
/// so does the error of 16 sums that meet at the end; one sum in order collects twice as many errors of that size.
double getTolerance(const Product &product) {
  double k = double(product.K);
  return 1e-7 + (product.Transposed ? 2e-7 * std::sqrt(k) : 3e-8 * k);
}

void checkRows(ImageRunner &runner, const Product &product, const std::vector<int64_t> &rows, const Bytes &rhs,
               const std::vector<float> &rhsValues) {
  for (int64_t m : rows) {
    std::vector<float> lhs = roundTo(randomFloats(m * product.K, 1), product.Lhs);
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
  Product product{50, 600, "f32", "f32", "f32", true};
  ImageRunner runner(product.makeText());
  std::vector<float> lhs = randomFloats(37 * 600, 6);
  Bytes rhs = toBytes(randomFloats(50 * 600, 7)), batch = toBytes(lhs);
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
    if (!format.isBlocked || !format.isDecodable)
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
  EXPECT_EQ(tried, 18) << "a new block format needs a line in kernels/Formats.cpp";
}

} // namespace
