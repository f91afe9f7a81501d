// How a kernel says that the data asks for what the model does not define.
//
// The host gives every launch whose data may do so an address in its own memory, which a session's launches share, and
// the name of the node. The first fault stays: later launches may well find others that follow from it. Nobody reads
// the word on the device but who has found a fault, so right data costs nothing.
#ifndef LATHE_KERNELS_FAULTS_CUH
#define LATHE_KERNELS_FAULTS_CUH

#include "types.cuh"

#include "runtime/HostFault.h"

namespace lathe::kernels {

/// The last two parameters of a kernel whose data may be wrong.
struct FaultReport {
  uint64_t *Word; ///< HostCall::faults; null: nobody wants to know
  uint64_t Node;  ///< address of the node's name, on the host

  __device__ void operator()(int fault) const {
    // Threads of one launch may race for the word: each writes it whole, and each names this launch.
    auto *word = static_cast<volatile uint64_t *>(Word);
    if (word && *word == 0)
      *word = uint64_t(fault) << 56 | Node;
  }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_FAULTS_CUH
