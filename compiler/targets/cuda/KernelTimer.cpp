#include "compiler/targets/cuda/KernelTimer.h"
#include "runtime/cuda/CudaDevice.h"
#include <algorithm>
#include <random>

using namespace lathe::cuda;
using namespace lathe::runtime::cuda;

// Weights of a graph's launches together are larger than the caches of GPUs, and one graph has launches enough that
// starting it is nothing beside them.
static constexpr size_t RotatedBytes = 192 << 20, MostCopies = 16;
static constexpr int FewestLaunches = 12, Runs = 7;

/// Copies of the weights of a launch.
static size_t countCopies(const TimedLaunch &launch) {
  size_t weights = 0;
  for (const TimedLaunch::Port &port : launch.Ports)
    weights += port.IsWeight ? port.Bytes : 0;
  return weights == 0 ? 1 : std::clamp<size_t>((RotatedBytes + weights - 1) / weights, 2, MostCopies);
}

/// Buffers of a port of its own.
static size_t countBuffers(const TimedLaunch &launch, const TimedLaunch::Port &port) {
  return port.SameAs ? 0 : port.IsWeight ? countCopies(launch) : std::max<size_t>(port.Contents.size(), 1);
}

size_t KernelTimer::countBytes(const TimedLaunch &launch) {
  size_t bytes = 0;
  for (const TimedLaunch::Port &port : launch.Ports)
    bytes += port.Bytes * countBuffers(launch, port);
  return bytes;
}

namespace {
/// Bytes that are finite numbers between -2 and 2 as f16, bf16 and f32, and legal in every block format.
std::vector<unsigned char> makeBytes() {
  static constexpr size_t Count = 8 << 20;
  std::vector<unsigned char> bytes(Count);
  std::mt19937 random(1);
  for (unsigned char &byte : bytes)
    byte = static_cast<unsigned char>(random() & 0xbf);
  return bytes;
}

/// The buffers of a launch, each so many times.
class Buffers {
public:
  Buffers(const Driver &driver, Stream stream, const TimedLaunch &launch, const std::vector<unsigned char> &pattern);
  /// The addresses that launch number `i` of a graph is given. Contents change when all layers have had their turn.
  std::vector<DeviceAddress> select(size_t i) const {
    std::vector<DeviceAddress> addresses;
    for (size_t number = 0; number < Copies.size(); ++number) {
      const TimedLaunch::Port &port = Launch.Ports[number];
      size_t turn = port.Contents.empty() ? i : i / std::max<size_t>(size_t(Launch.Layers), 1);
      const std::vector<DeviceMemory> &own = Copies[number];
      addresses.push_back(port.SameAs ? addresses[*port.SameAs] : own[turn % own.size()].at(0));
    }
    return addresses;
  }

private:
  const TimedLaunch &Launch;
  std::vector<std::vector<DeviceMemory>> Copies; ///< by port
};

/// A loaded kernel.
class LoadedKernel {
public:
  LoadedKernel(const Driver &driver, const TimedKernel &kernel);
  ~LoadedKernel() { (void)TheDriver.moduleUnload.function(Code); }
  LoadedKernel(const LoadedKernel &) = delete;

  const Driver &TheDriver;
  Module Code = nullptr;
  Function Entry = nullptr;
};
} // namespace

/// With numbers.
static void repeat(const Driver &driver, Stream stream, const DeviceMemory &target, size_t bytes,
                   const DeviceMemory &pattern, size_t patternBytes) {
  for (size_t at = 0; at < bytes; at += patternBytes)
    driver(driver.copyOnDevice, target.at(at), pattern.at(0), std::min(patternBytes, bytes - at), stream);
}

