#ifndef LATHE_RUNTIME_CUDA_NCCLRANKS_H
#define LATHE_RUNTIME_CUDA_NCCLRANKS_H

#include "runtime/cuda/Mailboxes.h"
#include "runtime/cuda/Nccl.h"

#include <future>
#include <memory>

namespace lathe::runtime::cuda {

/// Ranks whose buffers are on GPUs, one each, through NCCL. Collectives are enqueued, and may be captured in graphs.
/// When the group breaks, what waits in one ends with an error, on the device too.
///
/// NCCL has multicast off (NCCL_NVLS_ENABLE=0 in the environment, which it reads itself): not all machines that have
/// it let processes use it.
class NcclRanks {
public:
  /// Meets the other ranks, which make one too; the id goes over the group. The device's context is current.
  NcclRanks(const CudaDevice &device, std::shared_ptr<Group> group);
  ~NcclRanks();
  NcclRanks(const NcclRanks &) = delete;

  void enqueue(const Collective &collective, Stream stream);
  /// Of small tensors a kernel of the program makes sums there, instead of `enqueue`; null: none.
  const Mailboxes *mailboxes() const { return boxes.get(); }
  /// Throws what the watch has found out.
  void check() const { group->watch().check(); }
  /// Waits for the stream, and so for the others. Throws what the watch has found out.
  void wait(Stream stream, const char *what);

private:
  void meet(const NcclId &id);
  void abort();
  void release(bool orderly);
  void warmUp();

  const CudaDevice &device;
  std::shared_ptr<Group> group;
  Nccl nccl;
  NcclComm comm = nullptr;
  std::unique_ptr<Mailboxes> boxes;
  int action = -1;                  ///< of the watch
  std::shared_future<int> abortion; ///< valid: the communicator is being aborted, or has been
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_NCCLRANKS_H
