// What counts as the same result, and what is said where two differ.
#include "compiler/CompareResults.h"
#include "dialects/lathe/Lathe.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace lathe;

namespace {

class CompareResultsTest : public testing::Test {
protected:
  ReferenceValue make(llvm::ArrayRef<int64_t> shape, std::initializer_list<double> values) {
    ReferenceValue value = ReferenceValue::tensor(mlir::Float32Type::get(&Context), shape);
    int64_t i = 0;
    for (double element : values)
      value.setFloat(i++, element);
    return value;
  }

  mlir::MLIRContext Context;
};

TEST_F(CompareResultsTest, NamesTheLargestDifference) {
  std::string text = compareResults(make({2, 2}, {1, 2, 3, 4}), make({2, 2}, {1, 2.5, 3, 4.25}), KernelF32);
  EXPECT_EQ(text.substr(0, text.find(" (")), "differs by 0.5 at [0, 1]: found 2.5, needed 2");
}

TEST_F(CompareResultsTest, AllowsWhatTheToleranceAllows) {
  EXPECT_EQ(compareResults(make({2}, {1, 100}), make({2}, {1, 100.0005}), KernelF32), "");
  EXPECT_NE(compareResults(make({2}, {1, 100}), make({2}, {1, 100.1}), KernelF32), "");
}

// Many differences below the largest allowed one are too much together.
TEST_F(CompareResultsTest, LimitsTheRootMeanSquare) {
  EXPECT_NE(compareResults(make({2}, {1, 1}), make({2}, {1.00005, 1.00005}), KernelF32), "");
}

TEST_F(CompareResultsTest, WantsNotANumberAndInfinityAtTheSamePlaces) {
  EXPECT_EQ(compareResults(make({2}, {NAN, INFINITY}), make({2}, {NAN, INFINITY}), KernelF32), "");
  EXPECT_NE(compareResults(make({1}, {1}), make({1}, {NAN}), AnyEightBit), "");
  EXPECT_NE(compareResults(make({1}, {NAN}), make({1}, {1}), AnyEightBit), "");
  EXPECT_NE(compareResults(make({1}, {INFINITY}), make({1}, {-INFINITY}), AnyEightBit), "");
}

TEST_F(CompareResultsTest, WantsIntegersExactly) {
  ReferenceValue a = ReferenceValue::tensor(mlir::IntegerType::get(&Context, 32), {1}), b = a;
  a.setInt(0, 1000000);
  b.setInt(0, 1000001);
  EXPECT_NE(compareResults(a, b, AnyEightBit), "");
}

TEST_F(CompareResultsTest, WantsOneShape) {
  std::string text = compareResults(make({2, 1}, {1, 2}), make({1, 2}, {1, 2}), KernelF32);
  EXPECT_EQ(text, "has shape [1, 2] in 8 bytes, needed [2, 1] in 8");
}

} // namespace
