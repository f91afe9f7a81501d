#ifndef LATHE_RUNTIME_CUDA_LAUNCHTIMER_H
#define LATHE_RUNTIME_CUDA_LAUNCHTIMER_H

#include "runtime/cuda/CudaDevice.h"

#include <functional>

namespace lathe::runtime::cuda {

/// One launch or copy of a timed call.
struct TimedLaunch {
  static constexpr int64_t Copy = -1, Collective = -2;

  int64_t kernel; ///< the manifest's index, Copy or Collective
  double seconds; ///< from the end of the one before to its end, less what a mark between them takes
};

struct TimedCall {
  const Entry *entry;
  std::vector<int64_t> symbols;
  std::vector<TimedLaunch> launches; ///< in order, those without tiles too
};

/// Times every launch of calls. A call is captured with an event behind each launch and replayed once, so that the GPU
/// need not wait for the host between launches. Launches do not overlap as they do otherwise, so their sum is more than
/// the call takes.
class LaunchTimer {
public:
  explicit LaunchTimer(std::shared_ptr<const CudaDevice> device);
  ~LaunchTimer();
  LaunchTimer(const LaunchTimer &) = delete;
  LaunchTimer &operator=(const LaunchTimer &) = delete;

  std::vector<TimedCall> calls; ///< all that were timed

  // For the executor, with the context current.

  /// Runs what `enqueue` puts on `stream`, and waits for it.
  void time(const Entry &entry, const int64_t *symbols, Stream stream, const std::function<void()> &enqueue);
  /// Behind a launch inside of `enqueue`.
  void mark(Stream stream, int64_t kernel);

private:
  void record(Stream stream);
  double between(size_t event) const;

  std::shared_ptr<const CudaDevice> device;
  const Driver &driver;
  std::vector<Event> events;
  std::vector<int64_t> marked; ///< the kernels of the call in progress
  size_t recorded = 0;         ///< of `events`, in the call in progress
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_LAUNCHTIMER_H
