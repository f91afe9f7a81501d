#include "runtime/template/Interpreter.h"

#include <algorithm>

namespace lathe::templates {

using Kind = Expression::Kind;

Value Interpreter::text(std::string bytes, bool markup) {
  budget.useBytes(bytes.size() + sizeof(Text));
  return Value::text(std::move(bytes), markup);
}

const Value *Interpreter::find(Symbol symbol) const {
  for (const Scope *at = scope.get(); at; at = at->parent.get())
    for (auto &[name, value] : at->variables)
      if (name == symbol)
        return &value;
  return nullptr;
}

Value Interpreter::evaluate(const Expression &expression) {
  Level level(*this);
  switch (expression.kind) {
  case Kind::Constant:
    return expression.constant;
  case Kind::Name:
    return evaluateName(expression);
  case Kind::List:
  case Kind::Tuple:
    return evaluateSequence(expression);
  case Kind::Dictionary:
    return evaluateDictionary(expression);
  case Kind::Attribute: {
    Value value = evaluate(*expression.operands[0]);
    place = expression.at;
    return attribute(value, expression.name);
  }
  case Kind::Item: {
    Value value = evaluate(*expression.operands[0]), key = evaluate(*expression.operands[1]);
    place = expression.at;
    return item(value, key);
  }
  case Kind::Slice:
    return evaluateSlice(expression);
  case Kind::Call:
    return evaluateCall(expression);
  case Kind::Filter: {
    Value value = evaluate(*expression.operands[0]);
    Arguments arguments = evaluateArguments(expression.arguments);
    place = expression.at;
    return filter(expression.name, value, arguments);
  }
  case Kind::Test:
    return evaluateTest(expression);
  case Kind::Not:
    return Value(!isTrue(*expression.operands[0]));
  case Kind::Negative:
  case Kind::Positive: {
    Value value = evaluate(*expression.operands[0]);
    place = expression.at;
    return expression.kind == Kind::Negative ? negative(value) : positive(value);
  }
  case Kind::Binary:
    return evaluateBinary(expression);
  case Kind::Compare:
    return evaluateCompare(expression);
  case Kind::And:
  case Kind::Or:
    return evaluateLogic(expression);
  case Kind::Join:
    return evaluateJoin(expression);
  case Kind::Conditional:
    return evaluateConditional(expression);
  }
  return Value();
}

Value Interpreter::evaluateName(const Expression &expression) {
  const Value *found = find(expression.symbol);
  return found ? *found : Value::undefined("'" + expression.name + "' is undefined");
}

Value Interpreter::evaluateSequence(const Expression &expression) {
  std::vector<Value> items;
  for (const ExpressionPtr &operand : expression.operands)
    items.push_back(evaluate(*operand));
  budget.useBytes(sizeof(Sequence) + items.size() * sizeof(Value));
  return Value::sequence(expression.kind == Kind::List ? SequenceKind::List : SequenceKind::Tuple, std::move(items));
}

Value Interpreter::evaluateDictionary(const Expression &expression) {
  std::vector<std::pair<Value, Value>> entries;
  for (size_t i = 0; i != expression.operands.size(); i += 2) {
    Value key = evaluate(*expression.operands[i]);
    entries.emplace_back(std::move(key), evaluate(*expression.operands[i + 1]));
  }
  place = expression.at;
  return Value::dictionary(std::move(entries), budget);
}

Value Interpreter::evaluateSlice(const Expression &expression) {
  Value parts[4]; // none where left out
  for (size_t i = 0; i != 4; ++i)
    if (const ExpressionPtr &operand = expression.operands[i])
      parts[i] = evaluate(*operand);
  place = expression.at;
  return slice(parts[0], parts[1], parts[2], parts[3], *this);
}

Value Interpreter::evaluateCall(const Expression &expression) {
  const Expression &callee = *expression.operands[0];
  if (callee.kind == Kind::Attribute) {
    // A method is called without making an object of it first.
    Value value = evaluate(*callee.operands[0]);
    if (ValueFunction method = findMethod(value, callee.name)) {
      Arguments arguments = evaluateArguments(expression.arguments);
      place = expression.at;
      return method(*this, value, arguments);
    }
    place = callee.at;
    Value function = attribute(value, callee.name);
    Arguments arguments = evaluateArguments(expression.arguments);
    place = expression.at;
    return call(function, arguments);
  }
  Value function = evaluate(callee);
  Arguments arguments = evaluateArguments(expression.arguments);
  place = expression.at;
  return call(function, arguments);
}

Value Interpreter::call(const Value &function, const Arguments &arguments) {
  Level level(*this);
  requireDefined(function);
  if (!function.asObject() || !function.asObject()->isCallable())
    fail("a value of type ", function.typeName(), " cannot be called; a macro or function can");
  return function.asObject()->call(*this, arguments);
}

Value Object::call(Interpreter &, const Arguments &) { fail("a ", typeName(), " cannot be called"); }

Arguments Interpreter::evaluateArguments(const CallArguments &given) {
  Arguments arguments;
  for (const ExpressionPtr &argument : given.positional)
    arguments.positional.push_back(evaluate(*argument));
  for (auto &[name, argument] : given.named)
    arguments.named.emplace_back(name, evaluate(*argument));
  if (given.list) {
    Value list = evaluate(*given.list);
    for (Value &item : iterate(list, budget))
      arguments.positional.push_back(std::move(item));
  }
  if (given.dictionary) {
    Value value = evaluate(*given.dictionary);
    const Dictionary *dictionary = value.asDictionary();
    if (!dictionary)
      fail("'**' needs a dict, but found a value of type ", value.typeName());
    for (auto &[key, argument] : dictionary->entries) {
      if (!key.asText())
        fail("the names of arguments must be text, but found a value of type ", key.typeName());
      arguments.named.emplace_back(key.asText()->bytes, argument);
    }
  }
  return arguments;
}

void Arguments::bindTo(const char *function, const char *const *names, size_t count, size_t required,
                       const Value **bound) const {
  if (positional.size() > count)
    fail("'", function, "' takes at most ", std::to_string(count), " arguments but is given ",
         std::to_string(positional.size()));
  for (size_t i = 0; i != positional.size(); ++i)
    bound[i] = &positional[i];
  for (auto &[name, value] : named) {
    const char *const *found = std::find_if(names, names + count, [&](const char *known) { return name == known; });
    if (found == names + count)
      fail("'", function, "' has no parameter '", name, "'");
    if (bound[found - names])
      fail("'", function, "' is given '", name, "' twice");
    bound[found - names] = &value;
  }
  for (size_t i = 0; i != required; ++i)
    if (!bound[i])
      fail("'", function, "' needs an argument '", names[i], "'");
}

Value Interpreter::filter(const std::string &name, const Value &value, const Arguments &arguments) {
  ValueFunction function = findFilter(name);
  if (!function)
    fail("there is no filter '", name, "'");
  return function(*this, value, arguments);
}

bool Interpreter::test(const std::string &name, const Value &value, const Arguments &arguments) {
  Test function = findTest(name);
  if (!function)
    fail("there is no test '", name, "'");
  return function(*this, value, arguments);
}

Value Interpreter::filterText(const Expression &filters, const Value &text) {
  Value value = filters.operands[0] ? filterText(*filters.operands[0], text) : text;
  Arguments arguments = evaluateArguments(filters.arguments);
  place = filters.at;
  return filter(filters.name, value, arguments);
}

Value Interpreter::evaluateTest(const Expression &expression) {
  Value value = evaluate(*expression.operands[0]);
  Arguments arguments = evaluateArguments(expression.arguments);
  place = expression.at;
  return Value(test(expression.name, value, arguments));
}

Value Interpreter::evaluateBinary(const Expression &expression) {
  Value left = evaluate(*expression.operands[0]), right = evaluate(*expression.operands[1]);
  place = expression.at;
  return operate(expression.operators[0], left, right, *this);
}

Value Interpreter::evaluateCompare(const Expression &expression) {
  // a < b < c is a < b and b < c, with b computed once.
  Value left = evaluate(*expression.operands[0]);
  for (size_t i = 0; i != expression.operators.size(); ++i) {
    Value right = evaluate(*expression.operands[i + 1]);
    place = expression.at;
    if (!compare(expression.operators[i], left, right, budget))
      return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::evaluateLogic(const Expression &expression) {
  Value value;
  for (const ExpressionPtr &operand : expression.operands) {
    value = evaluate(*operand);
    if (value.truth() == (expression.kind == Kind::Or))
      break;
  }
  return value;
}

Value Interpreter::evaluateJoin(const Expression &expression) {
  std::string joined;
  for (const ExpressionPtr &operand : expression.operands)
    joined += printed(evaluate(*operand));
  return text(std::move(joined));
}

Value Interpreter::evaluateConditional(const Expression &expression) {
  if (isTrue(*expression.operands[1]))
    return evaluate(*expression.operands[0]);
  if (expression.operands[2])
    return evaluate(*expression.operands[2]);
  return Value::undefined("the condition is false and there is no 'else'");
}

} // namespace lathe::templates
