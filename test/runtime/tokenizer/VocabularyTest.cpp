// Texts have the ids that other libraries give them: sentencepiece and tokenizers for the small vocabularies of this
// folder (vocabularies.py), those of the models' authors for real ones.
#include "test/runtime/tokenizer/TestTokenizer.h"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>

using namespace lathe::test;

namespace {

class OwnVocabulary : public testing::TestWithParam<const char *> {};

TEST_P(OwnVocabulary, HasTheIdsOfItsLibrary) {
  auto expected = nlohmann::json::parse(std::ifstream(VOCABULARIES "expected.json"));
  Tokenizer tokenizer = loadTokenizer(VOCABULARIES + std::string(GetParam()) + ".gguf");
  ASSERT_EQ(expected["texts"].size(), expected[GetParam()].size());
  for (size_t i = 0; i != expected["texts"].size(); ++i) {
    std::string text = expected["texts"][i];
    EXPECT_EQ(encode(tokenizer, text), expected[GetParam()][i].get<std::vector<int32_t>>()) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, OwnVocabulary,
                         testing::Values("byte_pair", "sentence_piece", "unigram", "word_piece"),
                         [](const auto &info) { return std::string(info.param); });

std::string readText(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> splitAt(const std::string &text, const std::string &separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (size_t end; (end = text.find(separator, begin)) != std::string::npos; begin = end + separator.size())
    parts.push_back(text.substr(begin, end - begin));
  parts.push_back(text.substr(begin));
  return parts;
}

class RealVocabulary : public testing::TestWithParam<const char *> {};

TEST_P(RealVocabulary, HasTheIdsOfItsAuthors) {
  if (!std::filesystem::exists(SHARED_VOCABULARIES))
    GTEST_SKIP() << "the folder " SHARED_VOCABULARIES " is absent";
  std::string path = SHARED_VOCABULARIES "ggml-vocab-" + std::string(GetParam()) + ".gguf";
  Tokenizer tokenizer = loadTokenizer(path);
  std::vector<std::string> texts = splitAt(readText(path + ".inp"), "\n__ggml_vocab_test__\n");
  std::vector<std::string> lines = splitAt(readText(path + ".out"), "\n");
  ASSERT_GT(texts.size(), 40u);
  ASSERT_GE(lines.size(), texts.size());
  for (size_t i = 0; i != texts.size(); ++i) {
    std::istringstream numbers(lines[i]);
    std::vector<int32_t> wanted{std::istream_iterator<int32_t>(numbers), {}}, found = encode(tokenizer, texts[i]);
    EXPECT_EQ(found, wanted) << texts[i];
    if (std::string(GetParam()) != "bert-bge") { // which forgets cases, accents and spaces
      EXPECT_EQ(decode(tokenizer, found), texts[i]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tokenizer, RealVocabulary,
                         testing::Values("bert-bge", "deepseek-coder", "falcon", "gpt-2", "llama-bpe.rebuilt",
                                         "llama-spm", "phi-3"),
                         [](const auto &info) {
                           std::string name = info.param;
                           std::replace_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

} // namespace
