// Filters and methods by name. A filter is a function of the value in front of '|'.
#ifndef LATHE_RUNTIME_TEMPLATE_FILTERS_H
#define LATHE_RUNTIME_TEMPLATE_FILTERS_H

#include "runtime/template/Interpreter.h"

#include <span>

namespace lathe::templates {

struct NamedFunction {
  std::string_view name;
  ValueFunction function;
};

std::span<const NamedFunction> textFilters();
std::span<const NamedFunction> numberFilters();
std::span<const NamedFunction> listFilters();
std::span<const NamedFunction> orderFilters();

std::span<const NamedFunction> textMethods();
std::span<const NamedFunction> searchMethods();

/// An argument that must be an integer; `otherwise` where it is not given or none.
int64_t integerOr(const Value *argument, const char *name, int64_t otherwise);
/// An argument's truth; false where it is not given.
inline bool truthOf(const Value *argument) { return argument && argument->truth(); }
/// An argument that must be text.
const std::string &textOf(const Value &argument, const char *name);

/// What attribute="a.b" asks for, in an item: attributes one inside of the other. `otherwise`, if it is not null, is
/// taken for each that is undefined.
Value attributePath(Interpreter &interpreter, Value item, const Value &path, const Value *otherwise = nullptr);

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_FILTERS_H
