#include "runtime/template/Lexer.h"

#include "runtime/template/Characters.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace lathe::templates {

std::string normalizeNewlines(std::string_view text, bool dropLast) {
  std::string source;
  source.reserve(text.size());
  for (size_t i = 0; i != text.size(); ++i) {
    if (text[i] == '\r' && i + 1 != text.size() && text[i + 1] == '\n')
      continue;
    source += text[i] == '\r' ? '\n' : text[i];
  }
  if (dropLast && source.ends_with('\n'))
    source.pop_back();
  return source;
}

std::string describePlace(std::string_view source, uint32_t at) {
  std::string_view before = source.substr(0, at);
  size_t line = 1 + size_t(std::count(before.begin(), before.end(), '\n'));
  size_t lineBegin = before.rfind('\n') + 1; // npos + 1 is 0
  return "line " + std::to_string(line) + ", column " + std::to_string(1 + countCharacters(before.substr(lineBegin)));
}

std::string describe(const Token &token) {
  switch (token.kind) {
  case TokenKind::Data:
    return "text";
  case TokenKind::PrintBegin:
    return "'{{'";
  case TokenKind::PrintEnd:
    return "'}}'";
  case TokenKind::TagBegin:
    return "'{%'";
  case TokenKind::TagEnd:
    return "'%}'";
  case TokenKind::String:
    return "a quoted text";
  case TokenKind::Integer:
  case TokenKind::Float:
    return "a number";
  case TokenKind::End:
    return "the end of the template";
  case TokenKind::Name:
  case TokenKind::Operator:
    break;
  }
  return "'" + token.text + "'";
}

namespace {

bool isDigit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
public:
  explicit Lexer(std::string_view source) : source(source) {}

  std::vector<Token> run() {
    while (at != source.size())
      lexText();
    add(TokenKind::End, at);
    return std::move(tokens);
  }

private:
  [[noreturn]] void error(size_t place, const std::string &message) { throw TemplateError(uint32_t(place), message); }

  Token &add(TokenKind kind, size_t place, std::string text = "") {
    tokens.push_back({kind, uint32_t(place), std::move(text)});
    return tokens.back();
  }

  bool startsWith(size_t place, std::string_view text) const { return source.substr(place).starts_with(text); }

  size_t skipSpaces(size_t place) const {
    std::string_view rest = source.substr(place);
    return place + (rest.size() - strip(rest, nullptr, true, false).size());
  }

  /// Text up to the next tag, then the tag.
  void lexText() {
    size_t tag = at;
    while (tag != source.size() &&
           !(source[tag] == '{' && tag + 1 != source.size() && std::memchr("%{#", source[tag + 1], 3)))
      ++tag;
    if (tag == source.size()) {
      addData(source.substr(at), at);
      at = tag;
      return;
    }
    char kind = source[tag + 1];
    size_t behind = tag + 2;
    char sign = behind != source.size() && (source[behind] == '-' || source[behind] == '+') ? source[behind] : 0;
    behind += sign != 0;
    addStripped(source.substr(at, tag - at), at, sign, kind != '{');
    if (kind == '#')
      skipComment(tag, behind);
    else if (size_t end = kind == '%' ? rawEnd(behind) : 0)
      lexRaw(tag, end);
    else
      lexTag(tag, behind, kind == '%');
  }

  void addData(std::string_view text, size_t place) {
    if (!text.empty())
      add(TokenKind::Data, place, std::string(text));
  }

  /// Text in front of a tag, which has `sign` and may be one that takes the spaces that it is indented by.
  void addStripped(std::string_view text, size_t place, char sign, bool mayIndent) {
    if (sign == '-') {
      text = stripRight(text);
    } else if (sign == 0 && mayIndent) {
      size_t lineBegin = text.rfind('\n') + 1;
      if ((lineBegin > 0 || lineStarts) && strip(text.substr(lineBegin), nullptr, true, false).empty())
        text = text.substr(0, lineBegin);
    }
    addData(text, place);
  }

  /// Behind the end of a tag, whose two characters begin at `place`. Takes what `sign` and trim_blocks ask for.
  size_t behindTag(size_t place, char sign, bool trimNewline) {
    size_t end = place + 2;
    if (sign == '-')
      end = skipSpaces(end);
    else if (sign == 0 && trimNewline && startsWith(end, "\n"))
      ++end;
    lineStarts = end != 0 && source[end - 1] == '\n';
    return end;
  }

