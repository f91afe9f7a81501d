#ifndef LATHE_RUNTIME_CUDA_RECORDEDCALLS_H
#define LATHE_RUNTIME_CUDA_RECORDEDCALLS_H

#include "runtime/cuda/CudaDevice.h"

#include <functional>
#include <list>

namespace lathe::runtime::cuda {

/// Records what `enqueue` puts on `stream`, which does not run, as a graph that can be launched. `what` is for the
/// message when the driver refuses.
GraphExec record(const Driver &driver, Stream stream, const std::string &what, const std::function<void()> &enqueue);

/// Graphs of calls of tensor entries. A call is recorded when it comes the second time in the same sizes with the same
/// addresses: to record takes longer than to launch once, and a caller's tensors may be elsewhere each time. At most
/// `Most` calls are kept, those used last. The context is current wherever one is used.
class RecordedCalls {
public:
  static constexpr size_t Most = 16;

  /// What launches of a call depend on.
  struct Key {
    const Entry *entry;
    std::vector<int64_t> symbols;
    std::vector<void *> tensors; ///< inputs, then outputs
    DeviceAddress arena;
    bool operator==(const Key &) const = default;
  };

  explicit RecordedCalls(const Driver &driver) : driver(driver) {}

  /// The graph to launch for a call, or null where it is to be enqueued. `enqueue` is called at once if at all, and
  /// what it puts on `recorder` is recorded. A graph that gives up its place is destroyed when work on `stream` is
  /// done, behind which all work with graphs stands.
  GraphExec find(Key key, Stream recorder, Stream stream, const std::function<void()> &enqueue);
  /// The call that was asked for last comes for the first time when it comes again.
  void forgetLast() { calls.pop_front(); }
  /// Says that the call that was asked for last cannot be recorded, as the host decides things in it.
  void refuseLast() { calls.front().refused = true; }
  /// Destroys all of them; none runs any more.
  void clear();

private:
  struct Call {
    Key key;
    GraphExec exec = nullptr; ///< null: seen once
    bool refused = false;
  };

  const Driver &driver;
  std::list<Call> calls; ///< the last used first
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_RECORDEDCALLS_H
