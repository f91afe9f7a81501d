// Pages of layers that see a window of tokens: given back behind it, found again with it.
#include "test/runtime/engine/EngineFixture.h"

#include <numeric>

using namespace lathe;
using test::Answer;
using test::Ask;
using test::babbleLogits;

namespace {

class Windows : public test::EngineTest {
protected:
  static std::vector<int32_t> text(size_t count, int32_t first = 8) {
    std::vector<int32_t> tokens(count, 20);
    std::iota(tokens.begin(), tokens.end(), first);
    for (int32_t &token : tokens)
      token %= 380;
    return tokens;
  }

  /// The logits behind the sequence when it has got `tokens`, in steps of at most 64.
  static std::vector<float> advance(const test::Session &session, const test::Sequence &sequence,
                                    const std::vector<int32_t> &tokens) {
    std::vector<float> logits(static_cast<size_t>(babble::Vocabulary));
    lathe_sequence *handle = sequence.get();
    for (size_t at = 0; at < tokens.size(); at += 64) {
      int32_t count = int32_t(std::min<size_t>(tokens.size() - at, 64));
      lathe_step_options step{};
      step.struct_size = sizeof(step);
      step.sequence_count = 1;
      step.sequences = &handle;
      step.token_counts = &count;
      step.tokens = tokens.data() + at;
      step.logits = logits.data();
      step.logits_bytes = logits.size() * sizeof(float);
      test::succeed(lathe_session_step(session.get(), &step));
    }
    return logits;
  }
};

TEST_F(Windows, PagesBehindAreGivenBack) {
  Setup setup{.windowed = true};
  test::Session session = open(setup);
  test::Engine engine = create(session, setup);
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> all = text(600);
  EXPECT_EQ(advance(session, sequence, all), babbleLogits(all, true));
  // 38 pages of the first layer, and of the second the two that 24 tokens are in, and one more.
  EXPECT_EQ(inspect(engine).used_pages, 38u + 3);
  for (int32_t i = 0; i != 40; ++i) {
    all.push_back(i);
    EXPECT_EQ(advance(session, sequence, {i}), babbleLogits(all, true));
    EXPECT_LE(inspect(engine).used_pages, 40u + 4);
  }
  sequence.reset();
  EXPECT_EQ(inspect(engine).used_pages, 0u);
}

TEST_F(Windows, TheirPoolIsSmaller) {
  // Of one sequence the second layer never has more than 9 pages: a window, what is not given back at once and a step.
  Setup setup{.sequences = 1, .pages = 40, .windowed = true};
  EXPECT_EQ(inspect(create(setup)).total_pages, 40u + 9);
  setup.pages = 20; // 40 pages for both: 31 and 9
  EXPECT_EQ(inspect(create(setup)).total_pages, 31u + 9);
  EXPECT_EQ(inspect(create(setup)).total_bytes, 40u * babble::PageBytes);
  Ask ask(text(480), 17); // 31 pages
  EXPECT_EQ(answer(create(setup), ask).tokens.size(), 17u);
  ask.options.max_tokens = 18;
  EXPECT_EQ(refusal(create(setup), ask).message,
            "lathe_engine_submit: a prompt of 480 and 18 tokens to write need 32 pages, which are 2624 bytes, but the "
            "session has 31 pages, which are 2560 bytes; ask for less or raise kv_cache_bytes");
}

TEST_F(Windows, AFewTokensCanBeTakenBack) {
  test::Session session = open({.windowed = true});
  std::vector<int32_t> all = text(200);
  for (int64_t back : {1, 7, 16}) {
    for (size_t length : {150, 160, 161, 175}) {
      test::Sequence sequence = test::openSequence(session);
      std::vector<int32_t> some(all.begin(), all.begin() + int64_t(length));
      advance(session, sequence, some);
      some.resize(length - size_t(back));
      test::succeed(lathe_sequence_truncate(sequence.get(), int64_t(some.size())));
      some.push_back(5);
      EXPECT_EQ(advance(session, sequence, {5}), babbleLogits(some, true));
    }
  }
  test::Sequence sequence = test::openSequence(session);
  advance(session, sequence, all);
  EXPECT_EQ(
      test::outcome(lathe_sequence_truncate(sequence.get(), 100)).message,
      "lathe_sequence_truncate: length is 100 of 200 but what layers with a window see there was given back; take "
      "back at most 16 tokens, or all");
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 200);
  test::succeed(lathe_sequence_truncate(sequence.get(), 0));
  EXPECT_EQ(advance(session, sequence, all), babbleLogits(all, true));
}

TEST_F(Windows, ForksGoOnByThemselves) {
  test::Session session = open({.windowed = true});
  test::Sequence first = test::openSequence(session);
  std::vector<int32_t> all = text(100), other = all;
  advance(session, first, all);
  lathe_sequence *forked = nullptr;
  test::succeed(lathe_sequence_fork(first.get(), &forked));
  test::Sequence second(forked);
  all.push_back(3);
  other.push_back(4);
  EXPECT_EQ(advance(session, first, {3}), babbleLogits(all, true));
  EXPECT_EQ(advance(session, second, {4}), babbleLogits(other, true));
}

TEST_F(Windows, BeginningsAreFoundWithWhatTheWindowSees) {
  Setup setup{.windowed = true};
  test::Engine engine = create(setup);
  Ask first(text(200), 2), second(text(200), 2);
  second.prompt[199] = 5;
  answer(engine, first);
  EXPECT_EQ(answer(engine, second).sharedTokens, 192);
  // In a pool of which only the last pages of the second layer are left, an earlier beginning is not found.
  setup.sequences = 1;
  setup.pages = 20;
  engine = create(setup);
  Ask large(text(300), 2), early(text(300), 2), late(text(300), 2);
  early.prompt[100] = late.prompt[299] = 5;
  answer(engine, large);
  EXPECT_EQ(answer(engine, late).sharedTokens, 288);
  EXPECT_EQ(answer(engine, early).sharedTokens, 0);
}

} // namespace
