#include "runtime/template/Interpreter.h"

#include <cmath>

namespace lathe::templates {

static const char *spelling(Operator op) {
  static const char *const Spellings[] = {"+", "-", "*", "/", "//", "%", "**"};
  return Spellings[size_t(op)];
}

[[noreturn]] static void overflow(Operator op) { fail("the result of '", spelling(op), "' does not fit 64 bits"); }

static Value integerPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0)
      fail("0 cannot be raised to a negative power");
    return Value(std::pow(double(base), double(exponent)));
  }
  int64_t result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result))
      overflow(Operator::Power);
    if (exponent > 1 && __builtin_mul_overflow(base, base, &base))
      overflow(Operator::Power);
  }
  return Value(result);
}

/// Rounds to the lower integer, with the remainder that belongs to it.
static std::pair<int64_t, int64_t> divideIntegers(Operator op, int64_t left, int64_t right) {
  if (right == -1) { // the least integer has no opposite
    int64_t negated;
    if (__builtin_sub_overflow(0, left, &negated))
      overflow(op);
    return {negated, 0};
  }
  int64_t quotient = left / right, remainder = left % right;
  bool lower = remainder != 0 && (remainder < 0) != (right < 0);
  return {quotient - lower, remainder + (lower ? right : 0)};
}

static Value operateIntegers(Operator op, int64_t left, int64_t right) {
  int64_t result = 0;
  bool overflowed = false;
  switch (op) {
  case Operator::Add:
    overflowed = __builtin_add_overflow(left, right, &result);
    break;
  case Operator::Subtract:
    overflowed = __builtin_sub_overflow(left, right, &result);
    break;
  case Operator::Multiply:
    overflowed = __builtin_mul_overflow(left, right, &result);
    break;
  case Operator::Divide:
    return Value(double(left) / double(right));
  case Operator::FloorDivide:
    return Value(divideIntegers(op, left, right).first);
  case Operator::Modulo:
    return Value(divideIntegers(op, left, right).second);
  default:
    return integerPower(left, right);
  }
  if (overflowed)
    overflow(op);
  return Value(result);
}

/// As Python does it: the remainder has the divisor's sign, and the quotient is a whole number.
static std::pair<double, double> divideFloats(double left, double right) {
  double remainder = std::fmod(left, right), quotient = (left - remainder) / right;
  if (remainder == 0)
    remainder = std::copysign(0.0, right);
  else if ((right < 0) != (remainder < 0)) {
    remainder += right;
    quotient -= 1;
  }
  if (quotient == 0)
    return {std::copysign(0.0, left / right), remainder};
  double whole = std::floor(quotient);
  return {quotient - whole > 0.5 ? whole + 1 : whole, remainder};
}

static Value operateFloats(Operator op, double left, double right) {
  switch (op) {
  case Operator::Add:
    return Value(left + right);
  case Operator::Subtract:
    return Value(left - right);
  case Operator::Multiply:
    return Value(left * right);
  case Operator::Divide:
    return Value(left / right);
  case Operator::FloorDivide:
    return Value(divideFloats(left, right).first);
  case Operator::Modulo:
    return Value(divideFloats(left, right).second);
  default:
    break;
  }
  if (left == 0 && right < 0)
    fail("0 cannot be raised to a negative power");
  double power = std::pow(left, right);
  if (std::isnan(power) && !std::isnan(left) && !std::isnan(right))
    fail("a negative number has no power with a fraction");
  if (std::isinf(power) && !std::isinf(left) && !std::isinf(right))
    fail("the result of '**' is too large");
  return Value(power);
}

static Value operateNumbers(Operator op, const Value &left, const Value &right) {
  bool divides = op == Operator::Divide || op == Operator::FloorDivide || op == Operator::Modulo;
  if (divides && right.number() == 0)
    fail("division by zero");
  if (left.isIntegral() && right.isIntegral())
    return operateIntegers(op, left.integer(), right.integer());
  return operateFloats(op, left.number(), right.number());
}

