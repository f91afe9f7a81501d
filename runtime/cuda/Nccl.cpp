#include "runtime/cuda/Nccl.h"

#include "runtime/Failure.h"

#include <dlfcn.h>

namespace lathe::runtime::cuda {

Nccl::Nccl() {
  // Never closed: it keeps threads of its own.
  void *library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Failure(LATHE_NOT_FOUND, "libnccl.so.2, NVIDIA's NCCL, through which ranks on GPUs meet: ", dlerror(),
                  "; install NCCL 2.10 or newer where the loader finds it (it comes with the CUDA toolkit)");
  auto find = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(library, name));
    if (!function)
      throw Failure(LATHE_UNSUPPORTED, "libnccl.so.2 has no ", name, "; install NCCL 2.10 or newer");
  };
  find(getVersion, "ncclGetVersion");
  find(getErrorString, "ncclGetErrorString");
  find(getUniqueId, "ncclGetUniqueId");
  find(commInitRank, "ncclCommInitRank");
  find(commDestroy, "ncclCommDestroy");
  find(commAbort, "ncclCommAbort");
  find(commGetAsyncError, "ncclCommGetAsyncError");
  find(allReduce, "ncclAllReduce");
  find(allGather, "ncclAllGather");
  find(reduceScatter, "ncclReduceScatter");
  find(broadcast, "ncclBroadcast");
  int version = 0;
  check(getVersion(&version), "ncclGetVersion");
  if (version < OldestNccl)
    throw Failure(LATHE_UNSUPPORTED, "libnccl.so.2 is of version ", version, " but at least ", OldestNccl,
                  " (2.10) is needed; install a newer NCCL");
}

void Nccl::check(int result, const char *call) const {
  if (result != 0)
    throw Failure(LATHE_DEVICE_ERROR, call, ": ", getErrorString(result));
}

} // namespace lathe::runtime::cuda
