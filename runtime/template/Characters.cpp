#include "runtime/template/Characters.h"

#include "runtime/tokenizer/Utf8.h"

#include <cstring>
#include <utf8proc.h>

namespace lathe::templates {

/// How many bytes the character takes that begins with this one.
static size_t bytesOf(unsigned char first) { return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4; }

size_t findInvalidUtf8(std::string_view text) {
  for (size_t at = 0; at != text.size();) {
    runtime::Character character = runtime::readCharacter(text.substr(at));
    if (!character.isValid)
      return at;
    at += character.bytes;
  }
  return std::string_view::npos;
}

char32_t nextCharacter(std::string_view text, size_t &at) {
  unsigned char first = text[at++];
  size_t bytes = bytesOf(first);
  if (bytes == 1)
    return first;
  char32_t character = first & (0xFF >> (bytes + 1));
  for (size_t i = 1; i != bytes; ++i)
    character = character << 6 | (text[at++] & 0x3F);
  return character;
}

char32_t previousCharacter(std::string_view text, size_t &end) {
  do
    --end;
  while (end != 0 && (text[end] & 0xC0) == 0x80);
  size_t at = end;
  return nextCharacter(text, at);
}

void appendCharacter(std::string &text, char32_t character) { runtime::appendCharacter(text, character); }

size_t countCharacters(std::string_view text) {
  size_t count = 0;
  for (char byte : text)
    count += (byte & 0xC0) != 0x80;
  return count;
}

size_t byteOfCharacter(std::string_view text, size_t index) {
  size_t at = 0;
  for (; index != 0 && at != text.size(); --index)
    at += bytesOf(text[at]);
  return at;
}

std::u32string decode(std::string_view text) {
  std::u32string characters;
  for (size_t at = 0; at != text.size();)
    characters += nextCharacter(text, at);
  return characters;
}

std::string encode(std::u32string_view characters) {
  std::string text;
  for (char32_t character : characters)
    appendCharacter(text, character);
  return text;
}

static utf8proc_category_t category(char32_t character) { return utf8proc_category(utf8proc_int32_t(character)); }

bool isSpace(char32_t c) {
  return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool isPrintable(char32_t character) {
  if (character < 0x7F)
    return character >= 0x20;
  switch (category(character)) {
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP:
  case UTF8PROC_CATEGORY_ZS:
    return false;
  default:
    return true;
  }
}

bool isAlpha(char32_t character) {
  utf8proc_category_t found = category(character);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LO;
}
bool isDecimal(char32_t character) { return category(character) == UTF8PROC_CATEGORY_ND; }
bool isDigit(char32_t c) {
  // Superscripts and subscripts, which Unicode counts as digits but not as decimal ones.
  bool raised = c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079);
  return isDecimal(c) || raised || (c >= 0x2080 && c <= 0x2089);
}
bool isNumeric(char32_t character) {
  utf8proc_category_t found = category(character);
  return found >= UTF8PROC_CATEGORY_ND && found <= UTF8PROC_CATEGORY_NO;
}
bool isUpper(char32_t character) { return category(character) == UTF8PROC_CATEGORY_LU; }
bool isLower(char32_t character) { return category(character) == UTF8PROC_CATEGORY_LL; }
bool isCased(char32_t character) {
  utf8proc_category_t found = category(character);
  return found >= UTF8PROC_CATEGORY_LU && found <= UTF8PROC_CATEGORY_LT;
}
bool isWord(char32_t character) { return character == '_' || isAlpha(character) || isNumeric(character); }

/// Characters whose upper case is several: the ligatures are those from U+FB00 on.
static void appendUpper(std::string &text, char32_t character, bool title) {
  static const char *const Ligatures[] = {"FF", "FI", "FL", "FFI", "FFL", "ST", "ST"};
  const char *several = character == 0xDF ? "SS" : nullptr;
  if (character >= 0xFB00 && character <= 0xFB06)
    several = Ligatures[character - 0xFB00];
  if (several) {
    text += several[0];
    for (const char *rest = several + 1; *rest; ++rest)
      text += title ? char(*rest | 0x20) : *rest;
    return;
  }
  auto number = utf8proc_int32_t(character);
  appendCharacter(text, title ? utf8proc_totitle(number) : utf8proc_toupper(number));
}

/// `characters[at]` in lower case. A sigma that ends a word has a form of its own.
static void appendLower(std::string &text, std::u32string_view characters, size_t at) {
  char32_t character = characters[at];
  if (character == 0x130) {
    text += "i\xCC\x87";
  } else if (character == 0x3A3) {
    bool ends = at != 0 && isAlpha(characters[at - 1]) && (at + 1 == characters.size() || !isAlpha(characters[at + 1]));
    appendCharacter(text, ends ? 0x3C2 : 0x3C3);
  } else {
    appendCharacter(text, utf8proc_tolower(utf8proc_int32_t(character)));
  }
}

std::string upperCase(std::string_view text) {
  std::string result;
  for (size_t at = 0; at != text.size();)
    appendUpper(result, nextCharacter(text, at), /*title=*/false);
  return result;
}

std::string lowerCase(std::string_view text) {
  std::u32string characters = decode(text);
  std::string result;
  for (size_t i = 0; i != characters.size(); ++i)
    appendLower(result, characters, i);
  return result;
}

std::string titleCase(std::string_view text) {
  std::u32string characters = decode(text);
  std::string result;
  bool inside = false;
  for (size_t i = 0; i != characters.size(); ++i) {
    if (inside)
      appendLower(result, characters, i);
    else
      appendUpper(result, characters[i], /*title=*/true);
    inside = isCased(characters[i]);
  }
  return result;
}

std::string capitalized(std::string_view text) {
  std::u32string characters = decode(text);
  std::string result;
  for (size_t i = 0; i != characters.size(); ++i) {
    if (i == 0)
      appendUpper(result, characters[0], /*title=*/true);
    else
      appendLower(result, characters, i);
  }
  return result;
}

std::string swappedCase(std::string_view text) {
  std::u32string characters = decode(text);
  std::string result;
  for (size_t i = 0; i != characters.size(); ++i) {
    if (isUpper(characters[i]))
      appendLower(result, characters, i);
    else
      appendUpper(result, characters[i], /*title=*/false);
  }
  return result;
}

std::string_view strip(std::string_view text, const std::u32string *characters, bool left, bool right) {
  auto goes = [&](char32_t character) {
    return characters ? characters->find(character) != std::u32string::npos : isSpace(character);
  };
  size_t begin = 0, end = text.size();
  for (size_t next = 0; left && begin != end && goes(nextCharacter(text, next));)
    begin = next;
  for (size_t next = end; right && begin != end && goes(previousCharacter(text, next));)
    end = next;
  return text.substr(begin, end - begin);
}

std::string_view stripRight(std::string_view text) { return strip(text, nullptr, false, true); }

size_t findText(std::string_view text, std::string_view part, size_t from) {
  if (from > text.size())
    return text.npos;
  const void *found =
      part.empty() ? text.data() + from : memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return found ? size_t(static_cast<const char *>(found) - text.data()) : text.npos;
}

std::vector<std::string_view> splitLines(std::string_view text, bool keepEnds) {
  std::vector<std::string_view> lines;
  size_t begin = 0;
  for (size_t at = 0; at != text.size();) {
    size_t end = at;
    char32_t c = nextCharacter(text, at);
    if (!((c >= 10 && c <= 13) || (c >= 28 && c <= 30) || c == 0x85 || c == 0x2028 || c == 0x2029))
      continue;
    if (c == '\r' && at != text.size() && text[at] == '\n')
      ++at;
    lines.push_back(text.substr(begin, (keepEnds ? at : end) - begin));
    begin = at;
  }
  if (begin != text.size())
    lines.push_back(text.substr(begin));
  return lines;
}

} // namespace lathe::templates
