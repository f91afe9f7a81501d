// What becomes of pages: found, shared, copied, kept, taken away.
#include "test/runtime/engine/EngineFixture.h"

#include <deque>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

class EnginePages : public test::EngineTest {
protected:
  static std::vector<int32_t> text(size_t count, int32_t first = 8) {
    std::vector<int32_t> tokens(count, 20);
    tokens[0] = first;
    return tokens;
  }

  /// Steps once and returns how the engine is then.
  static lathe_engine_info step(const test::Engine &engine) {
    test::succeed(lathe_engine_step(engine.get(), nullptr));
    return inspect(engine);
  }

  static Answer poll(const test::Request &request) {
    Answer answer;
    answer.poll(request);
    return answer;
  }
};

TEST_F(EnginePages, EqualBeginningsAreComputedOnce) {
  test::Engine engine = create();
  Ask first(text(40), 2);
  answer(engine, first);
  EXPECT_EQ(inspect(engine).computed_tokens, 41u);
  EXPECT_EQ(inspect(engine).cached_pages, 2u);
  Ask second(text(40), 2);
  second.prompt[35] = 9; // in the third page
  EXPECT_EQ(answer(engine, second).sharedTokens, 32);
  EXPECT_EQ(inspect(engine).computed_tokens, 41u + 9u);
  EXPECT_EQ(inspect(engine).shared_tokens, 32u);
  Ask third(text(40), 2);
  third.prompt[3] = 9; // in the first: what follows is another text, though its tokens are the same
  EXPECT_EQ(answer(engine, third).sharedTokens, 0);
}

TEST_F(EnginePages, WhatWasWrittenIsFoundToo) {
  test::Engine engine = create();
  Ask first(text(20), 30);
  Answer written = answer(engine, first);
  Ask second(first.prompt, 1);
  second.prompt.insert(second.prompt.end(), written.tokens.begin(), written.tokens.end());
  EXPECT_EQ(answer(engine, second).sharedTokens, 48); // of 50, as the last token that was written was not computed
}

TEST_F(EnginePages, AWholePromptThatIsKnownIsComputedButForItsLastToken) {
  test::Engine engine = create();
  Ask ask(text(32), 3);
  Answer first = answer(engine, ask), second = answer(engine, ask);
  EXPECT_EQ(second.sharedTokens, 31);
  EXPECT_EQ(second.tokens, first.tokens);
}

TEST_F(EnginePages, ASharedPageIsCopiedBeforeItIsWritten) {
  test::Engine engine = create();
  Ask ask(text(32), 20);
  Answer alone = answer(engine, ask);
  test::Request first = submit(engine, ask), second = submit(engine, ask);
  lathe_engine_info info = step(engine);
  EXPECT_EQ(info.running, 2u);
  EXPECT_EQ(info.shared_pages, 1u); // and of the second page each has its own
  EXPECT_EQ(info.used_pages, 3u);
  finish(engine);
  EXPECT_EQ(poll(first).tokens, alone.tokens);
  EXPECT_EQ(poll(second).tokens, alone.tokens);
}

TEST_F(EnginePages, RequestsWaitForPagesThatAreBeingComputed) {
  test::Engine engine = create();
  Ask ask(text(50), 2);
  test::Request first = submit(engine, ask), second = submit(engine, ask), third = submit(engine, ask);
  EXPECT_EQ(step(engine).running, 1u);
  EXPECT_EQ(step(engine).running, 2u);
  finish(engine);
  EXPECT_EQ(inspect(engine).computed_tokens, 51u + 2 * 3u);
  EXPECT_EQ(poll(third).sharedTokens, 48);
}

TEST_F(EnginePages, WithoutSharingEverythingIsComputed) {
  test::Engine engine = create({.shares = false});
  Ask ask(text(40), 2);
  answer(engine, ask);
  EXPECT_EQ(answer(engine, ask).sharedTokens, 0);
  EXPECT_EQ(inspect(engine).computed_tokens, 82u);
  EXPECT_EQ(inspect(engine).cached_pages, 0u);
}