Buffers::Buffers(const Driver &driver, Stream stream, const TimedLaunch &launch,
                 const std::vector<unsigned char> &pattern)
    : Launch(launch) {
  DeviceMemory source(driver, pattern.size());
  driver(driver.copyToDevice, source.at(0), static_cast<const void *>(pattern.data()), pattern.size(), stream);
  for (const TimedLaunch::Port &port : launch.Ports) {
    std::vector<DeviceMemory> &own = Copies.emplace_back();
    for (size_t i = 0, count = countBuffers(launch, port); i < count; ++i) {
      own.emplace_back(driver, std::max<size_t>(port.Bytes, 16));
      if (port.Contents.empty())
        repeat(driver, stream, own.back(), port.Bytes, source, pattern.size());
      else
        driver(driver.copyToDevice, own.back().at(0), static_cast<const void *>(port.Contents[i].data()),
               port.Contents[i].size(), stream);
    }
  }
  driver(driver.streamSynchronize, stream);
}

LoadedKernel::LoadedKernel(const Driver &driver, const TimedKernel &kernel) : TheDriver(driver) {
  auto call = [&](auto &entry, auto... arguments) {
    if (Result result = entry.function(arguments...))
      driver.fail(result, entry.name, "kernel '" + kernel.Name + "'");
  };
  call(driver.moduleLoad, &Code, static_cast<const void *>(kernel.Cubin.data()), 0u, static_cast<int *>(nullptr),
       static_cast<void **>(nullptr));
  call(driver.moduleGetFunction, &Entry, Code, kernel.Name.c_str());
  static constexpr int64_t UnaskedShared = 48 * 1024;
  if (kernel.SharedBytes > UnaskedShared)
    call(driver.functionSetAttribute, Entry, FunctionMaxDynamicShared, int(kernel.SharedBytes));
  if (driver.functionLoad.function)
    call(driver.functionLoad, Entry);
}

struct KernelTimer::Implementation {
  CudaDevice Gpu{0};
  const Driver &TheDriver = Gpu.driver;
  std::vector<unsigned char> Pattern = makeBytes();
  Stream Queue = nullptr;
  Event Begin = nullptr, End = nullptr;

  Implementation() {
    ContextScope scope(Gpu);
    TheDriver(TheDriver.streamCreate, &Queue, StreamNonBlocking);
    TheDriver(TheDriver.eventCreate, &Begin, 0u);
    TheDriver(TheDriver.eventCreate, &End, 0u);
  }
  ~Implementation() {
    ContextScope scope(Gpu, std::nothrow);
    (void)TheDriver.eventDestroy.function(End);
    (void)TheDriver.eventDestroy.function(Begin);
    (void)TheDriver.streamDestroy.function(Queue);
  }

  void enqueue(const TimedLaunch &launch, const Buffers &buffers, const TimedKernel &kernel, Function entry, int count);
  GraphExec capture(const TimedLaunch &launch, const Buffers &buffers, const TimedKernel &kernel, Function entry,
                    int count);
  double replay(GraphExec graph, const TimedKernel &kernel);
};

void KernelTimer::Implementation::enqueue(const TimedLaunch &launch, const Buffers &buffers, const TimedKernel &kernel,
                                          Function entry, int count) {
  static constexpr LaunchAttribute Overlap = {LaunchStreamSerialization, 1, {}};
  for (int i = 0; i < count; ++i) {
    std::vector<DeviceAddress> addresses = buffers.select(size_t(i));
    std::vector<int64_t> numbers = launch.Numbers;
    if (launch.Layers > 0)
      numbers.push_back(i % launch.Layers);
    std::vector<void *> parameters;
    for (DeviceAddress &address : addresses)
      parameters.push_back(&address);
    for (int64_t &number : numbers)
      parameters.push_back(&number);
    bool overlaps = kernel.Dependent && Gpu.dependentLaunch && i > 0;
    LaunchConfig config = {{unsigned(kernel.Blocks), 1, 1},
                           {unsigned(kernel.Threads), 1, 1},
                           unsigned(kernel.SharedBytes),
                           Queue,
                           &Overlap,
                           overlaps ? 1u : 0u};
    if (Result result = TheDriver.launchKernel.function(&config, entry, parameters.data(), nullptr))
      TheDriver.fail(result, TheDriver.launchKernel.name, "kernel '" + kernel.Name + "'");
  }
}

