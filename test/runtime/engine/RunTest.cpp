// What an engine writes, step by step.
#include "test/runtime/engine/EngineFixture.h"

#include <algorithm>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

using Engine = test::EngineTest;

/// The most likely tokens, one after the other, by the model alone.
std::vector<int32_t> greedy(std::vector<int32_t> text, size_t count) {
  std::vector<int32_t> written;
  for (size_t i = 0; i != count; ++i) {
    std::vector<float> logits = test::babbleLogits(text);
    written.push_back(int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    text.push_back(written.back());
  }
  return written;
}

TEST_F(Engine, WritesTheMostLikelyTokens) {
  Ask ask({1, 2, 3}, 12);
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens, greedy({1, 2, 3}, 12));
  EXPECT_EQ(answer.finish, LATHE_FINISH_LENGTH);
  EXPECT_EQ(answer.message, "");
}

TEST_F(Engine, GivesATokenAStepAfterThePrompt) {
  test::Engine engine = create({.stepTokens = 8});
  Ask ask(std::vector<int32_t>(20, 5), 3);
  test::Request request = submit(engine, ask);
  std::vector<size_t> counts;
  Answer answer;
  for (size_t unfinished = 1; unfinished != 0;) {
    test::succeed(lathe_engine_step(engine.get(), &unfinished));
    answer.poll(request);
    counts.push_back(answer.tokens.size());
  }
  EXPECT_EQ(counts, (std::vector<size_t>{0, 0, 1, 2, 3})); // a prompt of 8 + 8 + 4
  EXPECT_EQ(answer.tokens, greedy(ask.prompt, 3));
}

TEST_F(Engine, WithoutRequestsAStepDoesNothing) {
  test::Engine engine = create();
  size_t unfinished = 9;
  test::succeed(lathe_engine_step(engine.get(), &unfinished));
  EXPECT_EQ(unfinished, 0u);
  test::succeed(lathe_engine_step(engine.get(), nullptr));
  EXPECT_EQ(inspect(engine).steps, 0u);
}

TEST_F(Engine, WritesUntilTheModelHasNoMoreRoom) {
  Ask ask(std::vector<int32_t>(100, 5));
  Answer answer = this->answer(ask);
  EXPECT_EQ(answer.tokens.size(), 29u); // the last needs no place
  EXPECT_EQ(answer.finish, LATHE_FINISH_LENGTH);
  answer = test::EngineTest::answer(create({.sequences = 1, .pages = 2}), *std::make_unique<Ask>());
  EXPECT_EQ(answer.tokens.size(), 30u); // the session has room for 32
}

TEST_F(Engine, WritesManyTextsAtOnce) {
  test::Engine engine = create();
  std::vector<Ask> asks;
  std::vector<test::Request> requests;
  for (int32_t i = 0; i != 20; ++i)
    requests.push_back(submit(engine, asks.emplace_back(std::vector<int32_t>(size_t(1 + i), i + 10), 5 + i % 3)));
  finish(engine);
  for (size_t i = 0; i != requests.size(); ++i) {
    Answer answer;
    answer.poll(requests[i]);
    EXPECT_EQ(answer.tokens, greedy(asks[i].prompt, size_t(asks[i].options.max_tokens)));
  }
  // Eight at a time, and not one by one.
  EXPECT_LT(inspect(engine).steps, 30u);
}

TEST_F(Engine, CancelledRequestsEndAtOnce) {
  test::Engine engine = create();
  Ask ask({1, 2, 3}, 50), other({4, 5}, 4);
  test::Request running = submit(engine, ask), waiting = submit(engine, ask), beside = submit(engine, other);
  test::succeed(lathe_engine_step(engine.get(), nullptr));
  EXPECT_GT(inspect(engine).used_pages, 1u);
  lathe_request_cancel(waiting.get());
  lathe_request_cancel(running.get());
  EXPECT_EQ(inspect(engine).used_pages, 1u);
  Answer answer;
  answer.poll(running);
  EXPECT_EQ(answer.finish, LATHE_FINISH_CANCELLED);
  EXPECT_EQ(answer.tokens, greedy(ask.prompt, 1));
  finish(engine);
  answer = Answer();
  answer.poll(beside);
  EXPECT_EQ(answer.tokens, greedy(other.prompt, 4));
  lathe_request_cancel(beside.get());
  answer.poll(beside);
  EXPECT_EQ(answer.finish, LATHE_FINISH_LENGTH); // it was finished before
}

