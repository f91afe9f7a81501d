// Why a call of generated code stopped: apart from the rest of the contract (HostAbi.h), because code for GPUs, which
// has no standard headers, says it too.
#ifndef LATHE_RUNTIME_HOSTFAULT_H
#define LATHE_RUNTIME_HOSTFAULT_H

namespace lathe::runtime {

/// Why a call of generated code stopped. Kernels return HostIndexOutOfRange and HostValueOutOfRange.
enum HostFault : int {
  HostDone = 0,
  HostNoClone = 1,         ///< no clone serves the symbols' values
  HostIndexOutOfRange = 2, ///< an index in the data points outside of its tensor
  HostValueOutOfRange = 3, ///< another value in the data is outside of what the operation defines
  HostSizeOutOfRange = 4,  ///< a size that data gives is outside of its bounds
  HostOutOfMemory = 5,     ///< `allocate` gave none
  HostOutputTooSmall = 6,  ///< `bindOutput` gave none
  HostNotRead = 7,         ///< `read` gave none
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_HOSTFAULT_H