GraphExec KernelTimer::Implementation::capture(const TimedLaunch &launch, const Buffers &buffers,
                                               const TimedKernel &kernel, Function entry, int count) {
  Graph graph = nullptr;
  GraphExec exec = nullptr;
  TheDriver(TheDriver.streamBeginCapture, Queue, CaptureThreadLocal);
  try {
    enqueue(launch, buffers, kernel, entry, count);
  } catch (...) {
    if (TheDriver.streamEndCapture.function(Queue, &graph) == Success && graph)
      (void)TheDriver.graphDestroy.function(graph);
    throw;
  }
  TheDriver(TheDriver.streamEndCapture, Queue, &graph);
  Result result = TheDriver.graphInstantiate.function(&exec, graph, 0);
  (void)TheDriver.graphDestroy.function(graph);
  if (result)
    TheDriver.fail(result, TheDriver.graphInstantiate.name, "kernel '" + kernel.Name + "'");
  return exec;
}

/// Seconds of the whole graph.
double KernelTimer::Implementation::replay(GraphExec graph, const TimedKernel &kernel) {
  TheDriver(TheDriver.eventRecord, Begin, Queue);
  TheDriver(TheDriver.graphLaunch, graph, Queue);
  TheDriver(TheDriver.eventRecord, End, Queue);
  if (Result result = TheDriver.streamSynchronize.function(Queue))
    TheDriver.fail(result, TheDriver.streamSynchronize.name, "kernel '" + kernel.Name + "'");
  float milliseconds = 0;
  TheDriver(TheDriver.eventElapsedTime, &milliseconds, Begin, End);
  return double(milliseconds) / 1e3;
}

KernelTimer::KernelTimer() : It(std::make_unique<Implementation>()) {}
KernelTimer::~KernelTimer() = default;

std::string KernelTimer::getChip() const {
  int capability = It->Gpu.major * 10 + It->Gpu.minor;
  return "sm_" + std::to_string(capability) + (capability == 90 ? "a" : "");
}

std::string KernelTimer::getDevice() const { return It->Gpu.description(); }

std::string KernelTimer::getDriver() const {
  int version = 0;
  It->TheDriver(It->TheDriver.driverGetVersion, &version);
  return "CUDA " + std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

size_t KernelTimer::getFreeBytes() const {
  ContextScope scope(It->Gpu);
  size_t free = 0, total = 0;
  It->TheDriver(It->TheDriver.memGetInfo, &free, &total);
  return free;
}

std::vector<double> KernelTimer::time(const TimedLaunch &launch, const std::vector<TimedKernel> &kernels) const {
  ContextScope scope(It->Gpu);
  Buffers buffers(It->TheDriver, It->Queue, launch, It->Pattern);
  int count = std::max({FewestLaunches, int(countCopies(launch)), int(launch.Launches)});
  std::vector<double> middles;
  for (const TimedKernel &kernel : kernels) {
    LoadedKernel loaded(It->TheDriver, kernel);
    GraphExec graph = It->capture(launch, buffers, kernel, loaded.Entry, count);
    std::vector<double> seconds;
    try {
      for (int run = 0; run <= Runs; ++run) // the first warms up
        seconds.push_back(It->replay(graph, kernel) / count);
    } catch (...) {
      (void)It->TheDriver.graphExecDestroy.function(graph);
      throw;
    }
    (void)It->TheDriver.graphExecDestroy.function(graph);
    seconds.erase(seconds.begin());
    std::sort(seconds.begin(), seconds.end());
    middles.push_back(seconds[seconds.size() / 2]);
  }
  return middles;
}