TEST_F(Engine, ReleasedRequestsAndEnginesGivePagesBack) {
  test::Session session = open({});
  test::Engine engine = create(session, {}), other = create(session, {});
  Ask ask({1, 2, 3}, 50);
  test::Request request = submit(engine, ask);
  test::succeed(lathe_engine_step(engine.get(), nullptr));
  EXPECT_EQ(inspect(other).used_pages, 1u);
  request.reset();
  EXPECT_EQ(inspect(other).used_pages, 0u);
  request = submit(engine, ask);
  test::succeed(lathe_engine_step(engine.get(), nullptr));
  engine.reset(); // the request keeps it
  EXPECT_EQ(inspect(other).used_pages, 1u);
  request.reset();
  EXPECT_EQ(inspect(other).used_pages, 0u);
}

TEST_F(Engine, RequestsThatMakeTheModelFailEndAlone) {
  test::Engine engine = create();
  Ask good({1, 2}, 5), bad({7}, 5), late({1, 2, 3, 4}, 3);
  good.options.logits = 1;
  test::Request first = submit(engine, good);
  test::succeed(lathe_engine_step(engine.get(), nullptr));
  test::Request second = submit(engine, bad), third = submit(engine, late);
  size_t unfinished = 9;
  test::succeed(lathe_engine_step(engine.get(), &unfinished));
  EXPECT_EQ(unfinished, 2u);
  Answer failed, going, other;
  failed.poll(second);
  EXPECT_EQ(failed.finish, LATHE_FINISH_FAILED);
  EXPECT_EQ(failed.failure, LATHE_DEVICE_ERROR);
  EXPECT_EQ(failed.message, "entry 'forward' stopped with code 9");
  finish(engine);
  going.poll(first);
  other.poll(third);
  EXPECT_EQ(going.tokens, greedy(good.prompt, 5));
  EXPECT_EQ(going.logits, test::EngineTest::answer(create(), good).logits);
  EXPECT_EQ(other.tokens, greedy(late.prompt, 3));
  EXPECT_EQ(inspect(engine).used_pages, 0u);
}

TEST_F(Engine, FailureForEveryRequestIsThatOfTheStep) {
  for (size_t count : {1, 3}) {
    test::Engine engine = create();
    Ask good({1, 2}, 5), bad({7}, 5);
    std::vector<test::Request> requests;
    for (size_t i = 0; i != count; ++i)
      requests.push_back(submit(engine, bad));
    test::Outcome result = test::outcome(lathe_engine_step(engine.get(), nullptr));
    EXPECT_EQ(result.code, LATHE_DEVICE_ERROR);
    EXPECT_EQ(result.message, "lathe_engine_step: entry 'forward' stopped with code 9");
    for (const test::Request &request : requests) {
      Answer answer;
      answer.poll(request);
      EXPECT_EQ(answer.finish, LATHE_FINISH_FAILED);
      EXPECT_EQ(answer.message, "entry 'forward' stopped with code 9");
    }
    EXPECT_EQ(inspect(engine).used_pages, 0u);
    EXPECT_EQ(test::EngineTest::answer(engine, good).tokens, greedy(good.prompt, 5));
  }
}

TEST_F(Engine, SequencesOutsideOfItMayHoldEverything) {
  test::Session session = open({.sequences = 1});
  test::Engine engine = create(session, {});
  test::Sequence sequence = test::openSequence(session);
  Ask ask({1, 2, 3}, 2);
  test::Request request = submit(engine, ask);
  test::Outcome result = test::outcome(lathe_engine_step(engine.get(), nullptr));
  EXPECT_EQ(result.code, LATHE_OUT_OF_MEMORY);
  EXPECT_EQ(result.message, "lathe_engine_step: none of 1 requests can go on: 0 of 1 sequences and 8 of 8 pages are "
                            "free, others are held outside of the engine; release some");
  sequence.reset();
  finish(engine);
  Answer answer;
  answer.poll(request);
  EXPECT_EQ(answer.tokens, greedy(ask.prompt, 2));
}

} // namespace
