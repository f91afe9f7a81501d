// Values that a template can call, or change: functions, macros, namespaces, loops. The interpreter owns them.
#ifndef LATHE_RUNTIME_TEMPLATE_OBJECT_H
#define LATHE_RUNTIME_TEMPLATE_OBJECT_H

#include "runtime/template/Value.h"

#include <array>
#include <optional>

namespace lathe::templates {

class Interpreter;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument for each of the names, null where the call does not give it. Throws for one too many, an unknown or
  /// repeated name, and one of the first `required` that is missing.
  template <size_t Count>
  std::array<const Value *, Count> bind(const char *function, const char *const (&names)[Count],
                                        size_t required = 0) const {
    std::array<const Value *, Count> bound = {};
    bindTo(function, names, Count, required, bound.data());
    return bound;
  }
  void bindNone(const char *function) const { bindTo(function, nullptr, 0, 0, nullptr); }

private:
  void bindTo(const char *function, const char *const *names, size_t count, size_t required, const Value **bound) const;
};

class Object {
public:
  virtual ~Object() = default;
  /// For messages and for printing.
  virtual std::string typeName() const = 0;
  virtual bool isCallable() const { return false; }
  virtual Value call(Interpreter &interpreter, const Arguments &arguments);
  /// Nothing where there is no such attribute.
  virtual std::optional<Value> attribute(Interpreter &, std::string_view) { return std::nullopt; }
  virtual bool setAttribute(std::string_view, Value) { return false; }
};

using Function = Value (*)(Interpreter &interpreter, const Arguments &arguments);
/// A function of a value: a filter, or a method.
using ValueFunction = Value (*)(Interpreter &interpreter, const Value &value, const Arguments &arguments);
using Test = bool (*)(Interpreter &interpreter, const Value &value, const Arguments &arguments);

class FunctionObject : public Object {
public:
  explicit FunctionObject(Function function) : function(function) {}
  std::string typeName() const override { return "function"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &interpreter, const Arguments &arguments) override { return function(interpreter, arguments); }

private:
  Function function;
};

/// A method of a value that was named without being called.
class MethodObject : public Object {
public:
  MethodObject(ValueFunction function, Value value) : function(function), value(std::move(value)) {}
  std::string typeName() const override { return "method"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &interpreter, const Arguments &arguments) override {
    return function(interpreter, value, arguments);
  }

private:
  ValueFunction function;
  Value value;
};

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_OBJECT_H
