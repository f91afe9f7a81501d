#ifndef LATHE_RUNTIME_CUDA_CUDADEVICE_H
#define LATHE_RUNTIME_CUDA_CUDADEVICE_H

#include "runtime/cuda/Driver.h"
#include "runtime/session/Executor.h"

#include <memory>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace lathe::runtime::cuda {

class LaunchTimer;
class NcclRanks;
class PlacedProgram;

/// Device memory of a session.
struct SessionBytes {
  size_t states = 0, working = 0;
  size_t step = 0;        ///< of `working`: what the largest step takes,
  int64_t stepTokens = 0; ///< which has so many tokens
};

/// A GPU through its primary context, which the rest of the process shares.
class CudaDevice : public Device, public std::enable_shared_from_this<CudaDevice> {
public:
  explicit CudaDevice(int ordinal);
  ~CudaDevice() override;

  const std::string &description() const override { return text; }
  const char *target() const override { return "cuda"; }
  std::unique_ptr<Executor> createExecutor(std::shared_ptr<const Program> program, const StateLimits &limits,
                                           std::shared_ptr<Group> group) override;

  /// The program's weights and module on this device: sessions of one program share them. The context is current.
  /// `needs` is what the session needs besides; both must fit, or nothing is placed.
  std::shared_ptr<const PlacedProgram> place(const std::shared_ptr<const Program> &program, const SessionBytes &needs);

  /// The other ranks' GPUs: sessions of one group share the way to them. All ranks meet at the same time. The context
  /// is current.
  std::shared_ptr<NcclRanks> meet(const std::shared_ptr<Group> &group);

  const Driver driver;
  Context context = nullptr;
  int major = 0, minor = 0;
  int sharedBytes = 0; ///< that a block may ask for
  int multiprocessors = 0;
  bool dependentLaunch = false; ///< a kernel may start while the one before it runs, in graphs too
  /// Times every launch of the calls to come; null: none. Nobody may be in a call while it changes.
  LaunchTimer *timer = nullptr;

private:
  DeviceNumber device = 0;
  std::string text;
  std::mutex mutex; ///< guards the lists below
  std::vector<std::pair<const Program *, std::weak_ptr<const PlacedProgram>>> placed;
  std::vector<std::pair<const Group *, std::weak_ptr<NcclRanks>>> met;
};

/// Makes the device's context current, and at the end what was current before.
class ContextScope {
public:
  explicit ContextScope(const CudaDevice &device) : driver(device.driver) {
    driver(driver.contextPush, device.context);
  }
  /// For destructors: where the driver refuses, there is nothing left to free.
  ContextScope(const CudaDevice &device, std::nothrow_t)
      : driver(device.driver), pushed(driver.contextPush.function(device.context) == Success) {}
  ~ContextScope() {
    Context popped;
    if (pushed)
      (void)driver.contextPop.function(&popped);
  }
  ContextScope(const ContextScope &) = delete;
  ContextScope &operator=(const ContextScope &) = delete;

private:
  const Driver &driver;
  bool pushed = true;
};

/// Device memory that lives with its owner. The context is current wherever one is made or destroyed.
class DeviceMemory {
public:
  DeviceMemory() = default;
  DeviceMemory(const Driver &driver, size_t bytes);
  ~DeviceMemory();
  DeviceMemory(DeviceMemory &&other) noexcept { swap(other); }
  DeviceMemory &operator=(DeviceMemory &&other) noexcept {
    swap(other);
    return *this;
  }

  unsigned char *data() const { return reinterpret_cast<unsigned char *>(address); }
  DeviceAddress at(size_t offset) const { return address + offset; }

private:
  void swap(DeviceMemory &other) noexcept {
    std::swap(driver, other.driver);
    std::swap(address, other.address);
  }

  const Driver *driver = nullptr;
  DeviceAddress address = 0;
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_CUDADEVICE_H
