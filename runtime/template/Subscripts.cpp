// value.name, value[key] and value[begin:end:step].
#include "runtime/template/Characters.h"
#include "runtime/template/Interpreter.h"

#include <algorithm>

namespace lathe::templates {

static Value missing(const Value &value, std::string_view name) {
  return Value::undefined("'" + std::string(name) + "' is undefined: the " + value.typeName() + " before it has none");
}

/// Methods that would change their value: a template's values cannot be changed.
static bool wouldChange(const Value &value, std::string_view name) {
  static constexpr std::string_view OfLists[] = {"append", "extend",  "insert", "pop",
                                                 "remove", "reverse", "sort",   "clear"},
                                    OfDictionaries[] = {"clear", "pop", "popitem", "setdefault", "update"};
  auto among = [&](auto &names) { return std::find(std::begin(names), std::end(names), name) != std::end(names); };
  const Sequence *sequence = value.asSequence();
  return (sequence && sequence->kind == SequenceKind::List && among(OfLists)) ||
         (value.asDictionary() && among(OfDictionaries));
}

Value Interpreter::attribute(const Value &value, std::string_view name) {
  requireDefined(value);
  if (Object *object = value.asObject()) {
    std::optional<Value> found = object->attribute(*this, name);
    return found ? *found : missing(value, name);
  }
  if (ValueFunction method = findMethod(value, name))
    return Value(static_cast<Object *>(own<MethodObject>(method, value)));
  if (wouldChange(value, name))
    return Value::undefined("'" + std::string(name) + "' would change a " + value.typeName() +
                            ", which a template cannot; make a new one, with '+' for lists and dict() for dicts");
  const Dictionary *dictionary = value.asDictionary();
  const Value *found = dictionary ? dictionary->find(name) : nullptr;
  return found ? *found : missing(value, name);
}

/// Where a position counted from the end, if negative, is in `size`; -1 if it is outside.
static int64_t positionIn(int64_t index, size_t size) {
  int64_t position = index < 0 ? index + int64_t(size) : index;
  return position >= 0 && position < int64_t(size) ? position : -1;
}

Value Interpreter::item(const Value &value, const Value &key) {
  requireDefined(value);
  if (const Dictionary *dictionary = value.asDictionary()) {
    if (const Value *found = key.asSequence() || key.asDictionary() ? nullptr : findKey(*dictionary, key, budget))
      return *found;
  } else if (key.isIntegral()) {
    const Sequence *sequence = value.asSequence();
    bool indexed = sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple ||
                                sequence->kind == SequenceKind::Range);
    int64_t position = indexed ? positionIn(key.integer(), sequence->items.size()) : -1;
    if (position >= 0)
      return sequence->items[size_t(position)];
    const Text *text = value.asText();
    if (text) {
      budget.useSteps(text->bytes.size() / 16);
      position = positionIn(key.integer(), countCharacters(text->bytes));
    }
    if (position >= 0) {
      size_t begin = byteOfCharacter(text->bytes, size_t(position)), end = begin;
      nextCharacter(text->bytes, end);
      return this->text(text->bytes.substr(begin, end - begin), text->markup);
    }
  }
  return key.asText() ? attribute(value, key.asText()->bytes) : missing(value, represented(key, budget));
}

/// A bound of a slice, brought into [low, high].
static int64_t bound(const Value &value, int64_t size, int64_t low, int64_t high, int64_t otherwise) {
  if (value.isNone())
    return otherwise;
  requireDefined(value);
  if (!value.isIntegral())
    fail("the bounds and the step of a slice must be integers, but found a value of type ", value.typeName());
  int64_t position = value.integer();
  if (position < 0)
    position += size;
  return std::clamp(position, low, high);
}

Value slice(const Value &value, const Value &begin, const Value &end, const Value &step, Interpreter &interpreter) {
  requireDefined(value);
  const Text *text = value.asText();
  const Sequence *sequence = value.asSequence();
  if (!text && !(sequence && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple ||
                              sequence->kind == SequenceKind::Range)))
    fail("a value of type ", value.typeName(), " has no slices; a list or str has",
         sequence ? " (make a list of it: '| list')" : "");
  std::u32string characters = text ? decode(text->bytes) : std::u32string();
  auto size = int64_t(text ? characters.size() : sequence->items.size());
  interpreter.budget.useSteps(uint64_t(size) / 16);
  int64_t stride = bound(step, 0, INT64_MIN, INT64_MAX, 1);
  if (stride == 0)
    fail("the step of a slice is 0; leave it out, or give another");
  bool up = stride > 0;
  int64_t low = up ? 0 : -1, high = up ? size : size - 1;
  int64_t first = bound(begin, size, low, high, up ? 0 : size - 1);
  int64_t last = bound(end, size, low, high, up ? size : -1);
  std::u32string chosen;
  std::vector<Value> items;
  // Steps past the size end the slice, whatever their length.
  int64_t jump = std::clamp(stride, -size - 1, size + 1);
  for (int64_t i = first; up ? i < last : i > last; i += jump) {
    if (text)
      chosen += characters[size_t(i)];
    else
      items.push_back(sequence->items[size_t(i)]);
  }
  if (text)
    return interpreter.text(encode(chosen), text->markup);
  interpreter.budget.useBytes(items.size() * sizeof(Value));
  return Value::sequence(sequence->kind, std::move(items));
}

} // namespace lathe::templates
