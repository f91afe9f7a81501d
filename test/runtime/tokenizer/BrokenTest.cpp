// Metadata that is wrong is refused with the key, what was found and what is needed.
#include "test/runtime/tokenizer/TestTokenizer.h"

#include <cmath>

using namespace lathe;
using namespace lathe::test;
using gguf::ValueType;

namespace {

TEST(BrokenTokenizer, FilesThatAreNone) {
  lathe_tokenizer *tokenizer = nullptr;
  Outcome missing = outcome(lathe_tokenizer_load("/nowhere", &tokenizer));
  EXPECT_EQ(missing.code, LATHE_NOT_FOUND);
  EXPECT_EQ(missing.message, "lathe_tokenizer_load: /nowhere: cannot open: No such file or directory");
  std::string path = writeTemporary("text");
  Outcome other = outcome(lathe_tokenizer_load(path.c_str(), &tokenizer));
  EXPECT_EQ(other.code, LATHE_CORRUPT);
  EXPECT_EQ(other.message, "lathe_tokenizer_load: " + path + ": is neither a GGUF file nor an artifact of lathec");
  path = writeTemporary("GGUF");
  EXPECT_EQ(outcome(lathe_tokenizer_load(path.c_str(), &tokenizer)).message,
            "lathe_tokenizer_load: " + path +
                ": byte 4: version needs 4 bytes but the file has 0 left; the file is cut short");
}

TEST(BrokenTokenizer, Model) {
  Entries entries("byte_pair");
  entries.setText("tokenizer.ggml.model", "rwkv");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.model' is 'rwkv', supported are gpt2, llama, bert and t5");
  entries.setNumber("tokenizer.ggml.model", 1);
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.model' is of type u32, a string is needed");
  entries.remove("tokenizer.ggml.model");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.model' is missing; this file has no tokenizer");
}

TEST(BrokenTokenizer, PreTokenizer) {
  Entries entries("byte_pair");
  entries.setText("tokenizer.ggml.pre", "gpt-17");
  std::string text = entries.failure(), start = "'tokenizer.ggml.pre' is 'gpt-17', supported are default, gpt-2, ";
  EXPECT_EQ(text.substr(0, start.size()), start);
}

TEST(BrokenTokenizer, Tokens) {
  Entries entries("byte_pair");
  entries.setNumbers<uint32_t>("tokenizer.ggml.tokens", ValueType::U32, {1, 2});
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.tokens' is of type array of u32, an array of strings is needed");
  entries.setTexts("tokenizer.ggml.tokens", {});
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.tokens' has 0 elements, 1 to 2^31-1 are needed");
  entries.remove("tokenizer.ggml.tokens");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.tokens' is missing, an array of strings is needed");
}

TEST(BrokenTokenizer, TypesAndScores) {
  Entries entries("sentence_piece");
  std::vector<int32_t> types(entries.texts("tokenizer.ggml.tokens").size(), 1);
  types[5] = 7;
  entries.setNumbers("tokenizer.ggml.token_type", ValueType::I32, types);
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.token_type' has 7.000000 for token 5, a type from 0 to 6 is needed");
  entries.setNumbers<int32_t>("tokenizer.ggml.token_type", ValueType::I32, {1, 1});
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.token_type' has 2 elements but there are 440 tokens");
  entries.setText("tokenizer.ggml.token_type", "normal");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.token_type' is of type string, an array of numbers is needed");

  Entries scored("sentence_piece");
  scored.setNumbers("tokenizer.ggml.scores", ValueType::F32, std::vector<float>(440, NAN));
  EXPECT_EQ(scored.failure(), "'tokenizer.ggml.scores' is not a number for token 0");
  scored.remove("tokenizer.ggml.scores");
  EXPECT_EQ(scored.failure(), "'tokenizer.ggml.scores' is missing, an array of numbers is needed");
}

TEST(BrokenTokenizer, Merges) {
  Entries entries("byte_pair");
  entries.setTexts("tokenizer.ggml.merges", {"a b", "ab"});
  EXPECT_EQ(entries.failure(),
            "'tokenizer.ggml.merges' has 'ab' as element 1, two strings with a space between them are needed");
  entries.remove("tokenizer.ggml.merges");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.merges' is missing, an array of strings is needed");
}

TEST(BrokenTokenizer, SpecialTokens) {
  Entries entries("byte_pair");
  entries.setNumber("tokenizer.ggml.bos_token_id", 383);
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.bos_token_id' is 383 but there are 383 tokens");
  entries.remove("tokenizer.ggml.bos_token_id");
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.add_bos_token' is true but there is no 'tokenizer.ggml.bos_token_id'");
  entries.setNumber("tokenizer.ggml.add_bos_token", 1);
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.add_bos_token' is of type u32, a bool is needed");
}

TEST(BrokenTokenizer, Charsmap) {
  Entries entries("unigram");
  entries.setNumbers<uint8_t>("tokenizer.ggml.precompiled_charsmap", ValueType::U8, {1, 2});
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.precompiled_charsmap' has 2 bytes, at least 4 are needed");
  entries.setNumbers<uint8_t>("tokenizer.ggml.precompiled_charsmap", ValueType::U8, {8, 0, 0, 0, 1, 2, 3, 4});
  EXPECT_EQ(entries.failure(), "'tokenizer.ggml.precompiled_charsmap' says that its tree has 8 bytes, a multiple of 4 "
                               "up to the 4 that follow is needed");
  entries.setNumbers<uint32_t>("tokenizer.ggml.precompiled_charsmap", ValueType::U32, {4, 4});
  EXPECT_EQ(entries.failure(),
            "'tokenizer.ggml.precompiled_charsmap' is of type array of u32, an array of u8 is needed");
}

// A tree that leads out of itself ends there.
TEST(BrokenTokenizer, CharsmapThatLeadsNowhere) {
  Entries entries("unigram");
  std::vector<uint8_t> bytes = {8, 0, 0, 0};
  for (int i = 0; i != 8; ++i)
    bytes.push_back(0xFF);
  entries.setNumbers("tokenizer.ggml.precompiled_charsmap", ValueType::U8, bytes);
  EXPECT_FALSE(encode(loadTokenizer(entries.write()), "the text").empty());
}

TEST(BrokenTokenizer, ArtifactWithout) {
  std::string path = writeTemporary(scaleSource());
  lathe_tokenizer *tokenizer = nullptr;
  Outcome found = outcome(lathe_tokenizer_load(path.c_str(), &tokenizer));
  EXPECT_EQ(found.code, LATHE_UNSUPPORTED);
  EXPECT_EQ(found.message, "lathe_tokenizer_load: " + path +
                               ": the artifact has no tokenizer; compile it from a GGUF file that has one");
  EXPECT_EQ(outcome(lathe_tokenizer_create(load(path).get(), &tokenizer)).code, LATHE_UNSUPPORTED);
}

TEST(BrokenTokenizer, SectionThatIsNoGguf) {
  artifact::ArtifactSource source = scaleSource();
  source.sections.push_back({runtime::SectionKind::Tokenizer, "tokenizer", "{}"});
  std::string path = writeTemporary(source);
  lathe_tokenizer *tokenizer = nullptr;
  Outcome found = outcome(lathe_tokenizer_load(path.c_str(), &tokenizer));
  EXPECT_EQ(found.code, LATHE_CORRUPT);
  EXPECT_EQ(found.message, "lathe_tokenizer_load: " + path +
                               ": tokenizer: byte 0: magic needs 4 bytes but the file has 2 left; the file is cut "
                               "short");
}

} // namespace
