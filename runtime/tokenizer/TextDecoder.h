#ifndef LATHE_RUNTIME_TOKENIZER_TEXTDECODER_H
#define LATHE_RUNTIME_TOKENIZER_TEXTDECODER_H

#include "runtime/tokenizer/Tokenizer.h"

namespace lathe::runtime {

/// Tokens to bytes, one after the other.
class TokenJoiner {
public:
  /// `keepsSpecial`: special tokens appear by name, otherwise not at all. `goesOn`: there is text before this, so that
  /// a space at the beginning is one.
  TokenJoiner(const Tokenizer &tokenizer, bool keepsSpecial, bool goesOn)
      : tokenizer(tokenizer), keepsSpecial(keepsSpecial), isStart(!goesOn) {}

  /// The bytes that a token adds; valid as long as the tokenizer. LATHE_INVALID_ARGUMENT: there is no such token.
  std::string_view join(int32_t id);

private:
  const Tokenizer &tokenizer;
  bool keepsSpecial, isStart;
};

/// Tokens to text that can be shown at once: a character comes out when all of its bytes are there, and bytes that are
/// no text come out as U+FFFD.
class TextDecoder {
public:
  TextDecoder(const Tokenizer &tokenizer, bool keepsSpecial, bool goesOn) : joiner(tokenizer, keepsSpecial, goesOn) {}

  /// What can be shown since the last call; valid until the next one.
  std::string_view push(int32_t id);
  /// What is left at the end.
  std::string_view finish();

private:
  TokenJoiner joiner;
  std::string pending; ///< the beginning of a character
  std::string shown;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_TEXTDECODER_H
