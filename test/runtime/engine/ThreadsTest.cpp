// Requests that come, are polled, cancelled and released from several threads while steps run.
#include "test/runtime/engine/EngineFixture.h"

#include <atomic>
#include <map>
#include <thread>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

using EngineThreads = test::EngineTest;

TEST_F(EngineThreads, AskWhileStepsRun) {
  std::map<int32_t, std::vector<int32_t>> expected; // by the first token
  for (int32_t first = 10; first != 13; ++first) {
    Ask ask({first, 2, 3}, 12);
    expected[first] = answer(ask).tokens;
  }
  test::Engine engine = create({.sequences = 3, .pages = 4});
  std::atomic<int> asking = 3;
  std::thread stepper([&] {
    for (size_t unfinished = 0; asking != 0 || unfinished != 0;)
      test::succeed(lathe_engine_step(engine.get(), &unfinished));
  });
  auto askMany = [&](int32_t first) {
    for (int i = 0; i != 30; ++i) {
      Ask ask({first, 2, 3}, 12);
      test::Request request = submit(engine, ask);
      Answer answer;
      if (i % 5 == 4)
        lathe_request_cancel(request.get());
      while (i % 7 != 6 && answer.finish == LATHE_FINISH_NONE) { // the others are released as they are
        answer.poll(request);
        std::this_thread::yield();
      }
      inspect(engine);
      if (answer.finish == LATHE_FINISH_LENGTH) {
        EXPECT_EQ(answer.tokens, expected[first]);
      }
    }
    --asking;
  };
  std::thread askers[] = {std::thread(askMany, 10), std::thread(askMany, 11), std::thread(askMany, 12)};
  for (std::thread &asker : askers)
    asker.join();
  stepper.join();
  EXPECT_EQ(inspect(engine).used_pages, 0u);
}

TEST_F(EngineThreads, TwoMayStep) {
  Ask ask({10, 2, 3}, 40);
  std::vector<int32_t> expected = answer(ask).tokens;
  test::Engine engine = create();
  std::vector<test::Request> requests;
  for (int i = 0; i != 4; ++i)
    requests.push_back(submit(engine, ask));
  std::thread other([&] { finish(engine); });
  finish(engine);
  other.join();
  for (const test::Request &request : requests) {
    Answer answer;
    answer.poll(request);
    EXPECT_EQ(answer.tokens, expected);
  }
}

} // namespace
