#include "runtime/cuda/CudaDevice.h"

#include "runtime/Failure.h"
#include "runtime/cuda/CudaExecutor.h"
#include "runtime/cuda/NcclRanks.h"
#include "runtime/cuda/PlacedProgram.h"

#include <algorithm>

namespace lathe::runtime::cuda {

/// The first driver that captures dependent launches, CUDA 12.3's.
static constexpr int DependentLaunchVersion = 12030;

CudaDevice::CudaDevice(int ordinal) {
  if (Result result = driver.init.function(0))
    throw Failure(result == ErrorNoDevice ? LATHE_NOT_FOUND : LATHE_DEVICE_ERROR, "cuInit: ", driver.describe(result),
                  result == ErrorNoDevice ? "; see whether nvidia-smi shows a GPU, and whether CUDA_VISIBLE_DEVICES or "
                                            "a container hides it"
                                          : "");
  int count = 0;
  driver(driver.deviceGetCount, &count);
  if (ordinal < 0 || ordinal >= count)
    throw Failure(LATHE_NOT_FOUND, "ordinal is ", ordinal, " but the driver shows ", count,
                  " GPUs, numbered from 0; choose one of these, or see whether CUDA_VISIBLE_DEVICES hides some");
  driver(driver.deviceGet, &device, ordinal);
  char name[256] = {};
  driver(driver.deviceGetName, name, int(sizeof(name)) - 1, device);
  int pools = 0;
  driver(driver.deviceGetAttribute, &major, AttributeMajor, device);
  driver(driver.deviceGetAttribute, &minor, AttributeMinor, device);
  driver(driver.deviceGetAttribute, &sharedBytes, AttributeSharedOptIn, device);
  driver(driver.deviceGetAttribute, &multiprocessors, AttributeMultiprocessors, device);
  driver(driver.deviceGetAttribute, &pools, AttributeMemoryPools, device);
  if (!pools)
    throw Failure(LATHE_UNSUPPORTED, name, " has no stream-ordered memory; use a GPU or driver that has");
  int version = 0;
  driver(driver.driverGetVersion, &version);
  dependentLaunch = major >= 9 && version >= DependentLaunchVersion;
  text = "cuda:" + std::to_string(ordinal) + ", " + name + ", sm_" + std::to_string(major * 10 + minor);
  driver(driver.primaryRetain, &context, device); // last: the destructor gives back only what was taken
}

CudaDevice::~CudaDevice() { (void)driver.primaryRelease.function(device); }

std::unique_ptr<Executor> CudaDevice::createExecutor(std::shared_ptr<const Program> program, const StateLimits &limits,
                                                     std::shared_ptr<Group> group) {
  return std::make_unique<CudaExecutor>(shared_from_this(), std::move(program), limits, std::move(group));
}

[[noreturn]] static void refuse(const Program &program, size_t weightBytes, const SessionBytes &needs, size_t freeBytes,
                                size_t totalBytes) {
  std::string step, advice = "; run it on a GPU that has more";
  if (needs.states)
    advice = "; lower kv_cache_bytes or max_sequences";
  if (needs.step && !needs.stepTokens) {
    step = " (" + std::to_string(needs.step) + " of them for the largest call)";
    advice += ", or compile it for smaller calls: lathec --dim";
  } else if (needs.step) {
    step =
        " (" + std::to_string(needs.step) + " of them for a step of " + std::to_string(needs.stepTokens) + " tokens)";
    advice += ", or compile it for shorter steps: lathec --dim tokens=1.." +
              std::to_string(std::max<int64_t>(1, needs.stepTokens / 4));
  }
  throw Failure(LATHE_OUT_OF_MEMORY, program.artifact.where(), ": needs ", weightBytes, " bytes for weights, ",
                needs.states, " for states and ", needs.working, " of working memory", step, ", but ", freeBytes,
                " of ", totalBytes, " are free on the GPU", advice);
}

std::shared_ptr<const PlacedProgram> CudaDevice::place(const std::shared_ptr<const Program> &program,
                                                       const SessionBytes &needs) {
  std::lock_guard lock(mutex);
  std::erase_if(placed, [](auto &each) { return each.second.expired(); });
  auto found = std::find_if(placed.begin(), placed.end(), [&](auto &each) { return each.first == program.get(); });
  std::shared_ptr<const PlacedProgram> known = found == placed.end() ? nullptr : found->second.lock();
  size_t weightBytes = known ? 0 : program->weights().size(), freeBytes = 0, totalBytes = 0;
  driver(driver.memGetInfo, &freeBytes, &totalBytes);
  if (weightBytes + needs.states + needs.working > freeBytes)
    refuse(*program, weightBytes, needs, freeBytes, totalBytes);
  if (known)
    return known;
  auto fresh = std::make_shared<const PlacedProgram>(shared_from_this(), program);
  placed.emplace_back(program.get(), fresh);
  return fresh;
}

std::shared_ptr<NcclRanks> CudaDevice::meet(const std::shared_ptr<Group> &group) {
  std::lock_guard lock(mutex);
  std::erase_if(met, [](auto &each) { return each.second.expired(); });
  for (auto &[known, ranks] : met)
    if (std::shared_ptr<NcclRanks> found = known == group.get() ? ranks.lock() : nullptr)
      return found;
  auto ranks = std::make_shared<NcclRanks>(*this, group);
  met.emplace_back(group.get(), ranks);
  return ranks;
}

DeviceMemory::DeviceMemory(const Driver &from, size_t bytes) : driver(&from) {
  if (bytes == 0)
    return;
  if (Result result = driver->memAlloc.function(&address, bytes))
    driver->fail(result, driver->memAlloc.name, std::to_string(bytes) + " bytes");
}

DeviceMemory::~DeviceMemory() {
  if (address)
    (void)driver->memFree.function(address);
}

} // namespace lathe::runtime::cuda
