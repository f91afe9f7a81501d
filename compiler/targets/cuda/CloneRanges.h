// Where a model is cut into clones by how many tokens, or what of a batch, a call computes.
#ifndef LATHE_COMPILER_TARGETS_CUDA_CLONERANGES_H
#define LATHE_COMPILER_TARGETS_CUDA_CLONERANGES_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lathe::cuda {

/// Seconds that a call of `count` takes in a clone for `least` to `most`, as far as that depends on the clone.
using CloneTime = std::function<double(int64_t least, int64_t most, int64_t count)>;

struct CloneRange {
  int64_t Min, Max;
  std::string Reason;
};

/// A clone costs as much as so large a share of the time of calls between some count and twice that is worth.
inline constexpr double WorthOfClone = 0.03;
inline constexpr int64_t MostClones = 7;
/// A call of the least count, such as the next token of a text that is alone, is worth so many doublings.
inline constexpr double WorthOfLeast = 4;

/// Cuts min .. max at powers of two so that calls take as little longer as may be than in the clone that is best for
/// their count, the least count being as likely as WorthOfLeast doublings and each doubling as any other, and each
/// clone being worth WorthOfClone; at most MostClones. With `leastAlone` the least count shares none. There is a time
/// for each chip. Of ways that are equal the one with fewer clones is taken; the same times give the same ranges.
std::vector<CloneRange> chooseRanges(int64_t min, int64_t max, llvm::ArrayRef<CloneTime> chips,
                                     bool leastAlone = false);

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_CLONERANGES_H
