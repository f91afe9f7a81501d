// Special tokens, pieces, and what the functions refuse.
#include "compiler/artifact/TokenizerSection.h"
#include "test/runtime/tokenizer/TestTokenizer.h"

using namespace lathe;
using namespace lathe::test;

namespace {

using Ids = std::vector<int32_t>;

class BytePairApi : public testing::Test {
protected:
  Tokenizer tokenizer = loadTokenizer(VOCABULARIES "byte_pair.gguf");
  int32_t begin = 380, end = 381, tool = 382;
};

TEST_F(BytePairApi, KnowsItsSpecialTokens) {
  EXPECT_EQ(lathe_tokenizer_size(tokenizer.get()), 383);
  EXPECT_EQ(lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_BOS), begin);
  EXPECT_EQ(lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_EOS), end);
  EXPECT_EQ(lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_EOT), end) << "known by its name";
  EXPECT_EQ(lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_MASK), -1);
  EXPECT_EQ(lathe_tokenizer_special(tokenizer.get(), lathe_special_token(99)), -1);
  EXPECT_TRUE(lathe_tokenizer_ends_text(tokenizer.get(), end));
  EXPECT_FALSE(lathe_tokenizer_ends_text(tokenizer.get(), begin));
  EXPECT_FALSE(lathe_tokenizer_ends_text(tokenizer.get(), 1000));
}

TEST_F(BytePairApi, AddsAndParsesSpecialTokensOnlyIfAsked) {
  Ids plain = encode(tokenizer, "a<|end|>");
  EXPECT_EQ(std::count(plain.begin(), plain.end(), end), 0);
  EXPECT_EQ(decode(tokenizer, plain), "a<|end|>");
  Ids letter = encode(tokenizer, "a"), ids = encode(tokenizer, "a<|end|>a", {.add = true, .parse = true});
  EXPECT_EQ(ids, (Ids{begin, letter[0], end, letter[0]}));
  EXPECT_EQ(decode(tokenizer, ids), "aa");
  EXPECT_EQ(decode(tokenizer, ids, {.keep = true}), "<|begin|>a<|end|>a");
  EXPECT_EQ(encode(tokenizer, "a<tool>a"), (Ids{letter[0], tool, letter[0]})) << "what the user defined is text";
  EXPECT_EQ(decode(tokenizer, {tool}), "<tool>");
  EXPECT_EQ(encode(tokenizer, "", {.add = true}), Ids{begin});
}

TEST_F(BytePairApi, GivesPieces) {
  auto piece = [&](int32_t id) {
    size_t bytes = 7;
    const char *text = lathe_tokenizer_piece(tokenizer.get(), id, &bytes);
    return text ? std::string(text, bytes) : "none " + std::to_string(bytes);
  };
  EXPECT_EQ(piece(encode(tokenizer, "\n")[0]), "\n");
  EXPECT_EQ(piece(encode(tokenizer, "\xFF")[0]), "\xFF");
  EXPECT_EQ(piece(end), "<|end|>");
  EXPECT_EQ(piece(-1), "none 0");
  EXPECT_EQ(piece(383), "none 0");
  EXPECT_NE(lathe_tokenizer_piece(tokenizer.get(), 0, nullptr), nullptr);
}

TEST_F(BytePairApi, WritesNoMoreThanThereIsRoomFor) {
  int32_t ids[2] = {-7, -7};
  size_t count = 0;
  succeed(lathe_tokenizer_encode(tokenizer.get(), "\n!\n", 3, nullptr, ids, 1, &count));
  EXPECT_EQ(count, 3u);
  EXPECT_EQ(ids[1], -7);
  char text[2] = {'.', '.'};
  ids[1] = ids[0];
  succeed(lathe_tokenizer_decode(tokenizer.get(), ids, 2, nullptr, text, 1, &count));
  EXPECT_EQ(count, 2u);
  EXPECT_EQ(text[0], '\n');
  EXPECT_EQ(text[1], '.');
}