std::string escapeHtml(std::string_view text, Budget &budget) {
  std::string escaped;
  for (char c : text) {
    static constexpr std::pair<char, const char *> Escapes[] = {
        {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&#34;"}, {'\'', "&#39;"}};
    const char *found = nullptr;
    for (auto &[character, escape] : Escapes)
      found = c == character ? escape : found;
    if (found)
      escaped += found;
    else
      escaped += c;
  }
  budget.useBytes(escaped.size());
  return escaped;
}

/// As Markup does it: what is joined to it is escaped.
static Value addTexts(const Text &left, const Text &right, Interpreter &interpreter) {
  bool markup = left.markup || right.markup;
  auto part = [&](const Text &text) {
    return markup && !text.markup ? escapeHtml(text.bytes, interpreter.budget) : text.bytes;
  };
  return interpreter.text(part(left) + part(right), markup);
}

static Value repeat(const Value &value, int64_t count, Interpreter &interpreter) {
  uint64_t times = uint64_t(std::max<int64_t>(count, 0));
  auto charge = [&](uint64_t size) {
    uint64_t bytes;
    if (__builtin_mul_overflow(size, times, &bytes))
      bytes = UINT64_MAX;
    interpreter.budget.useBytes(bytes);
    interpreter.budget.useSteps(bytes / 64);
  };
  if (const Text *text = value.asText()) {
    charge(text->bytes.size());
    std::string repeated;
    for (uint64_t i = 0; i != times && !text->bytes.empty(); ++i)
      repeated += text->bytes;
    return Value::text(std::move(repeated), text->markup);
  }
  const std::vector<Value> &items = value.asSequence()->items;
  charge(items.size() * sizeof(Value));
  std::vector<Value> repeated;
  for (uint64_t i = 0; i != times && !items.empty(); ++i)
    repeated.insert(repeated.end(), items.begin(), items.end());
  return Value::sequence(value.asSequence()->kind, std::move(repeated));
}

static bool isListOrTuple(const Value &value) {
  const Sequence *sequence = value.asSequence();
  return sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple);
}

Value operate(Operator op, const Value &left, const Value &right, Interpreter &interpreter) {
  requireDefined(left);
  if (op == Operator::Modulo && left.asText())
    return formatPercent(*left.asText(), right, interpreter);
  requireDefined(right);
  if (left.isNumber() && right.isNumber())
    return operateNumbers(op, left, right);
  if (op == Operator::Add && left.asText() && right.asText())
    return addTexts(*left.asText(), *right.asText(), interpreter);
  if (op == Operator::Add && isListOrTuple(left) && isListOrTuple(right) &&
      left.asSequence()->kind == right.asSequence()->kind) {
    std::vector<Value> items = left.asSequence()->items;
    const std::vector<Value> &more = right.asSequence()->items;
    items.insert(items.end(), more.begin(), more.end());
    interpreter.budget.useBytes(items.size() * sizeof(Value));
    interpreter.budget.useSteps(items.size() / 8);
    return Value::sequence(left.asSequence()->kind, std::move(items));
  }
  auto repeats = [](const Value &value) { return value.asText() || isListOrTuple(value); };
  if (op == Operator::Multiply && repeats(left) && right.isIntegral())
    return repeat(left, right.integer(), interpreter);
  if (op == Operator::Multiply && left.isIntegral() && repeats(right))
    return repeat(right, left.integer(), interpreter);
  fail("'", spelling(op), "' is not for a ", left.typeName(), " and a ", right.typeName(),
       op == Operator::Add && (left.asText() || right.asText()) ? "; join text with '~'" : "");
}

bool compare(Operator op, const Value &left, const Value &right, Budget &budget) {
  switch (op) {
  case Operator::Equal:
    return equal(left, right, budget);
  case Operator::NotEqual:
    return !equal(left, right, budget);
  case Operator::Less:
    return less(left, right, budget);
  case Operator::Greater:
    return less(right, left, budget);
  case Operator::LessEqual:
    return less(left, right, budget) || equal(left, right, budget);
  case Operator::GreaterEqual:
    return less(right, left, budget) || equal(left, right, budget);
  case Operator::In:
    return contains(right, left, budget);
  default:
    return !contains(right, left, budget);
  }
}

static const Value &requireNumber(const Value &value, const char *op) {
  requireDefined(value);
  if (!value.isNumber())
    fail("'", op, "' needs a number, but found a value of type ", value.typeName());
  return value;
}

Value negative(const Value &value) {
  if (requireNumber(value, "-").isFloat())
    return Value(-value.number());
  return operateIntegers(Operator::Subtract, 0, value.integer());
}

Value positive(const Value &value) { return requireNumber(value, "+").isFloat() ? value : Value(value.integer()); }

} // namespace lathe::templates
