#include "runtime/template/Characters.h"
#include "runtime/template/Value.h"

namespace lathe::templates {

static bool equalNumbers(const Value &left, const Value &right) {
  if (left.isIntegral() && right.isIntegral())
    return left.integer() == right.integer();
  // Wide enough for every int64: a double is not.
  auto wide = [](const Value &value) {
    return value.isFloat() ? static_cast<long double>(value.number()) : static_cast<long double>(value.integer());
  };
  return wide(left) == wide(right);
}

static bool equalSequences(const Sequence &left, const Sequence &right, Budget &budget) {
  if (&left == &right)
    return true;
  if (left.kind != right.kind || left.kind == SequenceKind::Generator || left.kind == SequenceKind::Values ||
      left.items.size() != right.items.size())
    return false;
  for (size_t i = 0; i != left.items.size(); ++i)
    if (!equal(left.items[i], right.items[i], budget))
      return false;
  return true;
}

static bool equalDictionaries(const Dictionary &left, const Dictionary &right, Budget &budget) {
  if (left.entries.size() != right.entries.size())
    return false;
  for (auto &[key, value] : left.entries) {
    const Value *other = findKey(right, key, budget);
    if (!other || !equal(value, *other, budget))
      return false;
  }
  return true;
}

bool equal(const Value &left, const Value &right, Budget &budget) {
  budget.useSteps(1);
  if (left.isNumber() && right.isNumber())
    return equalNumbers(left, right);
  if (left.asText() && right.asText()) {
    budget.useSteps(left.asText()->bytes.size() / 64);
    return left.asText()->bytes == right.asText()->bytes;
  }
  if (left.asSequence() && right.asSequence())
    return equalSequences(*left.asSequence(), *right.asSequence(), budget);
  if (left.asDictionary() && right.asDictionary())
    return equalDictionaries(*left.asDictionary(), *right.asDictionary(), budget);
  if (left.isUndefined() || right.isUndefined())
    return left.isUndefined() && right.isUndefined();
  return left.same(right);
}

bool less(const Value &left, const Value &right, Budget &budget) {
  budget.useSteps(1);
  requireDefined(left);
  requireDefined(right);
  if (left.isIntegral() && right.isIntegral())
    return left.integer() < right.integer();
  if (left.isNumber() && right.isNumber())
    return left.number() < right.number();
  if (left.asText() && right.asText()) {
    budget.useSteps(left.asText()->bytes.size() / 64);
    // The order of UTF-8's bytes is that of the characters.
    return left.asText()->bytes < right.asText()->bytes;
  }
  const Sequence *first = left.asSequence(), *second = right.asSequence();
  bool ordered = first && second && first->kind == second->kind &&
                 (first->kind == SequenceKind::List || first->kind == SequenceKind::Tuple);
  if (!ordered)
    fail("a ", left.typeName(), " and a ", right.typeName(),
         " have no order; compare two numbers, or two values of type str");
  for (size_t i = 0; i != first->items.size() && i != second->items.size(); ++i)
    if (!equal(first->items[i], second->items[i], budget))
      return less(first->items[i], second->items[i], budget);
  return first->items.size() < second->items.size();
}

bool contains(const Value &container, const Value &item, Budget &budget) {
  budget.useSteps(1);
  if (const Text *text = container.asText()) {
    requireDefined(item);
    if (!item.asText())
      fail("'in' a str needs a str, but found a value of type ", item.typeName());
    budget.useSteps(text->bytes.size() / 16);
    return findText(text->bytes, item.asText()->bytes) != std::string::npos;
  }
  if (const Dictionary *dictionary = container.asDictionary()) {
    requireHashable(item);
    return findKey(*dictionary, item, budget) != nullptr;
  }
  if (const Sequence *sequence = container.asSequence()) {
    for (size_t i = sequence->begin(); i != sequence->items.size(); ++i) {
      sequence->take(i + 1);
      if (equal(sequence->items[i], item, budget))
        return true;
    }
    if (!sequence->failure.empty())
      fail(sequence->failure);
    return false;
  }
  if (!container.isUndefined())
    fail("'in' needs a list, dict or str, but found a value of type ", container.typeName());
  return false;
}

} // namespace lathe::templates
