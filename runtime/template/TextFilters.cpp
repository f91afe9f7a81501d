// Filters that make text.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"

#include <algorithm>

namespace lathe::templates {

namespace {

bool isMarkup(const Value &value) { return value.asText() && value.asText()->markup; }

template <std::string (*Change)(std::string_view)>
Value changed(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("this filter");
  return interpreter.text(Change(interpreter.printed(value)), isMarkup(value));
}

/// Unlike the method it begins words only behind spaces and opening brackets.
Value title(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("title");
  std::string result, word;
  auto finish = [&] {
    std::u32string characters = decode(word);
    if (!characters.empty())
      result += upperCase(encode(characters.substr(0, 1))) + lowerCase(encode(characters.substr(1)));
    word.clear();
  };
  for (char32_t character : decode(interpreter.printed(value))) {
    bool divides = isSpace(character) || character == '-' || character == '(' || character == '{' || character == '[' ||
                   character == '<';
    if (divides)
      finish();
    appendCharacter(divides ? result : word, character);
  }
  finish();
  return interpreter.text(std::move(result));
}

Value trim(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given] = arguments.bind("trim", {"chars"});
  std::u32string characters;
  bool listed = given && !given->isNone();
  if (listed)
    characters = decode(textOf(*given, "chars"));
  std::string text = interpreter.printed(value);
  return interpreter.text(std::string(strip(text, listed ? &characters : nullptr, true, true)), isMarkup(value));
}

Value string(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("string");
  return value.asText() ? value : interpreter.text(interpreter.printed(value));
}

Value safe(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("safe");
  return isMarkup(value) ? value : interpreter.text(interpreter.printed(value), /*markup=*/true);
}

Value escape(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("escape");
  if (isMarkup(value))
    return value;
  return interpreter.text(escapeHtml(interpreter.printed(value), interpreter.budget), /*markup=*/true);
}

Value forceEscape(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("forceescape");
  return interpreter.text(escapeHtml(interpreter.printed(value), interpreter.budget), /*markup=*/true);
}

Value indent(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [width, first, blank] = arguments.bind("indent", {"width", "first", "blank"});
  std::string indention = width && width->asText() ? width->asText()->bytes : "";
  if (!width || !width->asText()) {
    int64_t spaces = std::max<int64_t>(integerOr(width, "width", 4), 0);
    interpreter.budget.useBytes(uint64_t(spaces));
    indention.assign(size_t(spaces), ' ');
  }
  std::string text = textOf(value, "indent") + "\n", result = truthOf(first) ? indention : "";
  bool firstLine = true;
  for (std::string_view line : splitLines(text, /*keepEnds=*/false)) {
    if (!firstLine) {
      result += '\n';
      bool indents = truthOf(blank) || !line.empty();
      interpreter.budget.useBytes(line.size() + (indents ? indention.size() : 0));
      result += indents ? indention : "";
    }
    result += line;
    firstLine = false;
  }
  return interpreter.text(std::move(result), isMarkup(value));
}

Value replace(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [from, to, count] = arguments.bind("replace", {"old", "new", "count"}, 2);
  Arguments texts;
  texts.positional = {interpreter.text(interpreter.printed(*from)), interpreter.text(interpreter.printed(*to)),
                      Value(integerOr(count, "count", -1))};
  Value text = interpreter.text(interpreter.printed(value));
  return findMethod(text, "replace")(interpreter, text, texts);
}

Value join(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, path] = arguments.bind("join", {"d", "attribute"});
  std::string separator = given ? interpreter.printed(*given) : "", joined;
  bool first = true;
  for (Value &item : iterate(value, interpreter.budget)) {
    if (path && !path->isNone())
      item = attributePath(interpreter, std::move(item), *path);
    interpreter.budget.useBytes(separator.size());
    joined += first ? "" : separator;
    joined += interpreter.printed(item);
    first = false;
  }
  return interpreter.text(std::move(joined));
}

Value toJsonText(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [ascii, indent, separators, sortKeys] =
      arguments.bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = truthOf(ascii);
  style.sortKeys = truthOf(sortKeys);
  style.lines = indent && !indent->isNone();
  if (style.lines) {
    style.itemSeparator = ",";
    constexpr int64_t MaxIndent = 1000;
    if (indent->asText())
      style.indent = indent->asText()->bytes;
    else
      style.indent.assign(size_t(std::clamp<int64_t>(integerOr(indent, "indent", 0), 0, MaxIndent)), ' ');
  }
  if (separators && !separators->isNone()) {
    std::vector<Value> pair = iterate(*separators, interpreter.budget);
    if (pair.size() != 2)
      fail("'separators' needs two texts, between items and behind keys, but found ", std::to_string(pair.size()));
    style.itemSeparator = textOf(pair[0], "separators");
    style.keySeparator = textOf(pair[1], "separators");
  }
  return interpreter.text(toJson(value, style, interpreter.budget));
}

Value format(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  if (!arguments.positional.empty() && !arguments.named.empty())
    fail("'format' takes values with names or without, not both");
  Value values = Value::tuple(arguments.positional);
  if (!arguments.named.empty()) {
    std::vector<std::pair<Value, Value>> entries;
    for (auto &[name, argument] : arguments.named)
      entries.emplace_back(interpreter.text(name), argument);
    values = Value::dictionary(std::move(entries), interpreter.budget);
  }
  return formatPercent(Text{interpreter.printed(value), isMarkup(value)}, values, interpreter);
}

Value center(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [width] = arguments.bind("center", {"width"});
  Value text = interpreter.text(interpreter.printed(value), isMarkup(value));
  Arguments given;
  given.positional = {Value(integerOr(width, "width", 80))};
  return findMethod(text, "center")(interpreter, text, given);
}

Value truncate(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [length, killWords, end, leeway] = arguments.bind("truncate", {"length", "killwords", "end", "leeway"});
  std::u32string mark = end ? decode(textOf(*end, "end")) : U"...";
  int64_t most = integerOr(length, "length", 255), spare = integerOr(leeway, "leeway", 5);
  if (most < int64_t(mark.size()) || spare < 0)
    fail("'truncate' needs a length of at least that of its end, ", std::to_string(mark.size()),
         ", and a leeway of at least 0");
  int64_t size = templates::length(value);
  if (size <= most || size - most <= spare)
    return value;
  std::u32string characters = decode(textOf(value, "truncate"));
  characters.resize(size_t(most) - mark.size());
  if (size_t space = characters.rfind(U' '); !truthOf(killWords) && space != characters.npos)
    characters.resize(space);
  return interpreter.text(encode(characters + mark), isMarkup(value));
}

Value wordCount(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("wordcount");
  int64_t count = 0;
  bool inside = false;
  for (char32_t character : decode(interpreter.printed(value))) {
    bool word = isWord(character);
    count += word && !inside;
    inside = word;
  }
  return Value(count);
}

constexpr NamedFunction Filters[] = {
    {"capitalize", changed<capitalized>},
    {"center", center},
    {"e", escape},
    {"escape", escape},
    {"forceescape", forceEscape},
    {"format", format},
    {"indent", indent},
    {"join", join},
    {"lower", changed<lowerCase>},
    {"replace", replace},
    {"safe", safe},
    {"string", string},
    {"title", title},
    {"tojson", toJsonText},
    {"trim", trim},
    {"truncate", truncate},
    {"upper", changed<upperCase>},
    {"wordcount", wordCount},
};

} // namespace

std::span<const NamedFunction> textFilters() { return Filters; }

} // namespace lathe::templates
