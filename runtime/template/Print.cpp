// Values as text: as Python prints them, and as JSON.
#include "runtime/template/Characters.h"
#include "runtime/template/Object.h"
#include "runtime/template/Sort.h"

#include <charconv>
#include <cmath>

namespace lathe::templates {

std::string formatFloat(double value) {
  if (std::isnan(value))
    return "nan";
  if (std::isinf(value))
    return value < 0 ? "-inf" : "inf";
  char digits[64];
  char *end = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::scientific).ptr;
  std::string shortest(digits, end);
  size_t mark = shortest.find('e');
  int exponent = std::atoi(shortest.c_str() + mark + 1);
  if (exponent < -4 || exponent >= 16)
    return shortest;
  end = std::to_chars(digits, digits + sizeof(digits), value, std::chars_format::fixed).ptr;
  std::string text(digits, end);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

static void appendHex(std::string &text, const char *prefix, uint32_t value, int digits) {
  text += prefix;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4)
    text += "0123456789abcdef"[value >> shift & 15];
}

static void appendQuoted(std::string &out, std::string_view text) {
  bool doubled = text.find('\'') != text.npos && text.find('"') == text.npos;
  char quote = doubled ? '"' : '\'';
  out += quote;
  for (size_t at = 0; at != text.size();) {
    size_t begin = at;
    char32_t c = nextCharacter(text, at);
    if (c == char32_t(quote) || c == '\\')
      (out += '\\') += char(c);
    else if (c == '\n' || c == '\r' || c == '\t')
      out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
    else if (isPrintable(c))
      out += text.substr(begin, at - begin);
    else if (c < 0x100)
      appendHex(out, "\\x", c, 2);
    else if (c < 0x10000)
      appendHex(out, "\\u", c, 4);
    else
      appendHex(out, "\\U", c, 8);
  }
  out += quote;
}

namespace {

/// Python's repr, appended to one text.
class Representation {
public:
  explicit Representation(Budget &budget) : budget(budget) {}

  void append(const Value &value) {
    budget.useSteps(1);
    size_t before = out.size();
    appendValue(value);
    budget.useBytes(value.depth() == 0 ? out.size() - before : 2);
  }

  std::string out;

private:
  void appendValue(const Value &value) {
    if (const Text *text = value.asText()) {
      if (text->markup)
        out += "Markup(";
      appendQuoted(out, text->bytes);
      if (text->markup)
        out += ')';
    } else if (const Sequence *sequence = value.asSequence()) {
      appendSequence(*sequence, value.typeName());
    } else if (const Dictionary *dictionary = value.asDictionary()) {
      out += '{';
      const char *separator = "";
      for (auto &[key, entry] : dictionary->entries) {
        out += separator;
        append(key);
        out += ": ";
        append(entry);
        separator = ", ";
      }
      out += '}';
    } else if (value.isUndefined()) {
      out += "Undefined";
    } else {
      out += printed(value, budget);
    }
  }

  void appendSequence(const Sequence &sequence, const std::string &type) {
    SequenceKind kind = sequence.kind;
    if (kind == SequenceKind::Generator) {
      out += "<generator>";
      return;
    }
    if (kind == SequenceKind::Range) {
      appendRange(sequence.items);
      return;
    }
    bool view = kind != SequenceKind::List && kind != SequenceKind::Tuple;
    out += view ? type + "([" : kind == SequenceKind::List ? "[" : "(";
    for (size_t i = 0; i != sequence.items.size(); ++i) {
      out += i ? ", " : "";
      append(sequence.items[i]);
    }
    if (kind == SequenceKind::Tuple && sequence.items.size() == 1)
      out += ',';
    out += view ? "])" : kind == SequenceKind::List ? "]" : ")";
  }

  /// Its end is not kept: the last item and the step give one that makes the same range.
  void appendRange(const std::vector<Value> &items) {
    if (items.empty()) {
      out += "range(0, 0)";
      return;
    }
    int64_t first = items[0].integer(), step = items.size() > 1 ? items[1].integer() - first : 1;
    out += "range(" + std::to_string(first) + ", " + std::to_string(items.back().integer() + step);
    out += step == 1 ? ")" : ", " + std::to_string(step) + ")";
  }

  Budget &budget;
};

class JsonWriter {
public:
  JsonWriter(const JsonStyle &style, Budget &budget) : style(style), budget(budget) {}