  void skipComment(size_t tag, size_t begin) {
    // The sign of the end may be that of the beginning: {#-#}.
    size_t end = source.find("#}", begin);
    if (end == std::string_view::npos)
      error(tag, "this comment does not end; close it with '#}'");
    char sign = end > begin && (source[end - 1] == '-' || source[end - 1] == '+') ? source[end - 1] : 0;
    at = behindTag(end, sign, true);
  }

  /// Where {% raw %} ends, if that is what stands behind `place`; else 0.
  size_t rawEnd(size_t place) {
    place = skipSpaces(place);
    if (!startsWith(place, "raw"))
      return 0;
    place = skipSpaces(place + 3);
    if (startsWith(place, "-%}"))
      return behindTag(place + 1, '-', false);
    return startsWith(place, "%}") ? behindTag(place, 0, false) : 0;
  }

  void lexRaw(size_t tag, size_t begin) {
    for (size_t end = begin; (end = source.find("{%", end)) != std::string_view::npos; end += 2) {
      size_t place = end + 2;
      char sign = place != source.size() && (source[place] == '-' || source[place] == '+') ? source[place] : 0;
      place = skipSpaces(place + (sign != 0));
      if (!startsWith(place, "endraw"))
        continue;
      place = skipSpaces(place + 6);
      char endSign = place != source.size() && (source[place] == '-' || source[place] == '+') ? source[place] : 0;
      place += endSign != 0;
      if (!startsWith(place, "%}"))
        continue;
      addStripped(source.substr(begin, end - begin), begin, sign, true);
      at = behindTag(place, endSign, true);
      return;
    }
    error(tag, "'raw' does not end; close it with '{% endraw %}'");
  }

  void lexTag(size_t tag, size_t begin, bool block) {
    add(block ? TokenKind::TagBegin : TokenKind::PrintBegin, tag);
    std::string_view close = block ? "%}" : "}}";
    brackets.clear();
    for (at = begin;;) {
      at = skipSpaces(at);
      if (at == source.size())
        error(tag, std::string("this tag does not end; close it with '") + std::string(close) + "'");
      bool sign = source[at] == '-' || (block && source[at] == '+');
      if (brackets.empty() && (startsWith(at, close) || (sign && startsWith(at + 1, close)))) {
        add(block ? TokenKind::TagEnd : TokenKind::PrintEnd, at);
        char kind = sign ? source[at] : 0;
        at = behindTag(at + sign, kind, block);
        return;
      }
      lexToken();
    }
  }

  void lexToken() {
    char c = source[at];
    size_t next = at;
    char32_t character = nextCharacter(source, next);
    if (isDigit(c))
      lexNumber();
    else if (isWord(character))
      lexName();
    else if (c == '\'' || c == '"')
      lexString(c);
    else
      lexOperator();
  }

  void lexName() {
    size_t begin = at;
    for (size_t next = at; next != source.size() && isWord(nextCharacter(source, next));)
      at = next;
    add(TokenKind::Name, begin, std::string(source.substr(begin, at - begin)));
  }

  /// Behind digits, which may be grouped by '_'.
  size_t skipDigits(size_t place, const char *digits) const {
    auto has = [&](size_t i) { return i < source.size() && source[i] && std::strchr(digits, source[i]); };
    while (has(place) || (place < source.size() && source[place] == '_' && has(place + 1)))
      ++place;
    return place;
  }

  void lexNumber() {
    static const char Decimal[] = "0123456789";
    size_t begin = at, end = skipDigits(at, Decimal);
    bool real = false, afterDot = begin != 0 && source[begin - 1] == '.';
    if (!afterDot) {
      if (end + 1 < source.size() && source[end] == '.' && isDigit(source[end + 1])) {
        end = skipDigits(end + 1, Decimal);
        real = true;
      }
      size_t exponent = end + 1;
      if (end < source.size() && (source[end] | 0x20) == 'e') {
        exponent += exponent < source.size() && (source[exponent] == '-' || source[exponent] == '+');
        if (exponent < source.size() && isDigit(source[exponent])) {
          end = skipDigits(exponent, Decimal);
          real = true;
        }
      }
    }
    int base = 10;
    if (!real && source[begin] == '0') {
      char letter = begin + 1 < source.size() ? source[begin + 1] | 0x20 : 0;
      base = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 10;
      if (base != 10)
        end = skipDigits(begin + 2, base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "01");
    }
    std::string digits(source.substr(begin, end - begin));
    std::erase(digits, '_');
    Token &token = add(real ? TokenKind::Float : TokenKind::Integer, begin, digits);
    const char *first = digits.data() + (base == 10 ? 0 : 2), *last = digits.data() + digits.size();
    auto result = real ? std::from_chars(first, last, token.number) : std::from_chars(first, last, token.integer, base);
    if (real && result.ec == std::errc::result_out_of_range) {
      token.number = std::strtod(first, nullptr); // infinite, or 0
      result.ec = std::errc();
    }
    if (result.ec != std::errc() || result.ptr != last)
      error(begin, "'" + digits + "' is no number that fits 64 bits");
    if (!real && base == 10 && digits.size() > 1 && digits[0] == '0' && digits.find_first_not_of('0') != digits.npos)
      error(begin, "'" + digits + "' begins with 0; leave the zeros out, or write 0o for octal");
    at = end;
  }

