#include "tools/lathe/DeviceTensors.h"

#include "runtime/Failure.h"
#include "runtime/cuda/CudaDevice.h"

namespace lathe::tools {

using namespace runtime::cuda;

struct DeviceTensors::Implementation {
  explicit Implementation(int ordinal) : device(std::make_shared<CudaDevice>(ordinal)) {}

  std::shared_ptr<CudaDevice> device;
  std::vector<DeviceMemory> memory;
  Stream stream = nullptr;
};

/// Failures of the runtime's own parts as those of the command.
template <typename Body> static void guarded(Body body) {
  try {
    body();
  } catch (const runtime::Failure &failure) {
    throw CommandFailure(failure.code(), failure.message());
  }
}

DeviceTensors::DeviceTensors(int ordinal) {
  guarded([&] {
    it = std::make_unique<Implementation>(ordinal);
    ContextScope scope(*it->device);
    const Driver &driver = it->device->driver;
    driver(driver.streamCreate, &it->stream, StreamNonBlocking);
  });
}

DeviceTensors::~DeviceTensors() {
  ContextScope scope(*it->device, std::nothrow);
  (void)it->device->driver.streamDestroy.function(it->stream);
  it->memory.clear();
}

void DeviceTensors::move(lathe_tensor &tensor) {
  guarded([&] {
    ContextScope scope(*it->device);
    const Driver &driver = it->device->driver;
    DeviceMemory &memory = it->memory.emplace_back(driver, tensor.bytes);
    if (tensor.bytes)
      driver(driver.copyToDevice, memory.at(0), static_cast<const void *>(tensor.data), tensor.bytes, it->stream);
    driver(driver.streamSynchronize, it->stream);
    tensor.data = memory.data();
    tensor.memory = LATHE_MEMORY_DEVICE;
  });
}

void *DeviceTensors::stream() const { return it->stream; }

void DeviceTensors::wait() const {
  guarded([&] {
    ContextScope scope(*it->device);
    it->device->driver(it->device->driver.streamSynchronize, it->stream);
  });
}

} // namespace lathe::tools
