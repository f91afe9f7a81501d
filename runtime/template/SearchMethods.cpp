// Methods of text that look for something in it, or take it apart.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"

#include <algorithm>

namespace lathe::templates {

namespace {

/// The part of a text from character `begin` up to `end`, as a slice has it.
struct Part {
  std::string_view text;
  int64_t begin;     ///< its first character in the whole
  bool valid = true; ///< begins in the whole: behind its end not even nothing is found
};

Part partOf(const Text &text, const Value *begin, const Value *end) {
  auto size = int64_t(countCharacters(text.bytes));
  auto clamped = [&](const Value *value, const char *name, int64_t otherwise) {
    int64_t position = integerOr(value, name, otherwise);
    return std::max<int64_t>(position < 0 ? position + size : position, 0);
  };
  int64_t first = clamped(begin, "start", 0), last = std::min(clamped(end, "end", size), size);
  if (first > last)
    return {{}, 0, false};
  size_t from = byteOfCharacter(text.bytes, size_t(first)), to = byteOfCharacter(text.bytes, size_t(last));
  return {std::string_view(text.bytes).substr(from, to - from), first};
}

/// From behind every place is tried.
void chargeBackward(Interpreter &interpreter, const Value &text, const std::string &wanted) {
  interpreter.budget.useSteps(1 + uint64_t(text.asText()->bytes.size()) * wanted.size() / 64);
}

template <bool Backward, bool Required>
Value find(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, begin, end] = arguments.bind("find", {"sub", "start", "end"}, 1);
  const std::string &wanted = textOf(*given, "find");
  interpreter.budget.useSteps(1 + value.asText()->bytes.size() / 16);
  if (Backward)
    chargeBackward(interpreter, value, wanted);
  Part part = partOf(*value.asText(), begin, end);
  size_t at = Backward ? part.text.rfind(wanted) : findText(part.text, wanted);
  if (part.valid && at != part.text.npos)
    return Value(part.begin + int64_t(countCharacters(part.text.substr(0, at))));
  if (Required)
    fail("'", wanted, "' is not in the text");
  return Value(int64_t(-1));
}

Value count(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, begin, end] = arguments.bind("count", {"sub", "start", "end"}, 1);
  const std::string &wanted = textOf(*given, "count");
  interpreter.budget.useSteps(1 + value.asText()->bytes.size() / 16);
  Part part = partOf(*value.asText(), begin, end);
  if (wanted.empty())
    return Value(part.valid ? int64_t(countCharacters(part.text)) + 1 : int64_t(0));
  int64_t found = 0;
  for (size_t at = 0; (at = findText(part.text, wanted, at)) != part.text.npos; at += wanted.size())
    ++found;
  return Value(found);
}

template <bool Front> Value hasEnd(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  const char *name = Front ? "startswith" : "endswith";
  auto [given, begin, end] = arguments.bind(name, {"part", "start", "end"}, 1);
  requireDefined(*given);
  interpreter.budget.useSteps(1);
  Part part = begin || end ? partOf(*value.asText(), begin, end) : Part{value.asText()->bytes, 0};
  auto holds = [&](const Value &wanted) {
    const std::string &text = textOf(wanted, name);
    return part.valid && (Front ? part.text.starts_with(text) : part.text.ends_with(text));
  };
  const Sequence *several = given->asSequence();
  if (several && several->kind == SequenceKind::Tuple)
    return Value(std::any_of(several->items.begin(), several->items.end(), holds));
  return Value(holds(*given));
}

