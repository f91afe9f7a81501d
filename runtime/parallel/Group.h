#ifndef LATHE_RUNTIME_PARALLEL_GROUP_H
#define LATHE_RUNTIME_PARALLEL_GROUP_H

#include "runtime/parallel/HostRanks.h"
#include "runtime/parallel/Watch.h"

#include <memory>
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

  /// For the one session that a group has at a time. Throws LATHE_INVALID_ARGUMENT for a second one.
  void take();
  void giveBack() { taken = false; }

private:
  std::unique_ptr<HostRanks> ranks;
  std::optional<Watch> guard;
  bool taken = false;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_GROUP_H
