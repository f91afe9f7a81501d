#include "runtime/cuda/StagedUpload.h"

#include <algorithm>
#include <cstring>

namespace lathe::runtime::cuda {

StagedUpload::StagedUpload(const Driver &driver, Stream stream, size_t largest)
    : driver(driver), stream(stream), pieceBytes(std::min(largest, PieceBytes)) {
  try {
    for (Buffer &buffer : buffers) {
      driver(driver.memAllocHost, &buffer.memory, pieceBytes);
      driver(driver.eventCreate, &buffer.taken, EventDisableTiming);
    }
  } catch (...) {
    release();
    throw;
  }
}

StagedUpload::~StagedUpload() {
  (void)driver.streamSynchronize.function(stream); // copies may still read the buffers
  release();
}

void StagedUpload::release() {
  for (Buffer &buffer : buffers) {
    if (buffer.taken)
      (void)driver.eventDestroy.function(buffer.taken);
    if (buffer.memory)
      (void)driver.memFreeHost.function(buffer.memory);
  }
}

void StagedUpload::copy(DeviceAddress target, const unsigned char *source, size_t bytes) {
  for (size_t done = 0; done != bytes;) {
    size_t count = std::min(bytes - done, pieceBytes);
    Buffer &buffer = buffers[next];
    next = 1 - next;
    driver(driver.eventSynchronize, buffer.taken); // at once where it was never recorded
    std::memcpy(buffer.memory, source + done, count);
    const void *from = buffer.memory;
    if (Result result = driver.copyToDevice.function(target + done, from, count, stream))
      driver.fail(result, driver.copyToDevice.name, "the weights");
    driver(driver.eventRecord, buffer.taken, stream);
    done += count;
  }
}

} // namespace lathe::runtime::cuda
