// The arithmetic of reductions, against values that are computed here.
#include "runtime/parallel/Collective.h"
#include "runtime/Failure.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

using namespace lathe::runtime;

namespace {

TEST(CollectiveTest, SumsInTheOrderOfRanks) {
  // In another order the ones would be lost, or not.
  std::vector<float> parts = {1e8f, 1.0f, -1e8f, 1.0f}, sum(1);
  reduceRows(Reduction::Sum, LATHE_F32, parts.data(), 4, 1, sum.data(), 1);
  EXPECT_EQ(sum[0], ((1e8f + 1.0f) + -1e8f) + 1.0f);
}

TEST(CollectiveTest, SixteenBitsAccumulateInF32) {
  // 2048 + 1 has no place in f16, so sums rounded on the way would stay at 2048.
  std::vector<_Float16> parts = {_Float16(2048), _Float16(1), _Float16(1), _Float16(1), _Float16(1)}, sum(1);
  reduceRows(Reduction::Sum, LATHE_F16, parts.data(), 5, 1, sum.data(), 1);
  EXPECT_EQ(float(sum[0]), 2052.0f);
  std::vector<uint16_t> halves = {0x4380, 0x3f80, 0x3f80}, result(1); // bf16: 256, 1, 1
  reduceRows(Reduction::Sum, LATHE_BF16, halves.data(), 3, 1, result.data(), 1);
  EXPECT_EQ(result[0], 0x4381); // 258
}

TEST(CollectiveTest, RoundsBf16ToNearestEven) {
  std::vector<uint16_t> parts = {0x3f80, 0x3b80}, result(1); // 1 + 2^-8: a tie, to the even 1
  reduceRows(Reduction::Sum, LATHE_BF16, parts.data(), 2, 1, result.data(), 1);
  EXPECT_EQ(result[0], 0x3f80);
  parts = {0x3f81, 0x3b80}; // 1 + 2^-7 + 2^-8: a tie, to the even one above
  reduceRows(Reduction::Sum, LATHE_BF16, parts.data(), 2, 1, result.data(), 1);
  EXPECT_EQ(result[0], 0x3f82);
}

TEST(CollectiveTest, LargestAndLeastKeepNaN) {
  float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> parts = {1, nan, -3, 2, 5, nan}, result(3); // rows of three
  reduceRows(Reduction::Max, LATHE_F32, parts.data(), 2, 3, result.data(), 3);
  EXPECT_EQ(result[0], 2);
  EXPECT_TRUE(std::isnan(result[1]));
  EXPECT_TRUE(std::isnan(result[2]));
  reduceRows(Reduction::Min, LATHE_F32, parts.data(), 2, 3, result.data(), 1);
  EXPECT_EQ(result[0], 1);
}

TEST(CollectiveTest, IntegersWrapAround) {
  std::vector<int32_t> parts = {INT32_MAX, 1}, sum(1);
  reduceRows(Reduction::Sum, LATHE_I32, parts.data(), 2, 1, sum.data(), 1);
  EXPECT_EQ(sum[0], INT32_MIN);
}

void expectRefused(HostCollective asked, int64_t count, lathe_code code, const char *text) {
  try {
    readCollective(asked, nullptr, nullptr, count);
    FAIL() << "nothing was thrown";
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.code(), code);
    EXPECT_NE(failure.message().find(text), std::string::npos) << failure.message();
  }
}

TEST(CollectiveTest, RefusesWhatIsNone) {
  expectRefused({5, LATHE_F32, 0, 0}, 1, LATHE_CORRUPT, "asks for collective 5 of 1 elements");
  expectRefused({1, 99, 0, 0}, 1, LATHE_CORRUPT, "elements of type 99");
  expectRefused({1, LATHE_F32, 0, 3}, 1, LATHE_CORRUPT, "with reduction 3, which is none");
  expectRefused({1, LATHE_F32, 0, 0}, -1, LATHE_CORRUPT, "of -1 elements");
  expectRefused({1, LATHE_F32, 1, 0}, 1, LATHE_UNSUPPORTED,
                "along axis 1 of the ranks but this runtime knows one axis");
  bool byte = true;
  EXPECT_THROW(reduceRows(Reduction::Sum, LATHE_BOOL, &byte, 1, 1, &byte, 1), Failure);
}

} // namespace
