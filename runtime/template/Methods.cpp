// Methods of dicts, lists and numbers, and the text methods that change text. Those that search it are in
// SearchMethods.cpp.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"

#include <algorithm>

namespace lathe::templates {

namespace {

// Of text.

template <std::string (*Change)(std::string_view)>
Value changed(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("this method");
  const Text &text = *value.asText();
  return interpreter.text(Change(text.bytes), text.markup);
}

template <bool Left, bool Right>
Value stripped(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given] = arguments.bind("strip", {"chars"});
  const Text &text = *value.asText();
  bool listed = given && !given->isNone();
  std::u32string characters = listed ? decode(textOf(*given, "strip")) : std::u32string();
  interpreter.budget.useSteps(characters.size());
  std::string_view rest = strip(text.bytes, listed ? &characters : nullptr, Left, Right);
  return interpreter.text(std::string(rest), text.markup);
}

Value replace(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [from, to, given] = arguments.bind("replace", {"old", "new", "count"}, 2);
  const Text &text = *value.asText();
  const std::string &old = textOf(*from, "replace");
  bool escapes = text.markup && to->asText() && !to->asText()->markup;
  std::string fresh = escapes ? escapeHtml(to->asText()->bytes, interpreter.budget) : textOf(*to, "replace");
  int64_t count = integerOr(given, "count", -1);
  std::string result;
  interpreter.budget.useSteps(text.bytes.size() / 16);
  size_t at = 0;
  for (; count != 0 && at <= text.bytes.size(); --count) {
    // Nothing is found in front of each character and at the end.
    size_t found = old.empty() ? at : findText(text.bytes, old, at);
    if (found == text.bytes.npos)
      break;
    interpreter.budget.useSteps(1);
    interpreter.budget.useBytes(fresh.size() + found - at);
    result.append(text.bytes, at, found - at) += fresh;
    at = found + old.size();
    if (!old.empty())
      continue;
    if (at == text.bytes.size())
      break;
    size_t next = at;
    nextCharacter(text.bytes, next);
    result.append(text.bytes, at, next - at);
    at = next;
  }
  return interpreter.text(std::move(result.append(text.bytes, at)), text.markup);
}

Value join(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [list] = arguments.bind("join", {"iterable"}, 1);
  const Text &separator = *value.asText();
  std::string joined;
  bool first = true;
  for (const Value &item : iterate(*list, interpreter.budget)) {
    const std::string &part = textOf(item, "join");
    interpreter.budget.useBytes(separator.bytes.size() + part.size());
    joined += first ? "" : separator.bytes;
    joined += separator.markup && !item.asText()->markup ? escapeHtml(part, interpreter.budget) : part;
    first = false;
  }
  return interpreter.text(std::move(joined), separator.markup);
}

/// -1, 0 and 1 for ljust, center and rjust.
template <int Side> Value justified(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, fill] = arguments.bind("this method", {"width", "fillchar"}, 1);
  const Text &text = *value.asText();
  auto size = int64_t(countCharacters(text.bytes)), width = integerOr(given, "width", 0);
  std::string character = fill ? textOf(*fill, "fillchar") : " ";
  if (countCharacters(character) != 1)
    fail("'fillchar' must be one character");
  if (width <= size)
    return value;
  interpreter.budget.useBytes(uint64_t(width - size) * character.size());
  int64_t missing = width - size, left = Side < 0 ? 0 : Side > 0 ? missing : missing / 2 + (missing & width & 1);
  std::string result;
  for (int64_t i = 0; i != left; ++i)
    result += character;
  result += text.bytes;
  for (int64_t i = left; i != missing; ++i)
    result += character;
  return interpreter.text(std::move(result), text.markup);
}

Value zeroFilled(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given] = arguments.bind("zfill", {"width"}, 1);
  const Text &text = *value.asText();
  int64_t missing = integerOr(given, "width", 0) - int64_t(countCharacters(text.bytes));
  if (missing <= 0)
    return value;
  interpreter.budget.useBytes(uint64_t(missing));
  bool sign = text.bytes.starts_with('-') || text.bytes.starts_with('+');
  return interpreter.text(std::string(text.bytes).insert(sign, size_t(missing), '0'), text.markup);
}

