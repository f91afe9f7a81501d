// Packing of blocked types: what comes back, and how near it is.
#include "dialects/lathe/BlockedFormats.h"
#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include <cfloat>
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using mlir::failed;
using mlir::succeeded;

namespace {

class BlockedPacking : public testing::Test {
protected:
  BlockedPacking() { Context.loadDialect<LatheDialect>(); }

  BlockedType getType(llvm::StringRef name, llvm::ArrayRef<int64_t> shape) {
    BlockedType type = getBlockedType(&Context, name, shape);
    EXPECT_TRUE(type) << name.str();
    return type;
  }

  static std::vector<uint8_t> pack(BlockedType type, llvm::ArrayRef<int64_t> shape, const std::vector<float> &values) {
    llvm::FailureOr<int64_t> size = type.getByteSize(shape);
    EXPECT_TRUE(succeeded(size));
    std::vector<uint8_t> bytes(*size, 0xAB);
    EXPECT_TRUE(succeeded(type.pack(shape, values, bytes)));
    return bytes;
  }
  static std::vector<float> unpack(BlockedType type, llvm::ArrayRef<int64_t> shape, llvm::ArrayRef<uint8_t> bytes) {
    std::vector<float> values(mlir::ShapedType::getNumElements(shape));
    EXPECT_TRUE(succeeded(type.unpack(shape, bytes, values)));
    return values;
  }
  static std::vector<float> round(BlockedType type, llvm::ArrayRef<int64_t> shape, const std::vector<float> &values) {
    return unpack(type, shape, pack(type, shape, values));
  }

  std::vector<float> makeNormal(size_t count, float deviation = 0.02f, uint32_t seed = 1) {
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal(0, deviation);
    std::vector<float> values(count);
    for (float &value : values)
      value = normal(engine);
    return values;
  }

  static double getError(const std::vector<float> &a, const std::vector<float> &b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i)
      sum += double(a[i] - b[i]) * (a[i] - b[i]);
    return sum / double(a.size());
  }

  /// Mean squared error of normal weights over their variance.
  double getNormalError(BlockedType type, llvm::ArrayRef<int64_t> shape) {
    std::vector<float> values = makeNormal(mlir::ShapedType::getNumElements(shape));
    return getError(values, round(type, shape, values)) / (0.02 * 0.02);
  }
  double getNormalError(llvm::StringRef name, llvm::ArrayRef<int64_t> shape = {256, 512}) {
    return getNormalError(getType(name, shape), shape);
  }

  mlir::MLIRContext Context;
};

TEST_F(BlockedPacking, EveryNameIsATypeThatIsFoundByItAgain) {
  for (const BlockedFormat &format : getBlockedFormats()) {
    BlockedType type = getType(format.Name, {256, 512});
    EXPECT_TRUE(type.canPack()) << format.Name.str();
    std::optional<llvm::StringRef> name = getBlockedName(type);
    ASSERT_TRUE(name) << format.Name.str();
    EXPECT_EQ(getType(*name, {256, 512}), type);
  }
  EXPECT_EQ(getBlockedName(getType("int8", {4, 100})), "int8_channel");
  EXPECT_FALSE(getBlockedType(&Context, "q4_0", {4, 32}));
}

TEST_F(BlockedPacking, BitsOfAWeight) {
  std::pair<llvm::StringRef, double> wanted[] = {{"int8_channel", 8 + 32 / 512.0},
                                                 {"int4_g32", 4.5},
                                                 {"int4_g128", 4.125},
                                                 {"uint4_g128", 4.1875},
                                                 {"int3_g64", 3.25},
                                                 {"fp8_e4m3_block", 8.001953125},
                                                 {"nf4", 4.5},
                                                 {"nf4_double", 4.126953125},
                                                 {"mxfp4", 4.25},
                                                 {"nvfp4", 4.5 + 32 / (256 * 512.0)}};
  for (auto [name, bits] : wanted)
    EXPECT_DOUBLE_EQ(*getType(name, {256, 512}).getByteSize({256, 512}) * 8 / (256 * 512.0), bits) << name.str();
}

