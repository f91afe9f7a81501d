// Rows of a ragged batch: sequence s owns rows rowOffsets[s] to rowOffsets[s + 1].
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_SEQUENCES_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_SEQUENCES_H

#include "compiler/targets/cpu/kernels/Kernel.h"

namespace lathe::cpu {

/// The sequence that owns a token row, or -1: the last whose first row is not behind it, if it is not past its end.
LATHE_INLINE int64_t findSequence(const int32_t *rowOffsets, int64_t sequences, int64_t row) {
  int64_t low = 0, high = sequences; // rowOffsets[low] <= row < rowOffsets[high], the last taken as infinite
  while (high - low > 1) {
    int64_t middle = (low + high) / 2;
    if (rowOffsets[middle] <= row)
      low = middle;
    else
      high = middle;
  }
  return sequences > 0 && rowOffsets[low] <= row && row < rowOffsets[low + 1] ? low : -1;
}

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_SEQUENCES_H