TEST_F(EnginePages, TheOldestCachedPagesAreGivenOutFirst) {
  test::Engine engine = create({.sequences = 1, .pages = 6});
  Ask a(text(33, 8), 1), b(text(33, 9), 1), c(text(33, 10), 1);
  answer(engine, a);
  answer(engine, b); // four pages cached, two free
  EXPECT_EQ(inspect(engine).cached_pages, 4u);
  answer(engine, a); // b's are the oldest now
  answer(engine, c); // takes the free ones and the last of b's
  EXPECT_EQ(answer(engine, a).sharedTokens, 32);
  EXPECT_EQ(answer(engine, b).sharedTokens, 16);
}

TEST_F(EnginePages, TheLastRequestLosesItsPages) {
  test::Engine engine = create({.sequences = 3, .pages = 4, .shares = false});
  std::deque<Ask> asks;
  std::vector<test::Request> requests;
  for (int32_t i = 0; i != 3; ++i) {
    asks.emplace_back(text(10, 8 + i), 30).options.ignore_end = 1;
    requests.push_back(submit(engine, asks.back()));
  }
  EXPECT_EQ(step(engine).running, 3u);
  lathe_engine_info info{};
  while (info.preemptions == 0)
    info = step(engine);
  EXPECT_EQ(info.running, 2u);
  EXPECT_EQ(info.waiting, 1u);
  EXPECT_EQ(poll(requests[0]).preemptions + poll(requests[1]).preemptions, 0);
  EXPECT_EQ(poll(requests[2]).preemptions, 1);
  finish(engine);
  EXPECT_EQ(inspect(engine).used_pages, 0u);
}

TEST_F(EnginePages, LaterRequestsDoNotOvertake) {
  test::Engine engine = create({.sequences = 2, .pages = 4});
  Ask large(text(40), 5), larger(text(60, 9), 2), small(text(2, 10), 2);
  test::Request first = submit(engine, large), second = submit(engine, larger), third = submit(engine, small);
  step(engine);
  EXPECT_EQ(step(engine).waiting, 2u); // the third would fit, but came behind the second
  finish(engine);
  EXPECT_EQ(poll(third).tokens.size(), 2u);
}

TEST_F(EnginePages, LongPromptsDoNotHoldUpTexts) {
  test::Engine engine = create({.stepTokens = 10});
  Ask shortAsk(text(3), 20), longAsk(text(100, 9), 1);
  test::Request writing = submit(engine, shortAsk);
  step(engine);
  test::Request prompt = submit(engine, longAsk);
  for (size_t tokens = 1; tokens != 10; ++tokens) {
    EXPECT_EQ(poll(writing).tokens.size(), 1u);
    step(engine);
  }
  EXPECT_EQ(inspect(engine).computed_tokens, 3u + 9 * 10u); // each step was full
}

TEST_F(EnginePages, SessionsSequencesTakeCachedPages) {
  test::Session session = open({.sequences = 2, .pages = 3});
  test::Engine engine = create(session, {});
  Ask ask(text(32), 1);
  answer(engine, ask);
  EXPECT_EQ(inspect(engine).cached_pages, 2u);
  test::Sequence sequence = test::openSequence(session);
  append(session, sequence, 48);
  EXPECT_EQ(inspect(engine).cached_pages, 0u);
  EXPECT_EQ(inspect(engine).used_pages, 3u);
}

TEST_F(EnginePages, InfoOfAnEngine) {
  test::Engine engine = create({.pages = 20});
  lathe_engine_info info = inspect(engine);
  EXPECT_EQ(info.total_pages, 20u);
  EXPECT_EQ(info.total_bytes, 20 * babble::PageBytes);
  EXPECT_EQ(info.used_pages + info.shared_pages + info.cached_pages, 0u);
  info.struct_size = 0;
  EXPECT_EQ(test::outcome(lathe_engine_inspect(engine.get(), &info)).code, LATHE_INVALID_ARGUMENT);
}

} // namespace
