#include "runtime/grammar/IntegerRange.h"

#include <algorithm>

namespace lathe::runtime {

static std::string digitRange(char first, char last) {
  return first == last ? '"' + std::string(1, first) + '"' : std::string("[") + first + "-" + last + "]";
}

static std::string anyDigits(size_t count) { return count == 0 ? "" : " [0-9]{" + std::to_string(count) + "}"; }

static void addAlternative(std::string &all, const std::string &more) {
  all += (all.empty() || more.empty() ? "" : " | ") + more;
}

/// All digit strings from `low` to `high`, which are as long as each other.
static std::string sameLength(const std::string &low, const std::string &high) {
  if (low == high)
    return '"' + low + '"';
  size_t same = size_t(std::mismatch(low.begin(), low.end(), high.begin()).first - low.begin());
  std::string front = same ? '"' + low.substr(0, same) + "\" " : "", a = low.substr(same), b = high.substr(same);
  size_t rest = a.size() - 1;
  char first = a[0], last = b[0];
  // At both ends only a part of what may follow the digit is in the range; between them everything.
  bool wholeLow = a.substr(1) == std::string(rest, '0'), wholeHigh = b.substr(1) == std::string(rest, '9');
  std::string all;
  if (!wholeLow)
    addAlternative(all, digitRange(first, first) + " (" + sameLength(a.substr(1), std::string(rest, '9')) + ")");
  char from = char(first + !wholeLow), to = char(last - !wholeHigh);
  if (from <= to)
    addAlternative(all, digitRange(from, to) + anyDigits(rest));
  if (!wholeHigh)
    addAlternative(all, digitRange(last, last) + " (" + sameLength(std::string(rest, '0'), b.substr(1)) + ")");
  return front + "(" + all + ")";
}

/// Integers that are not negative.
static std::string naturals(uint64_t least, uint64_t most) {
  std::string all, low = std::to_string(least), high = std::to_string(most);
  for (size_t digits = low.size(); digits <= high.size(); ++digits) {
    std::string first = digits == low.size() ? low : "1" + std::string(digits - 1, '0');
    std::string last = digits == high.size() ? high : std::string(digits, '9');
    addAlternative(all, sameLength(first, last));
  }
  return all;
}

std::string integerRangeGrammar(std::optional<int64_t> least, std::optional<int64_t> most) {
  constexpr int64_t Bound = 9'999'999'999'999'999; // MaxIntegerDigits nines
  int64_t low = least.value_or(std::min(-Bound, most.value_or(0)));
  int64_t high = most.value_or(std::max(Bound, least.value_or(0)));
  if (low > high)
    return "";
  std::string all;
  if (low < 0) {
    uint64_t nearest = high < 0 ? 0 - uint64_t(high) : 1;
    addAlternative(all, "\"-\" (" + naturals(nearest, 0 - uint64_t(low)) + ")");
  }
  if (high >= 0)
    addAlternative(all, naturals(uint64_t(std::max<int64_t>(low, 0)), uint64_t(high)));
  return all;
}

} // namespace lathe::runtime