template <bool Prefix> Value withoutEnd(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given] = arguments.bind("this method", {Prefix ? "prefix" : "suffix"}, 1);
  const Text &text = *value.asText();
  const std::string &part = textOf(*given, "this method");
  bool there = Prefix ? text.bytes.starts_with(part) : text.bytes.ends_with(part);
  size_t size = text.bytes.size() - (there ? part.size() : 0);
  return interpreter.text(text.bytes.substr(Prefix ? text.bytes.size() - size : 0, size), text.markup);
}

constexpr NamedFunction TextMethods[] = {
    {"capitalize", changed<capitalized>},
    {"center", justified<0>},
    {"format", formatBraces},
    {"join", join},
    {"ljust", justified<-1>},
    {"lower", changed<lowerCase>},
    {"lstrip", stripped<true, false>},
    {"removeprefix", withoutEnd<true>},
    {"removesuffix", withoutEnd<false>},
    {"replace", replace},
    {"rjust", justified<1>},
    {"rstrip", stripped<false, true>},
    {"strip", stripped<true, true>},
    {"swapcase", changed<swappedCase>},
    {"title", changed<titleCase>},
    {"upper", changed<upperCase>},
    {"zfill", zeroFilled},
};

// Of dicts.

Value get(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [key, otherwise] = arguments.bind("get", {"key", "default"}, 1);
  requireHashable(*key);
  const Value *found = findKey(*value.asDictionary(), *key, interpreter.budget);
  return found ? *found : otherwise ? *otherwise : Value();
}

template <SequenceKind Kind> Value view(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("this method");
  std::vector<Value> items;
  for (auto &[key, entry] : value.asDictionary()->entries) {
    interpreter.budget.useSteps(1);
    interpreter.budget.useBytes(4 * sizeof(Value));
    items.push_back(Kind == SequenceKind::Items  ? Value::tuple({key, entry})
                    : Kind == SequenceKind::Keys ? key
                                                 : entry);
  }
  return Value::sequence(Kind, std::move(items));
}

Value copy(Interpreter &, const Value &value, const Arguments &arguments) {
  arguments.bindNone("copy");
  return value; // nothing can tell it from a copy: neither can be changed
}

constexpr NamedFunction DictionaryMethods[] = {
    {"copy", copy},
    {"get", get},
    {"items", view<SequenceKind::Items>},
    {"keys", view<SequenceKind::Keys>},
    {"values", view<SequenceKind::Values>},
};

// Of lists and tuples.

Value countItem(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [item] = arguments.bind("count", {"value"}, 1);
  int64_t count = 0;
  for (const Value &candidate : value.asSequence()->items)
    count += equal(candidate, *item, interpreter.budget);
  return Value(count);
}

Value findItem(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [item] = arguments.bind("index", {"value"}, 1);
  const std::vector<Value> &items = value.asSequence()->items;
  for (size_t i = 0; i != items.size(); ++i)
    if (equal(items[i], *item, interpreter.budget))
      return Value(int64_t(i));
  fail(represented(*item, interpreter.budget), " is not in the list");
}

constexpr NamedFunction ListMethods[] = {{"copy", copy}, {"count", countItem}, {"index", findItem}};
constexpr NamedFunction TupleMethods[] = {{"count", countItem}, {"index", findItem}};

} // namespace

std::span<const NamedFunction> textMethods() { return TextMethods; }

static ValueFunction findIn(std::span<const NamedFunction> methods, std::string_view name) {
  for (const NamedFunction &method : methods)
    if (method.name == name)
      return method.function;
  return nullptr;
}

ValueFunction findMethod(const Value &value, std::string_view name) {
  if (value.asText()) {
    ValueFunction method = findIn(textMethods(), name);
    return method ? method : findIn(searchMethods(), name);
  }
  if (value.asDictionary())
    return findIn(DictionaryMethods, name);
  const Sequence *sequence = value.asSequence();
  if (sequence && sequence->kind == SequenceKind::List)
    return findIn(ListMethods, name);
  return sequence && sequence->kind == SequenceKind::Tuple ? findIn(TupleMethods, name) : nullptr;
}

} // namespace lathe::templates
