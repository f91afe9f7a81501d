#include "compiler/report/Expression.h"

#include <gtest/gtest.h>
#include <string>

using lathe::report::evaluate;

namespace {

std::optional<int64_t> at(std::string_view text) {
  static constexpr int64_t Symbols[] = {7, -3};
  return evaluate(text, Symbols);
}

TEST(Expression, Values) {
  EXPECT_EQ(at("12"), 12);
  EXPECT_EQ(at("s0 * 4 + 1"), 29);
  EXPECT_EQ(at("s0 - s1 * 2"), 13);
  EXPECT_EQ(at("-s0 + 1"), -6);
  EXPECT_EQ(at("(s0 ceildiv 2) * 256"), 1024);
  EXPECT_EQ(at("s0 floordiv 2 + s0 mod 4"), 6);
  EXPECT_EQ(at("s1 floordiv 2"), -2);
  EXPECT_EQ(at("s1 ceildiv 2"), -1);
  EXPECT_EQ(at("s1 mod 2"), 1);
  EXPECT_EQ(at("s0 * -1"), -7);
}

TEST(Expression, Refusals) {
  for (const char *text : {"", "s2", "s", "1 +", "(1", "1)", "1 / 2", "s0 mod 0", "s0 floordiv s1", "x",
                           "9223372036854775807 + 1", "9223372036854775807 * 2", "99999999999999999999"})
    EXPECT_EQ(at(text), std::nullopt) << text;
  EXPECT_EQ(at(std::string(100000, '(')), std::nullopt);
  EXPECT_EQ(at(std::string(100000, '-')), std::nullopt);
}

TEST(Expression, Formulas) {
  EXPECT_EQ(evaluate(nlohmann::ordered_json(5), {}), 5);
  EXPECT_EQ(evaluate(nlohmann::ordered_json("2 * 3"), {}), 6);
  EXPECT_EQ(evaluate(nlohmann::ordered_json(true), {}), std::nullopt);
}

} // namespace
