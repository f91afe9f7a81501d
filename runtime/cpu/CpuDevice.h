#ifndef LATHE_RUNTIME_CPU_CPUDEVICE_H
#define LATHE_RUNTIME_CPU_CPUDEVICE_H

#include "runtime/cpu/ThreadPool.h"
#include "runtime/session/Executor.h"

#include <memory>
#include <optional>

namespace lathe::runtime {

/// The processor's cores: an own pool of threads, or the caller's loop.
class CpuDevice : public Device {
public:
  explicit CpuDevice(const lathe_device_options &options);

  const std::string &description() const override { return text; }
  const char *target() const override { return "cpu"; }
  std::unique_ptr<Executor> createExecutor(std::shared_ptr<const Program> program, const StateLimits &limits,
                                           std::shared_ptr<Group> group) override;

  /// The parallel loops of one call: one fork and one join of the device's own threads. The caller's loop forks and
  /// joins each, as nothing says that it would run two bodies at the same time.
  class Loops {
  public:
    explicit Loops(CpuDevice &device);
    /// Covers [0, count) with calls of `body` and returns when they have returned.
    void run(int64_t count, ThreadPool::Body body, void *argument);

  private:
    CpuDevice &device;
    std::optional<ThreadPool::Region> region;
  };

private:
  std::unique_ptr<ThreadPool> pool;
  lathe_parallel_for callersLoop;
  void *callersUser;
  std::string text;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_CPUDEVICE_H
