#include "runtime/cpu/CpuDevice.h"

#include "runtime/Failure.h"
#include "runtime/cpu/AvailableCpus.h"
#include "runtime/cpu/CpuExecutor.h"

namespace lathe::runtime {

/// More threads than any machine has processors: a larger number is a mistake.
static constexpr int32_t MaxThreads = 4096;

CpuDevice::CpuDevice(const lathe_device_options &options)
    : callersLoop(options.parallel_for), callersUser(options.parallel_for_user) {
  if (options.threads < 0 || options.threads > MaxThreads)
    throw Failure(LATHE_INVALID_ARGUMENT, "threads is ", options.threads, " but must be 0 to ", MaxThreads);
  text = std::string("cpu, ") + (*hostLevel() ? hostLevel() : "below x86-64-v3");
  if (callersLoop) {
    text += ", the caller's threads";
    return;
  }
  pool = std::make_unique<ThreadPool>(options.threads ? options.threads : availableCpus());
  text += ", " + std::to_string(pool->size()) + (pool->size() == 1 ? " thread" : " threads");
}

std::unique_ptr<Executor> CpuDevice::createExecutor(std::shared_ptr<const Program> program, const StateLimits &limits,
                                                    std::shared_ptr<Group> group) {
  return std::make_unique<CpuExecutor>(*this, std::move(program), limits, std::move(group));
}

CpuDevice::Loops::Loops(CpuDevice &owner) : device(owner) {
  if (device.pool)
    region.emplace(*device.pool);
}

void CpuDevice::Loops::run(int64_t count, ThreadPool::Body body, void *argument) {
  if (region)
    region->run(count, body, argument);
  else
    device.callersLoop(device.callersUser, count, body, argument);
}

} // namespace lathe::runtime
