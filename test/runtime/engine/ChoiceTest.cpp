// Which token is chosen, and what is said of it.
#include "test/runtime/engine/EngineFixture.h"

#include <algorithm>
#include <cmath>
#include <set>

using namespace lathe;
using test::Answer;
using test::Ask;
using test::babbleLogits;

namespace {

class EngineChoice : public test::EngineTest {
protected:
  /// Calls `check(logits, token)` for each token of an answer, with the model's logits for it.
  template <typename Check> static void forEach(const Ask &ask, const Answer &answer, Check check) {
    std::vector<int32_t> text = ask.prompt;
    EXPECT_FALSE(answer.tokens.empty());
    for (int32_t token : answer.tokens) {
      check(babbleLogits(text), token);
      text.push_back(token);
    }
  }

  static int32_t mostLikely(const std::vector<float> &logits) {
    return int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  static std::vector<double> softmax(const std::vector<float> &logits) {
    double total = 0;
    std::vector<double> result;
    for (float logit : logits)
      total += std::exp(double(logit));
    for (float logit : logits)
      result.push_back(std::exp(double(logit)) / total);
    return result;
  }

  /// Tokens that are more likely than this one.
  static int64_t rank(const std::vector<float> &logits, int32_t token) {
    return std::count_if(logits.begin(), logits.end(), [&](float logit) { return logit > logits[size_t(token)]; });
  }

  static Ask sampled(int64_t tokens = 60) {
    Ask ask({1, 2, 3}, tokens);
    ask.sampler.temperature = 2;
    ask.sampler.seed = 5;
    ask.options.ignore_end = 1;
    return ask;
  }
};

TEST_F(EngineChoice, SeedsGiveTheSameTextAgain) {
  Ask ask = sampled();
  Answer first = answer(ask), second = answer(ask);
  EXPECT_EQ(first.tokens.size(), 60u);
  EXPECT_EQ(first.tokens, second.tokens);
  ask.sampler.seed = 6;
  EXPECT_NE(answer(ask).tokens, first.tokens);
  // A text that goes on elsewhere goes on in the same way: its numbers are those of the places.
  ask.sampler.seed = 5;
  ask.prompt.insert(ask.prompt.end(), first.tokens.begin(), first.tokens.begin() + 20);
  ask.options.max_tokens = 40;
  EXPECT_EQ(answer(ask).tokens, std::vector<int32_t>(first.tokens.begin() + 20, first.tokens.end()));
}

TEST_F(EngineChoice, TemperatureReachesUnlikelyTokens) {
  Ask ask = sampled();
  ask.sampler.temperature = 1000; // all tokens are about as likely
  int64_t unlikely = 0;
  forEach(ask, answer(ask), [&](auto &&logits, int32_t token) { unlikely += rank(logits, token) > 192; });
  EXPECT_GT(unlikely, 15); // of 60; 30 are to be expected
  ask.sampler.temperature = 0.001f;
  forEach(ask, answer(ask), [](auto &&logits, int32_t token) {
    EXPECT_LT(logits[size_t(mostLikely(logits))] - logits[size_t(token)], 0.05);
  });
}

TEST_F(EngineChoice, TopK) {
  Ask ask = sampled();
  ask.sampler.temperature = 1000;
  ask.sampler.top_k = 3;
  std::set<int64_t> ranks;
  forEach(ask, answer(ask), [&](auto &&logits, int32_t token) { ranks.insert(rank(logits, token)); });
  EXPECT_EQ(ranks, (std::set<int64_t>{0, 1, 2}));
}

TEST_F(EngineChoice, TopP) {
  Ask ask = sampled();
  ask.sampler.temperature = 1000;
  ask.sampler.top_p = 0.2f;
  forEach(ask, answer(ask), [](auto &&logits, int32_t token) {
    double before = 0; // what is more likely does not reach the probability yet
    std::vector<double> probabilities = softmax(logits);
    for (double probability : probabilities)
      before += probability > probabilities[size_t(token)] ? probability : 0;
    EXPECT_LT(before, 0.2);
  });
}

TEST_F(EngineChoice, MinP) {
  Ask ask = sampled();
  ask.sampler.temperature = 1000;
  ask.sampler.min_p = 0.5f;
  forEach(ask, answer(ask), [](auto &&logits, int32_t token) {
    EXPECT_GE(logits[size_t(token)], logits[size_t(mostLikely(logits))] + std::log(0.5f) - 1e-6f);
  });
}

TEST_F(EngineChoice, TypicalP) {
  Ask ask = sampled();
  ask.sampler.temperature = 1000;
  ask.sampler.typical_p = 0.1f;
  forEach(ask, answer(ask), [](auto &&logits, int32_t token) {
    std::vector<double> probabilities = softmax(logits);
    double entropy = 0, nearer = 0;
    for (double p : probabilities)
      entropy -= p * std::log(p);
    auto distance = [&](double p) { return std::fabs(-std::log(p) - entropy); };
    for (double p : probabilities)
      nearer += distance(p) < distance(probabilities[size_t(token)]) ? p : 0;
    EXPECT_LT(nearer, 0.1 + 1e-9);
  });
}

TEST_F(EngineChoice, Penalties) {
  Ask ask({1, 2, 3}, 60);
  ask.sampler.presence_penalty = 100; // of all that is there nothing comes again
  ask.biases = {{40, 9}};
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens[0], 40);
  EXPECT_EQ(std::set<int32_t>(answer.tokens.begin(), answer.tokens.end()).size(), answer.tokens.size());
  ask.sampler.penalty_tokens = 2; // but later it may
  answer = this->answer(ask);
  for (size_t i = 0; i != answer.tokens.size(); ++i)
    EXPECT_EQ(answer.tokens[i] == 40, i % 3 == 0) << i;
  ask.sampler.presence_penalty = 0;
  ask.sampler.repeat_penalty = 100; // 40's logit, from 9 to 17, becomes less than any other's is likely to be
  answer = this->answer(ask);
  for (size_t i = 0; i != answer.tokens.size(); ++i)
    EXPECT_EQ(answer.tokens[i] == 40, i % 3 == 0) << i;
  ask.sampler.repeat_penalty = 0;
  ask.sampler.penalty_tokens = 0;
  ask.sampler.frequency_penalty = 4; // three times take more off than the bias gives
  answer = this->answer(ask);
  EXPECT_EQ(answer.tokens[0], 40);
  EXPECT_LE(std::count(answer.tokens.begin(), answer.tokens.end(), 40), 4);
}

TEST_F(EngineChoice, PenaltiesCountThePrompt) {
  Ask ask({40, 40, 40}, 5);
  ask.sampler.presence_penalty = 100;
  ask.biases = {{40, 50}};
  Answer answer = this->answer(ask);
  EXPECT_EQ(std::count(answer.tokens.begin(), answer.tokens.end(), 40), 0);
}

TEST_F(EngineChoice, LogitBiases) {
  Ask ask({1, 2, 3}, 20);
  ask.biases = {{17, 100}};
  EXPECT_EQ(answer(ask).tokens, std::vector<int32_t>(20, 17));
  ask.biases = {{17, 100}, {17, -INFINITY}, {18, 50}};
  EXPECT_EQ(answer(ask).tokens, std::vector<int32_t>(20, 18));
}

TEST_F(EngineChoice, LogProbabilitiesAreTheModels) {
  Ask ask = sampled(20);
  ask.options.log_probabilities = 1;
  ask.options.top_tokens = 4;
  ask.options.logits = 1;
  ask.biases = {{9, 3}};             // does not count,
  ask.sampler.repeat_penalty = 1.5f; // nor does this
  Answer answer = this->answer(ask);
  ASSERT_EQ(answer.logProbabilities.size(), 20u);
  ASSERT_EQ(answer.topTokens.size(), 80u);
  size_t i = 0;
  forEach(ask, answer, [&](auto &&logits, int32_t token) {
    std::vector<double> probabilities = softmax(logits);
    EXPECT_NEAR(answer.logProbabilities[i], std::log(probabilities[size_t(token)]), 1e-5);
    EXPECT_TRUE(std::equal(logits.begin(), logits.end(), answer.logits.begin() + int64_t(i * logits.size())));
    for (size_t k = 0; k != 4; ++k) {
      EXPECT_EQ(rank(logits, answer.topTokens[i * 4 + k]), int64_t(k));
      EXPECT_NEAR(answer.topLogProbabilities[i * 4 + k], std::log(probabilities[size_t(answer.topTokens[i * 4 + k])]),
                  1e-5);
    }
    ++i;
  });
}

TEST_F(EngineChoice, NothingIsSaidThatNobodyAskedFor) {
  Ask ask({1, 2, 3}, 5);
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens.size(), 5u);
  EXPECT_TRUE(answer.logProbabilities.empty() && answer.topTokens.empty() && answer.logits.empty());
  ask.options.top_tokens = 1000; // all that there are
  EXPECT_EQ(this->answer(ask).topTokens.size(), 5u * size_t(babble::Vocabulary));
}

