// Formats for a size: within it, and as little lost as any choice loses.
#include "compiler/FormatChoice.h"

#include <cmath>
#include <gtest/gtest.h>
#include <random>

using namespace lathe;

namespace {

using Weights = std::vector<std::vector<FormatOption>>;

int64_t sumBytes(const Weights &weights, const std::vector<size_t> &chosen) {
  int64_t bytes = 0;
  for (size_t i = 0; i != weights.size(); ++i)
    bytes += weights[i][chosen[i]].bytes;
  return bytes;
}

double sumLoss(const Weights &weights, const std::vector<size_t> &chosen) {
  double loss = 0;
  for (size_t i = 0; i != weights.size(); ++i)
    loss += weights[i][chosen[i]].loss;
  return loss;
}

/// The least loss of all choices within the limit.
double findLeastLoss(const Weights &weights, int64_t limit) {
  std::vector<size_t> chosen(weights.size(), 0);
  double least = INFINITY;
  while (true) {
    if (sumBytes(weights, chosen) <= limit)
      least = std::min(least, sumLoss(weights, chosen));
    size_t i = 0;
    for (; i != weights.size() && ++chosen[i] == weights[i].size(); ++i)
      chosen[i] = 0;
    if (i == weights.size())
      return least;
  }
}

/// Weights of several sizes, whose loss falls with the bits of five formats, less so for some.
Weights makeWeights(size_t count, uint32_t seed) {
  std::mt19937 engine(seed);
  Weights weights;
  for (size_t i = 0; i != count; ++i) {
    int64_t size = 100 * int64_t(1 + engine() % 40);
    double sensitivity = std::exp(double(engine() % 700) / 100);
    std::vector<FormatOption> &options = weights.emplace_back();
    for (int bits : {16, 3, 4, 5, 8}) {
      double error = bits == 16 ? 0 : std::exp2(-2.0 * bits) * (1 + double(engine() % 100) / 100);
      options.push_back({std::to_string(bits), size * bits / 8, error, sensitivity * error});
    }
  }
  return weights;
}

TEST(FormatChoice, StaysWithinTheLimitAndIsTheBest) {
  for (uint32_t seed = 0; seed != 20; ++seed) {
    Weights weights = makeWeights(6, seed);
    int64_t least = 0, most = 0;
    for (const auto &options : weights) {
      least += options[1].bytes;
      most += options[0].bytes;
    }
    EXPECT_FALSE(chooseWithin(weights, least - 1));
    EXPECT_EQ(sumBytes(weights, *chooseWithin(weights, least)), least);
    EXPECT_EQ(sumLoss(weights, *chooseWithin(weights, most)), 0);
    for (int64_t limit = least; limit < most; limit += (most - least) / 7) {
      auto chosen = chooseWithin(weights, limit);
      ASSERT_TRUE(chosen);
      EXPECT_LE(sumBytes(weights, *chosen), limit);
      EXPECT_LE(sumLoss(weights, *chosen), 1.000001 * findLeastLoss(weights, limit) + 1e-12) << seed << " " << limit;
      EXPECT_EQ(*chosen, *chooseWithin(weights, limit));
    }
  }
}

// Sizes of gigabytes are rounded to parts of the room.
TEST(FormatChoice, ManyLargeWeights) {
  Weights weights = makeWeights(200, 7);
  for (auto &options : weights)
    for (FormatOption &option : options)
      option.bytes = option.bytes * 123457 + 1;
  int64_t limit = 0;
  for (const auto &options : weights)
    limit += options[2].bytes;
  std::vector<size_t> chosen = *chooseWithin(weights, limit);
  double uniform = sumLoss(weights, std::vector<size_t>(200, 2));
  EXPECT_LT(sumLoss(weights, chosen), 0.5 * uniform);
  EXPECT_LE(sumBytes(weights, chosen), limit);
  EXPECT_GT(sumBytes(weights, chosen), limit - limit / 500);
}

TEST(FormatChoice, OptionsThatOthersBeatAreNotTaken) {
  Weights weights = {{{"keep", 100, 0, 0}, {"large", 60, 0.2, 0.2}, {"worse", 60, 0.3, 0.3}, {"small", 40, 0.1, 0.1}}};
  EXPECT_EQ((*chooseWithin(weights, 99))[0], 3u);
  EXPECT_EQ((*chooseWithin(weights, 100))[0], 0u);
  EXPECT_FALSE(chooseWithin(weights, 39));
}

// Also where no price of a byte leads to: the one in the middle lies above the line between the others.
TEST(FormatChoice, RoomThatRemainsIsUsed) {
  Weights weights = {{{"keep", 100, 0, 0}, {"middle", 60, 0, 0.9}, {"small", 20, 0, 1}}};
  EXPECT_EQ((*chooseWithin(weights, 99))[0], 1u);
  EXPECT_EQ((*chooseWithin(weights, 59))[0], 2u);
}

TEST(FormatChoice, NothingToChoose) { EXPECT_TRUE(chooseWithin({}, 0)->empty()); }

} // namespace
