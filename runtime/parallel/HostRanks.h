#ifndef LATHE_RUNTIME_PARALLEL_HOSTRANKS_H
#define LATHE_RUNTIME_PARALLEL_HOSTRANKS_H

#include "runtime/parallel/Collective.h"
#include "runtime/parallel/Transport.h"

#include <vector>

namespace lathe::runtime {

/// Ranks whose buffers are in host memory. Every rank calls the same collectives in the same order, one at a time; each
/// returns when its result is there, or throws what the watch found out. Reductions have the order of the ranks: the
/// same bits on all of them, and every time.
class HostRanks {
public:
  HostRanks(Transport &transport, Watch &watch, int rank, int size)
      : transport(transport), watch(watch), rank(rank), size(size) {}

  void run(const Collective &collective);
  /// `bytes` of rank 0. Unless it is `limited`, the others wait for rank 0 as long as it lives.
  void broadcast(void *buffer, size_t bytes, bool limited = true);

private:
  /// Below it an all-reduce is one exchange of everything, from it on two of the n-th part.
  static constexpr int64_t FewBytes = 16384;

  template <typename Begin> void wait(const char *what, bool limited, Begin begin);
  void gather(const void *source, void *target, int64_t bytes);
  void allReduce(const Collective &collective);
  void reduceScatter(const Collective &collective);
  unsigned char *scratch(size_t which, int64_t bytes);

  Transport &transport;
  Watch &watch;
  const int rank, size;
  std::vector<unsigned char> buffers[2]; ///< kept, so that sizes which repeat allocate nothing
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_HOSTRANKS_H
