// Thousands of requests at random: whatever is beside a request and whatever becomes of its pages, it is given the
// logits and tokens that it would be given alone, and in the end no page is lost.
#include "test/runtime/engine/EngineFixture.h"

#include <cstring>
#include <deque>
#include <random>

using namespace lathe;
using test::Answer;
using test::Ask;

namespace {

class Invariance : public test::EngineTest {
protected:
  std::mt19937 random;
  bool windowed = false;

  /// From `least` to `most`.
  int pick(int least, int most) { return std::uniform_int_distribution(least, most)(random); }
  bool chance(int percent) { return pick(1, 100) <= percent; }

  /// A prompt of pieces of 11 tokens, of which there are few for each place: many begin as others do and part within
  /// pages or between them, and many have a page in common behind beginnings that differ.
  std::vector<int32_t> randomPrompt(int most) {
    std::vector<int32_t> prompt;
    int length = pick(1, most), piece = 0;
    for (int i = 0; i != length; ++i) {
      if (i % 11 == 0)
        piece = chance(30) ? pick(0, 1) : 0;
      prompt.push_back((piece * 31 + i * 7 + 8) % 380);
    }
    if (chance(20))
      prompt.back() = pick(8, 379);
    return prompt;
  }

  Ask randomAsk(int64_t room) {
    Ask ask(randomPrompt(int(std::min<int64_t>(room, windowed && chance(20) ? 300 : 90))));
    ask.options.max_tokens = pick(1, int(std::min<int64_t>(room - int64_t(ask.prompt.size()) + 1, 30)));
    ask.options.logits = 1;
    ask.options.ignore_end = chance(50);
    if (chance(70)) {
      ask.sampler.temperature = 1.5f;
      ask.sampler.seed = uint64_t(pick(0, 3));
      ask.sampler.top_k = chance(30) ? 20 : 0;
      ask.sampler.repeat_penalty = chance(30) ? 1.3f : 0;
    }
    return ask;
  }

  Setup randomSetup() {
    Setup setup;
    setup.windowed = windowed;
    setup.pages = uint64_t(pick(2, chance(50) ? 8 : 40));
    setup.sequences = pick(1, int(std::min<uint64_t>(setup.pages, 8)));
    setup.stepTokens = chance(50) ? pick(1, 20) : 0;
    setup.running = chance(30) ? pick(1, setup.sequences) : 0;
    setup.shares = chance(80);
    setup.hasTokenizer = chance(50);
    return setup;
  }

  /// The logits that the answer was given are those of its text alone, to the bit.
  void expectItsOwnLogits(const Ask &ask, const Answer &answer) const {
    std::vector<int32_t> text = ask.prompt;
    ASSERT_EQ(answer.logits.size(), answer.tokens.size() * size_t(babble::Vocabulary));
    for (size_t i = 0; i != answer.tokens.size(); ++i) {
      std::vector<float> alone = test::babbleLogits(text, windowed);
      ASSERT_EQ(std::memcmp(&answer.logits[i * alone.size()], alone.data(), alone.size() * sizeof(float)), 0)
          << "token " << i << " behind a prompt of " << ask.prompt.size();
      text.push_back(answer.tokens[i]);
    }
  }

  static void expectNoPagesUsed(const lathe_engine_info &info, bool shares) {
    EXPECT_EQ(info.running, 0u);
    EXPECT_EQ(info.waiting, 0u);
    EXPECT_EQ(info.used_pages, 0u);
    EXPECT_EQ(info.shared_pages, 0u);
    EXPECT_LE(info.cached_pages, shares ? info.total_pages : 0);
  }

  struct Totals {
    uint64_t requests = 0, cancelled = 0, preempted = 0, shared = 0, sharedPages = 0, alone = 0;
  } totals;

  void runRound();
  void runRounds(unsigned rounds);
};

void Invariance::runRound() {
  Setup setup = randomSetup();
  test::Session session = open(setup);
  test::Engine engine = create(session, setup),
               aloneEngine = create({.shares = false, .hasTokenizer = setup.hasTokenizer, .windowed = windowed});
  struct Running {
    Ask ask;
    test::Request request;
    Answer answer;
    bool cancelled = false;
  };
  std::deque<Running> all; // requests point into their asks
  size_t wanted = size_t(pick(5, 40)), unfinished = 0;
  int64_t room = std::min<int64_t>(int64_t(setup.pages) * 16, windowed ? babble::WindowLongest : babble::Longest);
  while (all.size() != wanted || unfinished != 0) {
    for (int burst = chance(30) ? pick(1, 6) : 0; burst != 0 && all.size() != wanted; --burst) {
      Ask ask = randomAsk(room);
      test::Request request = submit(engine, ask);
      all.push_back({std::move(ask), std::move(request), {}, false});
    }
    if (!all.empty() && chance(3)) {
      Running &one = all[size_t(pick(0, int(all.size()) - 1))];
      one.answer.poll(one.request);
      one.cancelled |= one.answer.finish == LATHE_FINISH_NONE;
      lathe_request_cancel(one.request.get());
    }
    test::succeed(lathe_engine_step(engine.get(), &unfinished));
    lathe_engine_info info = inspect(engine);
    ASSERT_LE(info.shared_pages, info.used_pages);
    ASSERT_LE(info.used_pages + info.cached_pages, info.total_pages);
    ASSERT_EQ(info.running + info.waiting, unfinished);
    totals.sharedPages += info.shared_pages;
  }
  for (Running &one : all) {
    one.answer.poll(one.request);
    ASSERT_EQ(one.answer.finish == LATHE_FINISH_CANCELLED, one.cancelled);
    expectItsOwnLogits(one.ask, one.answer);
    totals.cancelled += one.cancelled;
    totals.preempted += one.answer.preemptions > 0;
    totals.shared += one.answer.sharedTokens > 0;
    if (one.cancelled)
      continue;
    Answer alone = answer(aloneEngine, one.ask);
    EXPECT_EQ(one.answer.tokens, alone.tokens);
    EXPECT_EQ(one.answer.text, alone.text);
    EXPECT_EQ(one.answer.finish, alone.finish);
    ++totals.alone;
  }
  totals.requests += all.size();
  expectNoPagesUsed(inspect(engine), setup.shares);
  // All of the memory is there for somebody else.
  test::Sequence whole = test::openSequence(session);
  append(session, whole, room);
}

/// `rounds` times a dozen requests and more, which must meet what this is about.
void Invariance::runRounds(unsigned rounds) {
  for (unsigned round = 0; round != rounds && !HasFailure(); ++round) {
    SCOPED_TRACE(testing::Message() << "round " << round);
    random.seed(round);
    runRound();
  }
  EXPECT_GT(totals.requests, rounds * 15);
  EXPECT_GT(totals.alone, rounds * 12);
  EXPECT_GT(totals.cancelled, rounds / 2);
  EXPECT_GT(totals.preempted, rounds / 2);
  EXPECT_GT(totals.shared, rounds * 4);
  EXPECT_GT(totals.sharedPages, rounds * 8);
}

TEST_F(Invariance, OfRequestsAtRandom) { runRounds(300); }

TEST_F(Invariance, WithWindows) {
  windowed = true;
  runRounds(150);
}

} // namespace
