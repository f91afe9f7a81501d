// Filters that choose among items, change each, or take one.
#include "runtime/template/Characters.h"
#include "runtime/template/Filters.h"

#include <algorithm>

namespace lathe::templates {

Value attributePath(Interpreter &interpreter, Value item, const Value &path, const Value *otherwise) {
  auto step = [&](const Value &key) {
    item = interpreter.item(item, key);
    if (otherwise && item.isUndefined())
      item = *otherwise;
  };
  if (!path.asText()) {
    step(path);
    return item;
  }
  std::string_view rest = path.asText()->bytes;
  for (bool more = true; more;) {
    size_t end = std::min(rest.find('.'), rest.size());
    std::string part(rest.substr(0, end));
    bool index = !part.empty() && part.size() < 10 && part.find_first_not_of("0123456789") == part.npos;
    step(index ? Value(int64_t(std::stoll(part))) : interpreter.text(part));
    more = end != rest.size();
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return item;
}

namespace {

/// The arguments behind the first `count`.
Arguments withoutFirst(const Arguments &arguments, size_t count) {
  Arguments rest = arguments;
  rest.positional.erase(rest.positional.begin(), rest.positional.begin() + ptrdiff_t(count));
  return rest;
}

/// Nothing for what is false, none or 0 say: as in Jinja map, select and their kin do not ask whether it is a list.
std::vector<Value> iterateIfTrue(Interpreter &interpreter, const Value &value) {
  return value.truth() ? iterate(value, interpreter.budget) : std::vector<Value>();
}

Value map(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  if (arguments.positional.empty()) {
    auto [path, otherwise] = arguments.bind("map", {"attribute", "default"}, 1);
    const Value *missing = otherwise && !otherwise->isNone() ? otherwise : nullptr;
    return Value::generator([&, path = path](std::vector<Value> &mapped) {
      for (const Value &item : iterateIfTrue(interpreter, value))
        mapped.push_back(attributePath(interpreter, item, *path, missing));
    });
  }
  return Value::generator([&](std::vector<Value> &mapped) {
    const std::string &name = textOf(arguments.positional[0], "map");
    Arguments rest = withoutFirst(arguments, 1);
    for (const Value &item : iterateIfTrue(interpreter, value))
      mapped.push_back(interpreter.filter(name, item, rest));
  });
}

/// Keeps the items for which a test, or else their truth, is `wanted`. With `byAttribute` an attribute of the item is
/// tested, whose path stands first among the arguments.
Value choose(Interpreter &interpreter, const Value &value, const Arguments &arguments, bool byAttribute, bool wanted) {
  if (byAttribute && arguments.positional.empty())
    fail("'selectattr' and 'rejectattr' need the name of an attribute");
  bool tests = arguments.positional.size() > size_t(byAttribute);
  Arguments rest = withoutFirst(arguments, size_t(byAttribute) + tests);
  return Value::generator([&](std::vector<Value> &chosen) {
    for (const Value &item : iterateIfTrue(interpreter, value)) {
      Value tested = byAttribute ? attributePath(interpreter, item, arguments.positional[0]) : item;
      bool holds =
          tests ? interpreter.test(textOf(arguments.positional[byAttribute], "test"), tested, rest) : tested.truth();
      if (holds == wanted)
        chosen.push_back(item);
    }
  });
}

template <bool ByAttribute, bool Wanted>
Value chosen(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  return choose(interpreter, value, arguments, ByAttribute, Wanted);
}

Value toList(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("list");
  return Value::list(iterate(value, interpreter.budget));
}

Value first(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("first");
  const Sequence *sequence = value.asSequence();
  if (sequence && sequence->begin() != sequence->items.size()) {
    size_t at = sequence->begin();
    sequence->take(at + 1);
    return sequence->items[at];
  }
  std::vector<Value> items = iterate(value, interpreter.budget);
  return items.empty() ? Value::undefined("there is no first item") : items.front();
}

Value last(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("last");
  const Sequence *sequence = value.asSequence();
  if (sequence && sequence->kind == SequenceKind::Generator)
    fail("'last' cannot be asked of a generator; make a list of it: '| list'");
  if (sequence && !sequence->items.empty())
    return sequence->items.back();
  std::vector<Value> items = iterate(value, interpreter.budget);
  return items.empty() ? Value::undefined("there is no last item") : items.back();
}

Value reverse(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("reverse");
  if (const Text *text = value.asText()) {
    std::u32string characters = decode(text->bytes);
    std::reverse(characters.begin(), characters.end());
    return interpreter.text(encode(characters), text->markup);
  }
  std::vector<Value> items = iterate(value, interpreter.budget);
  std::reverse(items.begin(), items.end());
  bool generator = value.asSequence() && value.asSequence()->kind == SequenceKind::Generator;
  return generator ? Value::list(std::move(items)) : Value::sequence(SequenceKind::Generator, std::move(items));
}

Value items(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  arguments.bindNone("items");
  return Value::generator([&](std::vector<Value> &pairs) {
    const Dictionary *dictionary = value.asDictionary();
    if (!dictionary && !value.isUndefined())
      fail("'items' needs a dict, but found a value of type ", value.typeName());
    for (size_t i = 0; dictionary && i != dictionary->entries.size(); ++i) {
      interpreter.budget.useBytes(4 * sizeof(Value));
      auto &[key, entry] = dictionary->entries[i];
      pairs.push_back(Value::tuple({key, entry}));
    }
  });
}

int64_t countOf(const Value *argument, const char *name) {
  int64_t count = integerOr(argument, name, 0);
  constexpr int64_t Most = 1000000;
  if (count < 1 || count > Most)
    fail("'", name, "' must be from 1 to ", std::to_string(Most), ", but is ", std::to_string(count));
  return count;
}

Value batch(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, fill] = arguments.bind("batch", {"linecount", "fill_with"}, 1);
  return Value::generator([&, given = given, fill = fill](std::vector<Value> &batches) {
    auto size = size_t(countOf(given, "linecount"));
    std::vector<Value> current;
    for (Value &item : iterate(value, interpreter.budget)) {
      if (current.size() == size)
        batches.push_back(Value::list(std::exchange(current, {})));
      current.push_back(std::move(item));
    }
    if (current.empty())
      return;
    if (fill && !fill->isNone()) {
      interpreter.budget.useBytes(size * sizeof(Value));
      current.resize(size, *fill);
    }
    batches.push_back(Value::list(std::move(current)));
  });
}

Value slices(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [given, fill] = arguments.bind("slice", {"slices", "fill_with"}, 1);
  return Value::generator([&, given = given, fill = fill](std::vector<Value> &parts) {
    auto count = size_t(countOf(given, "slices"));
    std::vector<Value> items = iterate(value, interpreter.budget);
    size_t least = items.size() / count, longer = items.size() % count, at = 0;
    interpreter.budget.useBytes(count * sizeof(Value) * 2);
    for (size_t i = 0; i != count; ++i) {
      size_t size = least + (i < longer);
      std::vector<Value> part(items.begin() + ptrdiff_t(at), items.begin() + ptrdiff_t(at + size));
      at += size;
      if (fill && !fill->isNone() && i >= longer)
        part.push_back(*fill);
      parts.push_back(Value::list(std::move(part)));
    }
  });
}

Value attr(Interpreter &interpreter, const Value &value, const Arguments &arguments) {
  auto [name] = arguments.bind("attr", {"name"}, 1);
  const std::string &text = textOf(*name, "name");
  if (value.asDictionary() && !findMethod(value, text))
    return Value::undefined("'" + text + "' is undefined: a dict has keys, which 'attr' does not take");
  return interpreter.attribute(value, text);
}

constexpr NamedFunction Filters[] = {
    {"attr", attr},
    {"batch", batch},
    {"first", first},
    {"items", items},
    {"last", last},
    {"list", toList},
    {"map", map},
    {"reject", chosen<false, false>},
    {"rejectattr", chosen<true, false>},
    {"reverse", reverse},
    {"select", chosen<false, true>},
    {"selectattr", chosen<true, true>},
    {"slice", slices},
};

} // namespace

std::span<const NamedFunction> listFilters() { return Filters; }

} // namespace lathe::templates
