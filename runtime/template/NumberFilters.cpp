// Filters that make numbers, and `default`.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace lathe::templates {

int64_t integerOr(const Value *argument, const char *name, int64_t otherwise) {
  if (!argument || argument->isNone())
    return otherwise;
  requireDefined(*argument);
  if (!argument->isIntegral())
    fail("'", name, "' needs an integer, but found a value of type ", argument->typeName());
  return argument->integer();
}

const std::string &textOf(const Value &argument, const char *name) {
  requireDefined(argument);
  if (!argument.asText())
    fail("'", name, "' needs a str, but found a value of type ", argument.typeName());
  return argument.asText()->bytes;
}

namespace {

/// A number as text without the spaces around and the '_' inside that Python allows; nothing for wrong '_'.
std::optional<std::string> plainNumber(std::string_view text) {
  text = strip(text, nullptr, true, true);
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);
  std::string plain;
  auto alphanumeric = [&](size_t i) { return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])); };
  for (size_t i = 0; i != text.size(); ++i) {
    if (text[i] != '_')
      plain += text[i];
    else if (i == 0 || !alphanumeric(i - 1) || !alphanumeric(i + 1))
      return std::nullopt;
  }
  return plain;
}

std::optional<int64_t> parseInteger(std::string_view text, int base) {
  std::optional<std::string> plain = plainNumber(text);
  if (!plain)
    return std::nullopt;
  bool negative = plain->starts_with('-');
  std::string digits = plain->substr(negative);
  static constexpr std::pair<int, char> Prefixes[] = {{16, 'x'}, {8, 'o'}, {2, 'b'}};
  for (auto [prefixed, letter] : Prefixes)
    if (base == prefixed && digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == letter)
      digits.erase(0, 2);
  if (digits.empty() || digits[0] == '-')
    return std::nullopt;
  digits.insert(0, negative ? "-" : "");
  int64_t number;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  if (error == std::errc::result_out_of_range)
    fail("'", std::string(text), "' does not fit 64 bits");
  return error == std::errc() && end == digits.data() + digits.size() ? std::optional(number) : std::nullopt;
}

std::optional<double> parseFloat(std::string_view text) {
  std::optional<std::string> plain = plainNumber(text);
  if (!plain)
    return std::nullopt;
  double number;
  auto [end, error] = std::from_chars(plain->data(), plain->data() + plain->size(), number);
  bool range = error == std::errc::result_out_of_range;
  if ((error != std::errc() && !range) || end != plain->data() + plain->size() || plain->find('(') != plain->npos)
    return std::nullopt;
  return range ? std::strtod(plain->c_str(), nullptr) : number;
}

/// The number without what stands behind its point; nothing where there is none such.
std::optional<int64_t> whole(std::optional<double> number) {
  if (!number || std::isnan(*number) || std::isinf(*number))
    return std::nullopt;
  if (std::fabs(*number) >= 0x1p63)
    fail("the number ", formatFloat(*number), " does not fit 64 bits");
  return int64_t(*number);
}

Value toInteger(Interpreter &, const Value &value, const Arguments &arguments) {
  auto [otherwise, base] = arguments.bind("int", {"default", "base"});
  requireDefined(value);
  int64_t radix = integerOr(base, "base", 10);
  if (radix < 2 || radix > 36)
    fail("'base' must be from 2 to 36, but is ", std::to_string(radix));
  std::optional<int64_t> number;
  if (value.isIntegral())
    number = value.integer();
  else if (value.isFloat())
    number = whole(value.number());
  else if (const Text *text = value.asText())
    number = (number = parseInteger(text->bytes, int(radix))) ? number : whole(parseFloat(text->bytes));
  if (number)
    return Value(*number);
  return otherwise ? *otherwise : Value(int64_t(0));
}

Value toFloat(Interpreter &, const Value &value, const Arguments &arguments) {
  auto [otherwise] = arguments.bind("float", {"default"});
  requireDefined(value);
  if (value.isNumber())
    return Value(value.number());
  if (const Text *text = value.asText())
    if (std::optional<double> number = parseFloat(text->bytes))
      return Value(*number);
  return otherwise ? *otherwise : Value(0.0);
}

Value absolute(Interpreter &, const Value &value, const Arguments &arguments) {
  arguments.bindNone("abs");
  requireDefined(value);
  if (!value.isNumber())
    fail("'abs' needs a number, but found a value of type ", value.typeName());
  if (value.isFloat())
    return Value(std::fabs(value.number()));
  return value.integer() < 0 ? negative(value) : positive(value);
}

/// Python's round(): halves go to the even neighbour, of the decimal digits that the number really has.
double roundTo(double number, int64_t precision) {
  if (!std::isfinite(number) || precision > 300)
    return number;
  if (precision < 0) {
    double scale = std::pow(10.0, double(-std::max<int64_t>(precision, -310)));
    return std::isinf(scale) ? 0.0 : std::nearbyint(number / scale) * scale;
  }
  std::string text(size_t(std::snprintf(nullptr, 0, "%.*f", int(precision), number)) + 1, '\0');
  std::snprintf(text.data(), text.size(), "%.*f", int(precision), number);
  return std::strtod(text.c_str(), nullptr);
}

Value roundNumber(Interpreter &, const Value &value, const Arguments &arguments) {
  auto [given, method] = arguments.bind("round", {"precision", "method"});
  requireDefined(value);
  int64_t precision = integerOr(given, "precision", 0);
  std::string way = method ? textOf(*method, "method") : "common";
  if (!value.isNumber())
    fail("'round' needs a number, but found a value of type ", value.typeName());
  if (way == "common") {
    if (value.isFloat())
      return Value(roundTo(value.number(), precision));
    return Value(precision >= 0 ? value.integer() : int64_t(roundTo(value.number(), precision)));
  }
  if (way != "ceil" && way != "floor")
    fail("'method' must be common, ceil or floor, but is '", way, "'");
  double scale = std::pow(10.0, double(precision)), scaled = value.number() * scale;
  double rounded = way == "ceil" ? std::ceil(scaled) : std::floor(scaled);
  return Value(rounded / scale);
}

Value lengthOf(Interpreter &, const Value &value, const Arguments &arguments) {
  arguments.bindNone("length");
  return Value(length(value));
}

Value defaultTo(Interpreter &, const Value &value, const Arguments &arguments) {
  auto [otherwise, boolean] = arguments.bind("default", {"default_value", "boolean"});
  if (!value.isUndefined() && !(truthOf(boolean) && !value.truth()))
    return value;
  return otherwise ? *otherwise : Value::text("");
}

constexpr NamedFunction Filters[] = {
    {"abs", absolute},  {"count", lengthOf}, {"d", defaultTo},     {"default", defaultTo},
    {"float", toFloat}, {"int", toInteger},  {"length", lengthOf}, {"round", roundNumber},
};

} // namespace

std::span<const NamedFunction> numberFilters() { return Filters; }

ValueFunction findFilter(std::string_view name) {
  for (std::span<const NamedFunction> filters : {textFilters(), listFilters(), numberFilters(), orderFilters()})
    for (const NamedFunction &filter : filters)
      if (filter.name == name)
        return filter.function;
  return nullptr;
}

} // namespace lathe::templates
