// Encoders on the CPU: images/Encoder.cpp.
#include "test/runtime/TestArtifact.h"

#include <gtest/gtest.h>
#include <vector>

using namespace lathe;
using test::Outcome;

namespace {

class Embedding : public testing::Test {
protected:
  void open(const artifact::ArtifactSource &source) {
    program = test::load(test::writeTemporary(source));
    device = test::cpu();
    session = test::openSession(program, device);
  }
  void SetUp() override { open(test::encoderSource()); }

  /// Everything that the options do not say is filled in from `counts` and `tokens`.
  Outcome embed(lathe_embed_options options = {}) {
    options.struct_size = sizeof(options);
    options.text_count = counts.size();
    options.token_counts = counts.data();
    options.tokens = tokens.data();
    embeddings.assign(counts.size() * 2, -7);
    hidden.assign(tokens.size() * 2, -7);
    options.embeddings = embeddings.data();
    options.embeddings_bytes = embeddings.size() * sizeof(float);
    options.hidden_states = hidden.data();
    options.hidden_states_bytes = hidden.size() * sizeof(float);
    return test::outcome(lathe_session_embed(session.get(), &options));
  }
  Outcome embed(lathe_pooling pooling, bool normalize = false) {
    lathe_embed_options options = {};
    options.pooling = pooling;
    options.normalize = normalize;
    return embed(options);
  }

  test::Program program;
  test::Device device;
  test::Session session;
  std::vector<int32_t> counts = {2, 1, 3}, tokens = {3, 5, 7, 1, 2, 6};
  std::vector<float> embeddings, hidden;
};

TEST_F(Embedding, SaysWhatTheEncoderTakes) {
  const lathe_entry_info *entry = lathe_program_entry(program.get(), 0);
  EXPECT_EQ(entry->kind, LATHE_ENTRY_ENCODER);
  EXPECT_EQ(entry->pooling, LATHE_POOLING_MEAN);
  EXPECT_EQ(entry->max_tokens, 6);
  EXPECT_EQ(lathe_program_output(program.get(), 0, 0)->shape[1], 2);
}

TEST_F(Embedding, PoolsEachTextAsAskedFor) {
  EXPECT_EQ(embed().message, "");
  EXPECT_EQ(hidden, (std::vector<float>{3, 8, 5.125, 8, 7, 7, 1, 9, 2.125, 9, 6.25, 9}));
  EXPECT_EQ(embeddings, (std::vector<float>{4.0625, 8, 7, 7, 3.125, 9}));
  EXPECT_EQ(embed(LATHE_POOLING_CLS).message, "");
  EXPECT_EQ(embeddings, (std::vector<float>{3, 8, 7, 7, 1, 9}));
  EXPECT_EQ(embed(LATHE_POOLING_LAST).message, "");
  EXPECT_EQ(embeddings, (std::vector<float>{5.125, 8, 7, 7, 6.25, 9}));
}

TEST_F(Embedding, PadsCallsThatAreSmallerThanTheModelWants) {
  counts = {1};
  tokens = {4};
  EXPECT_EQ(embed().message, "");
  EXPECT_EQ(embeddings, (std::vector<float>{4, 4}));
  EXPECT_EQ(hidden, (std::vector<float>{4, 4}));
}

TEST_F(Embedding, NormalizesButLeavesZeros) {
  counts = {1, 1};
  tokens = {4, 0};
  EXPECT_EQ(embed(LATHE_POOLING_MODEL, /*normalize=*/true).message, "");
  EXPECT_FLOAT_EQ(embeddings[0], 0.70710678f);
  EXPECT_FLOAT_EQ(embeddings[1], 0.70710678f);
  EXPECT_EQ(embeddings[2], 0);
  EXPECT_EQ(embeddings[3], 0);
}

TEST_F(Embedding, RefusesWhatDoesNotFit) {
  auto expect = [&](const Outcome &found, int code, const std::string &message) {
    EXPECT_EQ(found.code, code);
    EXPECT_EQ(found.message, "lathe_session_embed: " + message);
  };
  counts = {1, 0};
  expect(embed(), LATHE_INVALID_ARGUMENT, "token_counts[1] is 0 but a text has 1 to 6 tokens");
  counts = {7};
  tokens.resize(7);
  expect(embed(), LATHE_INVALID_ARGUMENT, "token_counts[0] is 7 but a text has 1 to 6 tokens");
  counts = {6, 6, 1};
  tokens.assign(13, 1);
  expect(embed(), LATHE_INVALID_ARGUMENT,
         "the texts have 13 tokens but the model was compiled for at most 12; split the batch");
  counts = {1, 1, 1, 1, 1};
  tokens.resize(5);
  expect(embed(), LATHE_INVALID_ARGUMENT, "text_count is 5 but the model was compiled for at most 4; split the batch");
  counts = {};
  expect(embed(), LATHE_INVALID_ARGUMENT, "a call needs texts, their token_counts and tokens");
  counts = {2};
  tokens = {1, 2};
  expect(embed(lathe_pooling(7)), LATHE_INVALID_ARGUMENT, "pooling is 7 but must be one of lathe_pooling");
  EXPECT_EQ(embed().code, 0);
  tokens = {1, 9};
  EXPECT_EQ(embed().code, LATHE_DEVICE_ERROR);

  tokens = {1, 2};
  lathe_embed_options options = {};
  options.struct_size = sizeof(options);
  options.text_count = 1;
  options.token_counts = counts.data();
  options.tokens = tokens.data();
  options.embeddings = embeddings.data();
  options.embeddings_bytes = 7;
  expect(test::outcome(lathe_session_embed(session.get(), &options)), LATHE_INVALID_ARGUMENT,
         "embeddings_bytes is 7 but 1 rows of 2 take 8");
  options.embeddings = nullptr;
  options.hidden_states = hidden.data();
  options.hidden_states_bytes = 15;
  expect(test::outcome(lathe_session_embed(session.get(), &options)), LATHE_INVALID_ARGUMENT,
         "hidden_states_bytes is 15 but 2 rows of 2 take 16");
}

TEST_F(Embedding, NeedsToKnowThePooling) {
  artifact::ArtifactSource source = test::encoderSource();
  source.manifest["entries"][0]["pooling"] = "none";
  open(source);
  EXPECT_EQ(lathe_program_entry(program.get(), 0)->pooling, LATHE_POOLING_MODEL);
  Outcome refused = embed();
  EXPECT_EQ(refused.code, LATHE_UNSUPPORTED);
  EXPECT_EQ(refused.message,
            "lathe_session_embed: the model does not say how texts are pooled; choose mean, cls or last");
  EXPECT_EQ(embed(LATHE_POOLING_CLS).message, "");
}

TEST_F(Embedding, IsForEncodersAlone) {
  lathe_run_options run = {};
  run.struct_size = sizeof(run);
  EXPECT_EQ(test::outcome(lathe_session_run(session.get(), &run)).message,
            "lathe_session_run: no entry is of kind tensor; use lathe_session_embed");
  open(test::toySource());
  EXPECT_EQ(embed().message, "lathe_session_embed: no entry is of kind encoder; use lathe_session_step");
}

} // namespace
