#ifndef LATHE_RUNTIME_SESSION_TENSORBINDING_H
#define LATHE_RUNTIME_SESSION_TENSORBINDING_H

#include "runtime/session/Executor.h"

namespace lathe::runtime {

/// Checks `options` against the entry and fills `call`: inputs and outputs in the entry's order, symbol values, and
/// the outputs' type, rank and shape. With `reading`, also checks that each has data and enough bytes; without, writes
/// the bytes that outputs need. `call` is reused, so that a repeated call allocates nothing.
void bindTensors(const Program &program, const Entry &entry, const lathe_run_options &options, bool reading,
                 TensorCall &call);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_TENSORBINDING_H
