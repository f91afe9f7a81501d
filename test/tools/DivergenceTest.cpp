// Sums over rows of logits beside the same in long doubles.
#include "tools/lathe/Divergence.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace lathe::tools {
namespace {

constexpr float Infinity = std::numeric_limits<float>::infinity();

long double wantedSum(const float *row, size_t width) {
  long double greatest = *std::max_element(row, row + width), sum = 0;
  for (size_t i = 0; i != width; ++i)
    sum += std::exp((long double)(row[i]) - greatest);
  return std::log(sum) + greatest;
}

long double wantedDivergence(const float *p, const float *q, size_t width) {
  long double sumP = wantedSum(p, width), sumQ = wantedSum(q, width), divergence = 0;
  for (size_t i = 0; i != width; ++i) {
    long double logP = (long double)(p[i]) - sumP, weight = std::exp(logP);
    if (weight > 0)
      divergence += weight * (logP - ((long double)(q[i]) - sumQ));
  }
  return divergence;
}

/// Rows of logits between -30 and 30, and the same a little moved.
struct Rows {
  std::vector<float> source, model;
  size_t rows, width;

  Rows(size_t count, size_t length, float move) : source(count * length), model(source), rows(count), width(length) {
    std::mt19937 random(unsigned(count * length));
    std::uniform_real_distribution<float> logit(-30, 30), moved(-move, move);
    for (size_t i = 0; i != source.size(); ++i) {
      source[i] = logit(random);
      model[i] = source[i] + moved(random);
    }
  }
  std::vector<RowDivergence> compare(int threads) const {
    runtime::ThreadPool pool(threads);
    return compareRows(pool, {source.data(), rows, width}, {model.data(), rows, width});
  }
};

TEST(Divergence, IsThatOfLongDoubles) {
  for (size_t width : {1u, 2u, 7u, 8u, 9u, 383u, 8192u})
    for (float move : {0.001f, 1.0f, 20.0f}) {
      Rows rows(5, width, move);
      std::vector<RowDivergence> found = rows.compare(1);
      for (size_t row = 0; row != rows.rows; ++row) {
        const float *p = rows.source.data() + row * width, *q = rows.model.data() + row * width;
        EXPECT_NEAR(found[row].sourceSum, double(wantedSum(p, width)), 1e-13);
        EXPECT_NEAR(found[row].modelSum, double(wantedSum(q, width)), 1e-13);
        EXPECT_NEAR(found[row].divergence, double(wantedDivergence(p, q, width)), 1e-13 * (1 + double(move)))
            << width << " logits moved by " << move;
        EXPECT_EQ(found[row].sameTop, std::max_element(p, p + width) - p == std::max_element(q, q + width) - q);
      }
    }
}

TEST(Divergence, IsTheSameForAnyNumberOfThreads) {
  Rows rows(97, 1001, 3);
  std::vector<RowDivergence> one = rows.compare(1), three = rows.compare(3);
  for (size_t row = 0; row != rows.rows; ++row) {
    EXPECT_EQ(one[row].divergence, three[row].divergence);
    EXPECT_EQ(one[row].sourceSum, three[row].sourceSum);
  }
}

TEST(Divergence, OfLogitsThatAreNotFinite) {
  auto compare = [](std::vector<float> source, std::vector<float> model) {
    runtime::ThreadPool pool(1);
    return compareRows(pool, {source.data(), 1, source.size()}, {model.data(), 1, model.size()})[0];
  };
  // What the source excludes adds nothing.
  RowDivergence excluded = compare({1, 2, -Infinity}, {1, 2, 3});
  EXPECT_NEAR(excluded.divergence, double(excluded.modelSum - excluded.sourceSum), 1e-14);
  EXPECT_EQ(compare({1, 2, -Infinity}, {1, 2, -Infinity}).divergence, 0);
  // What the model excludes, and the source does not, is infinitely far.
  EXPECT_EQ(compare({1, 2, 3}, {1, 2, -Infinity}).divergence, double(Infinity));
  EXPECT_TRUE(std::isnan(compare({1, 2, 3}, {1, NAN, 3}).modelSum));
  EXPECT_TRUE(std::isnan(compare({1, 2, 3}, {1, NAN, 3}).divergence));
  EXPECT_FALSE(std::isfinite(compare({1, 2, 3}, {1, Infinity, 3}).modelSum));
  EXPECT_FALSE(std::isfinite(compare({-Infinity, -Infinity}, {1, 2}).sourceSum));
}

TEST(Divergence, TopOfEqualsIsTheFirst) {
  runtime::ThreadPool pool(1);
  std::vector<float> source = {1, 3, 3}, same = {2, 5, 1}, other = {2, 1, 5};
  EXPECT_TRUE(compareRows(pool, {source.data(), 1, 3}, {same.data(), 1, 3})[0].sameTop);
  EXPECT_FALSE(compareRows(pool, {source.data(), 1, 3}, {other.data(), 1, 3})[0].sameTop);
}

} // namespace
} // namespace lathe::tools
