#ifndef LATHE_RUNTIME_PARALLEL_GROUP_H
#define LATHE_RUNTIME_PARALLEL_GROUP_H

#include "runtime/parallel/HostRanks.h"
#include "runtime/parallel/Watch.h"

#include <memory>
#include <mutex>
#include <optional>

namespace lathe::runtime {

/// This process's place among the ranks that run one program together, and the ways to the others.
class Group {
public:
  explicit Group(const lathe_group_options &options);
  ~Group();

  const int rank, size;

  Watch &watch() { return *guard; }
  HostRanks &host() { return *ranks; }

  /// `bytes` of rank 0. Unless it is `limited`, the others wait for rank 0 as long as it lives.
  void broadcast(void *buffer, size_t bytes, bool limited) { ranks->broadcast(buffer, bytes, limited); }
  /// Rank r's `bytes` go to target + r * bytes.
  void allGather(const void *source, void *target, size_t bytes);

  /// Rank 0's: whoever holds it has the ranks make a call, so that calls of several sessions are one after the other.
  std::mutex calls;
  uint32_t sessions = 0; ///< opened so far, guarded by it

  /// The largest tensors that GPUs add up without NCCL; negative: as measured.
  const int64_t directBytes;

private:
  std::unique_ptr<Transport> transport;
  std::optional<Watch> guard;
  std::optional<HostRanks> ranks;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_GROUP_H
