// The part of NVIDIA's driver interface that the runtime uses, declared here so that building needs no toolkit. Types
// and numbers are those of the documented binary interface (CUDA 12 and later).
#ifndef LATHE_RUNTIME_CUDA_DRIVER_H
#define LATHE_RUNTIME_CUDA_DRIVER_H

#include <cstddef>
#include <cstdint>
#include <string>

namespace lathe::runtime::cuda {

using Result = int;
using DeviceNumber = int;
using DeviceAddress = unsigned long long;
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;
using Event = struct EventObject *;
using Graph = struct GraphObject *;
using GraphExec = struct GraphExecObject *;

inline constexpr Result Success = 0, ErrorInvalidValue = 1, ErrorOutOfMemory = 2, ErrorNoDevice = 100,
                        ErrorInvalidDevice = 101, ErrorInvalidImage = 200, ErrorNoBinary = 209,
                        ErrorUnsupportedPtx = 222;
inline constexpr int AttributeMajor = 75, AttributeMinor = 76, AttributeSharedOptIn = 97, AttributeMemoryPools = 115,
                     AttributeMultiprocessors = 16;
inline constexpr int FunctionMaxDynamicShared = 8;
inline constexpr unsigned StreamNonBlocking = 1, EventDisableTiming = 2;
inline constexpr int CaptureThreadLocal = 1;
inline constexpr unsigned EventRecordExternal = 1;  ///< in a capture: a node that records, instead of an order
inline constexpr int LaunchStreamSerialization = 6; ///< programmatic: 1 lets a kernel start before the one before ends
inline constexpr int JitErrorLog = 5, JitErrorLogBytes = 6;

inline constexpr unsigned IpcEnablePeerAccess = 1;

/// CUipcMemHandle: memory of this process, for others on this machine.
struct IpcHandle {
  char bytes[64];
};

/// CUlaunchAttribute, with the one value of its union that the runtime sets.
struct LaunchAttribute {
  int id;
  alignas(8) int value;
  unsigned char rest[60];
};

/// CUlaunchConfig.
struct LaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  Stream stream;
  const LaunchAttribute *attributes;
  unsigned attributeCount;
};

/// One function of the driver.
template <typename... Parameters> struct DriverCall {
  const char *name;
  Result (*function)(Parameters...) = nullptr;
};

/// The driver, found by dlopen("libcuda.so.1"). Calls go through operator(), which turns errors into Failure:
/// `driver(driver.memAlloc, &address, bytes)`.
class Driver {
public:
  /// Throws LATHE_NOT_FOUND without a driver, LATHE_UNSUPPORTED for one that lacks a function.
  Driver();

  template <typename... Parameters, typename... Arguments>
  void operator()(const DriverCall<Parameters...> &entry, Arguments... arguments) const {
    if (Result result = entry.function(arguments...))
      fail(result, entry.name, "");
  }
  /// Throws "call: ERROR_NAME (text)", with `detail` behind the call.
  [[noreturn]] void fail(Result result, const char *call, const std::string &detail) const;
  std::string describe(Result result) const;

  DriverCall<unsigned> init{"cuInit"};
  DriverCall<Result, const char **> getErrorName{"cuGetErrorName"};
  DriverCall<Result, const char **> getErrorString{"cuGetErrorString"};
  DriverCall<int *> driverGetVersion{"cuDriverGetVersion"};
  DriverCall<int *> deviceGetCount{"cuDeviceGetCount"};
  DriverCall<DeviceNumber *, int> deviceGet{"cuDeviceGet"};
  DriverCall<char *, int, DeviceNumber> deviceGetName{"cuDeviceGetName"};
  DriverCall<int *, int, DeviceNumber> deviceGetAttribute{"cuDeviceGetAttribute"};

  DriverCall<Context *, DeviceNumber> primaryRetain{"cuDevicePrimaryCtxRetain"};
  DriverCall<DeviceNumber> primaryRelease{"cuDevicePrimaryCtxRelease_v2"};
  DriverCall<Context> contextPush{"cuCtxPushCurrent_v2"};
  DriverCall<Context *> contextPop{"cuCtxPopCurrent_v2"};

