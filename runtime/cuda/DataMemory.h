#ifndef LATHE_RUNTIME_CUDA_DATAMEMORY_H
#define LATHE_RUNTIME_CUDA_DATAMEMORY_H

#include "runtime/cpu/DynamicPool.h"
#include "runtime/cuda/Driver.h"
#include "runtime/include/lathe.h"

#include <vector>

namespace lathe::runtime::cuda {

/// Device memory in numbered slots, each as large as the largest value that was ever put there: what DynamicPool is on
/// the CPU. Memory is taken and given back in the order of the stream, so that growing waits for nothing.
class DevicePool {
public:
  explicit DevicePool(const Driver &driver) : driver(driver) {}

  /// At least `bytes` for a slot, never null, the first `keep` of which hold what the slot held. Throws
  /// LATHE_OUT_OF_MEMORY.
  void *get(size_t slot, uint64_t bytes, uint64_t keep, Stream stream);
  void release(Stream stream);

  uint64_t bytes() const;
  /// How often a slot was enlarged.
  uint64_t growths() const { return grown; }

private:
  struct Slot {
    DeviceAddress address = 0;
    size_t bytes = 0;
  };

  const Driver &driver;
  std::vector<Slot> slots;
  uint64_t grown = 0;
};

/// Pinned memory through which the host learns what is in the device's: what a call reads in between, and the word that
/// kernels report faults in.
class HostWindow {
public:
  explicit HostWindow(const Driver &driver) : driver(driver) {}

  /// Copies `bytes` and waits for them: they stay until the next call. All work before on the stream is done then.
  const void *read(DeviceAddress source, size_t bytes, Stream stream);
  /// Where kernels of this session report faults (HostCall::faults); 0 from the start.
  uint64_t *faults();
  void release();

private:
  void *pin(size_t bytes) const;

  const Driver &driver;
  void *window = nullptr;
  size_t windowBytes = 0;
  uint64_t *word = nullptr;
};

/// What a session has besides its workspace: for data and for outputs without memory of their own.
struct CallMemory {
  explicit CallMemory(const Driver &driver) : values(driver), results(driver), window(driver) {}

  /// Where kernels write output number `index`: the caller's device memory, else the session's, `bytes` large. Gives a
  /// tensor without memory the session's.
  void *place(lathe_tensor *tensor, size_t index, uint64_t bytes, Stream stream);
  uint64_t bytes() const { return values.bytes() + results.bytes() + hostResults.bytes(); }
  uint64_t growths() const { return values.growths() + results.growths() + hostResults.growths(); }

  DevicePool values, results; ///< `plan.allocate`'s slots; outputs by number
  DynamicPool hostResults;    ///< outputs that are wanted on the host
  HostWindow window;
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_DATAMEMORY_H
