// What can stand behind 'is'.
#include "runtime/template/Characters.h"
#include "runtime/template/Interpreter.h"

#include <algorithm>
#include <cmath>

namespace lathe::templates {

namespace {

bool isDefined(Interpreter &, const Value &value, const Arguments &arguments) {
  arguments.bindNone("defined");
  return !value.isUndefined();
}
bool isUndefined(Interpreter &, const Value &value, const Arguments &arguments) {
  arguments.bindNone("undefined");
  return value.isUndefined();
}
bool isNone(Interpreter &, const Value &value, const Arguments &) { return value.isNone(); }
bool isTrue(Interpreter &, const Value &value, const Arguments &) { return value.isBoolean() && value.boolean(); }
bool isFalse(Interpreter &, const Value &value, const Arguments &) { return value.isBoolean() && !value.boolean(); }
bool isBoolean(Interpreter &, const Value &value, const Arguments &) { return value.isBoolean(); }
bool isInteger(Interpreter &, const Value &value, const Arguments &) {
  return value.isIntegral() && !value.isBoolean();
}
bool isFloat(Interpreter &, const Value &value, const Arguments &) { return value.isFloat(); }
bool isNumber(Interpreter &, const Value &value, const Arguments &) { return value.isNumber(); }
bool isString(Interpreter &, const Value &value, const Arguments &) { return value.asText() != nullptr; }
bool isEscaped(Interpreter &, const Value &value, const Arguments &) {
  return value.asText() && value.asText()->markup;
}
bool isMapping(Interpreter &, const Value &value, const Arguments &) { return value.asDictionary() != nullptr; }
bool isIterable(Interpreter &, const Value &value, const Arguments &) {
  return value.asText() || value.asSequence() || value.asDictionary() || value.isUndefined();
}
/// What has a length and can be indexed; as in Jinja a dict counts, and so does what is undefined.
bool isSequence(Interpreter &, const Value &value, const Arguments &) {
  const Sequence *sequence = value.asSequence();
  return value.asText() || value.asDictionary() || value.isUndefined() ||
         (sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple ||
                       sequence->kind == SequenceKind::Range));
}
bool isCallable(Interpreter &, const Value &value, const Arguments &) {
  return value.isUndefined() || (value.asObject() && value.asObject()->isCallable());
}

/// True where the text has cased characters and all of them are of the one case.
bool hasCase(Interpreter &interpreter, const Value &value, bool (*wanted)(char32_t)) {
  bool any = false;
  for (char32_t character : decode(interpreter.printed(value)))
    if (isCased(character)) {
      if (!wanted(character))
        return false;
      any = true;
    }
  return any;
}
bool isLowerCase(Interpreter &interpreter, const Value &value, const Arguments &) {
  return hasCase(interpreter, value, isLower);
}
bool isUpperCase(Interpreter &interpreter, const Value &value, const Arguments &) {
  return hasCase(interpreter, value, isUpper);
}

bool isDivisible(Interpreter &interpreter, const Value &value, const Value &divisor) {
  return equal(operate(Operator::Modulo, value, divisor, interpreter), Value(int64_t(0)), interpreter.budget);
}
bool isDivisibleBy(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [divisor] = arguments.bind("divisibleby", {"num"}, 1);
  return isDivisible(interpreter, value, *divisor);
}
bool isEven(Interpreter &interpreter, const Value &value, const Arguments &) {
  return isDivisible(interpreter, value, Value(int64_t(2)));
}
bool isOdd(Interpreter &interpreter, const Value &value, const Arguments &) {
  Value rest = operate(Operator::Modulo, value, Value(int64_t(2)), interpreter);
  return equal(rest, Value(int64_t(1)), interpreter.budget);
}

template <Operator Op> bool compares(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [other] = arguments.bind("a comparison", {"other"}, 1);
  return compare(Op, value, *other, interpreter.budget);
}
bool isSame(Interpreter &, const Value &value, const Arguments &arguments) {
  auto [other] = arguments.bind("sameas", {"other"}, 1);
  return value.same(*other);
}
bool isFilter(Interpreter &, const Value &value, const Arguments &) {
  requireHashable(value);
  return value.asText() && findFilter(value.asText()->bytes);
}
bool isTest(Interpreter &, const Value &value, const Arguments &) {
  requireHashable(value);
  return value.asText() && findTest(value.asText()->bytes);
}

struct Entry {
  std::string_view name;
  Test test;
};

constexpr Entry Tests[] = {
    {"defined", isDefined},
    {"undefined", isUndefined},
    {"none", isNone},
    {"true", isTrue},
    {"false", isFalse},
    {"boolean", isBoolean},
    {"integer", isInteger},
    {"float", isFloat},
    {"number", isNumber},
    {"string", isString},
    {"escaped", isEscaped},
    {"mapping", isMapping},
    {"iterable", isIterable},
    {"sequence", isSequence},
    {"callable", isCallable},
    {"lower", isLowerCase},
    {"upper", isUpperCase},
    {"divisibleby", isDivisibleBy},
    {"even", isEven},
    {"odd", isOdd},
    {"sameas", isSame},
    {"filter", isFilter},
    {"test", isTest},
    {"eq", compares<Operator::Equal>},
    {"==", compares<Operator::Equal>},
    {"equalto", compares<Operator::Equal>},
    {"ne", compares<Operator::NotEqual>},
    {"!=", compares<Operator::NotEqual>},
    {"lt", compares<Operator::Less>},
    {"<", compares<Operator::Less>},
    {"lessthan", compares<Operator::Less>},
    {"le", compares<Operator::LessEqual>},
    {"<=", compares<Operator::LessEqual>},
    {"gt", compares<Operator::Greater>},
    {">", compares<Operator::Greater>},
    {"greaterthan", compares<Operator::Greater>},
    {"ge", compares<Operator::GreaterEqual>},
    {">=", compares<Operator::GreaterEqual>},
    {"in", compares<Operator::In>},
};

} // namespace

Test findTest(std::string_view name) {
  const Entry *found =
      std::find_if(std::begin(Tests), std::end(Tests), [&](auto &entry) { return entry.name == name; });
  return found == std::end(Tests) ? nullptr : found->test;
}

} // namespace lathe::templates
