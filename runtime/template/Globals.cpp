// Functions that every template has.
#include "runtime/template/Characters.h"
#include "runtime/template/Interpreter.h"

#include <algorithm>
#include <iterator>
#include <locale.h>

namespace lathe::templates {

namespace {

class Namespace : public Object {
public:
  std::string typeName() const override { return "namespace"; }
  std::optional<Value> attribute(Interpreter &, std::string_view name) override {
    auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional<Value>(found->second);
  }
  bool setAttribute(std::string_view name, Value value) override {
    values.insert_or_assign(std::string(name), std::move(value));
    return true;
  }

private:
  std::unordered_map<std::string, Value> values;
};

/// Nothing the first time it is called, then its text.
class Joiner : public Object {
public:
  explicit Joiner(Value separator) : separator(std::move(separator)) {}
  std::string typeName() const override { return "joiner"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &, const Arguments &arguments) override {
    arguments.bindNone("joiner");
    return std::exchange(used, true) ? separator : Value::text("");
  }

private:
  Value separator;
  bool used = false;
};

class Cycler : public Object {
public:
  explicit Cycler(std::vector<Value> items) : items(std::move(items)) {}
  std::string typeName() const override { return "cycler"; }
  std::optional<Value> attribute(Interpreter &interpreter, std::string_view name) override;
  const Value &current() const { return items[at]; }
  Value next() {
    Value value = items[at];
    at = (at + 1) % items.size();
    return value;
  }
  Value reset() {
    at = 0;
    return Value();
  }

private:
  std::vector<Value> items;
  size_t at = 0;
};

class CyclerMethod : public Object {
public:
  CyclerMethod(Cycler &cycler, bool next) : cycler(cycler), next(next) {}
  std::string typeName() const override { return "method"; }
  bool isCallable() const override { return true; }
  Value call(Interpreter &, const Arguments &arguments) override {
    arguments.bindNone(next ? "next" : "reset");
    return next ? cycler.next() : cycler.reset();
  }

private:
  Cycler &cycler;
  bool next;
};

std::optional<Value> Cycler::attribute(Interpreter &interpreter, std::string_view name) {
  if (name == "current")
    return current();
  if (name == "next" || name == "reset")
    return Value(static_cast<Object *>(interpreter.own<CyclerMethod>(*this, name == "next")));
  return std::nullopt;
}

/// The entries of a dict, if there is one, then the named arguments.
std::vector<std::pair<Value, Value>> entriesOf(Interpreter &interpreter, const char *function,
                                               const Arguments &arguments) {
  std::vector<std::pair<Value, Value>> entries;
  if (arguments.positional.size() > 1)
    fail("'", function, "' takes at most one argument without a name");
  for (const Value &value : arguments.positional) {
    requireDefined(value);
    if (const Dictionary *dictionary = value.asDictionary()) {
      interpreter.budget.useSteps(dictionary->entries.size());
      entries = dictionary->entries;
      continue;
    }
    for (const Value &item : iterate(value, interpreter.budget)) {
      std::vector<Value> pair = iterate(item, interpreter.budget);
      if (pair.size() != 2)
        fail("'", function, "' needs pairs of a key and a value, but found ", std::to_string(pair.size()), " values");
      entries.emplace_back(pair[0], pair[1]);
    }
  }
  for (auto &[name, value] : arguments.named)
    entries.emplace_back(interpreter.text(name), value);
  return entries;
}

Value makeDictionary(Interpreter &interpreter, const Arguments &arguments) {
  return Value::dictionary(entriesOf(interpreter, "dict", arguments), interpreter.budget);
}

Value makeNamespace(Interpreter &interpreter, const Arguments &arguments) {
  auto *made = interpreter.own<Namespace>();
  for (auto &[name, value] : entriesOf(interpreter, "namespace", arguments)) {
    if (!name.asText())
      fail("the attributes of a namespace have names, but found a key of type ", name.typeName());
    made->setAttribute(name.asText()->bytes, value);
  }
  return Value(static_cast<Object *>(made));
}

Value makeRange(Interpreter &interpreter, const Arguments &arguments) {
  constexpr int64_t MaxItems = 100000;
  int64_t bounds[3] = {0, 0, 1};
  size_t count = arguments.positional.size();
  if (count == 0 || count > 3 || !arguments.named.empty())
    fail("'range' takes an end, or a beginning and an end, or these and a step");
  for (size_t i = 0; i != count; ++i) {
    const Value &value = arguments.positional[i];
    requireDefined(value);
    if (!value.isIntegral())
      fail("'range' needs integers, but found a value of type ", value.typeName());
    bounds[count == 1 ? 1 : i] = value.integer();
  }
  auto [begin, end, step] = bounds;
  if (step == 0)
    fail("the step of a range is 0");
  std::vector<Value> items;
  for (int64_t at = begin; step > 0 ? at < end : at > end;) {
    if (int64_t(items.size()) == MaxItems)
      fail("a range may have at most ", std::to_string(MaxItems), " numbers");
    interpreter.budget.useSteps(1);
    interpreter.budget.useBytes(sizeof(Value));
    items.push_back(Value(at));
    if (__builtin_add_overflow(at, step, &at))
      break;
  }
  return Value::sequence(SequenceKind::Range, std::move(items));
}

Value makeJoiner(Interpreter &interpreter, const Arguments &arguments) {
  auto [separator] = arguments.bind("joiner", {"sep"});
  auto *made = interpreter.own<Joiner>(separator ? *separator : Value::text(", "));
  return Value(static_cast<Object *>(made));
}

Value makeCycler(Interpreter &interpreter, const Arguments &arguments) {
  if (arguments.positional.empty())
    fail("'cycler' needs values to choose from");
  return Value(static_cast<Object *>(interpreter.own<Cycler>(arguments.positional)));
}

Value raiseException(Interpreter &interpreter, const Arguments &arguments) {
  auto [message] = arguments.bind("raise_exception", {"message"}, 1);
  fail(interpreter.printed(*message));
}

/// What C's strftime takes: the time has no zone, and %f, which C lacks, is always 0.
std::string plainTimeFormat(std::string_view format) {
  constexpr size_t MaxFormat = 1000;
  if (format.size() > MaxFormat || format.find('\0') != format.npos)
    fail("'strftime_now' takes a format of at most ", std::to_string(MaxFormat), " bytes, none of them 0");
  std::string plain;
  for (size_t i = 0; i != format.size(); ++i) {
    plain += format[i];
    if (format[i] != '%')
      continue;
    size_t letter = format.find_first_not_of("_-0^#EO", i + 1);
    if (letter == format.npos)
      fail("'strftime_now' needs a letter behind '%', like '%d %b %Y'");
    if (format[letter] == 's' || (format[letter] >= '1' && format[letter] <= '9'))
      fail("'strftime_now' has no '%", std::string(1, format[letter]), "'");
    if (format[letter] == 'f' || format[letter] == 'z' || format[letter] == 'Z') {
      plain.pop_back();
      plain += format[letter] == 'f' ? "000000" : "";
    } else {
      plain += format.substr(i + 1, letter - i);
    }
    i = letter;
  }
  return plain;
}

Value writeTime(Interpreter &interpreter, const Arguments &arguments) {
  auto [format] = arguments.bind("strftime_now", {"format"}, 1);
  if (!format->asText())
    fail("'strftime_now' needs a format like '%d %b %Y', but found a value of type ", format->typeName());
  std::string plain = plainTimeFormat(format->asText()->bytes);
  std::unique_ptr<std::remove_pointer_t<locale_t>, void (*)(locale_t)> english(newlocale(LC_ALL_MASK, "C", locale_t()),
                                                                               freelocale);
  std::string written(plain.size() * 32 + 1, '\0');
  written.resize(strftime_l(written.data(), written.size(), plain.c_str(), &interpreter.now, english.get()));
  return interpreter.text(std::move(written));
}

struct Entry {
  std::string_view name;
  Function function;
};

constexpr Entry Globals[] = {
    {"cycler", makeCycler},
    {"dict", makeDictionary},
    {"joiner", makeJoiner},
    {"namespace", makeNamespace},
    {"raise_exception", raiseException},
    {"range", makeRange},
    {"strftime_now", writeTime},
};

} // namespace

Function findGlobal(std::string_view name) {
  const Entry *found =
      std::find_if(std::begin(Globals), std::end(Globals), [&](auto &entry) { return entry.name == name; });
  return found == std::end(Globals) ? nullptr : found->function;
}

} // namespace lathe::templates
