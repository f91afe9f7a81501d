// Filters that compare or add items.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"
#include "runtime/template/Sort.h"

#include <unordered_set>

namespace lathe::templates {

namespace {

/// Text without its case, unless that counts.
Value caseKey(Interpreter &interpreter, const Value &value, bool caseSensitive) {
  return value.asText() && !caseSensitive ? interpreter.text(lowerCase(value.asText()->bytes)) : value;
}

/// What an item is compared by: itself, or an attribute.
Value keyOf(Interpreter &interpreter, const Value &item, const Value *path, bool caseSensitive) {
  bool whole = !path || path->isNone();
  return caseKey(interpreter, whole ? item : attributePath(interpreter, item, *path), caseSensitive);
}

/// As keyOf, for attributes with ',' between them.
Value sortKey(Interpreter &interpreter, const Value &item, const Value *paths, bool caseSensitive) {
  if (!paths || !paths->asText())
    return keyOf(interpreter, item, paths, caseSensitive);
  std::vector<Value> keys;
  std::string_view rest = paths->asText()->bytes;
  for (bool more = true; more;) {
    size_t end = std::min(rest.find(','), rest.size());
    Value path = interpreter.text(std::string(rest.substr(0, end)));
    keys.push_back(keyOf(interpreter, item, &path, caseSensitive));
    more = end != rest.size();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return Value::list(std::move(keys));
}

using Keyed = std::pair<Value, Value>; ///< key, item

void sortByKey(std::vector<Keyed> &keyed, bool descending, Budget &budget) {
  stableSort(keyed, [&](const Keyed &left, const Keyed &right) {
    return descending ? less(right.first, left.first, budget) : less(left.first, right.first, budget);
  });
}

std::vector<Value> itemsOf(std::vector<Keyed> &keyed) {
  std::vector<Value> items;
  for (Keyed &entry : keyed)
    items.push_back(std::move(entry.second));
  return items;
}

Value sort(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [descending, caseSensitive, paths] = arguments.bind("sort", {"reverse", "case_sensitive", "attribute"});
  std::vector<Keyed> keyed;
  for (const Value &item : iterate(value, interpreter.budget))
    keyed.emplace_back(sortKey(interpreter, item, paths, truthOf(caseSensitive)), item);
  sortByKey(keyed, truthOf(descending), interpreter.budget);
  return Value::list(itemsOf(keyed));
}

Value sortDictionary(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [caseSensitive, by, descending] = arguments.bind("dictsort", {"case_sensitive", "by", "reverse"});
  std::string part = by ? textOf(*by, "by") : "key";
  if (part != "key" && part != "value")
    fail("'by' must be key or value, but is '", part, "'");
  requireDefined(value);
  if (!value.asDictionary())
    fail("'dictsort' needs a dict, but found a value of type ", value.typeName());
  std::vector<Keyed> keyed;
  for (auto &[key, entry] : value.asDictionary()->entries) {
    interpreter.budget.useBytes(8 * sizeof(Value));
    keyed.emplace_back(caseKey(interpreter, part == "key" ? key : entry, truthOf(caseSensitive)),
                       Value::tuple({key, entry}));
  }
  sortByKey(keyed, truthOf(descending), interpreter.budget);
  return Value::list(itemsOf(keyed));
}

Value unique(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [caseSensitive, path] = arguments.bind("unique", {"case_sensitive", "attribute"});
  return Value::generator([&, caseSensitive = caseSensitive, path = path](std::vector<Value> &kept) {
    std::unordered_set<std::string> seen;
    for (const Value &item : iterate(value, interpreter.budget)) {
      Value key = keyOf(interpreter, item, path, truthOf(caseSensitive));
      if (seen.insert(hashKey(key, interpreter.budget)).second)
        kept.push_back(item);
    }
  });
}

template <bool Greatest> Value extreme(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [caseSensitive, path] = arguments.bind(Greatest ? "max" : "min", {"case_sensitive", "attribute"});
  std::optional<Keyed> best;
  for (const Value &item : iterate(value, interpreter.budget)) {
    Value key = keyOf(interpreter, item, path, truthOf(caseSensitive));
    bool better =
        !best || (Greatest ? less(best->first, key, interpreter.budget) : less(key, best->first, interpreter.budget));
    if (better)
      best.emplace(key, item);
  }
  return best ? best->second : Value::undefined("there is no item to choose");
}

Value groupBy(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [path, otherwise, caseSensitive] = arguments.bind("groupby", {"attribute", "default", "case_sensitive"}, 1);
  const Value *missing = otherwise && !otherwise->isNone() ? otherwise : nullptr;
  std::vector<Keyed> keyed;
  for (const Value &item : iterate(value, interpreter.budget)) {
    Value key = attributePath(interpreter, item, *path, missing);
    keyed.emplace_back(caseKey(interpreter, key, truthOf(caseSensitive)), item);
  }
  sortByKey(keyed, false, interpreter.budget);
  std::vector<Value> groups;
  for (size_t begin = 0, end = 0; begin != keyed.size(); begin = end) {
    std::vector<Value> group;
    for (; end != keyed.size() && equal(keyed[begin].first, keyed[end].first, interpreter.budget); ++end)
      group.push_back(keyed[end].second);
    if (group.empty()) // a NaN, which is equal to nothing
      group.push_back(keyed[end++].second);
    Value key = attributePath(interpreter, group.front(), *path, missing);
    groups.push_back(Value::tuple({key, Value::list(std::move(group))}));
  }
  return Value::list(std::move(groups));
}

Value sum(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [path, start] = arguments.bind("sum", {"attribute", "start"});
  Value total = start ? *start : Value(int64_t(0));
  if (total.asText())
    fail("'sum' adds numbers or lists; join text with the filter 'join'");
  for (const Value &item : iterate(value, interpreter.budget))
    total = operate(Operator::Add, total, path && !path->isNone() ? attributePath(interpreter, item, *path) : item,
                    interpreter);
  return total;
}

constexpr NamedFunction Filters[] = {
    {"dictsort", sortDictionary}, {"groupby", groupBy}, {"max", extreme<true>},
    {"min", extreme<false>},      {"sort", sort},       {"sum", sum},
    {"unique", unique},
};

} // namespace

std::span<const NamedFunction> orderFilters() { return Filters; }

} // namespace lathe::templates