// Relative errors of normal weights. Bounds are a few percent above what the search finds; those of the largest
// magnitude alone are 10 to 40 % above it for integers.
TEST_F(BlockedPacking, ErrorOfNormalWeights) {
  std::pair<llvm::StringRef, double> wanted[] = {{"int8_channel", 7e-5},
                                                 {"int8_tensor", 1.2e-4},
                                                 {"int8_g32", 2.7e-5},
                                                 {"int4_g32", 0.0083},
                                                 {"int4_g64", 0.0097},
                                                 {"int4_g128", 0.0112},
                                                 {"uint4_g32", 0.0070},
                                                 {"uint4_g128", 0.0108},
                                                 {"int3_g32", 0.035},
                                                 {"int3_g128", 0.045},
                                                 {"uint3_g32", 0.030},
                                                 {"fp8_e4m3_tensor", 7.2e-4},
                                                 {"fp8_e4m3_channel", 7e-4},
                                                 {"fp8_e4m3_block", 7.1e-4},
                                                 {"fp8_e5m2_channel", 0.0028},
                                                 {"nf4", 0.0085},
                                                 {"nf4_double", 0.0086},
                                                 {"mxfp4", 0.0135},
                                                 {"nvfp4", 0.0085}};
  for (auto [name, bound] : wanted) {
    double error = getNormalError(name);
    EXPECT_LT(error, bound) << name.str();
    EXPECT_GT(error, bound / 2) << name.str();
    RecordProperty(name.str(), std::to_string(error));
  }
}

TEST_F(BlockedPacking, Nvfp4BeatsMxfp4) { EXPECT_LT(getNormalError("nvfp4"), 0.8 * getNormalError("mxfp4")); }

TEST_F(BlockedPacking, Nf4BeatsIntegersOfTheSameBlockAndScale) {
  auto integers = llvm::cast<BlockedType>(
      mlir::parseType("!lathe.blocked<i4, block = [1, 64], scale = f32, zero = none, outer_scale = none>", &Context));
  EXPECT_LT(getNormalError("nf4"), getNormalError(integers, {256, 512}));
}

TEST_F(BlockedPacking, DoubleQuantizationCostsLittle) {
  EXPECT_LT(getNormalError("nf4_double"), 1.01 * getNormalError("nf4"));
}

/// Without its outer scale, small weights have block scales on E4M3's coarse steps.
TEST_F(BlockedPacking, SmallWeightsNeedTheOuterScale) {
  auto alone = llvm::cast<BlockedType>(mlir::parseType(
      "!lathe.blocked<f4E2M1FN, block = [1, 16], scale = f8E4M3FN, zero = none, outer_scale = none>", &Context));
  EXPECT_LT(getNormalError("nvfp4"), 0.9 * getNormalError(alone, {256, 512}));
}

// No scale of the search is worse than the plain rule, and no code but the nearest is taken.
TEST_F(BlockedPacking, CodesAreTheNearest) {
  for (const BlockedFormat &format : getBlockedFormats()) {
    int64_t shape[] = {128, 256};
    BlockedType type = getType(format.Name, shape);
    std::vector<float> values = makeNormal(128 * 256, 1, 5), found = round(type, shape, values);
    // Values of blocks that are whole rows at least: the levels that occur in a row are candidates for all of its
    // values.
    if (type.getBlockShape() != std::array<int64_t, 2>{1, 256} && type.getBlockShape() != std::array<int64_t, 2>{1, 1})
      continue;
    for (int64_t row = 0; row < 128; ++row) {
      std::vector<float> levels(found.begin() + row * 256, found.begin() + (row + 1) * 256);
      for (int64_t i = row * 256; i < (row + 1) * 256; ++i)
        for (float level : levels)
          ASSERT_GE(std::fabs(values[i] - level) * 1.00001f + 1e-9f, std::fabs(values[i] - found[i]))
              << format.Name.str() << " " << values[i];
    }
  }
}

TEST_F(BlockedPacking, ZerosStayZeros) {
  for (const BlockedFormat &format : getBlockedFormats()) {
    std::vector<float> zeros(128 * 512);
    EXPECT_EQ(round(getType(format.Name, {128, 512}), {128, 512}, zeros), zeros) << format.Name.str();
    // Zeros within other values, and a block of zeros beside others.
    std::vector<float> values = makeNormal(128 * 512);
    for (size_t i = 0; i < values.size(); ++i)
      if (i % 3 == 0 || i % 512 < 128)
        values[i] = 0;
    std::vector<float> found = round(getType(format.Name, {128, 512}), {128, 512}, values);
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] == 0)
        ASSERT_EQ(found[i], 0) << format.Name.str() << " " << i;
  }
}

