// The runtime's own declarations of the driver against the toolkit's header, where there is one.
#include "runtime/cuda/Driver.h"

#include <gtest/gtest.h>

#if __has_include(<cuda.h>)
#include <cuda.h>

namespace driver = lathe::runtime::cuda;

TEST(DriverAbi, NumbersAreTheToolkits) {
  EXPECT_EQ(driver::ErrorInvalidValue, CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver::ErrorOutOfMemory, CUDA_ERROR_OUT_OF_MEMORY);
  EXPECT_EQ(driver::ErrorNoDevice, CUDA_ERROR_NO_DEVICE);
  EXPECT_EQ(driver::AttributeMajor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
  EXPECT_EQ(driver::AttributeMinor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
  EXPECT_EQ(driver::AttributeMemoryPools, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);
  EXPECT_EQ(driver::FunctionMaxDynamicShared, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
  EXPECT_EQ(int(driver::StreamNonBlocking), CU_STREAM_NON_BLOCKING);
  EXPECT_EQ(int(driver::EventDisableTiming), CU_EVENT_DISABLE_TIMING);
  EXPECT_EQ(int(driver::EventRecordExternal), CU_EVENT_RECORD_EXTERNAL);
  EXPECT_EQ(driver::CaptureThreadLocal, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
  EXPECT_EQ(driver::JitErrorLog, CU_JIT_ERROR_LOG_BUFFER);
  EXPECT_EQ(driver::JitErrorLogBytes, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
  EXPECT_EQ(sizeof(driver::DeviceAddress), sizeof(CUdeviceptr));
}

TEST(DriverAbi, LaunchesAreTheToolkits) {
  EXPECT_EQ(driver::LaunchStreamSerialization, CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
  EXPECT_EQ(sizeof(driver::LaunchAttribute), sizeof(CUlaunchAttribute));
  EXPECT_EQ(offsetof(driver::LaunchAttribute, value), offsetof(CUlaunchAttribute, value));
  EXPECT_EQ(sizeof(driver::LaunchConfig), sizeof(CUlaunchConfig));
  EXPECT_EQ(offsetof(driver::LaunchConfig, block), offsetof(CUlaunchConfig, blockDimX));
  EXPECT_EQ(offsetof(driver::LaunchConfig, sharedBytes), offsetof(CUlaunchConfig, sharedMemBytes));
  EXPECT_EQ(offsetof(driver::LaunchConfig, stream), offsetof(CUlaunchConfig, hStream));
  EXPECT_EQ(offsetof(driver::LaunchConfig, attributes), offsetof(CUlaunchConfig, attrs));
  EXPECT_EQ(offsetof(driver::LaunchConfig, attributeCount), offsetof(CUlaunchConfig, numAttrs));
}

/// The number of parameters of a function of the toolkit and of ours.
template <typename... Ours, typename... Theirs>
static constexpr bool sameCount(const driver::DriverCall<Ours...> *, CUresult (*)(Theirs...)) {
  return sizeof...(Ours) == sizeof...(Theirs) && ((sizeof(Ours) == sizeof(Theirs)) && ...);
}

#define EXPECT_SAME(MEMBER, FUNCTION)                                                                                  \
  EXPECT_TRUE(sameCount(static_cast<decltype(driver::Driver::MEMBER) *>(nullptr), FUNCTION)) << #FUNCTION

TEST(DriverAbi, ParametersAreTheToolkits) {
  EXPECT_SAME(deviceGetAttribute, cuDeviceGetAttribute);
  EXPECT_SAME(primaryRetain, cuDevicePrimaryCtxRetain);
  EXPECT_SAME(memAllocAsync, cuMemAllocAsync);
  EXPECT_SAME(memAllocHost, cuMemAllocHost);
  EXPECT_SAME(copyToDevice, cuMemcpyHtoDAsync);
  EXPECT_SAME(copyToHost, cuMemcpyDtoHAsync);
  EXPECT_SAME(copyOnDevice, cuMemcpyDtoDAsync);
  EXPECT_SAME(memset, cuMemsetD8Async);
  EXPECT_SAME(moduleLoad, cuModuleLoadDataEx);
  EXPECT_SAME(functionSetAttribute, cuFuncSetAttribute);
  EXPECT_SAME(launchKernel, cuLaunchKernelEx);
  EXPECT_SAME(driverGetVersion, cuDriverGetVersion);
  EXPECT_SAME(streamWaitEvent, cuStreamWaitEvent);
  EXPECT_SAME(eventRecordWithFlags, cuEventRecordWithFlags);
  EXPECT_SAME(eventElapsedTime, cuEventElapsedTime);
  EXPECT_SAME(streamBeginCapture, cuStreamBeginCapture);
  EXPECT_SAME(graphInstantiate, cuGraphInstantiateWithFlags);
  EXPECT_SAME(graphLaunch, cuGraphLaunch);
}
#else
TEST(DriverAbi, NumbersAreTheToolkits) { GTEST_SKIP() << "no cuda.h: install the CUDA toolkit"; }
#endif
