#ifndef LATHE_RUNTIME_TOKENIZER_VOCABULARY_H
#define LATHE_RUNTIME_TOKENIZER_VOCABULARY_H

#include "runtime/tokenizer/Metadata.h"

#include <vector>

namespace lathe::runtime {

/// What `tokenizer.ggml.model` names.
enum class TokenizerModel { BytePair, SentencePiece, WordPiece, Unigram };

/// As numbered in `tokenizer.ggml.token_type`; 0 counts as Normal.
enum class TokenType : uint8_t { Normal = 1, Unknown, Control, UserDefined, Unused, Byte };

/// The tokens of a model, as its metadata lists them, and what it says of them. Made once, then only read.
class Vocabulary {
public:
  /// Throws LATHE_CORRUPT or LATHE_UNSUPPORTED with the key, what was found and what is needed.
  explicit Vocabulary(std::shared_ptr<const Metadata> metadata);

  const Metadata &metadata() const { return *source; }
  TokenizerModel model() const { return kind; }
  int32_t size() const { return int32_t(tokens.size()); }
  std::string_view text(int32_t id) const { return tokens[size_t(id)]; }
  TokenType type(int32_t id) const { return types[size_t(id)]; }
  /// Not NaN; 0 where the metadata has no scores.
  float score(int32_t id) const { return scores[size_t(id)]; }
  /// The first token of this text; -1 if there is none.
  int32_t find(std::string_view text) const;
  /// As `find`, but only what text that is no token by itself may turn into: no control, byte or unknown token.
  int32_t findWritten(std::string_view text) const;
  /// The byte that a token of type Byte stands for, -1 for others.
  int byteOf(int32_t id) const;
  /// The token that stands for a byte that no other token covers, -1 if there is none.
  int32_t byteToken(uint8_t byte) const { return byteTokens[byte]; }
  size_t longestToken() const { return longest; }

  /// The id that a key holds; -1 where it is absent.
  int32_t specialId(std::string_view key) const;

private:
  std::shared_ptr<const Metadata> source;
  TokenizerModel kind;
  std::span<const std::string_view> tokens;
  std::vector<TokenType> types;
  std::vector<float> scores;
  /// Ids by text, open addressing. Half of the slots are empty, with the id -1; the hash tells most strings apart, so
  /// that a look reads no text but that which is found.
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };
  std::vector<Slot> slots;
  int32_t byteTokens[256];
  size_t longest = 0;

  /// The slot that has this text or would get it.
  size_t findSlot(std::string_view text, uint32_t &hash) const;
  void readTypes();
  void readScores();
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_VOCABULARY_H
