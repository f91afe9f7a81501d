// Walks a template's tree and writes text. One interpreter renders once.
#ifndef LATHE_RUNTIME_TEMPLATE_INTERPRETER_H
#define LATHE_RUNTIME_TEMPLATE_INTERPRETER_H

#include "runtime/template/Ast.h"
#include "runtime/template/Object.h"

#include <ctime>

namespace lathe::templates {

/// Variables of a block. One that it lacks is looked for in the block around it.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<Symbol, Value>> variables;

  void set(Symbol symbol, Value value);
};

class Interpreter {
public:
  /// `now` is what strftime_now writes.
  Interpreter(const Tree &tree, Budget budget, std::tm now);

  /// A variable of the whole template.
  void define(const std::string &name, Value value);
  /// Throws TemplateError.
  std::string render();

  // What filters, tests, methods and functions need.
  Budget budget;
  const std::tm now;
  /// Keeps the object until the end of the rendering.
  template <typename Type, typename... Parts> Type *own(Parts &&...parts) {
    budget.useBytes(sizeof(Type) + 64);
    auto object = std::make_unique<Type>(std::forward<Parts>(parts)...);
    Type *kept = object.get();
    objects.push_back(std::move(object));
    return kept;
  }
  /// Charges for the text's bytes.
  Value text(std::string bytes, bool markup = false);
  std::string printed(const Value &value) { return templates::printed(value, budget); }
  /// value.name, and value[key]: an undefined value where there is no such thing.
  Value attribute(const Value &value, std::string_view name);
  Value item(const Value &value, const Value &key);
  Value call(const Value &function, const Arguments &arguments);
  Value filter(const std::string &name, const Value &value, const Arguments &arguments);
  bool test(const std::string &name, const Value &value, const Arguments &arguments);
  bool isTrue(const Expression &condition) { return evaluate(condition).truth(); }
  void assign(const Target &target, const Value &value);
  /// The text that the procedure writes. `caller` is undefined outside of call blocks.
  Value callProcedure(const Procedure &procedure, const std::shared_ptr<Scope> &outer, const Arguments &arguments);

private:
  friend class Loop;
  /// How deep blocks, expressions and macros may be inside of each other while they run.
  static constexpr uint32_t MaxRunDepth = 1000;
  enum class Flow : uint8_t { Normal, Break, Continue };

  /// Counts one more level while it lives.
  class Level {
  public:
    explicit Level(Interpreter &interpreter);
    ~Level() { --interpreter.depth; }

  private:
    Interpreter &interpreter;
  };
  /// Has a scope of its own while it lives.
  class Inner {
  public:
    explicit Inner(Interpreter &interpreter, std::shared_ptr<Scope> parent);
    explicit Inner(Interpreter &interpreter) : Inner(interpreter, interpreter.scope) {}
    ~Inner() { interpreter.scope = std::move(outer); }

  private:
    Interpreter &interpreter;
    std::shared_ptr<Scope> outer;
  };

  // Statements.
  Flow execute(const Block &block);
  Flow execute(const Statement &statement);
  Flow executeIf(const Statement &statement);
  Flow executeFor(const Statement &statement);
  void executeSetBlock(const Statement &statement);
  void executeCall(const Statement &statement);
  Flow executeWith(const Statement &statement);
  void write(std::string_view text);
  std::string capture(const Block &block);
  /// The filters of a block, over its text.
  Value filterText(const Expression &filters, const Value &text);

  // Expressions.
  Value evaluate(const Expression &expression);
  Value evaluateName(const Expression &expression);
  Value evaluateSequence(const Expression &expression);
  Value evaluateDictionary(const Expression &expression);
  Value evaluateSlice(const Expression &expression);
  Value evaluateCall(const Expression &expression);
  Value evaluateTest(const Expression &expression);
  Value evaluateBinary(const Expression &expression);
  Value evaluateCompare(const Expression &expression);
  Value evaluateLogic(const Expression &expression);
  Value evaluateJoin(const Expression &expression);
  Value evaluateConditional(const Expression &expression);
  Arguments evaluateArguments(const CallArguments &arguments);
  const Value *find(Symbol symbol) const;

  const Tree &tree;
  std::vector<std::unique_ptr<Object>> objects;
  std::shared_ptr<Scope> scope;
  std::string output;
  std::string *out = &output; ///< of the block that is being written
  uint32_t depth = 0;
  uint32_t place = 0; ///< byte of the source where an error would be
};

// Operators.cpp: `a op b` and the unary ones.
Value operate(Operator op, const Value &left, const Value &right, Interpreter &interpreter);
bool compare(Operator op, const Value &left, const Value &right, Budget &budget);
Value negative(const Value &value);
Value positive(const Value &value);
std::string escapeHtml(std::string_view text, Budget &budget);

// Format.cpp: Python's two ways to put values into text.
Value formatPercent(const Text &format, const Value &values, Interpreter &interpreter);
Value formatBraces(Interpreter &interpreter, const Value &text, const Arguments &arguments);

// Subscripts.cpp.
Value slice(const Value &value, const Value &begin, const Value &end, const Value &step, Interpreter &interpreter);

// Tables. Null where there is no such thing.
ValueFunction findFilter(std::string_view name);
Test findTest(std::string_view name);
ValueFunction findMethod(const Value &value, std::string_view name);
Function findGlobal(std::string_view name);

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_INTERPRETER_H
