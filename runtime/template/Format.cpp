// '%s and %.2f' % values, and '{} and {:.2f}'.format(values).
#include "runtime/template/Characters.h"
#include "runtime/template/Interpreter.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace lathe::templates {

namespace {

/// How one value is to be written, in either of the two notations.
struct Spec {
  char32_t fill = ' ';
  char align = 0; ///< < > ^ = or none
  char sign = 0;  ///< + or space or none
  bool alternate = false;
  char grouping = 0;
  size_t width = 0;
  int precision = -1;
  char type = 0;
};

constexpr size_t MaxWidth = 10000;

std::string pad(std::string text, const Spec &spec, char align, size_t prefix = 0) {
  size_t size = countCharacters(text), missing = spec.width > size ? spec.width - size : 0;
  char used = spec.align ? spec.align : align;
  size_t left = used == '<' ? 0 : used == '^' ? missing / 2 : missing;
  std::string fill;
  for (size_t i = 0; i != missing; ++i)
    appendCharacter(fill, spec.fill);
  size_t bytes = byteOfCharacter(fill, left);
  if (used == '=') // behind the sign
    return text.insert(prefix, fill);
  return fill.substr(0, bytes) + text + fill.substr(bytes);
}

/// Puts ',' or '_' between the thousands of the digits that begin `digits`.
std::string grouped(std::string digits, char separator) {
  size_t end = digits.find_first_not_of("0123456789");
  for (size_t at = std::min(end, digits.size()); at > 3;) {
    at -= 3;
    digits.insert(at, 1, separator);
  }
  return digits;
}

std::string withSign(bool negative, const char *prefix, const std::string &digits, const Spec &spec) {
  std::string sign = negative ? "-" : spec.sign ? std::string(1, spec.sign) : "";
  sign += prefix;
  size_t behind = sign.size();
  return pad(sign + (spec.grouping ? grouped(digits, spec.grouping) : digits), spec, '>', behind);
}

std::string writeInteger(int64_t value, const Spec &spec) {
  int base = spec.type == 'x' || spec.type == 'X' ? 16 : spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 10;
  uint64_t magnitude = value < 0 ? 0 - uint64_t(value) : uint64_t(value);
  char digits[72];
  std::string text(digits, std::to_chars(digits, digits + sizeof(digits), magnitude, base).ptr);
  if (spec.precision > int(text.size()))
    text.insert(0, size_t(spec.precision) - text.size(), '0');
  if (spec.type == 'X')
    std::transform(text.begin(), text.end(), text.begin(), [](char c) { return char(std::toupper(c)); });
  const char *prefix = !spec.alternate ? ""
                       : base == 16    ? spec.type == 'X' ? "0X" : "0x"
                       : base == 8     ? "0o"
                       : base == 2     ? "0b"
                                       : "";
  return withSign(value < 0, prefix, text, spec);
}

std::string writeFloat(double value, Spec spec) {
  bool negative = std::signbit(value) && !std::isnan(value), percent = spec.type == '%';
  double magnitude = std::fabs(value) * (percent ? 100 : 1);
  std::string text;
  if (spec.type == 0 && spec.precision < 0) {
    text = formatFloat(magnitude);
  } else {
    char type = percent ? 'f' : spec.type == 0 ? 'g' : spec.type;
    std::string format = std::string("%") + (spec.alternate ? "#" : "") + ".*" + type;
    int precision = spec.precision < 0 ? 6 : spec.precision;
    text.resize(size_t(std::snprintf(nullptr, 0, format.c_str(), precision, magnitude)) + 1);
    std::snprintf(text.data(), text.size(), format.c_str(), precision, magnitude);
    text.pop_back();
    if (spec.type == 0 && text.find_first_not_of("0123456789") == text.npos)
      text += ".0";
  }
  if (percent)
    text += '%';
  return withSign(negative, "", text, spec);
}

bool isOneOf(char c, const char *letters) { return c != 0 && std::strchr(letters, c) != nullptr; }

/// Reads a number of at most four digits, for a width or a precision.
size_t readNumber(std::string_view text, size_t &at) {
  size_t number = 0;
  for (; at != text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    number = number * 10 + size_t(text[at] - '0');
    if (number > MaxWidth)
      fail("a width or precision may be at most ", std::to_string(MaxWidth));
  }
  return number;
}

/// '%...' formats one after another.
class PercentFormatter {
public:
  PercentFormatter(const Text &format, const Value &values, Interpreter &interpreter)
      : format(format.bytes), values(values), interpreter(interpreter) {
    const Sequence *sequence = values.asSequence();
    tuple = sequence && sequence->kind == SequenceKind::Tuple ? sequence : nullptr;
  }

