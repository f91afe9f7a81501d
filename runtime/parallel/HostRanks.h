#ifndef LATHE_RUNTIME_PARALLEL_HOSTRANKS_H
#define LATHE_RUNTIME_PARALLEL_HOSTRANKS_H

#include "runtime/parallel/Collective.h"
#include "runtime/parallel/MpiPlugin.h"
#include "runtime/parallel/Watch.h"

#include <vector>

namespace lathe::runtime {

/// Ranks whose buffers are in host memory, through MPI. Every rank calls the same collectives in the same order, one at
/// a time; each returns when its result is there, or throws what the watch found out. Reductions have the order of the
/// ranks: the same bits on all of them, and every time.
class HostRanks : public Pulse {
public:
  /// `plugin` is the path of liblathe-mpi.so, or null: where the system's loader finds it. Throws LATHE_NOT_FOUND
  /// without it and LATHE_INVALID_ARGUMENT where MPI counts ranks otherwise than `rank` of `size`.
  HostRanks(const char *plugin, int rank, int size);
  ~HostRanks() override;
  HostRanks(const HostRanks &) = delete;

  /// Before any collective.
  void watchWith(Watch &guard) { watch = &guard; }
  /// What the last collective leaves behind: all ranks end together, which the destructor then waits for.
  void endOrderly() { orderly = true; }

  void run(const Collective &collective);
  /// `bytes` of rank 0. Unless it is `limited`, the others wait for rank 0 as long as it lives.
  void broadcast(void *buffer, size_t bytes, bool limited = true);

  // Pulse
  void send(const Beat &beat) override;
  int receive(Beat &beat) override;

private:
  /// Below it an all-reduce is one exchange of everything, from it on two of the n-th part.
  static constexpr int64_t FewBytes = 16384;

  template <typename Begin> void wait(const char *what, bool limited, Begin begin);
  void gather(const void *source, void *target, int64_t bytes);
  void allReduce(const Collective &collective);
  void reduceScatter(const Collective &collective);
  unsigned char *scratch(size_t which, int64_t bytes);

  const MpiPlugin *mpi = nullptr;
  MpiWorld *world = nullptr;
  Watch *watch = nullptr;
  int rank, size;
  bool orderly = false;
  std::vector<unsigned char> buffers[2]; ///< kept, so that sizes which repeat allocate nothing
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_HOSTRANKS_H
