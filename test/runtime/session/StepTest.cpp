// Language model steps on the CPU: the toy model of images/ToyCpu.cpp, whose logits the text alone determines.
#include "test/runtime/ToyReference.h"

#include <gtest/gtest.h>

using namespace lathe;
using test::advance;
using test::Outcome;
using test::someText;
using test::Step;
using test::toyLogits;

namespace {

class StepTest : public testing::Test {
protected:
  test::Program program = test::load(test::writeTemporary(test::toySource()));
  test::Device device = test::cpu(2);
  test::Session session = test::openSession(program, device, 4);

  void expectRefused(Step &step, int code, const std::string &text) {
    Outcome result = step.run(session);
    EXPECT_EQ(result.code, code);
    EXPECT_NE(result.message.find(text), std::string::npos) << result.message;
  }
};

TEST_F(StepTest, PromptThenOneTokenAtATime) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  EXPECT_EQ(advance(session, sequence, text), toyLogits(text));
  for (int32_t token : {3, 1, 4, 1, 5, 0, 2, 6, 5, 3, 5, 1, 0, 3}) {
    text.push_back(token);
    EXPECT_EQ(advance(session, sequence, {token}), toyLogits(text));
  }
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 34);
}

TEST_F(StepTest, ChunksGiveTheSameBits) {
  std::vector<int32_t> text = someText(47);
  for (size_t chunk : {1, 7, 16, 17, 47}) {
    test::Sequence sequence = test::openSequence(session);
    std::vector<float> logits;
    for (size_t i = 0; i < text.size(); i += chunk)
      logits = advance(session, sequence,
                       {text.begin() + int64_t(i), text.begin() + int64_t(std::min(i + chunk, text.size()))});
    EXPECT_EQ(logits, toyLogits(text)) << chunk;
  }
}

TEST_F(StepTest, RaggedBatch) {
  test::Sequence first = test::openSequence(session), second = test::openSequence(session),
                 third = test::openSequence(session);
  std::vector<int32_t> one = someText(17, 1), two = someText(3, 2), three = someText(30, 3);
  advance(session, second, two);
  Step step;
  step.add(first, one);
  step.add(second, {6});
  step.add(third, three);
  EXPECT_EQ(step.run(session).message, "");
  two.push_back(6);
  EXPECT_EQ(step.row(0), toyLogits(one));
  EXPECT_EQ(step.row(1), toyLogits(two));
  EXPECT_EQ(step.row(2), toyLogits(three));
}

TEST_F(StepTest, ChosenRows) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  Step step;
  step.add(sequence, text);
  step.chosenRows = true;
  step.rows = {19, 0, 4};
  EXPECT_EQ(step.run(session).message, "");
  EXPECT_EQ(step.row(0), toyLogits(text));
  EXPECT_EQ(step.row(1), toyLogits({text[0]}));
  EXPECT_EQ(step.row(2), toyLogits({text.begin(), text.begin() + 5}));
}

TEST_F(StepTest, NoRowsAreWanted) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, someText(5));
  step.chosenRows = true; // the entry's smallest number of rows is 1: the runtime pads
  EXPECT_EQ(step.run(session).message, "");
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 5);
}

TEST_F(StepTest, GivenPositions) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, {2, 2});
  step.positions = {8, 4};
  EXPECT_EQ(step.run(session).message, "");
  EXPECT_EQ(step.row(0)[0], (2 + 8 * 0.25f) + 2 * (2 + 4 * 0.25f));
}

