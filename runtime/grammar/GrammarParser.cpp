#include "runtime/Failure.h"
#include "runtime/grammar/GrammarBuilder.h"
#include "runtime/tokenizer/Utf8.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace lathe::runtime {

namespace {

using Kind = GrammarElement::Kind;

class Parser {
public:
  explicit Parser(std::string_view text) : text(text) {}

  Grammar run() {
    skipSpaces(/*lines=*/true);
    while (at != text.size())
      parseRule();
    for (auto &[name, use] : uses)
      if (builder.grammar.rules[names.at(name)].alternatives.empty())
        fail(use, "rule '" + name + "' is named here, but nothing says what it is");
    auto root = names.find("root");
    if (root == names.end() || builder.grammar.rules[root->second].alternatives.empty())
      fail(text.size(), "there is no rule 'root', where matching begins");
    builder.grammar.root = root->second;
    return std::move(builder.grammar);
  }

private:
  static constexpr uint32_t MaxNesting = 100, MaxRepetition = 10000;

  [[noreturn]] void fail(size_t place, const std::string &message) const {
    throw Failure(LATHE_INVALID_ARGUMENT, "grammar, ", describeGrammarPlace(text, place), ": ", message);
  }

  [[noreturn]] void unexpected(const std::string &needed) const {
    if (at == text.size())
      fail(at, "found the end where " + needed + " is needed");
    Character character = readCharacter(text.substr(at));
    std::string found =
        text[at] == '\n' ? "the end of the line" : "'" + std::string(text.substr(at, character.bytes)) + "'";
    fail(at, "found " + (character.isValid ? found : "a byte that is not UTF-8") + " where " + needed + " is needed");
  }

  bool startsWith(std::string_view part) const { return text.substr(at).starts_with(part); }
  bool isNameByte() const {
    return at != text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '-' || text[at] == '_');
  }

  void skipSpaces(bool lines) {
    while (at != text.size()) {
      if (text[at] == '#')
        at = std::min(text.find('\n', at), text.size());
      else if (text[at] == ' ' || text[at] == '\t' || (lines && (text[at] == '\n' || text[at] == '\r')))
        ++at;
      else if (!lines && startsWith("\r\n"))
        ++at;
      else
        return;
    }
  }

  std::string parseName() {
    size_t begin = at;
    while (isNameByte())
      ++at;
    if (at == begin)
      unexpected("the name of a rule");
    return std::string(text.substr(begin, at - begin));
  }

  uint32_t ruleNamed(const std::string &name, size_t place) {
    auto found = names.find(name);
    if (found == names.end())
      found = names.emplace(name, builder.addRule(name, uint32_t(place))).first;
    return found->second;
  }

  void parseRule() {
    size_t begin = at;
    ruleName = parseName();
    uint32_t rule = ruleNamed(ruleName, begin);
    if (!builder.grammar.rules[rule].alternatives.empty())
      fail(begin, "rule '" + ruleName + "' is there twice; give one another name");
    builder.grammar.rules[rule].place = uint32_t(begin);
    skipSpaces(false);
    if (!startsWith("::="))
      unexpected("'::='");
    at += 3;
    skipSpaces(true);
    parseAlternatives(rule, /*nesting=*/0);
    if (at != text.size() && text[at] != '\n')
      unexpected("'|' or the end of the line");
    skipSpaces(true);
  }

  void parseAlternatives(uint32_t rule, uint32_t nesting) {
    for (;;) {
      Sequence sequence = parseSequence(nesting);
      builder.addAlternative(rule, sequence);
      // A line that begins with '|' goes on.
      size_t here = at;
      skipSpaces(true);
      if (at == text.size() || text[at] != '|') {
        at = nesting ? at : here;
        return;
      }
      ++at;
      skipSpaces(true);
    }
  }

  Sequence parseSequence(uint32_t nesting) {
    Sequence sequence;
    for (;;) {
      skipSpaces(nesting != 0);
      if (at == text.size() ||
          !(isNameByte() || text[at] == '"' || text[at] == '[' || text[at] == '(' || text[at] == '.'))
        return sequence;
      size_t begin = at;
      Sequence part = parseItem(nesting);
      skipSpaces(nesting != 0);
      part = parseRepetition(std::move(part), begin);
      sequence.insert(sequence.end(), part.begin(), part.end());
    }
  }

  Sequence parseItem(uint32_t nesting) {
    size_t begin = at;
    if (isNameByte()) {
      std::string name = parseName();
      uses.emplace_back(name, begin);
      return {{Kind::Call, ruleNamed(name, begin)}};
    }
    char c = text[at++];
    if (c == '.')
      return builder.characters({}, /*negated=*/true, ruleName, uint32_t(begin));
    if (c == '"')
      return parseText(begin);
    if (c == '[')
      return parseClass(begin);
    if (nesting == MaxNesting)
      fail(begin, "groups are inside of each other more than " + std::to_string(MaxNesting) + " deep");
    uint32_t rule = builder.addRule(ruleName, uint32_t(begin));
    skipSpaces(true);
    parseAlternatives(rule, nesting + 1);
    if (at == text.size() || text[at] != ')')
      unexpected("')' for the '(' of " + describeGrammarPlace(text, begin));
    ++at;
    return {{Kind::Call, rule}};
  }

