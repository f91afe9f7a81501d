// Tokens turn back into the text that they are from, whatever it is, at once and piece by piece.
#include "runtime/tokenizer/Utf8.h"
#include "test/runtime/tokenizer/TestTokenizer.h"

#include <filesystem>
#include <numeric>
#include <random>

using namespace lathe::test;
using lathe::runtime::appendCharacter;
using lathe::runtime::readCharacter;

namespace {

bool isUtf8(std::string_view text) {
  while (!text.empty()) {
    auto character = readCharacter(text);
    if (!character.isValid)
      return false;
    text.remove_prefix(character.bytes);
  }
  return true;
}

/// Characters of all of Unicode, small ones more often; without the mark that stands for a space in SentencePiece.
std::string randomText(std::mt19937 &engine) {
  static constexpr uint32_t Limits[] = {0x80, 0x80, 0x250, 0x3000, 0x10000, 0x110000};
  std::string text;
  for (size_t left = engine() % 40; left != 0; --left) {
    uint32_t code = engine() % Limits[engine() % std::size(Limits)];
    if (engine() % 4 == 0)
      code = ' ';
    if ((code < 0xD800 || code > 0xDFFF) && code != 0x2581)
      appendCharacter(text, code);
  }
  return text;
}

std::string randomBytes(std::mt19937 &engine) {
  std::string text(engine() % 40, '\0');
  for (char &byte : text)
    byte = char(engine() % 3 ? engine() : 0xE0 + engine() % 0x20);
  return text;
}

/// Vocabularies that have a token for each byte; `onlyText`: for each byte of UTF-8.
std::vector<std::string> lossless(bool onlyText) {
  std::vector<std::string> paths = {VOCABULARIES "byte_pair.gguf", VOCABULARIES "sentence_piece.gguf"};
  std::vector<const char *> names = {"gpt-2", "llama-spm", "phi-3"};
  if (onlyText)
    names.push_back("deepseek-coder");
  for (const char *name : names)
    if (std::string path = SHARED_VOCABULARIES "ggml-vocab-" + std::string(name) + ".gguf";
        std::filesystem::exists(path))
      paths.push_back(path);
  return paths;
}

TEST(TokenizerRoundTrip, RandomText) {
  for (const std::string &path : lossless(/*onlyText=*/true)) {
    Tokenizer tokenizer = loadTokenizer(path);
    std::mt19937 engine(1);
    for (int i = 0; i != 1000; ++i) {
      std::string text = randomText(engine);
      std::vector<int32_t> ids = encode(tokenizer, text);
      ASSERT_EQ(decode(tokenizer, ids), text) << path;
      std::vector<std::string> shown = stream(tokenizer, ids);
      EXPECT_TRUE(std::all_of(shown.begin(), shown.end(), isUtf8)) << path;
      EXPECT_EQ(std::accumulate(shown.begin(), shown.end(), std::string()), text) << path;
    }
  }
}

TEST(TokenizerRoundTrip, BytesThatAreNoText) {
  for (const std::string &path : lossless(/*onlyText=*/false)) {
    Tokenizer tokenizer = loadTokenizer(path);
    std::mt19937 engine(2);
    for (int i = 0; i != 1000; ++i) {
      std::string text = randomBytes(engine);
      std::vector<int32_t> ids = encode(tokenizer, text);
      ASSERT_EQ(decode(tokenizer, ids), text) << path;
      std::vector<std::string> shown = stream(tokenizer, ids);
      EXPECT_TRUE(std::all_of(shown.begin(), shown.end(), isUtf8)) << path;
    }
  }
}

// The vocabulary forgets something of such a text, but must come through it.
TEST(TokenizerRoundTrip, AnythingGoesThroughTheOthers) {
  for (const char *name : {"unigram", "word_piece"}) {
    Tokenizer tokenizer = loadTokenizer(VOCABULARIES + std::string(name) + ".gguf");
    std::mt19937 engine(3);
    for (int i = 0; i != 1000; ++i)
      for (const std::string &text : {randomText(engine), randomBytes(engine)})
        EXPECT_TRUE(isUtf8(decode(tokenizer, encode(tokenizer, text, {true, true})))) << name;
    EXPECT_EQ(decode(tokenizer, encode(tokenizer, "the model")), "the model") << name;
  }
}

// Anything quadratic would take hours for these.
TEST(TokenizerRoundTrip, WordsOfAMegabyte) {
  for (const char *name : {"byte_pair", "sentence_piece", "unigram", "word_piece"})
    for (const std::string unit : {"a", "the", " ", "\xFF", "中"}) {
      Tokenizer tokenizer = loadTokenizer(VOCABULARIES + std::string(name) + ".gguf");
      std::string text;
      while (text.size() < 1 << 20)
        text += unit;
      std::vector<int32_t> ids = encode(tokenizer, text);
      if (name == std::string("byte_pair") || name == std::string("sentence_piece")) {
        EXPECT_TRUE(decode(tokenizer, ids) == text) << name << " " << unit;
      } else {
        EXPECT_LE(ids.size(), text.size()) << name << " " << unit;
      }
    }
}

TEST(TokenizerStream, HoldsBackHalfACharacter) {
  Tokenizer tokenizer = loadTokenizer(VOCABULARIES "byte_pair.gguf");
  std::vector<int32_t> ids = encode(tokenizer, "\U0001F680!");
  ASSERT_EQ(ids.size(), 5u) << "four bytes of which no two are a token, and one";
  EXPECT_EQ(stream(tokenizer, ids), (std::vector<std::string>{"", "", "", "\U0001F680", "!", ""}));
  ids.resize(3);
  EXPECT_EQ(stream(tokenizer, ids), (std::vector<std::string>{"", "", "", "\uFFFD"}));
  ids.push_back(encode(tokenizer, "!")[0]);
  EXPECT_EQ(stream(tokenizer, ids), (std::vector<std::string>{"", "", "", "\uFFFD!", ""}));
}

TEST(TokenizerStream, KeepsTheSpaceOfATextThatGoesOn) {
  Tokenizer tokenizer = loadTokenizer(VOCABULARIES "sentence_piece.gguf");
  std::vector<int32_t> ids = encode(tokenizer, "the");
  EXPECT_EQ(decode(tokenizer, ids), "the");
  EXPECT_EQ(decode(tokenizer, ids, {.goesOn = true}), " the");
  std::vector<std::string> shown = stream(tokenizer, ids, {.goesOn = true});
  EXPECT_EQ(std::accumulate(shown.begin(), shown.end(), std::string()), " the");
}

} // namespace