TEST_F(BytePairApi, RefusesWrongCalls) {
  size_t count = 5;
  int32_t id = 383;
  EXPECT_EQ(outcome(lathe_tokenizer_decode(tokenizer.get(), &id, 1, nullptr, nullptr, 0, &count)).message,
            "lathe_tokenizer_decode: token 383 is not one of the 383 of the model");
  EXPECT_EQ(count, 0u);
  EXPECT_EQ(outcome(lathe_tokenizer_encode(tokenizer.get(), nullptr, 1, nullptr, nullptr, 0, &count)).message,
            "lathe_tokenizer_encode: text is NULL");
  EXPECT_EQ(outcome(lathe_tokenizer_encode(tokenizer.get(), "", 0, nullptr, nullptr, 4, &count)).message,
            "lathe_tokenizer_encode: out_tokens is NULL");
  EXPECT_EQ(outcome(lathe_tokenizer_encode(nullptr, "", 0, nullptr, nullptr, 0, &count)).code, LATHE_INVALID_ARGUMENT);
  lathe_encode_options options = {};
  EXPECT_EQ(outcome(lathe_tokenizer_encode(tokenizer.get(), "", 0, &options, nullptr, 0, &count)).code,
            LATHE_INVALID_ARGUMENT);
  lathe_text_decoder *created = nullptr;
  succeed(lathe_text_decoder_create(tokenizer.get(), nullptr, &created));
  TextDecoder decoder(created);
  tokenizer.reset(); // the decoder keeps it
  const char *text;
  EXPECT_EQ(outcome(lathe_text_decoder_push(created, -1, &text, &count)).message,
            "lathe_text_decoder_push: token -1 is not one of the 383 of the model");
  succeed(lathe_text_decoder_push(created, 0, &text, &count));
  EXPECT_EQ(count, 1u);
}

TEST(TokenizerApi, AddsWhatEachModelWants) {
  auto around = [](const char *name) {
    Tokenizer tokenizer = loadTokenizer(VOCABULARIES + std::string(name) + ".gguf");
    return decode(tokenizer, encode(tokenizer, "the", {.add = true}), {.keep = true});
  };
  EXPECT_EQ(around("byte_pair"), "<|begin|>the");
  EXPECT_EQ(around("sentence_piece"), "<s>the");
  EXPECT_EQ(around("unigram"), "the</s>");
  EXPECT_EQ(around("word_piece"), "[CLS]the[SEP]");
  Entries entries("sentence_piece");
  entries.setFlag("tokenizer.ggml.add_bos_token", false);
  entries.setFlag("tokenizer.ggml.add_eos_token", true);
  entries.setFlag("tokenizer.ggml.add_space_prefix", false);
  Tokenizer tokenizer = loadTokenizer(entries.write());
  EXPECT_EQ(decode(tokenizer, encode(tokenizer, " the", {.add = true}), {.keep = true}), " the</s>");
}

TEST(TokenizerApi, PutsASpaceBeforeBytePairsThatHaveNone) {
  Entries entries("byte_pair");
  Ids wanted = encode(loadTokenizer(entries.write()), " the");
  entries.setFlag("tokenizer.ggml.add_space_prefix", true);
  Tokenizer tokenizer = loadTokenizer(entries.write());
  EXPECT_EQ(encode(tokenizer, "the"), wanted);
  EXPECT_EQ(encode(tokenizer, " the"), wanted);
  EXPECT_EQ(encode(tokenizer, ""), Ids());
  EXPECT_EQ(decode(tokenizer, wanted), " the");
}

// llama-bpe: a word that is a token is that token, though no merge leads to it; and BOS comes first.
TEST(TokenizerApi, KeepsWordsWhereTheModelDoes) {
  Entries entries("byte_pair");
  std::vector<std::string> tokens = entries.texts("tokenizer.ggml.tokens");
  tokens.push_back("zqzq");
  entries.setTexts("tokenizer.ggml.tokens", tokens);
  entries.remove("tokenizer.ggml.token_type");
  entries.remove("tokenizer.ggml.add_bos_token");
  EXPECT_EQ(encode(loadTokenizer(entries.write()), "zqzq", {.add = true}).size(), 4u);
  entries.setText("tokenizer.ggml.pre", "llama-bpe");
  EXPECT_EQ(encode(loadTokenizer(entries.write()), "zqzq", {.add = true}), (Ids{380, 383}));
}

TEST(TokenizerApi, ReadsTheSectionOfAnArtifact) {
  Entries entries("byte_pair");
  artifact::ArtifactSource source = scaleSource();
  std::string error;
  auto file = gguf::GgufFile::open(VOCABULARIES "byte_pair.gguf", error);
  source.sections.push_back({runtime::SectionKind::Tokenizer, "tokenizer", artifact::writeTokenizerSection(*file)});
  std::string path = writeTemporary(source);
  Ids wanted = encode(loadTokenizer(VOCABULARIES "byte_pair.gguf"), "the artifact's tokens");
  EXPECT_EQ(encode(loadTokenizer(path), "the artifact's tokens"), wanted);
  lathe_tokenizer *created = nullptr;
  succeed(lathe_tokenizer_create(load(path).get(), &created)); // the program itself is released
  EXPECT_EQ(encode(Tokenizer(created), "the artifact's tokens"), wanted);
  EXPECT_EQ(artifact::writeTokenizerSection(*gguf::GgufFile::open(writeTemporary(entries.bytes()), error)),
            artifact::writeTokenizerSection(*file));
}

} // namespace
