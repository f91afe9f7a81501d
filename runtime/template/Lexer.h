// Splits a template into text and tokens, and takes away the whitespace that tags ask for. As Hugging Face renders
// templates: the newline behind a tag goes (trim_blocks), and so do spaces in front of one that begins a line
// (lstrip_blocks); `-` takes all whitespace on its side, `+` keeps it.
#ifndef LATHE_RUNTIME_TEMPLATE_LEXER_H
#define LATHE_RUNTIME_TEMPLATE_LEXER_H

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::templates {

enum class TokenKind : uint8_t {
  Data, ///< text outside of tags
  PrintBegin,
  PrintEnd,
  TagBegin,
  TagEnd,
  Name,
  String,
  Integer,
  Float,
  Operator,
  End
};

struct Token {
  TokenKind kind;
  uint32_t at; ///< byte of the source
  std::string text;
  int64_t integer = 0;
  double number = 0;
};

/// A template that cannot be read, or what a rendering ended with: what is wrong at which byte of the source.
struct TemplateError : std::runtime_error {
  TemplateError(uint32_t at, const std::string &message) : std::runtime_error(message), at(at) {}
  uint32_t at;
};

/// The source as the lexer takes it: newlines are one character, and one at the end is gone.
std::string normalizeNewlines(std::string_view text, bool dropLast);

/// Throws TemplateError. `source` is valid UTF-8, normalized, and under 4 GiB.
std::vector<Token> tokenize(std::string_view source);

/// "line 3, column 7", counted from 1 in characters.
std::string describePlace(std::string_view source, uint32_t at);

/// What a token is, for messages: "'%}'", "a number", "the end of the template".
std::string describe(const Token &token);

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_LEXER_H
