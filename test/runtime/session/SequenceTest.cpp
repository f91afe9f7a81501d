// Pages: exhaustion, return, truncation, sharing.
#include "test/runtime/ToyReference.h"

#include <gtest/gtest.h>

using namespace lathe;
using test::advance;
using test::Outcome;
using test::someText;
using test::Step;
using test::toyLogits;

namespace {

constexpr uint64_t PageBytes = 64;

class Sequences : public testing::Test {
protected:
  test::Program program = test::load(test::writeTemporary(test::toySource()));
  test::Device device = test::cpu(1);

  static test::Sequence fork(const test::Sequence &sequence) {
    lathe_sequence *copy = nullptr;
    test::succeed(lathe_sequence_fork(sequence.get(), &copy));
    return test::Sequence(copy);
  }
  /// The message of a step of `count` tokens that must fail for want of pages.
  static std::string exhausted(const test::Session &session, const test::Sequence &sequence, size_t count) {
    Step step;
    step.add(sequence, someText(count));
    Outcome result = step.run(session);
    EXPECT_EQ(result.code, LATHE_OUT_OF_MEMORY);
    return result.message;
  }
};

TEST_F(Sequences, PoolTooSmallForItsSequences) {
  lathe_session_options options = {sizeof(options), 3 * PageBytes, 4, 0, 0, nullptr};
  lathe_session *session = nullptr;
  EXPECT_EQ(test::outcome(lathe_session_create(program.get(), device.get(), &options, &session)).message,
            "lathe_session_create: kv_cache_bytes is 192 but 4 sequences need 256; raise it or lower max_sequences");
  EXPECT_EQ(session, nullptr);
}

TEST_F(Sequences, NegativeMaxSequences) {
  lathe_session_options options = {sizeof(options), 0, -1, 0, 0, nullptr};
  lathe_session *session = nullptr;
  EXPECT_EQ(test::outcome(lathe_session_create(program.get(), device.get(), &options, &session)).code,
            LATHE_INVALID_ARGUMENT);
}

TEST_F(Sequences, TextsOfAtMostSoManyTokens) {
  lathe_session_options options = {sizeof(options), 0, 2, 0, 20, nullptr};
  lathe_session *created = nullptr;
  test::succeed(lathe_session_create(program.get(), device.get(), &options, &created));
  test::Session session(created);
  lathe_memory_info memory = {};
  memory.struct_size = sizeof(memory);
  test::succeed(lathe_session_memory(session.get(), &memory));
  EXPECT_EQ(memory.state_bytes, 4 * PageBytes); // two pages for each of two
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, someText(33));
  EXPECT_EQ(step.run(session).message,
            "lathe_session_step: sequences[0] would have 33 tokens but the session is for at "
            "most 32; raise max_text_tokens");
  EXPECT_EQ(advance(session, sequence, someText(32)), toyLogits(someText(32)));
  options.max_text_tokens = INT64_MAX; // more than the model was compiled for: what it was
  test::succeed(lathe_session_create(program.get(), device.get(), &options, &created));
  EXPECT_TRUE(test::Session(created));
  options.max_text_tokens = -1;
  EXPECT_EQ(test::outcome(lathe_session_create(program.get(), device.get(), &options, &created)).message,
            "lathe_session_create: max_text_tokens is -1 but must be at least 0");
}

TEST_F(Sequences, MoreThanMaxSequences) {
  test::Session session = test::openSession(program, device, 1);
  test::Sequence sequence = test::openSequence(session);
  lathe_sequence *second = nullptr;
  EXPECT_EQ(test::outcome(lathe_sequence_create(session.get(), &second)).message,
            "lathe_sequence_create: max_sequences is 1 and as many are alive; release one or raise it");
  sequence.reset();
  EXPECT_TRUE(test::openSequence(session));
}

TEST_F(Sequences, ExhaustionLeavesEverythingAsItWas) {
  test::Session session = test::openSession(program, device, 2, 4 * PageBytes);
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  std::vector<int32_t> text = someText(40);
  advance(session, first, text); // three pages
  EXPECT_EQ(exhausted(session, second, 17),
            "lathe_session_step: the step needs 2 pages but 1 of 4 are free; release or truncate sequences, or raise "
            "kv_cache_bytes");
  EXPECT_EQ(advance(session, second, {5}), toyLogits({5}));
  text.push_back(2);
  EXPECT_EQ(advance(session, first, {2}), toyLogits(text));
}

TEST_F(Sequences, ReleaseAndTruncateGivePagesBack) {
  test::Session session = test::openSession(program, device, 2, 4 * PageBytes);
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  std::vector<int32_t> text = someText(64);
  advance(session, first, text);
  exhausted(session, second, 1);
  test::succeed(lathe_sequence_truncate(first.get(), 33)); // three of four pages
  EXPECT_EQ(advance(session, second, {5}), toyLogits({5}));
  second.reset();
  second = test::openSequence(session);
  EXPECT_EQ(advance(session, second, someText(16, 4)), toyLogits(someText(16, 4)));
  text.resize(33);
  text.push_back(6);
  EXPECT_EQ(advance(session, first, {6}), toyLogits(text));
}

TEST_F(Sequences, TruncateOutOfRange) {
  test::Session session = test::openSession(program, device);
  test::Sequence sequence = test::openSequence(session);
  advance(session, sequence, {1, 2});
  EXPECT_EQ(test::outcome(lathe_sequence_truncate(sequence.get(), 3)).message,
            "lathe_sequence_truncate: length is 3 but the sequence has 2 tokens");
  EXPECT_EQ(test::outcome(lathe_sequence_truncate(sequence.get(), -1)).code, LATHE_INVALID_ARGUMENT);
}

TEST_F(Sequences, ForksShareUntilTheyWrite) {
  test::Session session = test::openSession(program, device, 3, 6 * PageBytes);
  test::Sequence first = test::openSequence(session);
  std::vector<int32_t> text = someText(40);
  advance(session, first, text);
  test::Sequence second = fork(first), third = fork(first);
  auto continued = [&](int32_t token) {
    std::vector<int32_t> longer = text;
    longer.push_back(token);
    return toyLogits(longer);
  };
  Step step; // three pages for three texts of three pages each: the first two stay shared
  step.add(first, {1});
  step.add(second, {2});
  step.add(third, {3});
  EXPECT_EQ(step.run(session).message, "");
  EXPECT_EQ(step.row(0), continued(1));
  EXPECT_EQ(step.row(1), continued(2));
  EXPECT_EQ(step.row(2), continued(3));
  first.reset();
  second.reset();
  EXPECT_EQ(lathe_sequence_length(third.get()), 41);
  text.insert(text.end(), {3, 4});
  EXPECT_EQ(advance(session, third, {4}), toyLogits(text));
}

TEST_F(Sequences, TruncatedForkDoesNotWriteIntoTheOther) {
  test::Session session = test::openSession(program, device, 2);
  test::Sequence first = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  advance(session, first, text);
  test::Sequence second = fork(first);
  test::succeed(lathe_sequence_truncate(second.get(), 5));
  EXPECT_EQ(advance(session, second, {6}), toyLogits({text[0], text[1], text[2], text[3], text[4], 6}));
  text.push_back(1);
  EXPECT_EQ(advance(session, first, {1}), toyLogits(text));
}

TEST_F(Sequences, KeepsItsSessionAlive) {
  test::Session session = test::openSession(program, device);
  test::Sequence sequence = test::openSequence(session);
  session.reset();
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 0);
}

} // namespace
