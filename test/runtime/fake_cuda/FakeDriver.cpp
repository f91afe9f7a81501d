// The driver's functions. Their C names and argument lists are the documented binary interface.
#include "test/runtime/fake_cuda/FakeState.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

using namespace fake;

namespace {

using Address = unsigned long long;

/// The only context there is: the primary one of the only device.
char primaryContext;

/// Enters a call with the state locked; the body runs only if nothing went wrong.
template <typename Body> int context(const char *name, Body body) {
  std::lock_guard lock(state().mutex);
  int result = state().enter(name);
  return result ? result : body(state());
}
template <typename Body> int outsideCapture(const char *name, Body body) {
  std::lock_guard lock(state().mutex);
  int result = state().enterOutsideCapture(name);
  return result ? result : body(state());
}

/// Whether modules have all kernels, which do nothing.
bool idle() { return std::getenv("FAKE_CUDA_IDLE"); }

template <typename Object> bool known(const std::set<Object *> &objects, Object *object, const char *name) {
  if (objects.count(object))
    return true;
  state().violate(std::string(name) + " of a handle that is not alive");
  return false;
}

bool inside(Address address, size_t bytes, const char *what) {
  if (state().covers(address, bytes))
    return true;
  state().violate(std::string(what) + ": " + std::to_string(bytes) + " bytes are not inside a live allocation");
  return false;
}

constexpr size_t Page = 4096; // whole ones can be shared
size_t wholePages(size_t bytes) { return (bytes + Page - 1) / Page * Page; }

int allocate(State &fake, Address *address, size_t bytes) {
  *address = 0;
  if (bytes == 0)
    return InvalidValue;
  if (bytes > fake.memoryBytes - fake.usedBytes)
    return OutOfMemory;
  void *memory = std::aligned_alloc(Page, wholePages(bytes));
  // What a kernel reads without having written it is not zero; but tokens that idle ones choose must be there.
  std::memset(memory, idle() ? 0 : 0xCD, bytes);
  *address = reinterpret_cast<Address>(memory);
  fake.allocations[*address] = bytes;
  fake.usedBytes += bytes;
  return Success;
}

int release(State &fake, Address address, const char *name) {
  auto found = fake.allocations.find(address);
  if (found == fake.allocations.end()) {
    fake.violate(std::string(name) + " of an address that is not allocated");
    return InvalidValue;
  }
  if (auto shared = fake.shared.find(address); shared != fake.shared.end()) {
    (void)mmap(reinterpret_cast<void *>(address), wholePages(found->second), PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    unlink(shared->second.c_str());
    fake.shared.erase(shared);
  }
  fake.usedBytes -= found->second;
  fake.allocations.erase(found);
  std::free(reinterpret_cast<void *>(address));
  return Success;
}

/// The one attribute there is lets a kernel start before the one before it ends: for GPUs and images that know how to
/// wait, and behind a kernel alone.
bool allowAttributes(State &fake, const LaunchConfig &config) {
  for (unsigned i = 0; i != config.attributeCount; ++i) {
    if (config.attributes[i].id != 6 || config.attributes[i].value != 1)
      return false;
    ++fake.calls["dependent launch"];
    if (fake.major < 9)
      return false;
    if (!config.stream->afterKernel)
      fake.violate("a dependent launch behind something that is no kernel");
  }
  return true;
}

bool isPinned(const void *pointer) {
  auto &pinned = state().pinned;
  auto address = reinterpret_cast<uint64_t>(pointer);
  auto next = pinned.upper_bound(address);
  return next != pinned.begin() && address - std::prev(next)->first < std::prev(next)->second;
}

} // namespace

extern "C" {

// ---- Devices and contexts ----

int cuInit(unsigned) {
  std::lock_guard lock(state().mutex);
  state().initialized = true;
  return state().enter("cuInit", false);
}

/// NVRTC asks the driver for tables of functions that are documented nowhere; it does without.
int cuGetExportTable(const void **table, const void *) {
  static constexpr int NotFound = 500;
  *table = nullptr;
  return NotFound;
}

int cuGetErrorName(int result, const char **name) {
  *name = result == OutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : result == NoDevice ? "CUDA_ERROR_NO_DEVICE" : nullptr;
  return *name ? Success : InvalidValue;
}

int cuGetErrorString(int, const char **text) {
  *text = "text of the fake driver";
  return Success;
}

int cuDriverGetVersion(int *version) {
  *version = 13000;
  return state().enter("cuDriverGetVersion", false);
}

int cuDeviceGetCount(int *count) {
  *count = 1;
  return state().initialized ? state().enter("cuDeviceGetCount", false) : NotInitialized;
}

int cuDeviceGet(int *device, int ordinal) {
  *device = 40 + ordinal; // a device is not its ordinal
  return state().enter("cuDeviceGet", false);
}

int cuDeviceGetName(char *name, int bytes, int) {
  std::strncpy(name, "Fake GPU", size_t(bytes));
  return state().enter("cuDeviceGetName", false);
}

int cuDeviceGetAttribute(int *value, int attribute, int) {
  *value = attribute == 75 ? state().major : attribute == 76 ? state().minor : attribute == 97 ? 232448 : 1;
  return state().enter("cuDeviceGetAttribute", false);
}

int cuDevicePrimaryCtxRetain(void **context, int device) {
  std::lock_guard lock(state().mutex);
  if (int result = state().enter("cuDevicePrimaryCtxRetain", false))
    return result;
  if (device != 40)
    return InvalidValue;
  ++state().primaryUsers;
  *context = &primaryContext;
  return Success;
}

int cuDevicePrimaryCtxRelease_v2(int) {
  std::lock_guard lock(state().mutex);
  State &fake = state();
  if (int result = fake.enter("cuDevicePrimaryCtxRelease", false))
    return result;
  if (fake.primaryUsers == 0)
    fake.violate("the primary context is released more often than retained");
  else if (--fake.primaryUsers == 0 && fake.alive())
    fake.violate("leaked: " + std::to_string(fake.allocations.size()) + " allocations, " +
                 std::to_string(fake.pinned.size()) + " pinned, " + std::to_string(fake.streams.size()) + " streams, " +
                 std::to_string(fake.events.size()) + " events, " + std::to_string(fake.modules.size()) + " modules, " +
                 std::to_string(fake.graphs.size() + fake.graphExecs.size()) + " graphs");
  return Success;
}

int cuCtxPushCurrent_v2(void *context) {
  std::lock_guard lock(state().mutex);
  if (int result = state().enter("cuCtxPushCurrent", false))
    return result;
  contextStack().push_back(context);
  return Success;
}

int cuCtxPopCurrent_v2(void **context) {
  return ::context("cuCtxPopCurrent", [&](State &) {
    *context = contextStack().back();
    contextStack().pop_back();
    return Success;
  });
}

// ---- Memory ----

int cuMemGetInfo_v2(size_t *freeBytes, size_t *totalBytes) {
  return context("cuMemGetInfo", [&](State &fake) {
    *freeBytes = fake.memoryBytes - fake.usedBytes;
    *totalBytes = fake.memoryBytes;
    return Success;
  });
}

int cuMemAlloc_v2(Address *address, size_t bytes) {
  return outsideCapture("cuMemAlloc", [&](State &fake) { return allocate(fake, address, bytes); });
}

int cuMemFree_v2(Address address) {
  return outsideCapture("cuMemFree", [&](State &fake) { return release(fake, address, "cuMemFree"); });
}

int cuMemAllocAsync(Address *address, size_t bytes, StreamObject *) {
  return outsideCapture("cuMemAllocAsync", [&](State &fake) { return allocate(fake, address, bytes); });
}

int cuMemFreeAsync(Address address, StreamObject *stream) {
  return outsideCapture("cuMemFreeAsync", [&](State &fake) {
    if (!known(fake.streams, stream, "cuMemFreeAsync"))
      return InvalidHandle;
    fake.enqueue(*stream, [address] { release(state(), address, "cuMemFreeAsync"); });
    return Success;
  });
}

int cuMemAllocHost_v2(void **memory, size_t bytes) {
  return outsideCapture("cuMemAllocHost", [&](State &fake) {
    *memory = idle() ? std::calloc(bytes, 1) : std::malloc(bytes);
    fake.pinned[reinterpret_cast<uint64_t>(*memory)] = bytes;
    return Success;
  });
}

/// Another process opens memory as the file that has taken its place.
struct IpcHandle {
  char file[56];
  uint64_t bytes;
};

int cuIpcGetMemHandle(IpcHandle *handle, Address address) {
  return outsideCapture("cuIpcGetMemHandle", [&](State &fake) {
    auto found = fake.allocations.find(address);
    if (found == fake.allocations.end()) {
      fake.violate("cuIpcGetMemHandle of an address that is not allocated");
      return InvalidValue;
    }
    std::snprintf(handle->file, sizeof(handle->file), "/dev/shm/fake-cuda-%d-%llx", int(getpid()), address);
    handle->bytes = wholePages(found->second);
    int file = open(handle->file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    void *memory = reinterpret_cast<void *>(address);
    bool shared = file >= 0 && write(file, memory, handle->bytes) == ssize_t(handle->bytes) &&
                  mmap(memory, handle->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0) != MAP_FAILED;
    close(file);
    if (!shared)
      return InvalidValue;
    fake.shared[address] = handle->file;
    return Success;
  });
}

int cuIpcOpenMemHandle_v2(Address *address, IpcHandle handle, unsigned flags) {
  return outsideCapture("cuIpcOpenMemHandle", [&](State &fake) {
    int file = open(handle.file, O_RDWR | O_CLOEXEC);
    void *memory = mmap(nullptr, handle.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    if (flags != 1 || memory == MAP_FAILED)
      return InvalidValue;
    *address = reinterpret_cast<Address>(memory);
    fake.opened[*address] = handle.bytes;
    return Success;
  });
}

int cuIpcCloseMemHandle(Address address) {
  return outsideCapture("cuIpcCloseMemHandle", [&](State &fake) {
    auto found = fake.opened.find(address);
    if (found == fake.opened.end()) {
      fake.violate("cuIpcCloseMemHandle of an address that is not opened");
      return InvalidValue;
    }
    munmap(reinterpret_cast<void *>(address), found->second);
    fake.opened.erase(found);
    return Success;
  });
}

int cuMemFreeHost(void *memory) {
  return outsideCapture("cuMemFreeHost", [&](State &fake) {
    if (!fake.pinned.erase(reinterpret_cast<uint64_t>(memory))) {
      fake.violate("cuMemFreeHost of memory that is not pinned");
      return InvalidValue;
    }
    std::free(memory);
    return Success;
  });
}

int cuMemcpyHtoDAsync_v2(Address target, const void *source, size_t bytes, StreamObject *stream) {
  return context("cuMemcpyHtoDAsync", [&](State &fake) {
    if (!known(fake.streams, stream, "cuMemcpyHtoDAsync") || !inside(target, bytes, "cuMemcpyHtoDAsync"))
      return InvalidHandle;
    // Pageable memory is read before the call returns, pinned memory when the copy's turn comes.
    auto copy = std::make_shared<std::string>();
    if (!isPinned(source))
      copy->assign(static_cast<const char *>(source), bytes);
    fake.enqueue(*stream,
                 [=] { std::memcpy(reinterpret_cast<void *>(target), copy->empty() ? source : copy->data(), bytes); });
    return Success;
  });
}

int cuMemcpyDtoHAsync_v2(void *target, Address source, size_t bytes, StreamObject *stream) {
  return context("cuMemcpyDtoHAsync", [&](State &fake) {
    if (!known(fake.streams, stream, "cuMemcpyDtoHAsync") || !inside(source, bytes, "cuMemcpyDtoHAsync"))
      return InvalidHandle;
    fake.calls["bytes to host"] += int(bytes);
    fake.enqueue(*stream, [=] { std::memcpy(target, reinterpret_cast<const void *>(source), bytes); });
    if (!isPinned(target) && !stream->capture)
      fake.drain(*stream); // pageable memory has been written when the call returns
    return Success;
  });
}

int cuMemcpyDtoDAsync_v2(Address target, Address source, size_t bytes, StreamObject *stream) {
  return context("cuMemcpyDtoDAsync", [&](State &fake) {
    if (!known(fake.streams, stream, "cuMemcpyDtoDAsync") || !inside(target, bytes, "cuMemcpyDtoDAsync") ||
        !inside(source, bytes, "cuMemcpyDtoDAsync"))
      return InvalidHandle;
    fake.enqueue(*stream, [=] {
      ++state().time;
      if (inside(target, bytes, "copy") && inside(source, bytes, "copy"))
        std::memmove(reinterpret_cast<void *>(target), reinterpret_cast<const void *>(source), bytes);
    });
    return Success;
  });
}

int cuMemsetD8Async(Address target, unsigned char value, size_t bytes, StreamObject *stream) {
  return context("cuMemsetD8Async", [&](State &fake) {
    if (!known(fake.streams, stream, "cuMemsetD8Async") || !inside(target, bytes, "cuMemsetD8Async"))
      return InvalidHandle;
    fake.enqueue(*stream, [=] { std::memset(reinterpret_cast<void *>(target), value, bytes); });
    return Success;
  });
}

// ---- Modules and launches ----

int cuModuleLoadDataEx(ModuleObject **module, const void *image, unsigned count, int *options, void **values) {
  int result = outsideCapture("cuModuleLoadDataEx", [&](State &fake) {
    fake.image.assign(static_cast<const char *>(image), strnlen(static_cast<const char *>(image), 16));
    *module = new ModuleObject();
    fake.modules.insert(*module);
    return Success;
  });
  for (unsigned i = 0; result && i != count; ++i)
    if (options[i] == 5)
      std::strcpy(static_cast<char *>(values[i]), "line 3: fake syntax error");
  return result;
}

int cuModuleUnload(ModuleObject *module) {
  return outsideCapture("cuModuleUnload", [&](State &fake) {
    if (!known(fake.modules, module, "cuModuleUnload"))
      return InvalidHandle;
    fake.modules.erase(module);
    delete module;
    return Success;
  });
}

int cuModuleGetFunction(FunctionObject **function, ModuleObject *module, const char *name) {
  return context("cuModuleGetFunction", [&](State &fake) {
    if (!known(fake.modules, module, "cuModuleGetFunction"))
      return InvalidHandle;
    auto entry = fake.kernels.find(name);
    if (entry == fake.kernels.end() && idle())
      entry = fake.kernels.emplace(name, KernelEntry{"", [](const FakeLaunch &) {}}).first;
    if (entry == fake.kernels.end())
      return NotFound;
    auto &slot = module->functions[name];
    if (!slot)
      slot = std::make_unique<FunctionObject>(FunctionObject{name, &entry->second});
    *function = slot.get();
    return Success;
  });
}

int cuFuncSetAttribute(FunctionObject *function, int attribute, int value) {
  return context("cuFuncSetAttribute", [&](State &) {
    if (attribute != 8 || value > 232448)
      return InvalidValue;
    function->maxDynamicShared = value;
    return Success;
  });
}

int cuFuncLoad(FunctionObject *) {
  return outsideCapture("cuFuncLoad", [](State &) { return Success; });
}

int cuLaunchKernelEx(const LaunchConfig *config, FunctionObject *function, void **parameters, void **extra) {
  return context("cuLaunchKernelEx", [&](State &fake) {
    StreamObject *stream = config->stream;
    if (!known(fake.streams, stream, "cuLaunchKernelEx"))
      return InvalidHandle;
    FakeLaunch launch = {};
    unsigned threads = 1, blocks = 1;
    for (int i = 0; i != 3; ++i) {
      blocks = blocks && config->grid[i] ? 1 : 0;
      threads *= config->block[i];
      launch.grid[i] = config->grid[i];
      launch.block[i] = config->block[i];
    }
    launch.sharedBytes = config->sharedBytes;
    if (extra || !blocks || threads == 0 || threads > 1024 ||
        config->sharedBytes > unsigned(function->maxDynamicShared) || !allowAttributes(fake, *config))
      return InvalidValue;
    std::vector<uint64_t> arguments;
    for (size_t i = 0; i != function->entry->signature.size(); ++i)
      arguments.push_back(*static_cast<uint64_t *>(parameters[i]));
    const KernelEntry *entry = function->entry;
    std::string name = function->name;
    fake.enqueue(
        *stream,
        [=]() mutable {
          ++state().time;
          for (size_t i = 0; i != arguments.size(); ++i)
            if (entry->signature[i] == 'p' &&
                !isPinned(reinterpret_cast<const void *>(arguments[i])) && // one address on host and device
                !inside(arguments[i], 1, ("argument " + std::to_string(i) + " of " + name).c_str()))
              return;
          launch.arguments = arguments.data();
          entry->kernel(launch);
        },
        /*isKernel=*/true);
    return Success;
  });
}

// ---- Streams, events, graphs ----

int cuStreamCreate(StreamObject **stream, unsigned) {
  return outsideCapture("cuStreamCreate", [&](State &fake) {
    fake.streams.insert(*stream = new StreamObject());
    return Success;
  });
}

int cuStreamDestroy_v2(StreamObject *stream) {
  return context("cuStreamDestroy", [&](State &fake) {
    if (!known(fake.streams, stream, "cuStreamDestroy"))
      return InvalidHandle;
    if (stream->capture)
      fake.violate("cuStreamDestroy inside its capture");
    fake.drain(*stream);
    for (EventObject *event : fake.events)
      if (event->stream == stream)
        event->stream = nullptr;
    fake.streams.erase(stream);
    delete stream;
    return Success;
  });
}

int cuStreamSynchronize(StreamObject *stream) {
  return outsideCapture("cuStreamSynchronize", [&](State &fake) {
    if (!known(fake.streams, stream, "cuStreamSynchronize"))
      return InvalidHandle;
    fake.drain(*stream);
    return Success;
  });
}

int cuEventCreate(EventObject **event, unsigned flags) {
  return context("cuEventCreate", [&](State &fake) {
    fake.events.insert(*event = new EventObject());
    (*event)->timing = !(flags & 2);
    return Success;
  });
}

int cuEventDestroy_v2(EventObject *event) {
  return context("cuEventDestroy", [&](State &fake) {
    if (!known(fake.events, event, "cuEventDestroy"))
      return InvalidHandle;
    fake.events.erase(event);
    delete event;
    return Success;
  });
}

int cuEventRecord(EventObject *event, StreamObject *stream) {
  return context("cuEventRecord", [&](State &fake) {
    if (!known(fake.events, event, "cuEventRecord") || !known(fake.streams, stream, "cuEventRecord"))
      return InvalidHandle;
    fake.enqueue(*stream, [event] {
      if (state().events.count(event)) // it may be gone by then
        event->time = state().time;
    });
    event->stream = stream;
    event->ticket = fake.tickets;
    return Success;
  });
}

int cuEventRecordWithFlags(EventObject *event, StreamObject *stream, unsigned flags) {
  return context("cuEventRecordWithFlags", [&](State &fake) {
    if (!known(fake.events, event, "cuEventRecordWithFlags") || !known(fake.streams, stream, "cuEventRecordWithFlags"))
      return InvalidHandle;
    if (flags != 1 || !stream->capture)
      return InvalidValue;
    fake.enqueue(*stream, [event] { event->time = state().time; });
    return Success;
  });
}

int cuEventElapsedTime(float *milliseconds, EventObject *start, EventObject *end) {
  return context("cuEventElapsedTime", [&](State &fake) {
    if (!known(fake.events, start, "cuEventElapsedTime") || !known(fake.events, end, "cuEventElapsedTime") ||
        !start->timing || !end->timing)
      return InvalidHandle;
    *milliseconds = float(end->time - start->time);
    return Success;
  });
}

int cuEventSynchronize(EventObject *event) {
  return outsideCapture("cuEventSynchronize", [&](State &fake) {
    if (!known(fake.events, event, "cuEventSynchronize"))
      return InvalidHandle;
    if (event->stream)
      fake.drain(*event->stream, event->ticket);
    return Success;
  });
}

int cuStreamWaitEvent(StreamObject *stream, EventObject *event, unsigned) {
  return context("cuStreamWaitEvent", [&](State &fake) {
    if (!known(fake.streams, stream, "cuStreamWaitEvent") || !known(fake.events, event, "cuStreamWaitEvent"))
      return InvalidHandle;
    if (StreamObject *other = event->stream)
      fake.enqueue(*stream, [other, ticket = event->ticket] {
        if (state().streams.count(other))
          state().drain(*other, ticket);
      });
    return Success;
  });
}

int cuStreamBeginCapture_v2(StreamObject *stream, int mode) {
  return context("cuStreamBeginCapture", [&](State &fake) {
    if (!known(fake.streams, stream, "cuStreamBeginCapture"))
      return InvalidHandle;
    if (mode != 1)
      fake.violate("a capture that is not thread-local stops the rest of the process");
    if (stream->capture)
      return CaptureUnsupported;
    stream->capture = std::make_unique<GraphObject>();
    stream->afterKernel = false;
    stream->captureBroken = false;
    ++fake.captures;
    return Success;
  });
}

int cuStreamEndCapture(StreamObject *stream, GraphObject **graph) {
  std::lock_guard lock(state().mutex);
  State &fake = state();
  int planned = fake.enter("cuStreamEndCapture");
  if (!known(fake.streams, stream, "cuStreamEndCapture") || !stream->capture)
    return InvalidHandle;
  // A failed end leaves no capture either.
  std::unique_ptr<GraphObject> captured = std::move(stream->capture);
  stream->afterKernel = false;
  --fake.captures;
  *graph = nullptr;
  if (planned || stream->captureBroken)
    return planned ? planned : CaptureInvalidated;
  *graph = captured.release();
  fake.graphs.insert(*graph);
  return Success;
}

int cuGraphInstantiateWithFlags(GraphObject **exec, GraphObject *graph, unsigned long long) {
  return context("cuGraphInstantiate", [&](State &fake) {
    if (!known(fake.graphs, graph, "cuGraphInstantiate"))
      return InvalidHandle;
    fake.graphExecs.insert(*exec = new GraphObject(*graph));
    return Success;
  });
}

int cuGraphDestroy(GraphObject *graph) {
  return context("cuGraphDestroy", [&](State &fake) {
    if (!known(fake.graphs, graph, "cuGraphDestroy"))
      return InvalidHandle;
    fake.graphs.erase(graph);
    delete graph;
    return Success;
  });
}

int cuGraphLaunch(GraphObject *exec, StreamObject *stream) {
  return context("cuGraphLaunch", [&](State &fake) {
    if (!known(fake.graphExecs, exec, "cuGraphLaunch") || !known(fake.streams, stream, "cuGraphLaunch"))
      return InvalidHandle;
    for (const Operation &node : exec->nodes)
      fake.enqueue(*stream, node);
    return Success;
  });
}

int cuGraphExecDestroy(GraphObject *exec) {
  return context("cuGraphExecDestroy", [&](State &fake) {
    if (!known(fake.graphExecs, exec, "cuGraphExecDestroy"))
      return InvalidHandle;
    fake.graphExecs.erase(exec);
    delete exec;
    return Success;
  });
}

} // extern "C"
