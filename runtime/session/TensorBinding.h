#ifndef LATHE_RUNTIME_SESSION_TENSORBINDING_H
#define LATHE_RUNTIME_SESSION_TENSORBINDING_H

#include "runtime/session/Executor.h"

namespace lathe::runtime {

/// Checks `options` against the entry and fills `call`: inputs and outputs in the entry's order, symbol values, and
/// the outputs' type, rank and shape. With `reading`, also checks that each has data and enough bytes; without, writes
/// the bytes that outputs need: the most that can be where sizes depend on data, 0 if nobody knows. An output without
/// data is for the executor to find memory for. `call` is reused, so that a repeated call allocates nothing.
void bindTensors(const Program &program, const Entry &entry, const lathe_run_options &options, bool reading,
                 TensorCall &call);

/// Output `index` has the sizes `dims` in this call: notes them, for the caller too, and returns the bytes it takes.
/// Throws LATHE_INVALID_ARGUMENT when the caller gave memory, but too little.
uint64_t bindOutputSizes(TensorCall &call, size_t index, const int64_t *dims);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_TENSORBINDING_H