TEST_F(EngineChoice, EndsAtStopTokens) {
  Ask ask({1, 2, 3}, 20);
  ask.biases = {{17, 100}};
  ask.stopTokens = {20, 17};
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens, std::vector<int32_t>{17});
  EXPECT_EQ(answer.finish, LATHE_FINISH_STOP_TOKEN);
  EXPECT_EQ(answer.text, "");
}

TEST_F(EngineChoice, EndsAtTokensThatEndTexts) {
  Ask ask({1, 2, 3}, 20);
  ask.biases = {{Eos, 100}};
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens, std::vector<int32_t>{Eos});
  EXPECT_EQ(answer.finish, LATHE_FINISH_STOP_TOKEN);
  ask.options.ignore_end = 1;
  answer = this->answer(ask);
  EXPECT_EQ(answer.tokens, std::vector<int32_t>(20, Eos));
  EXPECT_EQ(answer.finish, LATHE_FINISH_LENGTH);
  EXPECT_EQ(answer.text, "");
  ask.options.keep_special = 1;
  ask.options.max_tokens = 2;
  std::string name(lathe_tokenizer_piece(tokenizer.get(), Eos, nullptr));
  EXPECT_EQ(this->answer(ask).text.substr(0, 3), name.substr(0, 3));
  ask.options.ignore_end = 0;
  EXPECT_EQ(this->answer(ask).text, "");
}

TEST_F(EngineChoice, FailsByItselfWhereNothingCanBeChosen) {
  test::Engine engine = create();
  Ask bad({1, 2, 3}, 20), good({4, 5}, 3);
  for (int32_t token = 0; token != babble::Vocabulary; ++token)
    bad.biases.push_back({token, -INFINITY});
  test::Request first = submit(engine, bad), second = submit(engine, good);
  finish(engine);
  Answer failed, fine;
  failed.poll(first);
  fine.poll(second);
  EXPECT_EQ(failed.finish, LATHE_FINISH_FAILED);
  EXPECT_EQ(failed.failure, LATHE_DEVICE_ERROR);
  EXPECT_EQ(failed.message, "no token can be chosen: all logits are NaN or -infinity");
  EXPECT_TRUE(failed.tokens.empty());
  EXPECT_EQ(fine.tokens.size(), 3u);
  EXPECT_EQ(fine.finish, LATHE_FINISH_LENGTH);
}

} // namespace
