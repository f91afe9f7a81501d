#include "runtime/session/CallFault.h"

#include "runtime/HostFault.h"

namespace lathe::runtime {

Failure describeFault(int32_t fault, const char *node, int64_t found, int64_t min, int64_t max) {
  switch (fault) {
  case HostIndexOutOfRange:
    return Failure(LATHE_INVALID_ARGUMENT, "node '", node, "': an index in the data is outside of its tensor");
  case HostValueOutOfRange:
    return Failure(LATHE_INVALID_ARGUMENT, "node '", node,
                   "': a value in the data is outside of what the operation defines");
  case HostSizeOutOfRange:
    return Failure(LATHE_INVALID_ARGUMENT, "node '", node, "': the data gives a size of ", found, ", needed ", min,
                   " to ", max);
  default:
    return Failure(LATHE_DEVICE_ERROR, "node '", node, "' stopped with code ", fault);
  }
}

} // namespace lathe::runtime
