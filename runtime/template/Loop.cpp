#include "runtime/template/Loop.h"

#include <limits>

namespace lathe::templates {

namespace {

/// loop.changed or loop.cycle, named or about to be called.
class LoopMethod : public Object {
public:
  LoopMethod(Loop &loop, bool changed) : loop(loop), changed(changed) {}
  std::string typeName() const override { return "method"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &, const Arguments &arguments) override {
    return changed ? loop.changed(arguments) : loop.cycle(arguments);
  }

private:
  Loop &loop;
  bool changed;
};

} // namespace

std::optional<Value> Loop::choose() {
  const ExpressionPtr &condition = statement.expressions[1];
  while (taken != items.size()) {
    Value item = items[taken++];
    if (!condition)
      return item;
    Interpreter::Inner inner(interpreter, scope);
    interpreter.assign(statement.target, item);
    if (interpreter.isTrue(*condition))
      return item;
  }
  return std::nullopt;
}

size_t Loop::lookAhead(size_t count) {
  while (next.size() < count) {
    std::optional<Value> item = choose();
    if (!item)
      break;
    next.push_back(std::move(*item));
  }
  return next.size();
}

bool Loop::advance() {
  if (lookAhead(1) == 0)
    return false;
  previous = std::move(now);
  now = std::move(next.front());
  next.pop_front();
  ++index;
  return true;
}

std::optional<Value> Loop::attribute(Interpreter &, std::string_view name) {
  constexpr size_t All = std::numeric_limits<size_t>::max();
  if (name == "index0" || name == "index")
    return Value(index + (name == "index"));
  if (name == "first")
    return Value(index == 0);
  if (name == "last")
    return Value(lookAhead(1) == 0);
  if (name == "length")
    return Value(index + 1 + int64_t(lookAhead(All)));
  if (name == "revindex" || name == "revindex0")
    return Value(int64_t(lookAhead(All)) + (name == "revindex"));
  if (name == "depth" || name == "depth0")
    return Value(int64_t(name == "depth"));
  if (name == "previtem")
    return previous ? *previous : Value::undefined("there is no previous item");
  if (name == "nextitem")
    return lookAhead(1) ? next.front() : Value::undefined("there is no next item");
  if (name == "changed" || name == "cycle")
    return Value(static_cast<Object *>(interpreter.own<LoopMethod>(*this, name == "changed")));
  return std::nullopt;
}

Value Loop::changed(const Arguments &arguments) {
  bool same = lastChanged && lastChanged->size() == arguments.positional.size();
  for (size_t i = 0; same && i != lastChanged->size(); ++i)
    same = equal((*lastChanged)[i], arguments.positional[i], interpreter.budget);
  lastChanged = arguments.positional;
  return Value(!same);
}

Value Loop::cycle(const Arguments &arguments) const {
  if (arguments.positional.empty())
    fail("loop.cycle needs values to choose from");
  return arguments.positional[size_t(index) % arguments.positional.size()];
}

} // namespace lathe::templates
