// Which format each weight gets so that all of them fit into a size and lose the least.
#ifndef LATHE_COMPILER_FORMATCHOICE_H
#define LATHE_COMPILER_FORMATCHOICE_H

#include "llvm/ADT/ArrayRef.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lathe {

/// One way to store a weight.
struct FormatOption {
  std::string format; ///< "keep": as the model has it
  int64_t bytes = 0;
  double error = 0; ///< squared error over the squares of the values
  double loss = 0;  ///< what the error costs the model; losses of weights add up
};

/// For each weight the place of one of its options, of which it has at least one: all together take at most `limit`
/// bytes, and their losses add up to the least that there is, but for rounding: this is the knapsack with a choice for
/// each weight, by dynamic programming over what options take beyond the smallest (Dudziński and Walukiewicz 1987), in
/// units of the bytes' greatest common divisor or of 1/32768 of the room, whichever is larger, rounded up. Room that
/// rounding leaves goes where it saves most. Nothing when the smallest options take more than `limit`. The same input
/// gives the same choice.
std::optional<std::vector<size_t>> chooseWithin(llvm::ArrayRef<std::vector<FormatOption>> weights, int64_t limit);

} // namespace lathe

#endif // LATHE_COMPILER_FORMATCHOICE_H
