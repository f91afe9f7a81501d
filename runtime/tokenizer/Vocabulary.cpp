#include "runtime/tokenizer/Vocabulary.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <functional>
#include <limits>

namespace lathe::runtime {

static TokenizerModel readModel(const Metadata &metadata) {
  static constexpr std::pair<std::string_view, TokenizerModel> Models[] = {{"gpt2", TokenizerModel::BytePair},
                                                                           {"llama", TokenizerModel::SentencePiece},
                                                                           {"bert", TokenizerModel::WordPiece},
                                                                           {"t5", TokenizerModel::Unigram}};
  std::optional<std::string_view> name = metadata.text("tokenizer.ggml.model");
  if (!name)
    metadata.wrong("tokenizer.ggml.model", "is missing; this file has no tokenizer");
  for (auto [known, model] : Models)
    if (*name == known)
      return model;
  throw Failure(LATHE_UNSUPPORTED, metadata.where(), ": 'tokenizer.ggml.model' is '", *name,
                "', supported are gpt2, llama, bert and t5");
}

Vocabulary::Vocabulary(std::shared_ptr<const Metadata> metadata) : source(std::move(metadata)) {
  kind = readModel(*source);
  tokens = source->texts("tokenizer.ggml.tokens", /*required=*/true);
  if (tokens.empty() || tokens.size() > size_t(std::numeric_limits<int32_t>::max()))
    source->wrong("tokenizer.ggml.tokens",
                  "has " + std::to_string(tokens.size()) + " elements, 1 to 2^31-1 are needed");
  readTypes();
  readScores();
  std::fill(std::begin(byteTokens), std::end(byteTokens), -1);
  slots.resize(std::bit_ceil(tokens.size() * 2));
  for (int32_t id = 0; id != size(); ++id) {
    longest = std::max(longest, text(id).size());
    uint32_t hash;
    if (Slot &slot = slots[findSlot(text(id), hash)]; slot.id < 0)
      slot = {hash, id};
    if (int byte = byteOf(id); byte >= 0 && byteTokens[byte] < 0)
      byteTokens[byte] = id;
  }
}

int Vocabulary::byteOf(int32_t id) const {
  std::string_view token = text(id);
  bool isByte = type(id) == TokenType::Byte && token.size() == 6 && token.substr(0, 3) == "<0x" && token[5] == '>';
  int byte = 0;
  if (!isByte || std::from_chars(token.data() + 3, token.data() + 5, byte, 16).ptr != token.data() + 5)
    return -1;
  return byte < 0 ? -1 : byte; // "-1" is a number too
}

void Vocabulary::readTypes() {
  const char *key = "tokenizer.ggml.token_type";
  types.assign(tokens.size(), TokenType::Normal);
  const gguf::Value *numbers = source->numbers(key, tokens.size());
  for (size_t i = 0; numbers && i != types.size(); ++i) {
    double number = numbers->element(i).asNumber().value_or(-1);
    if (!(number >= 0 && number <= 6) || number != std::floor(number))
      source->wrong(key, "has " + std::to_string(number) + " for token " + std::to_string(i) +
                             ", a type from 0 to 6 is needed");
    if (number != 0)
      types[i] = TokenType(uint8_t(number));
  }
}

void Vocabulary::readScores() {
  const char *key = "tokenizer.ggml.scores";
  scores.assign(tokens.size(), 0.0f);
  const gguf::Value *numbers = source->numbers(key, tokens.size());
  if (!numbers && (kind == TokenizerModel::SentencePiece || kind == TokenizerModel::Unigram))
    source->wrong(key, "is missing, an array of numbers is needed");
  for (size_t i = 0; numbers && i != scores.size(); ++i) {
    scores[i] = float(numbers->element(i).asNumber().value_or(0));
    if (std::isnan(scores[i]))
      source->wrong(key, "is not a number for token " + std::to_string(i));
  }
}

size_t Vocabulary::findSlot(std::string_view text, uint32_t &hash) const {
  uint64_t whole = std::hash<std::string_view>()(text);
  hash = uint32_t(whole >> 32);
  size_t at = size_t(whole) & (slots.size() - 1);
  while (slots[at].id >= 0 && (slots[at].hash != hash || tokens[size_t(slots[at].id)] != text))
    at = (at + 1) & (slots.size() - 1);
  return at;
}

int32_t Vocabulary::find(std::string_view text) const {
  uint32_t hash;
  return slots[findSlot(text, hash)].id;
}

int32_t Vocabulary::findWritten(std::string_view text) const {
  int32_t id = find(text);
  if (id < 0)
    return -1;
  TokenType found = type(id);
  return found == TokenType::Control || found == TokenType::Byte || found == TokenType::Unknown ? -1 : id;
}

int32_t Vocabulary::specialId(std::string_view key) const {
  std::optional<uint64_t> id = source->number(key);
  if (!id)
    return -1;
  if (*id >= tokens.size())
    source->wrong(key, "is " + std::to_string(*id) + " but there are " + std::to_string(tokens.size()) + " tokens");
  return int32_t(*id);
}

} // namespace lathe::runtime