  void append(const Value &value, uint32_t level) {
    budget.useSteps(1);
    size_t before = out.size();
    if (const Text *text = value.asText())
      appendText(text->bytes);
    else if (value.isNone())
      out += "null";
    else if (value.isBoolean())
      out += value.boolean() ? "true" : "false";
    else if (value.isNumber())
      out += number(value);
    else if (const Dictionary *dictionary = value.asDictionary())
      appendDictionary(*dictionary, level + 1);
    else if (isArray(value))
      appendArray(*value.asSequence(), level + 1);
    else
      fail("tojson cannot write a value of type ", value.typeName(), value.isUndefined() ? ": " : "",
           value.isUndefined() ? value.undefinedMessage() : "");
    budget.useBytes(value.depth() == 0 ? out.size() - before : 2);
  }

  std::string out;

private:
  static bool isArray(const Value &value) {
    const Sequence *sequence = value.asSequence();
    return sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple);
  }

  static std::string number(const Value &value) {
    if (value.isIntegral())
      return std::to_string(value.integer());
    double number = value.number();
    if (std::isnan(number))
      return "NaN";
    return std::isinf(number) ? number < 0 ? "-Infinity" : "Infinity" : formatFloat(number);
  }

  void appendText(std::string_view text) {
    static const char Short[] = "btn?fr";
    out += '"';
    for (size_t at = 0; at != text.size();) {
      size_t begin = at;
      char32_t c = nextCharacter(text, at);
      if (c == '"' || c == '\\')
        (out += '\\') += char(c);
      else if (c >= 8 && c <= 13 && c != 11)
        (out += '\\') += Short[c - 8];
      else if (c < 0x20 || (style.ascii && c >= 0x7F && c < 0x10000))
        appendHex(out, "\\u", c, 4);
      else if (style.ascii && c >= 0x10000) {
        appendHex(out, "\\u", 0xD800 + ((c - 0x10000) >> 10), 4);
        appendHex(out, "\\u", 0xDC00 + ((c - 0x10000) & 0x3FF), 4);
      } else
        out += text.substr(begin, at - begin);
    }
    out += '"';
  }

  void beginLine(uint32_t level) {
    if (!style.lines)
      return;
    budget.useBytes(1 + level * style.indent.size());
    out += '\n';
    for (uint32_t i = 0; i != level; ++i)
      out += style.indent;
  }

  void appendArray(const Sequence &sequence, uint32_t level) {
    out += '[';
    for (size_t i = 0; i != sequence.items.size(); ++i) {
      out += i ? style.itemSeparator : "";
      beginLine(level);
      append(sequence.items[i], level);
    }
    if (!sequence.items.empty())
      beginLine(level - 1);
    out += ']';
  }

  void appendKey(const Value &key) {
    if (const Text *text = key.asText())
      appendText(text->bytes);
    else if (key.isNone())
      out += "\"null\"";
    else if (key.isBoolean())
      out += key.boolean() ? "\"true\"" : "\"false\"";
    else if (key.isNumber())
      out += '"' + number(key) + '"';
    else
      fail("a key in JSON must be text, a number, true, false or none, but found a value of type ", key.typeName());
  }

  void appendDictionary(const Dictionary &dictionary, uint32_t level) {
    std::vector<const std::pair<Value, Value> *> entries;
    for (auto &entry : dictionary.entries)
      entries.push_back(&entry);
    if (style.sortKeys)
      stableSort(entries, [&](auto *left, auto *right) { return less(left->first, right->first, budget); });
    out += '{';
    for (size_t i = 0; i != entries.size(); ++i) {
      out += i ? style.itemSeparator : "";
      beginLine(level);
      appendKey(entries[i]->first);
      out += style.keySeparator;
      append(entries[i]->second, level);
    }
    if (!entries.empty())
      beginLine(level - 1);
    out += '}';
  }

  const JsonStyle &style;
  Budget &budget;
};

} // namespace

std::string printed(const Value &value, Budget &budget) {
  if (value.isUndefined())
    return "";
  if (const Text *text = value.asText()) {
    budget.useBytes(text->bytes.size());
    return text->bytes;
  }
  if (value.isNone())
    return "None";
  if (value.isBoolean())
    return value.boolean() ? "True" : "False";
  if (value.isIntegral())
    return std::to_string(value.integer());
  if (value.isFloat())
    return formatFloat(value.number());
  if (Object *object = value.asObject())
    return "<" + object->typeName() + ">";
  return represented(value, budget);
}

std::string represented(const Value &value, Budget &budget) {
  Representation representation(budget);
  representation.append(value);
  return std::move(representation.out);
}

std::string toJson(const Value &value, const JsonStyle &style, Budget &budget) {
  JsonWriter writer(style, budget);
  writer.append(value, 0);
  return std::move(writer.out);
}

} // namespace lathe::templates
