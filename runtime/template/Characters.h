// Characters of UTF-8 text, with Python's idea of their classes and cases. All texts given here are valid UTF-8, but
// for validUtf8's.
#ifndef LATHE_RUNTIME_TEMPLATE_CHARACTERS_H
#define LATHE_RUNTIME_TEMPLATE_CHARACTERS_H

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::templates {

/// The place of the first byte that is no UTF-8, or npos.
size_t findInvalidUtf8(std::string_view text);

/// The character that begins at `at`, which then stands behind it.
char32_t nextCharacter(std::string_view text, size_t &at);
/// The character that ends at `end`, which then stands in front of it.
char32_t previousCharacter(std::string_view text, size_t &end);
void appendCharacter(std::string &text, char32_t character);

size_t countCharacters(std::string_view text);
/// The byte at which character `index` begins; the size where there are no more.
size_t byteOfCharacter(std::string_view text, size_t index);
std::u32string decode(std::string_view text);
std::string encode(std::u32string_view characters);

// Python's str.isspace and so on, of one character.
bool isSpace(char32_t character);
bool isPrintable(char32_t character);
bool isAlpha(char32_t character);
bool isDecimal(char32_t character);
bool isDigit(char32_t character);
bool isNumeric(char32_t character);
bool isUpper(char32_t character);
bool isLower(char32_t character);
/// Upper, lower or title case.
bool isCased(char32_t character);
/// What a name may hold, apart from digits in front: letters, digits and _.
bool isWord(char32_t character);

std::string upperCase(std::string_view text);
std::string lowerCase(std::string_view text);
/// Each run of cased characters begins with title case and goes on in lower case.
std::string titleCase(std::string_view text);
/// Title case for the first character, lower case for the others.
std::string capitalized(std::string_view text);
std::string swappedCase(std::string_view text);

/// Without what stands at the ends and is among `characters`, or is a space where that is null.
std::string_view strip(std::string_view text, const std::u32string *characters, bool left, bool right);

/// As std::string_view::find, in time that grows with the sum of the lengths, not their product.
size_t findText(std::string_view text, std::string_view part, size_t from = 0);

/// Python's str.splitlines.
std::vector<std::string_view> splitLines(std::string_view text, bool keepEnds);
/// As strip, at one end, for what the lexer strips.
std::string_view stripRight(std::string_view text);

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_CHARACTERS_H
