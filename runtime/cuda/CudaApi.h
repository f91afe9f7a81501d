#ifndef LATHE_RUNTIME_CUDA_CUDAAPI_H
#define LATHE_RUNTIME_CUDA_CUDAAPI_H

#include "runtime/HostAbi.h"
#include "runtime/artifact/HostImage.h"
#include "runtime/cuda/DataMemory.h"
#include "runtime/session/Executor.h"

#include <exception>
#include <vector>

namespace lathe::runtime::cuda {

class LaunchTimer;
class NcclRanks;
class PlacedProgram;

/// What HostCall::context points at while generated code enqueues its launches.
///
/// Where `dependent`, a kernel that follows another one directly is launched so that it may start while that one runs:
/// kernels of such a target wait themselves for all before them. The first one, and one behind a copy, are launched
/// plainly: what is before them is not a kernel that this call has launched.
struct LaunchContext {
  const Driver &driver;
  const std::vector<Kernel> &kernels;
  const PlacedProgram &placed;
  const HostImage &image;
  CallMemory &memory;
  std::vector<void *> &outputs; ///< HostCall::outputs; those whose sizes depend on data are put in
  Stream stream;
  bool dependent;
  TensorCall *tensors = nullptr; ///< null in a language model's step
  NcclRanks *ranks = nullptr;    ///< null where one device runs the program
  LaunchTimer *timer = nullptr;  ///< is told of every launch and copy; null: nobody
  bool afterKernel = false;      ///< the last thing on the stream is a kernel of this call
  bool dataDecides = false;      ///< sizes or control flow of this call: it may go on in another way the next time
  /// The first failure. Generated code has no unwinding, so it is thrown when that has returned.
  std::exception_ptr failure = nullptr;
};

/// Throws what a kernel has reported in `word` (HostCall::faults), if anything, and makes it 0.
void checkFaults(volatile uint64_t *word, const HostImage &image);

/// The functions lent to host images of CUDA programs.
const HostApi &cudaApi();

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_CUDAAPI_H
