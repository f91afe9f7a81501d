#ifndef LATHE_RUNTIME_CPU_CPUEXECUTOR_H
#define LATHE_RUNTIME_CPU_CPUEXECUTOR_H

#include "runtime/cpu/CpuDevice.h"

#include <cstddef>

namespace lathe::runtime {

/// Zeroed memory from the system, aligned to pages, given to it when it is first touched.
class HostPages {
public:
  HostPages() = default;
  explicit HostPages(size_t bytes, const char *purpose);
  ~HostPages();
  HostPages(HostPages &&other) noexcept;
  HostPages &operator=(HostPages &&other) noexcept;

  unsigned char *data() const { return memory; }
  size_t size() const { return bytes; }

private:
  unsigned char *memory = nullptr;
  size_t bytes = 0;
};

/// Runs generated code on the caller's thread and the device's others. Weights are read where they are mapped.
class CpuExecutor : public Executor {
public:
  CpuExecutor(CpuDevice &device, std::shared_ptr<const Program> program, const StateLimits &limits);

  void run(TensorCall &call) override;
  StepShape pad(const Entry &entry, const StepShape &needed) const override;
  void step(const StepCall &call) override;
  void copyPage(int32_t target, int32_t source, void *stream) override;

private:
  /// At least `bytes`, kept for the next call.
  unsigned char *workspace(size_t bytes);
  void execute(const Entry &entry, const int64_t *symbols, unsigned char *arena);

  CpuDevice &device;
  std::shared_ptr<const Program> program;
  StateLimits limits;
  std::vector<HostPages> pools;
  HostPages memory;
  std::vector<void *> inputs, outputs, states; ///< of the call in progress
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_CPUEXECUTOR_H