/// Pieces between runs of spaces, at most `count` cuts.
std::vector<std::string_view> splitSpaces(std::string_view text, int64_t count) {
  std::vector<std::string_view> pieces;
  for (text = strip(text, nullptr, true, false); !text.empty(); text = strip(text, nullptr, true, false)) {
    size_t end = 0;
    for (size_t next = 0; next != text.size() && !isSpace(nextCharacter(text, next));)
      end = next;
    if (int64_t(pieces.size()) == count)
      end = text.size();
    pieces.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  // With cuts left over the last piece has no spaces behind it anyway; without, they stay.
  return pieces;
}

std::vector<std::string_view> splitSpacesBackward(std::string_view text, int64_t count) {
  std::vector<std::string_view> pieces;
  for (text = stripRight(text); !text.empty(); text = stripRight(text)) {
    size_t begin = text.size();
    for (size_t next = begin; next != 0 && !isSpace(previousCharacter(text, next));)
      begin = next;
    if (int64_t(pieces.size()) == count)
      begin = 0;
    pieces.push_back(text.substr(begin));
    text.remove_suffix(text.size() - begin);
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<std::string_view> splitAt(std::string_view text, std::string_view separator, int64_t count, bool backward) {
  std::vector<std::string_view> pieces;
  while (int64_t(pieces.size()) != count) {
    size_t at = backward ? text.rfind(separator) : findText(text, separator);
    if (at == text.npos)
      break;
    size_t behind = at + separator.size();
    pieces.push_back(backward ? text.substr(behind) : text.substr(0, at));
    text = backward ? text.substr(0, at) : text.substr(behind);
  }
  pieces.push_back(text);
  if (backward)
    std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Value listOf(Interpreter &interpreter, const std::vector<std::string_view> &pieces, bool markup) {
  std::vector<Value> items;
  for (std::string_view piece : pieces)
    items.push_back(interpreter.text(std::string(piece), markup));
  interpreter.budget.useBytes(items.size() * sizeof(Value));
  return Value::list(std::move(items));
}

template <bool Backward> Value split(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, most] = arguments.bind("split", {"sep", "maxsplit"});
  const Text &text = *value.asText();
  int64_t count = std::max<int64_t>(integerOr(most, "maxsplit", -1), -1);
  interpreter.budget.useSteps(1 + text.bytes.size() / 16);
  interpreter.budget.useBytes(text.bytes.size());
  if (!given || given->isNone())
    return listOf(interpreter, Backward ? splitSpacesBackward(text.bytes, count) : splitSpaces(text.bytes, count),
                  text.markup);
  const std::string &separator = textOf(*given, "split");
  if (separator.empty())
    fail("'split' needs a separator that is not empty");
  if (Backward)
    chargeBackward(interpreter, value, separator);
  return listOf(interpreter, splitAt(text.bytes, separator, count, Backward), text.markup);
}

Value lines(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [keepEnds] = arguments.bind("splitlines", {"keepends"});
  const Text &text = *value.asText();
  return listOf(interpreter, splitLines(text.bytes, truthOf(keepEnds)), text.markup);
}

template <bool Backward> Value partition(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given] = arguments.bind("partition", {"sep"}, 1);
  const std::string &separator = textOf(*given, "partition");
  if (separator.empty())
    fail("'partition' needs a separator that is not empty");
  std::string_view text = value.asText()->bytes;
  interpreter.budget.useSteps(1 + text.size() / 16);
  if (Backward)
    chargeBackward(interpreter, value, separator);
  size_t at = Backward ? text.rfind(separator) : findText(text, separator);
  std::string_view parts[3] = {text, "", ""};
  if (at != text.npos) {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  } else if (Backward) {
    std::swap(parts[0], parts[2]);
  }
  std::vector<Value> items;
  for (std::string_view part : parts)
    items.push_back(interpreter.text(std::string(part), value.asText()->markup));
  return Value::tuple(std::move(items));
}

/// Whether there is a character, and all are of the class.
template <bool (*Holds)(char32_t)> Value all(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("this method");
  const std::string &text = value.asText()->bytes;
  interpreter.budget.useSteps(1 + text.size() / 16);
  bool holds = !text.empty();
  for (size_t at = 0; holds && at != text.size();)
    holds = Holds(nextCharacter(text, at));
  return Value(holds);
}

bool isAlphanumeric(char32_t character) { return isAlpha(character) || isNumeric(character); }

template <bool (*Wanted)(char32_t)>
Value cased(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("this method");
  const std::string &text = value.asText()->bytes;
  interpreter.budget.useSteps(1 + text.size() / 16);
  bool any = false;
  for (size_t at = 0; at != text.size();) {
    char32_t character = nextCharacter(text, at);
    if (isCased(character) && !Wanted(character))
      return Value(false);
    any |= isCased(character);
  }
  return Value(any);
}

constexpr NamedFunction Methods[] = {
    {"count", count},
    {"endswith", hasEnd<false>},
    {"find", find<false, false>},
    {"index", find<false, true>},
    {"isalnum", all<isAlphanumeric>},
    {"isalpha", all<isAlpha>},
    {"isdecimal", all<isDecimal>},
    {"isdigit", all<isDigit>},
    {"islower", cased<isLower>},
    {"isnumeric", all<isNumeric>},
    {"isspace", all<isSpace>},
    {"isupper", cased<isUpper>},
    {"partition", partition<false>},
    {"rfind", find<true, false>},
    {"rindex", find<true, true>},
    {"rpartition", partition<true>},
    {"rsplit", split<true>},
    {"split", split<false>},
    {"splitlines", lines},
    {"startswith", hasEnd<true>},
};

} // namespace

std::span<const NamedFunction> searchMethods() { return Methods; }

} // namespace lathe::templates