  /// One character of a quoted text or a class, or an escape.
  uint32_t parseCharacter(size_t begin, const char *kind) {
    if (at == text.size() || text[at] == '\n')
      fail(begin, std::string("this ") + kind + " does not end");
    if (text[at] != '\\') {
      Character character = readCharacter(text.substr(at));
      if (!character.isValid)
        unexpected("a character");
      at += character.bytes;
      return character.code;
    }
    size_t escape = at++;
    char c = at == text.size() ? 0 : text[at++];
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    if (digits) {
      uint32_t code = 0;
      const char *first = text.data() + at;
      auto [end, error] = std::from_chars(first, first + std::min<size_t>(size_t(digits), text.size() - at), code, 16);
      if (error != std::errc() || end != first + digits || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        fail(escape, "this escape needs " + std::to_string(digits) + " hexadecimal digits that name a character");
      at += size_t(digits);
      return code;
    }
    static constexpr std::pair<char, char> Escapes[] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'\\', '\\'}, {'"', '"'},
                                                        {'[', '['},  {']', ']'},  {'-', '-'},  {'^', '^'}};
    for (auto [letter, meaning] : Escapes)
      if (c == letter)
        return uint32_t(meaning);
    fail(escape, "'\\' needs one of n r t \\ \" [ ] - ^ x u U behind it");
  }

  Sequence parseText(size_t begin) {
    std::string bytes;
    while (at == text.size() || text[at] != '"')
      appendCharacter(bytes, parseCharacter(begin, "quoted text"));
    ++at;
    return builder.text(bytes);
  }

  Sequence parseClass(size_t begin) {
    bool negated = startsWith("^");
    at += negated;
    std::vector<CharacterRange> ranges;
    while (at == text.size() || text[at] != ']') {
      size_t place = at;
      uint32_t first = parseCharacter(begin, "class"), last = first;
      if (startsWith("-") && !startsWith("-]")) {
        ++at;
        last = parseCharacter(begin, "class");
      }
      if (last < first)
        fail(place, "this range goes down; put the lower character first");
      ranges.push_back({first, last});
    }
    ++at;
    if (ranges.empty() && !negated)
      fail(begin, "this class has no characters");
    return builder.characters(std::move(ranges), negated, ruleName, uint32_t(begin));
  }

  uint32_t parseCount(size_t begin) {
    skipSpaces(false);
    uint32_t count = 0;
    auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), count);
    if (error == std::errc::invalid_argument)
      unexpected("a number");
    if (error != std::errc() || count > MaxRepetition)
      fail(begin, "a part may be repeated at most " + std::to_string(MaxRepetition) + " times");
    at = size_t(end - text.data());
    skipSpaces(false);
    return count;
  }

  Sequence parseRepetition(Sequence part, size_t begin) {
    constexpr uint32_t Endless = UINT32_MAX;
    while (at != text.size()) {
      uint32_t least = 0, most = Endless;
      if (text[at] == '+')
        least = 1;
      else if (text[at] == '?')
        most = 1;
      else if (text[at] == '{')
        std::tie(least, most) = parseCounts();
      else if (text[at] != '*')
        return part;
      ++at;
      part = builder.repeated(part, least, most, ruleName, uint32_t(begin));
      skipSpaces(false);
    }
    return part;
  }

  /// What stands in {}; the '}' is left.
  std::pair<uint32_t, uint32_t> parseCounts() {
    size_t begin = at++;
    uint32_t least = parseCount(begin), most = least;
    if (startsWith(",")) {
      ++at;
      skipSpaces(false);
      most = startsWith("}") ? UINT32_MAX : parseCount(begin);
    }
    if (!startsWith("}"))
      unexpected("'}'");
    if (most < least)
      fail(begin, "found at most " + std::to_string(most) + " times but at least " + std::to_string(least));
    return {least, most};
  }

  std::string_view text;
  size_t at = 0;
  std::string ruleName;
  GrammarBuilder builder;
  std::unordered_map<std::string, uint32_t> names;
  std::vector<std::pair<std::string, size_t>> uses; ///< what is named, and where, in the order of the text
};

} // namespace

std::shared_ptr<const Grammar> Grammar::parse(std::string_view text) {
  constexpr size_t MaxBytes = 4 << 20;
  if (text.size() > MaxBytes)
    throw Failure(LATHE_INVALID_ARGUMENT, "the grammar has ", text.size(), " bytes, but at most ", MaxBytes, " may be");
  Grammar grammar = Parser(text).run();
  checkGrammar(grammar, text);
  return std::make_shared<const Grammar>(std::move(grammar));
}

} // namespace lathe::runtime
