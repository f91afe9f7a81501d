#ifndef LATHE_RUNTIME_PARALLEL_TRANSPORT_H
#define LATHE_RUNTIME_PARALLEL_TRANSPORT_H

#include "runtime/parallel/Watch.h"

#include <memory>

namespace lathe::runtime {

/// Moves bytes between the ranks of a group, and adds nothing up. Functions throw a Failure, and none waits but
/// `leave`.
class Transport : public Pulse {
public:
  /// A collective under way. Its buffers stay until it is done; if it never is, as the group has broken, the process
  /// is to end.
  class Request {
  public:
    virtual ~Request() = default;
    virtual bool isDone() = 0;
  };

  /// Collectives of all ranks, which call them in one order, one at a time.
  /// Copies `bytes` of rank 0 to all others.
  virtual std::unique_ptr<Request> broadcast(void *buffer, int64_t bytes) = 0;
  /// Rank r's `bytes` go to target + r * bytes of all.
  virtual std::unique_ptr<Request> allGather(const void *source, void *target, int64_t bytes) = 0;
  /// source + r * bytes goes to rank r, where it stands at target + own rank * bytes.
  virtual std::unique_ptr<Request> allToAll(const void *source, void *target, int64_t bytes) = 0;

  /// What the last collective leaves behind: all ranks end together, which this waits for. Without it others find the
  /// connection broken.
  virtual void leave() = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_TRANSPORT_H
