#ifndef LATHE_RUNTIME_TOKENIZER_UTF8_H
#define LATHE_RUNTIME_TOKENIZER_UTF8_H

#include <cstdint>
#include <string>
#include <string_view>

namespace lathe::runtime {

/// How SentencePiece writes a space in its tokens (U+2581).
inline constexpr std::string_view SpaceMark = "\xE2\x96\x81";
/// What stands for bytes that are no text (U+FFFD).
inline constexpr std::string_view ReplacementMark = "\xEF\xBF\xBD";

struct Character {
  uint32_t code = 0;
  uint8_t bytes = 1; ///< of a wrong sequence: how many of its bytes belong together
  bool isValid = false;
  bool isCut = false; ///< not valid, but more bytes could make it so
};

/// The character that a text which is not empty begins with, by the Unicode standard: no surrogates, no overlong forms.
Character readCharacter(std::string_view text);

void appendCharacter(std::string &text, uint32_t code);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_UTF8_H
