// What a template computes with: Python's values, as far as chat templates use them.
//
// Values cannot be changed once made, so none can hold itself; what can be changed (namespaces, loops, macros) is an
// Object, which the interpreter owns until the end of the rendering. How deeply values hold each other is bounded, and
// so is what may be made in one rendering (Budget).
#ifndef LATHE_RUNTIME_TEMPLATE_VALUE_H
#define LATHE_RUNTIME_TEMPLATE_VALUE_H

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace lathe::templates {

class Object;
class Value;

/// What went wrong, without the place: the interpreter knows that.
struct EvaluationError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Joins the parts to the message of an error.
template <typename... Parts> [[noreturn]] void fail(const Parts &...parts) {
  std::string message;
  ((message += parts), ...);
  throw EvaluationError(message);
}

/// What one rendering may still do: steps of work, and bytes of values made. Both only go down.
class Budget {
public:
  Budget(uint64_t steps, uint64_t bytes) : steps(steps), bytes(bytes), allSteps(steps), allBytes(bytes) {}

  void useSteps(uint64_t count) {
    if (count > steps)
      fail("the template takes more than ", std::to_string(allSteps), " steps; simplify it, or raise max_steps");
    steps -= count;
  }
  void useBytes(uint64_t count) {
    if (count > bytes)
      fail("the template makes more than ", std::to_string(allBytes),
           " bytes of text and lists; simplify it, or raise max_bytes");
    bytes -= count;
  }

private:
  uint64_t steps, bytes, allSteps, allBytes;
};

/// Python's str. Always valid UTF-8; lengths and indices of a template count characters.
struct Text {
  std::string bytes;
  bool markup = false; ///< escaped for HTML: what is joined to it gets escaped
};

enum class SequenceKind : uint8_t { List, Tuple, Range, Keys, Values, Items, Generator };

struct Sequence {
  SequenceKind kind;
  std::vector<Value> items;
  uint32_t depth;           ///< how many values hold each other, this one included
  mutable size_t taken = 0; ///< of a generator: items that are used up
  std::string failure;      ///< of a generator: what ends it behind its items, empty for nothing

  /// Items from here on are still there.
  size_t begin() const { return kind == SequenceKind::Generator ? taken : 0; }
  /// Uses up a generator's items below `end`.
  void take(size_t end) const {
    if (kind == SequenceKind::Generator)
      taken = end;
  }
};

/// Python's dict. Entries keep the order in which their keys first came.
struct Dictionary {
  std::vector<std::pair<Value, Value>> entries;
  std::unordered_map<std::string_view, size_t> index; ///< of keys that are text; views of the entries' own
  uint32_t depth;

  /// Nothing where the key is not there.
  const Value *find(std::string_view key) const;
};

struct Undefined {
  std::shared_ptr<const std::string> message; ///< what is wrong when it is used
};
struct None {};

constexpr uint32_t MaxDepth = 200;

class Value {
public:
  Value() : data(None()) {}
  explicit Value(bool value) : data(value) {}
  explicit Value(int64_t value) : data(value) {}
  explicit Value(double value) : data(value) {}
  explicit Value(Object *object) : data(object) {}
  explicit Value(std::shared_ptr<const Sequence> sequence) : data(std::move(sequence)) {}
  explicit Value(std::shared_ptr<const Dictionary> dictionary) : data(std::move(dictionary)) {}
  explicit Value(std::shared_ptr<const Text> text) : data(std::move(text)) {}

  static Value undefined(std::string message);
  static Value text(std::string bytes, bool markup = false);
  /// These throw where values would hold each other more than MaxDepth deep.
  static Value sequence(SequenceKind kind, std::vector<Value> items);
  static Value list(std::vector<Value> items) { return sequence(SequenceKind::List, std::move(items)); }
  static Value tuple(std::vector<Value> items) { return sequence(SequenceKind::Tuple, std::move(items)); }
  /// `make` fills a list. If it throws, the generator has the items until then, and whoever goes on behind them fails:
  /// in Jinja a generator is not run before somebody asks for its items.
  template <typename Make> static Value generator(Make make) {
    std::vector<Value> items;
    std::string failure;
    try {
      make(items);
    } catch (const EvaluationError &error) {
      failure = error.what();
    }
    return generator(std::move(items), std::move(failure));
  }
  /// Of equal keys the last one's value counts. Keys are checked: see requireHashable.
  static Value dictionary(std::vector<std::pair<Value, Value>> entries, Budget &budget);

  bool isUndefined() const { return std::holds_alternative<Undefined>(data); }
  bool isNone() const { return std::holds_alternative<None>(data); }
  bool isBoolean() const { return std::holds_alternative<bool>(data); }
  /// Integers and, as in Python, booleans.
  bool isIntegral() const { return std::holds_alternative<int64_t>(data) || isBoolean(); }
  bool isFloat() const { return std::holds_alternative<double>(data); }
  bool isNumber() const { return isIntegral() || isFloat(); }

  const Text *asText() const { return pointer<Text>(); }
  const Sequence *asSequence() const { return pointer<Sequence>(); }
  const Dictionary *asDictionary() const { return pointer<Dictionary>(); }
  Object *asObject() const {
    Object *const *found = std::get_if<Object *>(&data);
    return found ? *found : nullptr;
  }
  /// Of integers and booleans.
  int64_t integer() const;
  /// Of any number.
  double number() const;
  bool boolean() const { return std::get<bool>(data); }
  /// Of an undefined value: why it is.
  const std::string &undefinedMessage() const { return *std::get<Undefined>(data).message; }

  /// How deep values hold each other, 0 for what holds none.
  uint32_t depth() const;
  /// Python's bool().
  bool truth() const;
  /// Python's name of the type, for messages: "str", "list", ...
  std::string typeName() const;
  /// The same object, or equal scalars of one type.
  bool same(const Value &other) const;

private:
  static Value generator(std::vector<Value> items, std::string failure);
  template <typename Type> const Type *pointer() const {
    const auto *found = std::get_if<std::shared_ptr<const Type>>(&data);
    return found ? found->get() : nullptr;
  }

  std::variant<None, Undefined, bool, int64_t, double, std::shared_ptr<const Text>, std::shared_ptr<const Sequence>,
               std::shared_ptr<const Dictionary>, Object *>
      data;
};

/// Throws the message of an undefined value.
void requireDefined(const Value &value);
/// Throws for what Python takes for no key: lists and dicts, alone or in a tuple.
void requireHashable(const Value &value);

/// Python's == , < and in. Comparing what has no order, or looking into what holds nothing, throws.
bool equal(const Value &left, const Value &right, Budget &budget);
bool less(const Value &left, const Value &right, Budget &budget);
bool contains(const Value &container, const Value &item, Budget &budget);
/// Nothing where the key is not there.
const Value *findKey(const Dictionary &dictionary, const Value &key, Budget &budget);
/// Equal for equal values, else different; throws for what is not hashable.
std::string hashKey(const Value &value, Budget &budget);

/// What a `for` visits: items, keys, characters. A generator's items are used up. Throws for what cannot be visited.
std::vector<Value> iterate(const Value &value, Budget &budget);
/// Python's len().
int64_t length(const Value &value);

/// Python's str(), repr() and, as `tojson` does, json.dumps().
std::string printed(const Value &value, Budget &budget);
std::string represented(const Value &value, Budget &budget);
std::string formatFloat(double value);

struct JsonStyle {
  bool ascii = false, sortKeys = false;
  bool lines = false; ///< each item on its own line, behind `indent` for each level
  std::string indent, itemSeparator = ", ", keySeparator = ": ";
};
std::string toJson(const Value &value, const JsonStyle &style, Budget &budget);

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_VALUE_H
