#include "compiler/report/Expression.h"

#include <charconv>

namespace lathe::report {

namespace {

/// sum := product (('+' | '-') product)*
/// product := factor (('*' | 'floordiv' | 'ceildiv' | 'mod') factor)*
/// factor := '-' factor | '(' sum ')' | number | 's' number
class Parser {
public:
  Parser(std::string_view text, std::span<const int64_t> symbols) : Text(text), Symbols(symbols) {}

  std::optional<int64_t> parse() {
    int64_t value = parseSum(0);
    skipSpace();
    return Good && Text.empty() ? std::optional(value) : std::nullopt;
  }

private:
  static constexpr int MaxDepth = 200; // deeper ones are damage, and would use up the stack

  void skipSpace() {
    while (!Text.empty() && Text.front() == ' ')
      Text.remove_prefix(1);
  }
  bool take(std::string_view word) {
    skipSpace();
    if (!Text.starts_with(word))
      return false;
    Text.remove_prefix(word.size());
    return true;
  }
  int64_t fail() {
    Good = false;
    Text = {};
    return 0;
  }

  int64_t parseSum(int depth) {
    if (depth > MaxDepth)
      return fail();
    int64_t value = parseProduct(depth);
    while (true) {
      bool add = take("+");
      if (!add && !take("-"))
        return value;
      int64_t other = parseProduct(depth);
      if (add ? __builtin_add_overflow(value, other, &value) : __builtin_sub_overflow(value, other, &value))
        return fail();
    }
  }

  int64_t parseProduct(int depth) {
    int64_t value = parseFactor(depth);
    while (true) {
      if (take("*")) {
        if (__builtin_mul_overflow(value, parseFactor(depth), &value))
          return fail();
        continue;
      }
      bool floor = take("floordiv"), ceil = !floor && take("ceildiv"), mod = !floor && !ceil && take("mod");
      if (!floor && !ceil && !mod)
        return value;
      int64_t divisor = parseFactor(depth);
      if (divisor <= 0)
        return fail();
      int64_t quotient = value / divisor, rest = value % divisor;
      value = mod ? rest + (rest < 0 ? divisor : 0) : floor ? quotient - (rest < 0) : quotient + (rest > 0);
    }
  }

  int64_t parseFactor(int depth) {
    if (depth > MaxDepth)
      return fail();
    if (take("-"))
      return -parseFactor(depth + 1);
    if (take("(")) {
      int64_t value = parseSum(depth + 1);
      return take(")") ? value : fail();
    }
    bool symbol = take("s");
    int64_t number = 0;
    skipSpace();
    auto [end, error] = std::from_chars(Text.data(), Text.data() + Text.size(), number);
    if (error != std::errc() || (symbol && uint64_t(number) >= Symbols.size()))
      return fail();
    Text.remove_prefix(size_t(end - Text.data()));
    return symbol ? Symbols[size_t(number)] : number;
  }

  std::string_view Text;
  std::span<const int64_t> Symbols;
  bool Good = true;
};

} // namespace

std::optional<int64_t> evaluate(std::string_view text, std::span<const int64_t> symbols) {
  return Parser(text, symbols).parse();
}

std::optional<int64_t> evaluate(const nlohmann::ordered_json &formula, std::span<const int64_t> symbols) {
  if (formula.is_number_integer())
    return formula.get<int64_t>();
  return formula.is_string() ? evaluate(std::string_view(formula.get_ref<const std::string &>()), symbols)
                             : std::nullopt;
}

} // namespace lathe::report
