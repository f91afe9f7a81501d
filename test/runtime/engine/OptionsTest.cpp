// Options of engines and requests, and what is said of wrong ones.
#include "test/runtime/engine/EngineFixture.h"

using namespace lathe;
using test::Ask;
using test::Outcome;

namespace {

class EngineOptions : public test::EngineTest {
protected:
  template <typename Change> Outcome refused(Change change) {
    Ask ask;
    change(ask);
    return refusal(create(), ask);
  }
};

TEST_F(EngineOptions, WrongRequestsAreRefusedByName) {
  const std::pair<const char *, void (*)(Ask &)> cases[] = {
      {"token_count is 0 but a prompt has at least 1 token", [](Ask &ask) { ask.prompt.clear(); }},
      {"tokens[1] is 384 but the vocabulary has 384", [](Ask &ask) { ask.prompt = {383, 384}; }},
      {"tokens[0] is -1 but the vocabulary has 384", [](Ask &ask) { ask.prompt = {-1}; }},
      {"max_tokens is -1 but must be from 0 to 2147483647", [](Ask &ask) { ask.options.max_tokens = -1; }},
      {"temperature is -1 but must be from 0 to 3.40282e+38", [](Ask &ask) { ask.sampler.temperature = -1; }},
      {"top_p is 1.5 but must be from 0 to 1", [](Ask &ask) { ask.sampler.top_p = 1.5f; }},
      {"min_p is 2 but must be from 0 to 1", [](Ask &ask) { ask.sampler.min_p = 2; }},
      {"typical_p is -0.5 but must be from 0 to 1", [](Ask &ask) { ask.sampler.typical_p = -0.5f; }},
      {"top_k is -3 but must be at least 0", [](Ask &ask) { ask.sampler.top_k = -3; }},
      {"repeat_penalty is -1 but must be from 1.17549e-38 to 3.40282e+38",
       [](Ask &ask) { ask.sampler.repeat_penalty = -1; }},
      {"penalty_tokens is -1 but must be at least 0", [](Ask &ask) { ask.sampler.penalty_tokens = -1; }},
      {"logit_biases[0] is 400 but the vocabulary has 384", [](Ask &ask) { ask.biases = {{400, 1}}; }},
      {"logit_biases[0] is not a number", [](Ask &ask) { ask.biases = {{4, __builtin_nanf("")}}; }},
      {"stop_tokens[0] is 384 but the vocabulary has 384", [](Ask &ask) { ask.stopTokens = {384}; }},
      {"stop_strings[1] is empty", [](Ask &ask) { ask.stops = {"a", ""}; }},
      {"stop_strings[0] is NULL", [](Ask &ask) { ask.stops = {nullptr}; }},
      {"stop_strings[0] is not UTF-8", [](Ask &ask) { ask.stops = {"\xC3"}; }},
      {"top_tokens is -1 but must be at least 0", [](Ask &ask) { ask.options.top_tokens = -1; }},
      {"grammar and json_schema are both set; set one of them",
       [](Ask &ask) { ask.options.grammar = ask.options.json_schema = "{}"; }},
  };
  for (auto &[message, change] : cases) {
    Outcome result = refused(change);
    EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT) << message;
    EXPECT_EQ(result.message, std::string("lathe_engine_submit: ") + message);
  }
}

