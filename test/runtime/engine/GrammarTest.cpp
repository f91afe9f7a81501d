// Texts that a grammar or a JSON schema keeps: whatever the model, every one is allowed.
#include "runtime/grammar/Acceptor.h"
#include "runtime/grammar/JsonSchema.h"
#include "test/runtime/engine/EngineFixture.h"

#include <cmath>
#include <deque>
#include <nlohmann/json.hpp>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

class EngineGrammar : public test::EngineTest {
protected:
  static Ask sampled(uint64_t seed) {
    Ask ask({1, 2, 3}, 120);
    ask.sampler.temperature = 3;
    ask.sampler.seed = seed;
    return ask;
  }

  /// Many texts under `grammar`, all in one engine: each is the beginning of one that is allowed, and those that ended
  /// by themselves are whole. Returns how many ended so.
  int expectAccepted(const std::string &grammar, const std::string &schema, void (*checkWhole)(const std::string &)) {
    test::Engine engine = create();
    std::deque<Ask> asks;
    std::vector<test::Request> requests;
    for (uint64_t seed = 0; seed != 60; ++seed) {
      Ask &ask = asks.emplace_back(sampled(seed));
      (schema.empty() ? ask.options.grammar : ask.options.json_schema) = (schema.empty() ? grammar : schema).c_str();
      ask.biases = {{Eos, 2}};
      requests.push_back(submit(engine, ask));
    }
    finish(engine);
    auto parsed = runtime::Grammar::parse(schema.empty() ? grammar : runtime::jsonSchemaGrammar(schema));
    int whole = 0;
    for (const test::Request &request : requests) {
      Answer answer;
      answer.poll(request);
      runtime::Acceptor acceptor(parsed);
      EXPECT_TRUE(acceptor.accept(answer.text)) << answer.text;
      if (answer.finish != LATHE_FINISH_LENGTH) {
        EXPECT_TRUE(answer.finish == LATHE_FINISH_GRAMMAR || answer.finish == LATHE_FINISH_STOP_TOKEN)
            << answer.finish << answer.message;
        EXPECT_TRUE(acceptor.isComplete()) << answer.text;
        checkWhole(answer.text);
        ++whole;
      }
    }
    return whole;
  }
};

TEST_F(EngineGrammar, TextsAreThoseOfTheGrammar) {
  int whole = expectAccepted("root ::= (word \" \"){1,4} \"é🚀\"?\nword ::= [a-z]{1,8} | \"λόγος\"", "",
                             [](const std::string &text) { EXPECT_FALSE(text.empty()); });
  EXPECT_GT(whole, 50);
}

TEST_F(EngineGrammar, TextsFitTheSchema) {
  int whole = expectAccepted("", R"({"type": "object", "required": ["name", "age", "tags"], "properties": {
      "name": {"type": "string", "maxLength": 6}, "age": {"type": "integer", "minimum": 0, "maximum": 120},
      "tags": {"type": "array", "maxItems": 2, "items": {"enum": ["red", "blue"]}}}})",
                             [](const std::string &text) {
                               nlohmann::json value = nlohmann::json::parse(text);
                               EXPECT_LE(value.at("age").get<int>(), 120);
                               EXPECT_LE(value.at("tags").size(), 2u);
                               for (const nlohmann::json &tag : value.at("tags"))
                                 EXPECT_TRUE(tag == "red" || tag == "blue");
                             });
  EXPECT_GT(whole, 50);
}

TEST_F(EngineGrammar, EndsWhereNothingMayFollow) {
  Ask ask({1, 2, 3}, 20);
  ask.options.grammar = "root ::= \"yes\" | \"no\"";
  Answer answer = this->answer(ask);
  EXPECT_TRUE(answer.text == "yes" || answer.text == "no") << answer.text;
  EXPECT_EQ(answer.finish, LATHE_FINISH_GRAMMAR);
  ask.options.grammar = "root ::= \"\"";
  answer = this->answer(ask);
  EXPECT_EQ(answer.text, "");
  EXPECT_TRUE(answer.finish == LATHE_FINISH_STOP_TOKEN) << answer.finish; // the only token that may follow
  ask.options.ignore_end = 1;
  answer = this->answer(ask);
  EXPECT_EQ(answer.finish, LATHE_FINISH_GRAMMAR);
  EXPECT_TRUE(answer.tokens.empty());
}

TEST_F(EngineGrammar, EndTokensOnlyWhereItMayEnd) {
  Ask ask({1, 2, 3}, 20);
  ask.options.grammar = "root ::= \"aaa\" \"a\"*";
  ask.biases = {{Eos, 100}};
  Answer answer = this->answer(ask);
  EXPECT_GE(answer.text.size(), 3u);
  EXPECT_EQ(answer.finish, LATHE_FINISH_STOP_TOKEN);
  ask.options.ignore_end = 1; // such a token is no text, so the grammar has no place for it
  answer = this->answer(ask);
  EXPECT_EQ(answer.finish, LATHE_FINISH_LENGTH);
  EXPECT_EQ(answer.text.find_first_not_of('a'), std::string::npos);
}

TEST_F(EngineGrammar, StopTokensMayFollowAWholeText) {
  Ask ask({1, 2, 3}, 20);
  ask.options.grammar = "root ::= [0-9] \"!\"*";
  ask.stopTokens = {383};
  ask.biases = {{383, 100}};
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens.size(), 2u);
  EXPECT_EQ(answer.finish, LATHE_FINISH_STOP_TOKEN);
}

TEST_F(EngineGrammar, FailsByItselfWhereNoTokenFits) {
  test::Engine engine = create();
  Ask bad({1, 2, 3}, 20), good({4, 5}, 3);
  bad.options.grammar = "root ::= \"ab\"";
  for (int32_t token = 0; token != babble::Vocabulary; ++token)
    bad.biases.push_back({token, -INFINITY});
  test::Request first = submit(engine, bad), second = submit(engine, good);
  finish(engine);
  Answer failed, fine;
  failed.poll(first);
  fine.poll(second);
  EXPECT_EQ(failed.finish, LATHE_FINISH_FAILED);
  EXPECT_EQ(fine.finish, LATHE_FINISH_LENGTH);
}

} // namespace
