#ifndef LATHE_RUNTIME_SESSION_CALLFAULT_H
#define LATHE_RUNTIME_SESSION_CALLFAULT_H

#include "runtime/Failure.h"

#include <cstdint>

namespace lathe::runtime {

/// Why a call stopped with `fault` (HostFault.h) at `node`; for HostSizeOutOfRange `found` is not from `min` to `max`.
Failure describeFault(int32_t fault, const char *node, int64_t found, int64_t min, int64_t max);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_CALLFAULT_H
