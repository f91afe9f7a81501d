#include "runtime/template/Interpreter.h"
#include "runtime/template/Lexer.h"
#include "runtime/template/Loop.h"

#include <algorithm>

namespace lathe::templates {

namespace {

/// A macro, or the body of a call block, with the variables that it was written among.
class Macro : public Object {
public:
  Macro(const Procedure &procedure, std::shared_ptr<Scope> scope) : procedure(procedure), scope(std::move(scope)) {}
  std::string typeName() const override { return "macro"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &interpreter, const Arguments &arguments) override {
    return interpreter.callProcedure(procedure, scope, arguments);
  }
  std::optional<Value> attribute(Interpreter &interpreter, std::string_view name) override {
    if (name == "name")
      return interpreter.text(procedure.name);
    if (name != "arguments")
      return std::nullopt;
    std::vector<Value> names;
    for (const std::string &parameter : procedure.names)
      names.push_back(interpreter.text(parameter));
    return Value::tuple(std::move(names));
  }

private:
  const Procedure &procedure;
  std::shared_ptr<Scope> scope;
};

} // namespace

void Scope::set(Symbol symbol, Value value) {
  for (auto &[name, old] : variables)
    if (name == symbol) {
      old = std::move(value);
      return;
    }
  variables.emplace_back(symbol, std::move(value));
}

Interpreter::Level::Level(Interpreter &interpreter) : interpreter(interpreter) {
  if (interpreter.depth == MaxRunDepth)
    fail("macros, blocks and expressions are more than ", std::to_string(MaxRunDepth),
         " deep inside of each other; does a macro call itself without end?");
  interpreter.budget.useSteps(1);
  ++interpreter.depth;
}

Interpreter::Inner::Inner(Interpreter &interpreter, std::shared_ptr<Scope> parent)
    : interpreter(interpreter), outer(std::move(interpreter.scope)) {
  interpreter.budget.useBytes(sizeof(Scope));
  interpreter.scope = std::make_shared<Scope>(Scope{std::move(parent), {}});
}

Interpreter::Interpreter(const Tree &tree, Budget budget, std::tm now)
    : budget(budget), now(now), tree(tree), scope(std::make_shared<Scope>()) {
  for (size_t i = 0; i != tree.symbols.size(); ++i)
    if (Function function = findGlobal(tree.symbols[i]))
      scope->set(Symbol(i), Value(static_cast<Object *>(own<FunctionObject>(function))));
}

void Interpreter::define(const std::string &name, Value value) {
  // A name that the template does not have cannot be asked for.
  auto found = std::find(tree.symbols.begin(), tree.symbols.end(), name);
  if (found != tree.symbols.end())
    scope->set(Symbol(found - tree.symbols.begin()), std::move(value));
}

std::string Interpreter::render() {
  try {
    Inner inner(*this);
    execute(tree.body);
  } catch (const EvaluationError &error) {
    throw TemplateError(place, error.what());
  }
  return std::move(output);
}

void Interpreter::write(std::string_view text) {
  budget.useBytes(text.size());
  *out += text;
}

std::string Interpreter::capture(const Block &block) {
  std::string text, *outer = std::exchange(out, &text);
  execute(block);
  out = outer;
  return text;
}

Interpreter::Flow Interpreter::execute(const Block &block) {
  Level level(*this);
  for (const auto &statement : block)
    if (Flow flow = execute(*statement); flow != Flow::Normal)
      return flow;
  return Flow::Normal;
}

Interpreter::Flow Interpreter::execute(const Statement &statement) {
  budget.useSteps(1);
  place = statement.at;
  switch (statement.kind) {
  case Statement::Kind::Text:
    write(statement.text);
    return Flow::Normal;
  case Statement::Kind::Print:
    for (const ExpressionPtr &expression : statement.expressions)
      write(printed(evaluate(*expression)));
    return Flow::Normal;
  case Statement::Kind::If:
    return executeIf(statement);
  case Statement::Kind::For:
    return executeFor(statement);
  case Statement::Kind::Set:
    assign(statement.target, evaluate(*statement.expressions[0]));
    return Flow::Normal;
  case Statement::Kind::SetBlock:
    executeSetBlock(statement);
    return Flow::Normal;
  case Statement::Kind::Macro:
    scope->set(statement.symbol, Value(static_cast<Object *>(own<Macro>(statement.procedure, scope))));
    return Flow::Normal;
  case Statement::Kind::Call:
    executeCall(statement);
    return Flow::Normal;
  case Statement::Kind::FilterBlock: {
    Inner inner(*this);
    Value text = this->text(capture(statement.blocks[0]));
    write(printed(filterText(*statement.expressions[0], text)));
    return Flow::Normal;
  }
  case Statement::Kind::With:
    return executeWith(statement);
  case Statement::Kind::Generation: {
    Inner inner(*this);
    return execute(statement.blocks[0]);
  }
  case Statement::Kind::Break:
    return Flow::Break;
  case Statement::Kind::Continue:
    return Flow::Continue;
  }
  return Flow::Normal;
}

Interpreter::Flow Interpreter::executeIf(const Statement &statement) {
  for (size_t i = 0; i != statement.expressions.size(); ++i)
    if (isTrue(*statement.expressions[i]))
      return execute(statement.blocks[i]);
  return statement.blocks.size() > statement.expressions.size() ? execute(statement.blocks.back()) : Flow::Normal;
}

Interpreter::Flow Interpreter::executeFor(const Statement &statement) {
  Value container = evaluate(*statement.expressions[0]);
  place = statement.at;
  Loop *loop = own<Loop>(*this, statement, scope, iterate(container, budget));
  bool ended = false; // as in Jinja an iteration that break or continue cuts short does not count
  while (loop->advance()) {
    Inner inner(*this);
    assign(statement.target, loop->current());
    scope->set(statement.symbol, Value(static_cast<Object *>(loop)));
    Flow flow = execute(statement.blocks[0]);
    ended |= flow == Flow::Normal;
    if (flow == Flow::Break)
      break;
  }
  if (ended || statement.blocks.size() == 1)
    return Flow::Normal;
  Inner inner(*this);
  return execute(statement.blocks[1]);
}

void Interpreter::executeSetBlock(const Statement &statement) {
  Value value;
  {
    Inner inner(*this);
    value = text(capture(statement.blocks[0]));
  }
  if (statement.expressions[0])
    value = filterText(*statement.expressions[0], value);
  assign(statement.target, value);
}

void Interpreter::executeCall(const Statement &statement) {
  const Expression &expression = *statement.expressions[0];
  Value function = evaluate(*expression.operands[0]);
  Arguments arguments = evaluateArguments(expression.arguments);
  arguments.named.emplace_back("caller", Value(static_cast<Object *>(own<Macro>(statement.procedure, scope))));
  place = expression.at;
  write(printed(call(function, arguments)));
}

Interpreter::Flow Interpreter::executeWith(const Statement &statement) {
  // All values see the variables around the block.
  std::vector<Value> values;
  for (const ExpressionPtr &expression : statement.expressions)
    values.push_back(evaluate(*expression));
  Inner inner(*this);
  for (size_t i = 0; i != values.size(); ++i)
    assign(statement.targets[i], values[i]);
  return execute(statement.blocks[0]);
}

void Interpreter::assign(const Target &target, const Value &value) {
  place = target.at;
  if (target.kind == Target::Kind::Name) {
    scope->set(target.symbol, value);
  } else if (target.kind == Target::Kind::Attribute) {
    const std::string &name = tree.symbols[target.symbol];
    const Value *found = find(target.symbol);
    if (!found)
      fail("'", name, "' is undefined; make it with {% set ", name, " = namespace() %}");
    if (!found->asObject() || !found->asObject()->setAttribute(target.attribute, value))
      fail("'", name, "' is a ", found->typeName(), ", but only a namespace() has attributes that can be set");
    budget.useBytes(sizeof(Value));
  } else {
    requireDefined(value);
    std::vector<Value> items = iterate(value, budget);
    if (items.size() != target.parts.size())
      fail("found ", std::to_string(items.size()), " values for ", std::to_string(target.parts.size()), " names");
    for (size_t i = 0; i != items.size(); ++i)
      assign(target.parts[i], items[i]);
  }
}

/// Takes the argument of this name away; null where it is not there.
static std::optional<Value> takeNamed(Arguments &arguments, std::string_view name) {
  for (size_t i = 0; i != arguments.named.size(); ++i)
    if (arguments.named[i].first == name) {
      Value value = std::move(arguments.named[i].second);
      arguments.named.erase(arguments.named.begin() + ptrdiff_t(i));
      return value;
    }
  return std::nullopt;
}

Value Interpreter::callProcedure(const Procedure &procedure, const std::shared_ptr<Scope> &outer,
                                 const Arguments &given) {
  Level level(*this);
  Inner inner(*this, outer);
  Arguments arguments = given;
  size_t count = procedure.parameters.size(), positional = arguments.positional.size();
  size_t firstDefault = count - procedure.defaults.size();
  for (size_t i = 0; i != count; ++i) {
    const std::string &name = procedure.names[i];
    std::optional<Value> named = takeNamed(arguments, name);
    if (named && i < positional)
      fail("'", procedure.name, "' is given '", name, "' twice");
    Value value = Value::undefined("parameter '" + name + "' of '" + procedure.name + "' was not given");
    if (i < positional)
      value = arguments.positional[i];
    else if (named)
      value = std::move(*named);
    else if (i >= firstDefault)
      value = evaluate(*procedure.defaults[i - firstDefault]);
    scope->set(procedure.parameters[i], std::move(value));
  }
  auto setIfUsed = [&](const char *name, Value value) {
    auto found = std::find(tree.symbols.begin(), tree.symbols.end(), name);
    scope->set(Symbol(found - tree.symbols.begin()), std::move(value)); // used, so it is there
  };
  if (procedure.usesCaller) {
    std::optional<Value> caller = takeNamed(arguments, "caller");
    setIfUsed("caller", caller ? *caller : Value::undefined("'" + procedure.name + "' was not called by a call block"));
  }
  if (positional > count && !procedure.usesVarargs)
    fail("'", procedure.name, "' takes ", std::to_string(count), " arguments but is given ",
         std::to_string(positional));
  if (procedure.usesVarargs) {
    auto rest = arguments.positional.begin() + ptrdiff_t(std::min(count, positional));
    setIfUsed("varargs", Value::tuple(std::vector<Value>(rest, arguments.positional.end())));
  }
  if (procedure.usesKwargs) {
    std::vector<std::pair<Value, Value>> entries;
    for (auto &[name, value] : arguments.named)
      entries.emplace_back(text(name), value);
    setIfUsed("kwargs", Value::dictionary(std::move(entries), budget));
  } else if (!arguments.named.empty()) {
    fail("'", procedure.name, "' has no parameter '", arguments.named[0].first, "'");
  }
  return text(capture(procedure.body));
}

} // namespace lathe::templates
