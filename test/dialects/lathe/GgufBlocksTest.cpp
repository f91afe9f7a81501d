// Blocked types as GGUF blocks: the same values, but for the factors of rows.
#include "dialects/lathe/GgufBlocks.h"
#include "dialects/lathe/BlockedFormats.h"
#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe;
using mlir::succeeded;

namespace {

class GgufBlocksTest : public testing::Test {
protected:
  GgufBlocksTest() { Context.loadDialect<LatheDialect>(); }

  std::string getFormat(llvm::StringRef name, llvm::ArrayRef<int64_t> shape) {
    std::optional<GgufBlocks> found = findGgufBlocks(getBlockedType(&Context, name, shape), shape.back());
    return found ? found->format.str() + (found->hasRowScales ? " with factors" : "") : "";
  }

  mlir::MLIRContext Context;
};

TEST_F(GgufBlocksTest, FormatsThatHoldTheSameValues) {
  const std::pair<const char *, const char *> formats[] = {{"int8_channel", "q8_0 with factors"},
                                                           {"int8_tensor", "q8_0 with factors"},
                                                           {"int8_g128", "q8_0"},
                                                           {"int4_g32", "q4_0"},
                                                           {"int4_g128", "q4_0"},
                                                           {"int3_g64", "q4_0"},
                                                           {"mxfp4", "mxfp4"},
                                                           {"nvfp4", "nvfp4 with factors"},
                                                           {"uint4_g32", ""},
                                                           {"uint3_g32", ""},
                                                           {"fp8_e4m3_channel", ""},
                                                           {"fp8_e4m3_tensor", ""},
                                                           {"fp8_e5m2_block", ""},
                                                           {"nf4", ""},
                                                           {"nf4_double", ""}};
  for (auto [name, format] : formats)
    EXPECT_EQ(getFormat(name, {128, 256}), format) << name;
  // Rows that hold no whole blocks of the format.
  EXPECT_EQ(getFormat("int8_channel", {4, 40}), "");
  EXPECT_EQ(getFormat("nvfp4", {4, 48}), "");
}

/// Whatever the bytes: numbers below the normal ones, scales with a sign, all codes.
TEST_F(GgufBlocksTest, ValuesAreTheSame) {
  std::mt19937 engine(5);
  constexpr int64_t Rows = 5, Columns = 256;
  int known = 0;
  for (const BlockedFormat &format : getBlockedFormats()) {
    BlockedType type = getBlockedType(&Context, format.Name, {Rows, Columns});
    std::optional<GgufBlocks> gguf = findGgufBlocks(type, Columns);
    if (!gguf)
      continue;
    ++known;
    std::vector<uint8_t> bytes(*type.getByteSize({Rows, Columns}));
    for (uint8_t &byte : bytes)
      byte = uint8_t(engine());
    std::vector<float> want(Rows * Columns), got(Rows * Columns), scales(Rows, 1);
    ASSERT_TRUE(succeeded(type.unpack({Rows, Columns}, bytes, want)));
    auto blocks = GgufType::get(&Context, gguf->format);
    std::vector<uint8_t> packed(*blocks.getByteSize({Rows, Columns}));
    writeGgufBlocks(type, {Rows, Columns}, bytes, packed);
    ASSERT_TRUE(succeeded(blocks.unpack({Rows, Columns}, packed, got)));
    if (gguf->hasRowScales)
      readRowScales(type, {Rows, Columns}, bytes, scales);
    for (size_t i = 0; i < want.size(); ++i) {
      float value = got[i] * scales[i / Columns];
      if (!std::isfinite(want[i])) // a scale that is no number
        continue;
      // An outer scale is multiplied with the scale before the code: one rounding more.
      float slack = gguf->format == "nvfp4" ? 2e-7f * std::fabs(want[i]) + 2e-45f : 0.0f;
      ASSERT_LE(std::fabs(value - want[i]), slack) << format.Name.str() << " element " << i;
    }
  }
  EXPECT_EQ(known, 14);
}

} // namespace
