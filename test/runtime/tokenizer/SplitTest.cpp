// Text is split before byte pairs as the library tokenizers splits it by the patterns of the models' own files.
#include "runtime/Failure.h"
#include "runtime/tokenizer/PreTokenizer.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <set>

using namespace lathe::runtime;

namespace {

std::vector<std::string_view> split(const char *name, std::string_view text) {
  std::vector<std::string_view> pieces;
  PreTokenizer(*findSplitRule(name)).split(text, pieces);
  return pieces;
}

TEST(PreTokenizer, SplitsAsTheModelsDo) {
  auto expected = nlohmann::json::parse(std::ifstream(VOCABULARIES "splits.json"));
  std::vector<std::string> texts = expected["texts"];
  expected.erase("texts");
  EXPECT_EQ(expected.size() + 1, splitRules().size()) << "glm4 splits as llama-bpe does";
  for (auto &[name, splits] : expected.items())
    for (size_t i = 0; i != texts.size(); ++i) {
      std::vector<size_t> sizes;
      for (std::string_view piece : split(name.c_str(), texts[i]))
        sizes.push_back(piece.size());
      EXPECT_EQ(sizes, splits[i].get<std::vector<size_t>>()) << name << ": " << texts[i];
    }
}

TEST(PreTokenizer, KnowsEveryNameOnce) {
  std::set<std::string_view> names;
  for (const SplitRule &rule : splitRules()) {
    PreTokenizer compiled(rule);
    for (std::string_view name : rule.names) {
      EXPECT_TRUE(names.insert(name).second) << name;
      EXPECT_EQ(findSplitRule(name), &rule);
    }
  }
  for (const char *name : {"llama-bpe", "gpt-2", "qwen2", "deepseek-coder", "deepseek-llm", "deepseek-v3", "falcon",
                           "starcoder", "refact", "command-r", "smollm", "gpt-4o", "tekken", "stablelm2", "olmo",
                           "dbrx", "glm4", "chatglm-bpe", "granite-docling"})
    EXPECT_TRUE(names.count(name)) << name;
  EXPECT_EQ(findSplitRule("none"), nullptr);
}

// A pattern that looks at the rest of the text from each place would take minutes for each of these, or give up.
TEST(PreTokenizer, TakesLongRuns) {
  size_t length = 100'000;
  for (const SplitRule &rule : splitRules()) {
    PreTokenizer splitter(rule);
    for (const char *unit : {"a", "A", "1", " ", "\n", "!", "中", " \n", "aB", "\u0301", "'"}) {
      std::string text;
      while (text.size() < length)
        text += unit;
      for (const char *end : {"", "x1"}) {
        std::vector<std::string_view> pieces;
        std::string ended = text + end;
        splitter.split(ended, pieces);
        size_t sum = 0;
        for (std::string_view piece : pieces)
          sum += piece.size();
        ASSERT_EQ(sum, ended.size()) << rule.names[0] << " " << unit;
      }
    }
  }
}

} // namespace
