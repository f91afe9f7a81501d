// Samplers against NumPy (golden.json, made by golden.py), and at the borders of what rows and options can be.
#include "runtime/sampling/Sampling.h"
#include "runtime/Failure.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

using namespace lathe::runtime;

namespace {

constexpr float Infinity = std::numeric_limits<float>::infinity(), NaN = std::numeric_limits<float>::quiet_NaN();

/// As golden.py has it.
std::vector<float> makeRow(int64_t size, int64_t seed) {
  std::vector<float> row;
  for (int64_t i = 0; i != size; ++i)
    row.push_back(float(double((i * 7919 + seed * 104729) * 31 % 10007) / 512 - 10));
  return row;
}

const nlohmann::json &golden() {
  static const nlohmann::json json = nlohmann::json::parse(std::ifstream(SAMPLING_GOLDEN));
  return json;
}

SamplingOptions optionsOf(const nlohmann::json &json) {
  SamplingOptions options;
  options.topK = json.value("top_k", 0);
  options.topP = json.value("top_p", 0.f);
  options.minP = json.value("min_p", 0.f);
  options.typicalP = json.value("typical_p", 0.f);
  options.repeatPenalty = json.value("repeat_penalty", 1.f);
  options.presencePenalty = json.value("presence_penalty", 0.f);
  options.frequencyPenalty = json.value("frequency_penalty", 0.f);
  return options;
}

std::vector<int32_t> keptBy(const std::vector<float> &row, const SamplingOptions &options) {
  std::vector<Candidate> candidates = candidatesOf(row);
  keepTopK(candidates, options.topK);
  keepTypical(candidates, options.typicalP);
  keepTopP(candidates, options.topP);
  keepMinP(candidates, options.minP);
  std::vector<int32_t> tokens;
  for (const Candidate &candidate : candidates)
    tokens.push_back(candidate.token);
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

TEST(Sampling, keeps_and_chooses_what_numpy_does) {
  for (const nlohmann::json &one : golden()["cases"]) {
    std::vector<float> row = makeRow(one["size"], one["seed"]);
    SamplingOptions options = optionsOf(one["options"]);
    std::vector<int32_t> kept = keptBy(row, options);
    ASSERT_EQ(kept.size(), one["kept"].get<size_t>()) << one["options"] << " of " << row.size();
    int64_t sum = 0;
    for (int32_t token : kept)
      sum += token;
    EXPECT_EQ(sum, one["sum"].get<int64_t>()) << one["options"];
    for (size_t i = 0; i != one["first"].size(); ++i)
      EXPECT_EQ(kept[i], one["first"][i].get<int32_t>());
    for (auto &[temperature, chosen] : one["chosen"].items())
      for (size_t i = 0; i != chosen.size(); ++i) {
        options.temperature = std::stof(temperature);
        EXPECT_EQ(sampleToken(row, options, golden()["numbers"][i]), chosen[i].get<int32_t>())
            << one["options"] << " at " << temperature << " of " << row.size();
      }
  }
}

TEST(Sampling, penalties_are_numpys) {
  for (const nlohmann::json &one : golden()["penalties"]) {
    std::vector<float> row = makeRow(40, one["seed"]);
    penalize(row, one["recent"].get<std::vector<int32_t>>(), optionsOf(one["options"]));
    EXPECT_EQ(row, one["row"].get<std::vector<float>>());
  }
}

TEST(Sampling, log_probabilities_are_numpys) {
  std::vector<float> row = makeRow(1000, 8);
  std::vector<int32_t> likely = golden()["likely"];
  EXPECT_EQ(mostLikely(row, likely.size()), likely);
  std::vector<float> found = logProbabilities(row, likely);
  for (size_t i = 0; i != likely.size(); ++i)
    EXPECT_NEAR(found[i], golden()["log_probabilities"][i].get<double>(), 1e-6); // rounded to f32
}

TEST(Sampling, temperature_0_is_the_most_likely_token) {
  SamplingOptions options;
  options.temperature = 0;
  options.typicalP = 0.01f; // would keep others
  EXPECT_EQ(sampleToken(std::vector<float>{1, 5, 3, 5}, options, 0.99), 1);
}

TEST(Sampling, frequencies_are_the_probabilities) {
  std::vector<float> row = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  int counts[3] = {};
  constexpr int Draws = 100000;
  for (int i = 0; i != Draws; ++i)
    ++counts[sampleToken(row, {}, randomNumber(7, uint64_t(i)))];
  // Five standard deviations of a count are below 0.008.
  EXPECT_NEAR(counts[0] / double(Draws), 0.5, 0.008);
  EXPECT_NEAR(counts[1] / double(Draws), 0.3, 0.008);
  EXPECT_NEAR(counts[2] / double(Draws), 0.2, 0.008);
}

TEST(Sampling, random_numbers_depend_on_seed_and_index_alone) {
  EXPECT_EQ(randomNumber(1, 2), randomNumber(1, 2));
  EXPECT_NE(randomNumber(1, 2), randomNumber(2, 1));
  EXPECT_NE(randomNumber(1, 2), randomNumber(1, 3));
  double sum = 0;
  for (uint64_t i = 0; i != 10000; ++i) {
    double number = randomNumber(i, 0);
    ASSERT_TRUE(number >= 0 && number < 1);
    sum += number;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.015); // five standard deviations
}

TEST(Sampling, logits_that_are_no_numbers) {
  SamplingOptions filters;
  filters.topK = 3;
  filters.topP = 0.9f;
  filters.minP = 0.1f;
  filters.typicalP = 0.9f;
  for (const SamplingOptions &options : {SamplingOptions(), filters}) {
    EXPECT_EQ(sampleToken(std::vector<float>{NaN, -Infinity, 1, NaN}, options, 0.5), 2);
    EXPECT_EQ(sampleToken(std::vector<float>{1, Infinity, 100, Infinity}, options, 0.99), 1);
    EXPECT_THROW(sampleToken(std::vector<float>{NaN, -Infinity}, options, 0.5), Failure);
    EXPECT_THROW(sampleToken({}, options, 0.5), Failure);
  }
  std::vector<int32_t> tokens = {0, 1, 2, 3};
  std::vector<float> found = logProbabilities(std::vector<float>{NaN, -Infinity, 1, 1}, tokens);
  EXPECT_EQ(found, (std::vector<float>{-Infinity, -Infinity, float(-std::log(2)), float(-std::log(2))}));
  found = logProbabilities(std::vector<float>{5, Infinity, 1, Infinity}, tokens);
  EXPECT_EQ(found, (std::vector<float>{-Infinity, float(-std::log(2)), -Infinity, float(-std::log(2))}));
}

TEST(Sampling, equal_logits_go_by_id) {
  std::vector<float> row(1000, 2.f);
  SamplingOptions options;
  options.topK = 3;
  EXPECT_EQ(keptBy(row, options), (std::vector<int32_t>{0, 1, 2}));
  options = SamplingOptions();
  options.topP = 0.0045f;
  EXPECT_EQ(keptBy(row, options), (std::vector<int32_t>{0, 1, 2, 3, 4}));
  options = SamplingOptions();
  options.minP = 1;
  EXPECT_EQ(keptBy(row, options).size(), 1000u);
}

TEST(Sampling, bias_and_mask) {
  std::vector<float> row = {1, 2, 3};
  std::vector<std::pair<int32_t, float>> biases = {{0, 5.f}, {2, -Infinity}};
  addBias(row, biases);
  EXPECT_EQ(row, (std::vector<float>{6, 2, -Infinity}));
  biases = {{3, 1.f}};
  EXPECT_THROW(addBias(row, biases), Failure);
  std::vector<float> many(70, 0.f);
  maskRow(many, std::vector<uint32_t>{1u << 31, 2}); // the third word is missing: nothing there
  std::vector<int32_t> left = keptBy(many, {});
  EXPECT_EQ(left, (std::vector<int32_t>{31, 33}));
}

TEST(Sampling, options_out_of_range_are_named) {
  auto messageOf = [](SamplingOptions options) {
    try {
      checkSamplingOptions(options);
      return std::string();
    } catch (const Failure &failure) {
      return failure.message();
    }
  };
  SamplingOptions options;
  EXPECT_EQ(messageOf(options), "");
  options.topP = 1.5f;
  EXPECT_EQ(messageOf(options), "top_p is 1.5 but must be from 0 to 1");
  options = {};
  options.temperature = NaN;
  EXPECT_NE(messageOf(options).find("temperature is nan but must be from 0 to"), std::string::npos);
  options = {};
  options.topK = -1;
  EXPECT_EQ(messageOf(options), "top_k is -1 but must be at least 0");
  options = {};
  options.repeatPenalty = 0;
  EXPECT_NE(messageOf(options).find("repeat_penalty is 0 but"), std::string::npos);
}

} // namespace
