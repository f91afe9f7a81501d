// What a `for` visits, and the variable `loop` inside of it.
#ifndef LATHE_RUNTIME_TEMPLATE_LOOP_H
#define LATHE_RUNTIME_TEMPLATE_LOOP_H

#include "runtime/template/Interpreter.h"

#include <deque>

namespace lathe::templates {

/// Items are chosen by the loop's condition only when they are needed, as that may depend on what the body did.
class Loop : public Object {
public:
  Loop(Interpreter &interpreter, const Statement &statement, std::shared_ptr<Scope> scope, std::vector<Value> items)
      : interpreter(interpreter), statement(statement), scope(std::move(scope)), items(std::move(items)) {}

  /// Goes on to the next item. False behind the last.
  bool advance();
  const Value &current() const { return *now; }

  std::string typeName() const override { return "loop"; }
  std::optional<Value> attribute(Interpreter &interpreter, std::string_view name) override;
  /// loop.changed(values) and loop.cycle(values).
  Value changed(const Arguments &arguments);
  Value cycle(const Arguments &arguments) const;

private:
  /// The next item that the condition lets through.
  std::optional<Value> choose();
  /// Has chosen up to `count` items ahead of the current one; all of them for the greatest count.
  size_t lookAhead(size_t count);

  Interpreter &interpreter;
  const Statement &statement;
  std::shared_ptr<Scope> scope;
  std::vector<Value> items;
  size_t taken = 0;       ///< of `items`
  std::deque<Value> next; ///< chosen, but not visited
  std::optional<Value> previous, now;
  int64_t index = -1;
  std::optional<std::vector<Value>> lastChanged;
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_LOOP_H
