// The part of NVIDIA's NCCL that the runtime uses, declared here so that building needs no NCCL. Types and numbers are
// those of its documented binary interface, the same since version 2.0; bf16 came with 2.10, which is asked for.
#ifndef LATHE_RUNTIME_CUDA_NCCL_H
#define LATHE_RUNTIME_CUDA_NCCL_H

#include "runtime/cuda/Driver.h"

namespace lathe::runtime::cuda {

using NcclComm = struct NcclCommObject *;

/// ncclUniqueId: rank 0 makes one, and all ranks need it to meet.
struct NcclId {
  char bytes[128];
};

inline constexpr int OldestNccl = 21000;

/// NCCL's functions, found in libnccl.so.2 by dlopen. Each returns a ncclResult_t, 0 for success.
class Nccl {
public:
  /// Throws LATHE_NOT_FOUND without the library, LATHE_UNSUPPORTED for one that is too old.
  Nccl();

  /// Throws "call: text" for a result that is an error.
  void check(int result, const char *call) const;

  int (*getVersion)(int *version);
  const char *(*getErrorString)(int result);
  int (*getUniqueId)(NcclId *id);
  int (*commInitRank)(NcclComm *comm, int ranks, NcclId id, int rank);
  int (*commDestroy)(NcclComm comm);
  int (*commAbort)(NcclComm comm);
  int (*commGetAsyncError)(NcclComm comm, int *error);
  int (*allReduce)(const void *source, void *target, size_t count, int type, int reduction, NcclComm comm,
                   Stream stream);
  int (*allGather)(const void *source, void *target, size_t count, int type, NcclComm comm, Stream stream);
  int (*reduceScatter)(const void *source, void *target, size_t count, int type, int reduction, NcclComm comm,
                       Stream stream);
  int (*broadcast)(const void *source, void *target, size_t count, int type, int root, NcclComm comm, Stream stream);
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_NCCL_H
