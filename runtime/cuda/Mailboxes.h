#ifndef LATHE_RUNTIME_CUDA_MAILBOXES_H
#define LATHE_RUNTIME_CUDA_MAILBOXES_H

#include "runtime/cuda/CudaDevice.h"
#include "runtime/cuda/SumKernel.h"
#include "runtime/parallel/Collective.h"
#include "runtime/parallel/Group.h"

namespace lathe::runtime::cuda {

/// Where ranks on GPUs of one machine put what the others are to add up; SumKernel.h says who reads and writes there.
class Mailboxes {
public:
  /// Null where ranks are on several machines, where a GPU does not reach the memory of another, and where the group is
  /// to do without: all ranks get the same answer. The device's context is current.
  static std::unique_ptr<Mailboxes> open(const CudaDevice &device, Group &group);
  /// After `close`.
  ~Mailboxes();
  /// All ranks do, when their kernels have ended: nobody's memory may go while another has it open.
  void close(Group &group);
  Mailboxes(const Mailboxes &) = delete;

  /// Whether a kernel adds this up; the same on all ranks.
  bool takes(const Collective &collective) const;
  /// Ends kernels that wait for a rank which does not come.
  void stop() { *static_cast<volatile uint32_t *>(word) = 1; }

  /// Calls `launch(blocks, arguments)` with what launchKernel takes.
  template <typename Launch> void start(const Collective &collective, Launch launch) const {
    int64_t packets = countPackets(collective), ownRank = rank;
    DeviceAddress counts = calls.at(0);
    std::vector<const void *> arguments = {&collective.source, &collective.target};
    for (const DeviceAddress &box : boxes)
      arguments.push_back(&box);
    for (const void *argument :
         std::initializer_list<const void *>{&boxes[size_t(rank)], &counts, &word, &packets, &capacity, &ownRank})
      arguments.push_back(argument);
    launch(unsigned((packets + SumKernel::Threads - 1) / SumKernel::Threads), arguments.data());
  }

private:
  Mailboxes(const CudaDevice &device, const Group &group, int64_t bytes);
  bool reach(Group &group);
  static int64_t countPackets(const Collective &collective);

  const Driver &driver;
  const int rank;
  const int64_t capacity; ///< packets of a row
  DeviceMemory own, calls;
  std::vector<DeviceAddress> boxes; ///< by rank; 0: not reached
  void *word = nullptr;             ///< pinned
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_MAILBOXES_H