  DriverCall<size_t *, size_t *> memGetInfo{"cuMemGetInfo_v2"};
  DriverCall<DeviceAddress *, size_t> memAlloc{"cuMemAlloc_v2"};
  DriverCall<DeviceAddress> memFree{"cuMemFree_v2"};
  DriverCall<DeviceAddress *, size_t, Stream> memAllocAsync{"cuMemAllocAsync"};
  DriverCall<DeviceAddress, Stream> memFreeAsync{"cuMemFreeAsync"};
  DriverCall<void **, size_t> memAllocHost{"cuMemAllocHost_v2"};
  DriverCall<void *> memFreeHost{"cuMemFreeHost"};
  DriverCall<DeviceAddress, const void *, size_t, Stream> copyToDevice{"cuMemcpyHtoDAsync_v2"};
  DriverCall<void *, DeviceAddress, size_t, Stream> copyToHost{"cuMemcpyDtoHAsync_v2"};
  DriverCall<DeviceAddress, DeviceAddress, size_t, Stream> copyOnDevice{"cuMemcpyDtoDAsync_v2"};
  DriverCall<DeviceAddress, unsigned char, size_t, Stream> memset{"cuMemsetD8Async"};

  DriverCall<IpcHandle *, DeviceAddress> ipcGet{"cuIpcGetMemHandle"};
  DriverCall<DeviceAddress *, IpcHandle, unsigned> ipcOpen{"cuIpcOpenMemHandle_v2"};
  DriverCall<DeviceAddress> ipcClose{"cuIpcCloseMemHandle"};

  DriverCall<Module *, const void *, unsigned, int *, void **> moduleLoad{"cuModuleLoadDataEx"};
  DriverCall<Module> moduleUnload{"cuModuleUnload"};
  DriverCall<Function *, Module, const char *> moduleGetFunction{"cuModuleGetFunction"};
  DriverCall<Function, int, int> functionSetAttribute{"cuFuncSetAttribute"};
  /// Loads a function now instead of at its first launch, which may be inside a capture. Null before driver 550,
  /// which has nothing to load later.
  DriverCall<Function> functionLoad{"cuFuncLoad"};
  DriverCall<const LaunchConfig *, Function, void **, void **> launchKernel{"cuLaunchKernelEx"};

  DriverCall<Stream *, unsigned> streamCreate{"cuStreamCreate"};
  DriverCall<Stream> streamDestroy{"cuStreamDestroy_v2"};
  DriverCall<Stream> streamSynchronize{"cuStreamSynchronize"};
  DriverCall<Stream, Event, unsigned> streamWaitEvent{"cuStreamWaitEvent"};
  DriverCall<Stream, int> streamBeginCapture{"cuStreamBeginCapture_v2"};
  DriverCall<Stream, Graph *> streamEndCapture{"cuStreamEndCapture"};
  DriverCall<Event *, unsigned> eventCreate{"cuEventCreate"};
  DriverCall<Event> eventDestroy{"cuEventDestroy_v2"};
  DriverCall<Event, Stream> eventRecord{"cuEventRecord"};
  DriverCall<Event, Stream, unsigned> eventRecordWithFlags{"cuEventRecordWithFlags"};
  DriverCall<Event> eventSynchronize{"cuEventSynchronize"};
  DriverCall<float *, Event, Event> eventElapsedTime{"cuEventElapsedTime"};
  DriverCall<GraphExec *, Graph, unsigned long long> graphInstantiate{"cuGraphInstantiateWithFlags"};
  DriverCall<Graph> graphDestroy{"cuGraphDestroy"};
  DriverCall<GraphExec, Stream> graphLaunch{"cuGraphLaunch"};
  DriverCall<GraphExec> graphExecDestroy{"cuGraphExecDestroy"};

private:
  template <typename... Parameters> void find(void *library, DriverCall<Parameters...> &entry, bool needed = true);
  void findContextAndMemory(void *library);
  void findExecution(void *library);
};

} // namespace lathe::runtime::cuda

#endif // LATHE_RUNTIME_CUDA_DRIVER_H
