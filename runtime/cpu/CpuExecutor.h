#ifndef LATHE_RUNTIME_CPU_CPUEXECUTOR_H
#define LATHE_RUNTIME_CPU_CPUEXECUTOR_H

#include "runtime/cpu/CpuDevice.h"
#include "runtime/cpu/DynamicPool.h"
#include "runtime/parallel/Group.h"

namespace lathe::runtime {

/// Runs generated code on the caller's thread and the device's others. Weights are read where they are mapped.
class CpuExecutor : public Executor {
public:
  /// `group` may be null.
  CpuExecutor(CpuDevice &device, std::shared_ptr<const Program> program, const StateLimits &limits,
              std::shared_ptr<Group> group);

  void run(TensorCall &call) override;
  StepShape pad(const Entry &entry, const StepShape &needed) const override;
  void step(const StepCall &call) override;
  lathe_memory_info memory() const override;
  void copyPage(size_t group, int32_t target, int32_t source, void *stream) override;

  CpuDevice &device;

private:
  /// At least `bytes`, kept for the next call.
  unsigned char *workspace(size_t bytes);
  void execute(const Entry &entry, const int64_t *symbols, unsigned char *arena, TensorCall *tensors);

  std::shared_ptr<const Program> program;
  StateLimits limits;
  std::shared_ptr<Group> group;
  std::vector<HostPages> pools;
  HostPages working;
  DynamicPool pool;
  DynamicPool outputMemory; ///< of outputs without memory of the caller, by index
  uint64_t growths = 0;
  std::vector<void *> inputs, outputs, states; ///< of the call in progress
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_CPUEXECUTOR_H