  std::string run() {
    std::string text;
    while (at != format.size()) {
      char c = format[at++];
      if (c == '%')
        text += writeOne();
      else
        text += c;
    }
    bool unused =
        tuple ? used != tuple->items.size() : used == 0 && !values.asDictionary() && !values.isUndefined() && !named;
    // As in Python what can be indexed may be left unused.
    const Sequence *sequence = values.asSequence();
    bool indexed = sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Range);
    if (unused && !indexed)
      fail("there are more values than the format '", std::string(format), "' has places");
    return text;
  }

private:
  const Value &nextValue() {
    if (tuple ? used == tuple->items.size() : used == 1)
      fail("there are fewer values than the format '", std::string(format), "' has places");
    return tuple ? tuple->items[used++] : (++used, values);
  }

  std::string writeOne() {
    Value value;
    bool given = false;
    if (at != format.size() && format[at] == '(') {
      size_t end = format.find(')', at);
      if (end == format.npos || !values.asDictionary())
        fail("'%(' needs a name, ')' and a dict of values");
      value = interpreter.item(values, interpreter.text(std::string(format.substr(at + 1, end - at - 1))));
      requireDefined(value);
      given = named = true;
      at = end + 1;
    }
    Spec spec;
    bool zero = false;
    for (; at != format.size() && isOneOf(format[at], "#0- +"); ++at) {
      zero |= format[at] == '0';
      spec.alternate |= format[at] == '#';
      if (format[at] == '-')
        spec.align = '<';
      if (format[at] == '+' || (format[at] == ' ' && !spec.sign))
        spec.sign = format[at];
    }
    spec.width = readNumber(format, at);
    if (at != format.size() && format[at] == '.')
      spec.precision = int(readNumber(format, ++at));
    if (at == format.size())
      fail("the format '", std::string(format), "' ends inside of a '%'");
    spec.type = format[at++];
    if (spec.type == '%')
      return "%";
    if (!given)
      value = nextValue();
    interpreter.budget.useBytes(spec.width);
    return write(value, spec, zero);
  }

  std::string write(const Value &value, Spec &spec, bool zero) {
    if (isOneOf(spec.type, "srac")) {
      std::string text = isOneOf(spec.type, "ra") ? represented(value, interpreter.budget) : interpreter.printed(value);
      if (spec.precision >= 0)
        text.resize(byteOfCharacter(text, size_t(spec.precision)));
      return pad(std::move(text), spec, '>');
    }
    if (!isOneOf(spec.type, "diuxXofFeEgG"))
      fail("'%", std::string(1, spec.type), "' is no format; use %s, %d or %f");
    requireDefined(value);
    if (!value.isNumber())
      fail("'%", std::string(1, spec.type), "' needs a number, but found a value of type ", value.typeName());
    if (zero && !spec.align) {
      spec.fill = '0';
      spec.align = '=';
    }
    if (isOneOf(spec.type, "fFeEgG"))
      return writeFloat(value.number(), spec);
    if (value.isIntegral())
      return writeInteger(value.integer(), spec);
    if (isOneOf(spec.type, "xXo") || !(std::fabs(value.number()) < 0x1p63))
      fail("'%", std::string(1, spec.type), "' needs an integer, but found ", formatFloat(value.number()));
    return writeInteger(int64_t(value.number()), spec);
  }

  std::string_view format;
  const Value &values;
  Interpreter &interpreter;
  const Sequence *tuple;
  size_t at = 0, used = 0;
  bool named = false;
};

/// '{...}' formats one after another.
class BraceFormatter {
public:
  BraceFormatter(std::string_view format, const Arguments &arguments, Interpreter &interpreter)
      : format(format), arguments(arguments), interpreter(interpreter) {}

  std::string run() {
    std::string text;
    while (at != format.size()) {
      char c = format[at++];
      bool doubled = at != format.size() && format[at] == c;
      if ((c == '{' || c == '}') && doubled) {
        text += c;
        ++at;
      } else if (c == '{') {
        text += writeOne();
      } else if (c == '}') {
        fail("'}' alone in a format; write '}}'");
      } else {
        text += c;
      }
    }
    return text;
  }

private:
  std::string writeOne() {
    size_t end = format.find('}', at);
    if (end == format.npos)
      fail("'{' in a format is not closed; write '{{' for the character");
    std::string_view field = format.substr(at, end - at);
    at = end + 1;
    if (field.find('{') != field.npos)
      fail("a format inside of a format is not supported");
    size_t colon = std::min(field.find(':'), field.size());
    std::string_view name = field.substr(0, colon), rest = field.substr(std::min(colon + 1, field.size()));
    char conversion = 0;
    if (size_t mark = name.find('!'); mark != name.npos) {
      if (mark + 2 != name.size() || !isOneOf(name[mark + 1], "sra"))
        fail("'!' in a format needs s, r or a behind it");
      conversion = name[mark + 1];
      name = name.substr(0, mark);
    }
    Value value = find(name);
    if (conversion)
      value = interpreter.text(conversion == 's' ? interpreter.printed(value) : represented(value, interpreter.budget));
    return write(value, rest);
  }