TEST_F(EngineOptions, WrongGrammarsAreRefusedWithTheirPlace) {
  Outcome result = refused([](Ask &ask) { ask.options.grammar = "root ::= thing"; });
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_NE(result.message.find("line 1, column 10"), std::string::npos) << result.message;
  EXPECT_EQ(refused([](Ask &ask) { ask.options.json_schema = "{"; }).code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(refused([](Ask &ask) { ask.options.json_schema = R"({"pattern": "a"})"; }).code, LATHE_UNSUPPORTED);
}

TEST_F(EngineOptions, ArraysWithoutData) {
  test::Engine engine = create();
  lathe_request *request = nullptr;
  Ask ask;
  auto refusedWith = [&](auto change) {
    lathe_request_options options = *ask.read();
    change(options);
    return test::outcome(lathe_engine_submit(engine.get(), &options, &request)).message;
  };
  EXPECT_EQ(refusedWith([](auto &options) { options.tokens = nullptr; }),
            "lathe_engine_submit: tokens is NULL but there are to be 3");
  EXPECT_EQ(refusedWith([](auto &options) { options.stop_token_count = 2; }),
            "lathe_engine_submit: stop_tokens is NULL but there are to be 2");
  EXPECT_EQ(refusedWith([](auto &options) { options.stop_string_count = 2; }),
            "lathe_engine_submit: stop_strings is NULL but there are to be 2");
  EXPECT_EQ(refusedWith([](auto &options) { options.logit_bias_count = 2; }),
            "lathe_engine_submit: logit_biases is NULL but there are to be 2");
  EXPECT_EQ(refusedWith([](auto &options) { options.struct_size = 0; }).substr(0, 38),
            "lathe_engine_submit: struct_size is 0 ");
  EXPECT_EQ(test::outcome(lathe_engine_submit(engine.get(), nullptr, &request)).message,
            "lathe_engine_submit: the options are NULL");
}

TEST_F(EngineOptions, WhatCannotFitIsRefusedInBytes) {
  EXPECT_EQ(
      refused([](Ask &ask) { ask.options.max_tokens = 127; }).message,
      "lathe_engine_submit: a prompt of 3 and 127 tokens to write need 9 pages, which are 576 bytes, but the model "
      "was compiled for texts of 128 tokens, which are 512 bytes; ask for less or compile it for longer texts");
  Ask fits({1, 2, 3}, 126);
  EXPECT_TRUE(submit(create(), fits));
  test::Engine engine = create({.sequences = 1, .pages = 2});
  Ask ask({1, 2, 3}, 31);
  Outcome result = refusal(engine, ask);
  EXPECT_EQ(result.code, LATHE_OUT_OF_MEMORY);
  EXPECT_EQ(
      result.message,
      "lathe_engine_submit: a prompt of 3 and 31 tokens to write need 3 pages, which are 192 bytes, but the session "
      "has 2 pages, which are 128 bytes; ask for less or raise kv_cache_bytes");
}

TEST_F(EngineOptions, TextNeedsATokenizer) {
  test::Engine engine = create({.hasTokenizer = false});
  Ask ask;
  ask.stops = {"a"};
  EXPECT_EQ(refusal(engine, ask).message, "lathe_engine_submit: stop_strings needs a tokenizer but the engine was "
                                          "created without; set it in lathe_engine_options");
  ask = Ask();
  ask.options.grammar = "root ::= \"a\"";
  EXPECT_EQ(refusal(engine, ask).message.substr(0, 46), "lathe_engine_submit: grammar needs a tokenizer");
  ask = Ask();
  ask.options.json_schema = "{}";
  EXPECT_EQ(refusal(engine, ask).message.substr(0, 50), "lathe_engine_submit: json_schema needs a tokenizer");
  ask = Ask({1, 2, 3}, 4);
  test::Answer answer = test::EngineTest::answer(engine, ask);
  EXPECT_EQ(answer.tokens.size(), 4u);
  EXPECT_EQ(answer.text, "");
}

TEST_F(EngineOptions, WrongEnginesAreRefused) {
  test::Session session = open({.sequences = 4});
  auto refusedWith = [&](auto change) {
    lathe_engine_options options{};
    options.struct_size = sizeof(options);
    change(options);
    lathe_engine *engine = nullptr;
    Outcome result = test::outcome(lathe_engine_create(session.get(), &options, &engine));
    EXPECT_EQ(engine, nullptr);
    return result.message;
  };
  EXPECT_EQ(refusedWith([](auto &options) { options.max_step_tokens = 65; }),
            "lathe_engine_create: max_step_tokens is 65 but must be from 0 to 64, which is what the model was compiled "
            "for");
  EXPECT_EQ(refusedWith([](auto &options) { options.max_step_tokens = -1; }).substr(0, 41),
            "lathe_engine_create: max_step_tokens is -");
  EXPECT_EQ(refusedWith([](auto &options) { options.max_running = 5; }),
            "lathe_engine_create: max_running is 5 but must be from 0 to 4, which is what the session has sequences");
  EXPECT_EQ(refusedWith([](auto &options) { options.entry = "none"; }),
            "lathe_engine_create: there is no entry 'none'");
  lathe_tokenizer *other = nullptr;
  test::succeed(lathe_tokenizer_load(VOCABULARIES "sentence_piece.gguf", &other));
  test::Tokenizer owner(other);
  EXPECT_EQ(refusedWith([&](auto &options) { options.tokenizer = other; }),
            "lathe_engine_create: the tokenizer has 440 tokens but the model 384; use the model's own tokenizer");
}

TEST_F(EngineOptions, ModelsWithoutTextsAreRefused) {
  test::Program scale = test::load(test::writeTemporary(test::scaleSource()));
  test::Session session = test::openSession(scale, device);
  lathe_engine *engine = nullptr;
  Outcome result = test::outcome(lathe_engine_create(session.get(), nullptr, &engine));
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_EQ(engine, nullptr);
}

TEST_F(EngineOptions, NullHandles) {
  lathe_engine_release(nullptr);
  lathe_request_release(nullptr);
  lathe_engine *engine = nullptr;
  lathe_request *request = nullptr;
  EXPECT_EQ(test::outcome(lathe_engine_create(nullptr, nullptr, &engine)).message,
            "lathe_engine_create: session is NULL");
  EXPECT_EQ(test::outcome(lathe_engine_submit(nullptr, nullptr, &request)).message,
            "lathe_engine_submit: engine is NULL");
  EXPECT_EQ(test::outcome(lathe_engine_step(nullptr, nullptr)).message, "lathe_engine_step: engine is NULL");
  EXPECT_EQ(test::outcome(lathe_engine_inspect(nullptr, nullptr)).message, "lathe_engine_inspect: engine is NULL");
  EXPECT_EQ(test::outcome(lathe_request_poll(nullptr, nullptr)).message, "lathe_request_poll: request is NULL");
}

} // namespace
