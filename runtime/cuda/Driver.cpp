#include "runtime/cuda/Driver.h"

#include "runtime/Failure.h"

#include <dlfcn.h>

namespace lathe::runtime::cuda {

Driver::Driver() {
  // Never closed: the driver keeps threads of its own, and a second dlopen finds the same library.
  void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw Failure(
        LATHE_NOT_FOUND, "libcuda.so.1, the CUDA driver, which runs kernels on a GPU: ", dlerror(),
        "; install NVIDIA's driver 525 or newer, which the library is a part of, or compile the model for the "
        "CPU");
  findContextAndMemory(library);
  findExecution(library);
}

template <typename... Parameters> void Driver::find(void *library, DriverCall<Parameters...> &entry, bool needed) {
  entry.function = reinterpret_cast<decltype(entry.function)>(dlsym(library, entry.name));
  if (!entry.function && needed)
    throw Failure(LATHE_UNSUPPORTED, "libcuda.so.1, the CUDA driver, has no ", entry.name,
                  "; install NVIDIA's driver 525 or newer");
}

void Driver::findContextAndMemory(void *library) {
  find(library, init);
  find(library, getErrorName);
  find(library, getErrorString);
  find(library, driverGetVersion);
  find(library, deviceGetCount);
  find(library, deviceGet);
  find(library, deviceGetName);
  find(library, deviceGetAttribute);
  find(library, primaryRetain);
  find(library, primaryRelease);
  find(library, contextPush);
  find(library, contextPop);
  find(library, memGetInfo);
  find(library, memAlloc);
  find(library, memFree);
  find(library, memAllocAsync);
  find(library, memFreeAsync);
  find(library, memAllocHost);
  find(library, memFreeHost);
  find(library, copyToDevice);
  find(library, copyToHost);
  find(library, copyOnDevice);
  find(library, memset);
  find(library, ipcGet);
  find(library, ipcOpen);
  find(library, ipcClose);
}

void Driver::findExecution(void *library) {
  find(library, moduleLoad);
  find(library, moduleUnload);
  find(library, moduleGetFunction);
  find(library, functionSetAttribute);
  find(library, functionLoad, /*needed=*/false);
  find(library, launchKernel);
  find(library, streamCreate);
  find(library, streamDestroy);
  find(library, streamSynchronize);
  find(library, streamWaitEvent);
  find(library, streamBeginCapture);
  find(library, streamEndCapture);
  find(library, eventCreate);
  find(library, eventDestroy);
  find(library, eventRecord);
  find(library, eventRecordWithFlags);
  find(library, eventSynchronize);
  find(library, eventElapsedTime);
  find(library, graphInstantiate);
  find(library, graphDestroy);
  find(library, graphLaunch);
  find(library, graphExecDestroy);
}

std::string Driver::describe(Result result) const {
  const char *name = nullptr, *text = nullptr;
  if (getErrorName.function(result, &name) != Success || !name)
    return "error " + std::to_string(result);
  getErrorString.function(result, &text);
  return std::string(name) + (text ? std::string(" (") + text + ")" : "");
}

void Driver::fail(Result result, const char *call, const std::string &detail) const {
  throw Failure(result == ErrorOutOfMemory ? LATHE_OUT_OF_MEMORY : LATHE_DEVICE_ERROR, call,
                detail.empty() ? "" : " for " + detail, ": ", describe(result));
}

} // namespace lathe::runtime::cuda