TEST_F(StepTest, ReservedFieldsAreRefused) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, {1});
  lathe_tensor tensor = {};
  int32_t number = 0;
  uint32_t word = 0;
  float logProbability = 0;
  lathe_sampler sampler = {};
  auto refused = [&](auto set, const char *name) {
    lathe_step_options options = step.options();
    set(options);
    Outcome result = test::outcome(lathe_session_step(session.get(), &options));
    EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
    EXPECT_EQ(result.message, "lathe_session_step: '" + std::string(name) +
                                  "' is set but entry 'forward' was compiled without it; leave it NULL");
  };
  refused([&](lathe_step_options &options) { options.embeddings = &tensor; }, "embeddings");
  refused([&](lathe_step_options &options) { options.hidden_states = &tensor; }, "hidden_states");
  refused([&](lathe_step_options &options) { options.tree_parents = &number; }, "tree_parents");
  refused([&](lathe_step_options &options) { options.adapters = &number; }, "adapters");
  refused([&](lathe_step_options &options) { options.logit_mask = &word; }, "logit_mask");
  refused([&](lathe_step_options &options) { options.samplers = &sampler; }, "samplers");
  refused([&](lathe_step_options &options) { options.sampled_tokens = &number; }, "sampled_tokens");
  refused([&](lathe_step_options &options) { options.sampled_log_probabilities = &logProbability; },
          "sampled_log_probabilities");
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 0);
}

TEST_F(StepTest, BadTokensCountsAndRows) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  expectRefused(step, LATHE_INVALID_ARGUMENT, "a step needs sequences and tokens");
  step.add(sequence, {1, 8});
  expectRefused(step, LATHE_INVALID_ARGUMENT, "tokens[1] is 8 but the vocabulary has 8");
  step.tokens[1] = -1;
  expectRefused(step, LATHE_INVALID_ARGUMENT, "tokens[1] is -1");
  step.counts[0] = 0;
  expectRefused(step, LATHE_INVALID_ARGUMENT, "token_counts[0] is 0 but must be at least 1");
  step = Step();
  step.add(sequence, someText(2));
  step.chosenRows = true;
  step.rows = {2};
  expectRefused(step, LATHE_INVALID_ARGUMENT, "rows[0] is 2 but the step has 2 tokens");
  step.rows.assign(65, 0);
  expectRefused(step, LATHE_INVALID_ARGUMENT,
                "the step has 65 rows but the model was compiled for at most 64; split it");
  lathe_step_options options = step.options();
  options.row_count = 1;
  options.logits_bytes = 31;
  EXPECT_NE(test::outcome(lathe_session_step(session.get(), &options)).message.find("logits_bytes is 31 but 1 rows"),
            std::string::npos);
}

TEST_F(StepTest, TooManyTokens) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, someText(65));
  expectRefused(step, LATHE_INVALID_ARGUMENT, "the step has 65 tokens but the model was compiled for at most 64");
  advance(session, sequence, someText(64));
  step = Step();
  step.add(sequence, someText(33));
  expectRefused(step, LATHE_INVALID_ARGUMENT,
                "sequences[0] would have 97 tokens but the model was compiled for at most 96");
}

TEST_F(StepTest, WrongSequences) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, {1});
  step.add(sequence, {1});
  expectRefused(step, LATHE_INVALID_ARGUMENT, "sequences[1] is there twice");
  test::Session other = test::openSession(program, device);
  test::Sequence stranger = test::openSequence(other);
  step = Step();
  step.add(stranger, {1});
  expectRefused(step, LATHE_INVALID_ARGUMENT, "sequences[0] is not a sequence of this session");
}

TEST_F(StepTest, FailureInTheMiddleChangesNothing) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(10);
  advance(session, sequence, text);
  Step step;
  step.add(sequence, {1, 2, 7, 3, 1, 1, 1}); // token 7 makes the kernel fail, in a page of its own
  expectRefused(step, LATHE_DEVICE_ERROR, "entry 'forward' stopped with code 9");
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 10);
  text.push_back(4);
  EXPECT_EQ(advance(session, sequence, {4}), toyLogits(text));
}

TEST(StepTogether, StepOnATensorProgramAndRunOnAModel) {
  test::Program program = test::load(test::writeTemporary(test::toySource()));
  test::Session session = test::openSession(program, test::cpu(1));
  lathe_run_options options = {};
  options.struct_size = sizeof(options);
  EXPECT_EQ(test::outcome(lathe_session_run(session.get(), &options)).message,
            "lathe_session_run: no entry is of kind tensor; use lathe_session_step");
}

} // namespace
