#include "runtime/template/Value.h"

#include "runtime/template/Characters.h"
#include "runtime/template/Object.h"

#include <algorithm>
#include <cmath>

namespace lathe::templates {

const Value *Dictionary::find(std::string_view key) const {
  auto found = index.find(key);
  return found == index.end() ? nullptr : &entries[found->second].second;
}

Value Value::undefined(std::string message) {
  Value value;
  value.data = Undefined{std::make_shared<const std::string>(std::move(message))};
  return value;
}

Value Value::text(std::string bytes, bool markup) {
  return Value(std::make_shared<const Text>(Text{std::move(bytes), markup}));
}

static uint32_t checkedDepth(uint32_t depth) {
  if (depth > MaxDepth)
    fail("lists and dicts hold each other more than ", std::to_string(MaxDepth), " deep");
  return depth;
}

Value Value::sequence(SequenceKind kind, std::vector<Value> items) {
  uint32_t depth = 0;
  for (const Value &item : items)
    depth = std::max(depth, item.depth());
  return Value(std::make_shared<const Sequence>(Sequence{kind, std::move(items), checkedDepth(depth + 1), 0, {}}));
}

Value Value::generator(std::vector<Value> items, std::string failure) {
  Value value = sequence(SequenceKind::Generator, std::move(items));
  if (failure.empty())
    return value;
  auto failing = std::make_shared<Sequence>(*value.asSequence());
  failing->failure = std::move(failure);
  return Value(std::shared_ptr<const Sequence>(std::move(failing)));
}

Value Value::dictionary(std::vector<std::pair<Value, Value>> entries, Budget &budget) {
  auto made = std::make_shared<Dictionary>();
  made->entries.reserve(entries.size());
  uint32_t depth = 0;
  for (auto &[key, value] : entries) {
    budget.useSteps(1);
    budget.useBytes(2 * sizeof(Value));
    requireHashable(key);
    depth = std::max({depth, key.depth(), value.depth()});
    if (const Value *found = findKey(*made, key, budget)) {
      const_cast<Value &>(*found) = std::move(value); // an entry of `made`, which nobody else sees yet
      continue;
    }
    made->entries.emplace_back(std::move(key), std::move(value));
    if (const Text *text = made->entries.back().first.asText())
      made->index.emplace(text->bytes, made->entries.size() - 1);
  }
  made->depth = checkedDepth(depth + 1);
  return Value(std::shared_ptr<const Dictionary>(std::move(made)));
}

int64_t Value::integer() const {
  if (isBoolean())
    return std::get<bool>(data);
  return std::get<int64_t>(data);
}

double Value::number() const { return isFloat() ? std::get<double>(data) : double(integer()); }

uint32_t Value::depth() const {
  if (const Sequence *sequence = asSequence())
    return sequence->depth;
  const Dictionary *dictionary = asDictionary();
  return dictionary ? dictionary->depth : 0;
}

bool Value::truth() const {
  if (isUndefined() || isNone())
    return false;
  if (isNumber())
    return number() != 0;
  if (const Text *text = asText())
    return !text->bytes.empty();
  if (const Sequence *sequence = asSequence())
    return sequence->kind == SequenceKind::Generator || !sequence->items.empty();
  const Dictionary *dictionary = asDictionary();
  return !dictionary || !dictionary->entries.empty();
}

std::string Value::typeName() const {
  static const char *const Sequences[] = {"list",        "tuple",      "range",    "dict_keys",
                                          "dict_values", "dict_items", "generator"};
  if (isUndefined())
    return "Undefined";
  if (isNone())
    return "NoneType";
  if (isBoolean())
    return "bool";
  if (isIntegral())
    return "int";
  if (isFloat())
    return "float";
  if (asText())
    return "str";
  if (const Sequence *sequence = asSequence())
    return Sequences[size_t(sequence->kind)];
  return asDictionary() ? "dict" : asObject()->typeName();
}

bool Value::same(const Value &other) const {
  if (data.index() != other.data.index())
    return false;
  if (isNone())
    return true;
  if (isUndefined())
    return std::get<Undefined>(data).message == std::get<Undefined>(other.data).message;
  if (isNumber())
    return number() == other.number();
  if (asText())
    return asText()->bytes == other.asText()->bytes;
  return asSequence() == other.asSequence() && asDictionary() == other.asDictionary() && asObject() == other.asObject();
}

void requireDefined(const Value &value) {
  if (value.isUndefined())
    fail(value.undefinedMessage());
}

void requireHashable(const Value &value) {
  const Sequence *sequence = value.asSequence();
  bool tuple = sequence && sequence->kind == SequenceKind::Tuple;
  if (value.asDictionary() || (sequence && sequence->kind == SequenceKind::List))
    fail("a ", value.typeName(), " cannot be a key; use text or a number");
  if (tuple)
    for (const Value &item : sequence->items)
      requireHashable(item);
}

const Value *findKey(const Dictionary &dictionary, const Value &key, Budget &budget) {
  if (const Text *text = key.asText())
    return dictionary.find(text->bytes);
  if (dictionary.index.size() == dictionary.entries.size())
    return nullptr; // all keys are text
  for (auto &[found, value] : dictionary.entries)
    if (equal(found, key, budget))
      return &value;
  return nullptr;
}

std::string hashKey(const Value &value, Budget &budget) {
  requireHashable(value);
  if (const Text *text = value.asText()) {
    budget.useBytes(text->bytes.size());
    return "s" + text->bytes;
  }
  if (value.isIntegral())
    return "n" + std::to_string(value.integer());
  if (value.isFloat()) {
    double number = value.number();
    bool whole = std::trunc(number) == number && std::fabs(number) < 0x1p63;
    return "n" + (whole ? std::to_string(int64_t(number)) : formatFloat(number));
  }
  const Sequence *sequence = value.asSequence();
  if (!sequence || sequence->kind != SequenceKind::Tuple)
    return "o" + represented(value, budget);
  std::string key = "t";
  for (const Value &item : sequence->items) {
    std::string part = hashKey(item, budget);
    key += std::to_string(part.size()) + ":" + part;
  }
  return key;
}

std::vector<Value> iterate(const Value &value, Budget &budget) {
  std::vector<Value> items;
  if (const Text *text = value.asText()) {
    budget.useBytes(text->bytes.size() * (sizeof(Value) + sizeof(Text)));
    for (size_t at = 0; at != text->bytes.size();) {
      size_t begin = at;
      nextCharacter(text->bytes, at);
      items.push_back(Value::text(text->bytes.substr(begin, at - begin)));
    }
  } else if (const Sequence *sequence = value.asSequence()) {
    items.assign(sequence->items.begin() + sequence->begin(), sequence->items.end());
    sequence->take(sequence->items.size());
    if (!sequence->failure.empty())
      fail(sequence->failure);
  } else if (const Dictionary *dictionary = value.asDictionary()) {
    for (auto &[key, entry] : dictionary->entries)
      items.push_back(key);
  } else if (!value.isUndefined()) {
    fail("a value of type ", value.typeName(), " cannot be visited; a list, dict or str can");
  }
  budget.useSteps(items.size());
  budget.useBytes(items.size() * sizeof(Value));
  return items;
}

int64_t length(const Value &value) {
  if (value.isUndefined())
    return 0;
  if (const Text *text = value.asText())
    return int64_t(countCharacters(text->bytes));
  const Sequence *sequence = value.asSequence();
  if (sequence && sequence->kind != SequenceKind::Generator)
    return int64_t(sequence->items.size());
  if (const Dictionary *dictionary = value.asDictionary())
    return int64_t(dictionary->entries.size());
  fail("a value of type ", value.typeName(), " has no length; a list, dict or str has",
       sequence ? " (make a list of it: '| list')" : "");
}

} // namespace lathe::templates