  void lexString(char quote) {
    size_t begin = at++;
    size_t end = at;
    while (end < source.size() && source[end] != quote)
      end += source[end] == '\\' ? 2 : 1;
    if (end >= source.size())
      error(begin, "this quoted text does not end; close it with " + std::string(1, quote));
    std::string text;
    while (at < end)
      appendUnescaped(text, end);
    at = end + 1;
    add(TokenKind::String, begin, std::move(text));
  }

  /// One character of a quoted text, or one escape, as Python has them.
  void appendUnescaped(std::string &text, size_t end) {
    if (source[at] != '\\') {
      text += source[at++];
      return;
    }
    static const char Letters[] = "\\'\"abfnrtv", Meanings[] = "\\'\"\a\b\f\n\r\t\v";
    char c = source[at + 1];
    size_t escape = at;
    at += 2;
    if (const char *found = static_cast<const char *>(std::memchr(Letters, c, sizeof(Letters) - 1)))
      text += Meanings[found - Letters];
    else if (c == 'x' || c == 'u' || c == 'U')
      appendNumbered(text, escape, end, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    else if (c >= '0' && c <= '7')
      appendOctal(text, end);
    else if (c == 'N')
      error(escape, "characters by name are not supported; write the character itself");
    else if (c != '\n')
      (text += '\\') += c;
  }

  void appendNumbered(std::string &text, size_t escape, size_t end, size_t digits) {
    uint32_t character = 0;
    const char *first = source.data() + at;
    auto [last, code] = std::from_chars(first, first + std::min(digits, end - at), character, 16);
    bool surrogate = character >= 0xD800 && character < 0xE000;
    if (code != std::errc() || last != first + digits || surrogate || character > 0x10FFFF)
      error(escape, "this escape needs " + std::to_string(digits) + " hexadecimal digits that name a character");
    appendCharacter(text, character);
    at += digits;
  }

  void appendOctal(std::string &text, size_t end) {
    uint32_t character = 0;
    --at;
    for (int i = 0; i != 3 && at != end && source[at] >= '0' && source[at] <= '7'; ++i)
      character = character * 8 + uint32_t(source[at++] - '0');
    appendCharacter(text, character);
  }

  void lexOperator() {
    static constexpr std::string_view Double[] = {"//", "**", "==", "!=", ">=", "<="};
    size_t length = 1;
    for (std::string_view text : Double)
      if (startsWith(at, text))
        length = 2;
    char c = source[at];
    if (length == 1 && (c == 0 || !std::strchr("+-/*%~[](){}><=.:|,;", c))) {
      size_t next = at;
      nextCharacter(source, next);
      error(at, "'" + std::string(source.substr(at, next - at)) + "' means nothing here");
    }
    balance(c);
    add(TokenKind::Operator, at, std::string(source.substr(at, length)));
    at += length;
  }

  /// A tag does not end inside of brackets: {{ {'a': {'b': 1}} }}.
  void balance(char c) {
    static const char Open[] = "([{", Close[] = ")]}";
    if (const char *found = std::strchr(Open, c)) {
      brackets += Close[found - Open];
    } else if (std::strchr(Close, c)) {
      if (brackets.empty())
        error(at, std::string("'") + c + "' closes nothing");
      if (brackets.back() != c)
        error(at, std::string("found '") + c + "' where '" + brackets.back() + "' is needed");
      brackets.pop_back();
    }
  }

  std::string_view source;
  size_t at = 0;
  bool lineStarts = true; ///< nothing, or a newline, is in front of `at`
  std::string brackets;   ///< those that would close the open ones
  std::vector<Token> tokens;
};

} // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

} // namespace lathe::templates
