#ifndef LATHE_RUNTIME_CUDA_CUDAAPI_H
#define LATHE_RUNTIME_CUDA_CUDAAPI_H

#include "runtime/HostAbi.h"
#include "runtime/artifact/Manifest.h"
#include "runtime/cuda/Driver.h"

#include <exception>
#include <vector>

namespace lathe::runtime::cuda {

/// What HostCall::context points at while generated code enqueues its launches.
struct LaunchContext {
  const Driver &driver;
  const std::vector<Kernel> &kernels;
  const std::vector<Function> &functions;
  Stream stream;
  /// The first failure. Generated code has no unwinding, so it is thrown when that has returned.
  std::exception_ptr failure;
};

/// The functions lent to host images of CUDA programs.
const HostApi &cudaApi();

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_CUDAAPI_H