TEST_F(BlockedPacking, ExtremesSaturateAndStayFinite) {
  for (const BlockedFormat &format : getBlockedFormats())
    for (float largest : {FLT_MAX, 1e30f, 1e-30f, FLT_MIN, FLT_TRUE_MIN}) {
      std::vector<float> values(128 * 256);
      for (size_t i = 0; i < values.size(); ++i)
        values[i] = largest * (float(int(i % 17) - 8) / 8);
      std::vector<float> found = round(getType(format.Name, {128, 256}), {128, 256}, values);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_TRUE(std::isfinite(found[i])) << format.Name.str() << " " << largest;
        ASSERT_LE(std::fabs(found[i]), std::fabs(values[i]) * 2 + 0.01f * largest + 1e-6f)
            << format.Name.str() << " " << largest;
      }
    }
}

// Scales in f32 follow values down to where f32 itself ends, those in f16 down to 2^-24.
TEST_F(BlockedPacking, SmallValuesKeepTheirShape) {
  for (auto [name, deviation] : {std::pair<llvm::StringRef, float>{"nf4", 1e-35f},
                                 {"fp8_e4m3_channel", 1e-33f},
                                 {"int8_channel", 1e-33f},
                                 {"mxfp4", 1e-35f},
                                 {"nvfp4", 1e-30f},
                                 {"int4_g32", 1e-4f}}) {
    std::vector<float> values = makeNormal(64 * 256, deviation);
    double error = getError(values, round(getType(name, {64, 256}), {64, 256}, values)) / deviation / deviation;
    EXPECT_LT(error, 0.02) << name.str();
  }
}

TEST_F(BlockedPacking, RefusesWhatIsNotFinite) {
  for (const BlockedFormat &format : getBlockedFormats())
    for (float bad : {NAN, INFINITY, -INFINITY}) {
      std::vector<float> values(256 * 256, 1);
      values[777] = bad;
      BlockedType type = getType(format.Name, {256, 256});
      std::vector<uint8_t> bytes(*type.getByteSize({256, 256}));
      EXPECT_TRUE(failed(type.pack({256, 256}, values, bytes))) << format.Name.str();
    }
}

TEST_F(BlockedPacking, WholeBlocksAlone) {
  // Rows of any length have one scale; groups, and blocks of many rows, have to fill the tensor.
  for (llvm::StringRef name : {"int8_channel", "int8_tensor", "fp8_e4m3_channel", "fp8_e5m2_tensor"}) {
    std::vector<float> values = makeNormal(3 * 37, 1);
    EXPECT_LT(getError(values, round(getType(name, {3, 37}), {3, 37}, values)), 0.01) << name.str();
  }
  for (llvm::StringRef name : {"int4_g32", "uint3_g64", "nf4", "mxfp4", "nvfp4"})
    EXPECT_TRUE(failed(getType(name, {3, 72}).getByteSize({3, 72}))) << name.str();
  EXPECT_TRUE(failed(getType("fp8_e4m3_block", {127, 256}).getByteSize({127, 256})));
  EXPECT_TRUE(succeeded(getType("nf4_double", {4, 4096}).getByteSize({4, 4096})));
  EXPECT_TRUE(failed(getType("nf4_double", {6, 4096}).getByteSize({6, 4096}))) << "four rows share a scale of scales";
}

TEST_F(BlockedPacking, ValuesOnTheGridComeBackExactly) {
  for (llvm::StringRef name : {"int8_channel", "int8_g64", "int4_g32", "uint4_g64", "int3_g128", "uint3_g32"}) {
    BlockedType type = getType(name, {8, 256});
    int64_t bits = type.getCodeBits(), levels = int64_t(1) << bits;
    bool isUnsigned = type.getCode().isUnsignedInteger();
    std::vector<float> values(8 * 256);
    for (size_t i = 0; i < values.size(); ++i) // every level in every group
      values[i] = 0.5f * float(int64_t(i * 5 % levels) - levels / 2 + (isUnsigned ? 2 : 0));
    EXPECT_EQ(round(type, {8, 256}, values), values) << name.str();
  }
}

TEST_F(BlockedPacking, BytesAreInTheOrderOfTheDocumentation) {
  // Eight codes of 3 bits and their scale of 1/2, the largest magnitude at -4.
  auto type = llvm::cast<BlockedType>(
      mlir::parseType("!lathe.blocked<i3, block = [1, 8], scale = f16, zero = none, outer_scale = none>", &Context));
  std::vector<float> values = {-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5};
  // Codes 4, 5, 6, 7, 0, 1, 2, 3; the low bits first.
  uint32_t bits = 0;
  for (int i = 0; i < 8; ++i)
    bits |= uint32_t((i + 4) & 7) << (3 * i);
  EXPECT_EQ(pack(type, {1, 8}, values),
            (std::vector<uint8_t>{0x00, 0x38, uint8_t(bits), uint8_t(bits >> 8), uint8_t(bits >> 16)}));
}

} // namespace