  /// "0.name[key]": an argument, then attributes and items.
  Value find(std::string_view path) {
    size_t end = std::min(path.find_first_of(".["), path.size());
    std::string name(path.substr(0, end));
    Value value;
    if (name.empty() || std::isdigit(static_cast<unsigned char>(name[0]))) {
      size_t place = 0, index = name.empty() ? automatic++ : readNumber(name, place);
      if (index >= arguments.positional.size())
        fail("the format has a place ", std::to_string(index), " but only ",
             std::to_string(arguments.positional.size()), " values are given");
      value = arguments.positional[index];
    } else {
      auto found =
          std::find_if(arguments.named.begin(), arguments.named.end(), [&](auto &a) { return a.first == name; });
      if (found == arguments.named.end())
        fail("the format names '", name, "', which is not given");
      value = found->second;
    }
    for (path = path.substr(end); !path.empty();) {
      bool item = path[0] == '[';
      size_t stop = item ? path.find(']') : std::min(path.find_first_of(".[", 1), path.size());
      if (stop == path.npos)
        fail("'[' in a format is not closed");
      std::string key(path.substr(1, stop - 1));
      size_t place = 0;
      bool index = item && !key.empty() && key.find_first_not_of("0123456789") == key.npos;
      value = !item   ? interpreter.attribute(value, key)
              : index ? interpreter.item(value, Value(int64_t(readNumber(key, place))))
                      : interpreter.item(value, interpreter.text(key));
      requireDefined(value);
      path = path.substr(stop + item);
    }
    return value;
  }

  static Spec readSpec(std::string_view text) {
    Spec spec;
    std::u32string characters = decode(text.substr(0, std::min<size_t>(text.size(), 8)));
    size_t at = 0;
    if (characters.size() > 1 && characters[1] < 0x80 && isOneOf(char(characters[1]), "<>^=")) {
      spec.fill = characters[0];
      spec.align = char(characters[1]);
      at = byteOfCharacter(text, 2);
    } else if (!text.empty() && isOneOf(text[0], "<>^=")) {
      spec.align = text[at++];
    }
    auto take = [&](const char *letters) {
      return at != text.size() && isOneOf(text[at], letters) ? text[at++] : char(0);
    };
    if (char sign = take("+- "); sign != '-')
      spec.sign = sign;
    spec.alternate = take("#") != 0;
    if (take("0") && !spec.align) {
      spec.fill = '0';
      spec.align = '=';
    }
    spec.width = readNumber(text, at);
    spec.grouping = take(",_");
    if (take("."))
      spec.precision = int(readNumber(text, at));
    spec.type = take("sdxXobfFeEgG%");
    if (at != text.size())
      fail("'", std::string(text), "' is no format for a value");
    return spec;
  }

  std::string write(const Value &value, std::string_view text) {
    if (text.empty())
      return interpreter.printed(value);
    Spec spec = readSpec(text);
    interpreter.budget.useBytes(spec.width);
    bool plainBoolean = value.isBoolean() && spec.type == 0 && spec.align != '=';
    if (value.isNumber() && !plainBoolean) {
      bool integral = value.isIntegral() && !isOneOf(spec.type, "fFeEgG%");
      if (spec.type == 's' || (!value.isIntegral() && isOneOf(spec.type, "dxXob")))
        fail("'", std::string(text), "' is no format for a value of type ", value.typeName());
      return integral ? writeInteger(value.integer(), spec) : writeFloat(value.number(), spec);
    }
    if ((!value.asText() && !plainBoolean) || (spec.type && spec.type != 's') || spec.align == '=')
      fail("'", std::string(text), "' is no format for a value of type ", value.typeName());
    std::string written = interpreter.printed(value);
    if (spec.precision >= 0)
      written.resize(byteOfCharacter(written, size_t(spec.precision)));
    return pad(std::move(written), spec, '<');
  }

  std::string_view format;
  const Arguments &arguments;
  Interpreter &interpreter;
  size_t at = 0, automatic = 0;
};

} // namespace

Value formatPercent(const Text &format, const Value &values, Interpreter &interpreter) {
  return interpreter.text(PercentFormatter(format, values, interpreter).run(), format.markup);
}

Value formatBraces(Interpreter &interpreter, const Value &text, const Arguments &arguments) {
  return interpreter.text(BraceFormatter(text.asText()->bytes, arguments, interpreter).run(), text.asText()->markup);
}

} // namespace lathe::templates
