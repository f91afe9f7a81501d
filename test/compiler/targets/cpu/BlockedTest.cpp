// Every named format of `!lathe.blocked`: products against a loop in f64, gathers against the reference to the bit.
#include "dialects/lathe/BlockedFormats.h"
#include "mlir/IR/MLIRContext.h"
#include "test/compiler/targets/cpu/ImageRunner.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace lathe;
using namespace lathe::test;

namespace {

/// Weights of one format.
struct Weights {
  std::string Type;          ///< of the tensor
  Bytes Packed;              ///< its bytes
  std::vector<float> Values; ///< what they mean
};

class CpuBlocked : public testing::TestWithParam<std::string> {
protected:
  CpuBlocked() { Context.loadDialect<LatheDialect>(); }

  /// `bytes`: what the tensor holds; else random weights are packed.
  Weights make(std::vector<int64_t> shape, const Bytes *bytes = nullptr) {
    BlockedType type = getBlockedType(&Context, GetParam(), shape);
    Weights weights;
    for (int64_t size : shape)
      weights.Type += std::to_string(size) + "x";
    llvm::raw_string_ostream(weights.Type) << type;
    weights.Type = "tensor<" + weights.Type + ">";
    weights.Values.resize(mlir::ShapedType::getNumElements(shape));
    weights.Packed.resize(*type.getByteSize(shape));
    if (bytes)
      for (size_t i = 0; i < weights.Packed.size(); ++i)
        weights.Packed[i] = (*bytes)[i % bytes->size()];
    else
      EXPECT_TRUE(llvm::succeeded(type.pack(shape, randomFloats(weights.Values.size(), 3), weights.Packed)));
    EXPECT_TRUE(llvm::succeeded(type.unpack(shape, weights.Packed, weights.Values)));
    return weights;
  }

  mlir::MLIRContext Context;
};

/// As in MatmulTest.cpp, for 16 sums that meet at the end.
double getTolerance(int64_t k) { return 1e-7 + 2e-7 * std::sqrt(double(k)); }

/// Sums of products of rows of `lhs` and `rhs`.
std::vector<double> multiply(const std::vector<float> &lhs, const float *rhs, int64_t n, int64_t k) {
  std::vector<double> result;
  for (size_t m = 0; m < lhs.size() / k; ++m)
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += double(lhs[m * k + i]) * rhs[j * k + i];
      result.push_back(sum);
    }
  return result;
}

// Rows of 896 are three chunks and a half; those of whole rows end anywhere.
TEST_P(CpuBlocked, ProductsAgreeWithALoop) {
  bool isRow = GetParam().ends_with("channel") || GetParam().ends_with("tensor");
  for (int64_t k : {int64_t(896), isRow ? int64_t(333) : int64_t(256)}) {
    constexpr int64_t N = 256;
    Weights weights = make({N, k});
    std::string size = std::to_string(k), lhs = "tensor<?x" + size + "xf32>", result = "tensor<?x256xf32>";
    ImageRunner runner(makePlan({1,
                                 {{lhs, "s0, " + size}, {weights.Type, "256, " + size}},
                                 {{result, "s0, 256"}},
                                 "%0 = lathe.matmul %a0, %a1 transpose_rhs : " + lhs + ", " + weights.Type + " -> " +
                                     result + "\nlathe.yield %0 : " + result}));
    for (int64_t rows : {1, 5, 17}) {
      std::vector<float> values = randomFloats(rows * k, 1);
      for (const ImageRunner::Call &call :
           runner.run({{rows}, {toBytes(values), weights.Packed}, {Bytes(rows * N * 4)}, {}, {}}))
        expectNear(fromBytes(call.Outputs[0]), multiply(values, weights.Values.data(), N, k), getTolerance(k),
                   GetParam() + " rows " + std::to_string(rows) + " k " + size);
    }
  }
}

TEST_P(CpuBlocked, ExpertsAgreeWithALoop) {
  constexpr int64_t Experts = 3, N = 256, K = 256;
  Weights weights = make({Experts, N, K});
  std::string lhs = "tensor<?x2x256xf32>", choice = "tensor<?x2xi32>", result = "tensor<?x2x256xf32>";
  ImageRunner runner(makePlan({1,
                               {{lhs, "s0, 2, 256"}, {weights.Type, "3, 256, 256"}, {choice, "s0, 2"}},
                               {{result, "s0, 2, 256"}},
                               "%0 = lathe.expert_matmul %a0, %a1, %a2 : " + lhs + ", " + weights.Type + ", " + choice +
                                   " -> " + result + "\nlathe.yield %0 : " + result}));
  std::vector<int32_t> chosen = {2, 0, 1, 2};
  std::vector<float> values = randomFloats(4 * K, 1);
  std::vector<double> wanted;
  for (size_t i = 0; i < chosen.size(); ++i)
    for (double sum : multiply({values.begin() + i * K, values.begin() + (i + 1) * K},
                               weights.Values.data() + chosen[i] * N * K, N, K))
      wanted.push_back(sum);
  for (const ImageRunner::Call &call :
       runner.run({{2}, {toBytes(values), weights.Packed, copyBytes(chosen)}, {Bytes(4 * N * 4)}, {}, {}}))
    expectNear(fromBytes(call.Outputs[0]), wanted, getTolerance(K), GetParam());
}

/// The reference decodes with LLVM's own floats; bytes are all that there are, subnormal numbers and NaN too.
TEST_P(CpuBlocked, GathersAgreeWithTheReferenceToTheBit) {
  Bytes random = toBytes(randomFloats(9973, 7));
  for (const Bytes *bytes : {static_cast<const Bytes *>(nullptr), static_cast<const Bytes *>(&random)}) {
    Weights weights = make({256, 384}, bytes);
    std::string indices = "tensor<?xi32>", result = "tensor<?x384xf32>";
    LaunchText launch{1,
                      {{weights.Type, "256, 384"}, {indices, "s0"}},
                      {{result, "s0, 384"}},
                      "%0 = lathe.gather %a0, %a1 : " + weights.Type + ", " + indices + " -> " + result +
                          "\nlathe.yield %0 : " + result};
    checkAgainstReference(
        launch,
        ImageRunner::Call{{5}, {weights.Packed, copyBytes(std::vector<int32_t>{0, 255, 3, 128, 17})}, {}, {}, {}}, 0);
  }
}

std::vector<std::string> getNames() {
  std::vector<std::string> names;
  for (const BlockedFormat &format : getBlockedFormats())
    if (!format.Summary.starts_with("as "))
      names.push_back(format.Name.str());
  return names;
}

INSTANTIATE_TEST_SUITE_P(Formats, CpuBlocked, testing::ValuesIn(getNames()),
                         [](const auto &info) { return info.param; });

} // namespace
