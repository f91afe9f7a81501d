#include "compiler/FormatChoice.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <numeric>

using namespace lathe;

using Weights = llvm::ArrayRef<std::vector<FormatOption>>;

/// The place of the smallest option, of equals the one that loses least.
static size_t findSmallest(llvm::ArrayRef<FormatOption> options) {
  auto isLess = [](const FormatOption &a, const FormatOption &b) {
    return std::pair(a.bytes, a.loss) < std::pair(b.bytes, b.loss);
  };
  return llvm::min_element(options, isLess) - options.begin();
}

/// Solves the knapsack: `chosen` are the smallest options, `room` what is left beside them, in bytes.
static void improve(Weights weights, int64_t room, int64_t unit, std::vector<size_t> &chosen) {
  size_t capacity = size_t(room / unit);
  // The least loss of the weights so far within so many units, and which option the last of them has then.
  std::vector<double> least(capacity + 1, 0), next(capacity + 1);
  std::vector<std::vector<uint8_t>> places;
  auto getUnits = [&](size_t weight, const FormatOption &option) {
    return size_t(llvm::divideCeil(option.bytes - weights[weight][chosen[weight]].bytes, unit));
  };
  for (auto [weight, options] : llvm::enumerate(weights)) {
    std::vector<uint8_t> &place = places.emplace_back(capacity + 1, uint8_t(chosen[weight]));
    for (size_t units = 0; units <= capacity; ++units)
      next[units] = least[units] + options[chosen[weight]].loss;
    for (auto [i, option] : llvm::enumerate(options)) {
      size_t more = getUnits(weight, option);
      for (size_t units = more; units <= capacity; ++units)
        if (double loss = least[units - more] + option.loss; loss < next[units]) {
          next[units] = loss;
          place[units] = uint8_t(i);
        }
    }
    std::swap(least, next);
  }
  size_t units = capacity;
  for (size_t weight = weights.size(); weight-- > 0;) {
    size_t option = places[weight][units];
    units -= getUnits(weight, weights[weight][option]);
    chosen[weight] = option;
  }
}

/// Puts what rounding has left to use, the largest saving first.
static void fillRoom(Weights weights, int64_t room, std::vector<size_t> &chosen) {
  while (true) {
    double most = 0;
    std::pair<size_t, size_t> best;
    for (auto [weight, options] : llvm::enumerate(weights))
      for (auto [i, option] : llvm::enumerate(options)) {
        const FormatOption &now = options[chosen[weight]];
        if (option.bytes - now.bytes <= room && now.loss - option.loss > most) {
          most = now.loss - option.loss;
          best = {weight, i};
        }
      }
    if (most == 0)
      return;
    auto [weight, option] = best;
    room -= weights[weight][option].bytes - weights[weight][chosen[weight]].bytes;
    chosen[weight] = option;
  }
}

std::optional<std::vector<size_t>> lathe::chooseWithin(Weights weights, int64_t limit) {
  constexpr int64_t Steps = 32768;
  std::vector<size_t> chosen;
  int64_t room = limit, divisor = 0, most = 0;
  for (const std::vector<FormatOption> &options : weights) {
    assert(!options.empty() && options.size() <= 256 && "a weight has options, and their places are bytes");
    chosen.push_back(findSmallest(options));
    int64_t least = options[chosen.back()].bytes, largest = least;
    for (const FormatOption &option : options) {
      divisor = std::gcd(divisor, option.bytes - least);
      largest = std::max(largest, option.bytes);
    }
    room -= least;
    most += largest - least;
  }
  if (room < 0)
    return std::nullopt;
  room = std::min(room, most); // more changes nothing
  improve(weights, room, std::max<int64_t>({1, divisor, int64_t(llvm::divideCeil(room, Steps))}), chosen);
  int64_t left = limit;
  for (auto [options, place] : llvm::zip_equal(weights, chosen))
    left -= options[place].bytes;
  fillRoom(weights, left, chosen);
  return chosen;
}
