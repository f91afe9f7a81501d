#include "runtime/cuda/DataMemory.h"

#include <algorithm>
#include <string>

namespace lathe::runtime::cuda {

void *DevicePool::get(size_t slot, uint64_t bytes, uint64_t keep, Stream stream) {
  if (slot >= slots.size())
    slots.resize(slot + 1);
  Slot &held = slots[slot];
  if (held.address && held.bytes >= bytes)
    return reinterpret_cast<void *>(held.address);
  // A value that grows in every round of a loop is moved a few times, not every time.
  size_t wanted = std::max<size_t>({size_t(bytes), held.bytes + held.bytes / 2, 4096});
  DeviceAddress larger = 0;
  if (Result result = driver.memAllocAsync.function(&larger, wanted, stream))
    driver.fail(result, driver.memAllocAsync.name,
                std::to_string(wanted) + " bytes of a value whose size depends on data");
  Slot old = held;
  held = {larger, wanted};
  ++grown;
  Result copied = keep ? driver.copyOnDevice.function(larger, old.address, size_t(keep), stream) : Success;
  if (old.address)
    driver(driver.memFreeAsync, old.address, stream);
  if (copied)
    driver.fail(copied, driver.copyOnDevice.name, "a value whose size depends on data");
  return reinterpret_cast<void *>(larger);
}

void DevicePool::release(Stream stream) {
  for (const Slot &slot : slots)
    if (slot.address)
      (void)driver.memFreeAsync.function(slot.address, stream);
  slots.clear();
}

uint64_t DevicePool::bytes() const {
  uint64_t sum = 0;
  for (const Slot &slot : slots)
    sum += slot.bytes;
  return sum;
}

void *HostWindow::pin(size_t bytes) const {
  void *memory = nullptr;
  if (Result result = driver.memAllocHost.function(&memory, bytes))
    driver.fail(result, driver.memAllocHost.name, std::to_string(bytes) + " bytes of what the host reads");
  return memory;
}

const void *HostWindow::read(DeviceAddress source, size_t bytes, Stream stream) {
  if (bytes > windowBytes) {
    if (window)
      driver(driver.memFreeHost, window);
    window = nullptr;
    windowBytes = 0;
    size_t wanted = std::max<size_t>(bytes, 256);
    window = pin(wanted);
    windowBytes = wanted;
  }
  driver(driver.copyToHost, window, source, bytes, stream);
  driver(driver.streamSynchronize, stream);
  return window;
}

uint64_t *HostWindow::faults() {
  if (!word) {
    word = static_cast<uint64_t *>(pin(sizeof(*word)));
    *word = 0;
  }
  return word;
}

void HostWindow::release() {
  if (window)
    (void)driver.memFreeHost.function(window);
  if (word)
    (void)driver.memFreeHost.function(word);
  window = nullptr;
  windowBytes = 0;
  word = nullptr;
}

void *CallMemory::place(lathe_tensor *tensor, size_t index, uint64_t bytes, Stream stream) {
  bool onDevice = tensor && tensor->memory == LATHE_MEMORY_DEVICE;
  if (onDevice && tensor->data)
    return tensor->data;
  void *memory = results.get(index, bytes, 0, stream);
  if (tensor && !tensor->data) {
    tensor->data = onDevice ? memory : hostResults.get(index, bytes);
    tensor->bytes = bytes;
  }
  return memory;
}

} // namespace lathe::runtime::cuda
