#include "runtime/cuda/CudaApi.h"

#include "runtime/Failure.h"
#include "runtime/MathApi.h"
#include "runtime/cuda/LaunchTimer.h"
#include "runtime/cuda/NcclRanks.h"
#include "runtime/cuda/PlacedProgram.h"
#include "runtime/session/CallFault.h"
#include "runtime/session/TensorBinding.h"

namespace lathe::runtime::cuda {

namespace {

/// Runs `body` and keeps what it throws for the caller of the generated code; non-zero stops that code.
template <typename Body> int32_t contained(LaunchContext &context, Body body) noexcept {
  try {
    body();
    return 0;
  } catch (...) {
    context.failure = std::current_exception();
    return -1;
  }
}

/// Where launches are timed each one ends before the next begins.
void ended(LaunchContext &context, int64_t kernel) {
  if (!context.timer)
    return;
  context.timer->mark(context.stream, kernel);
  context.afterKernel = false;
}

/// A captured call reads nothing back.
void refuseTimes(const LaunchContext &context) {
  if (context.timer)
    throw Failure(LATHE_UNSUPPORTED,
                  "launches of a call in which data decides sizes or control flow are not timed one by "
                  "one; time whole calls");
}

std::string sizeText(const uint32_t (&size)[3]) {
  return std::to_string(size[0]) + " x " + std::to_string(size[1]) + " x " + std::to_string(size[2]);
}

void start(LaunchContext &context, Function function, const uint32_t (&grid)[3], const uint32_t (&block)[3],
           uint32_t sharedBytes, void *const *arguments, const std::string &name) {
  static constexpr LaunchAttribute overlap = {LaunchStreamSerialization, 1, {}};
  unsigned attributes = context.dependent && context.afterKernel ? 1 : 0;
  LaunchConfig config = {
      {grid[0], grid[1], grid[2]}, {block[0], block[1], block[2]}, sharedBytes, context.stream, &overlap, attributes};
  Result result = context.driver.launchKernel.function(&config, function, const_cast<void **>(arguments), nullptr);
  context.afterKernel = true;
  if (result)
    context.driver.fail(result, context.driver.launchKernel.name,
                        "kernel '" + name + "', grid " + sizeText(grid) + ", block " + sizeText(block) + ", " +
                            std::to_string(sharedBytes) + " bytes shared");
}

int32_t launch(const HostCall *call, const CudaLaunch *launch, void *const *arguments) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  return contained(context, [&] {
    const std::vector<Function> &functions = context.placed.kernels();
    if (launch->kernel >= functions.size())
      throw Failure(LATHE_CORRUPT, "a launch names kernel ", launch->kernel, " but there are ", functions.size());
    const uint32_t (&grid)[3] = launch->grid;
    if (grid[0] && grid[1] && grid[2]) // else no tiles: the driver would call it an error
      start(context, functions[launch->kernel], grid, launch->block, launch->sharedBytes, arguments,
            context.kernels[launch->kernel].name);
    ended(context, launch->kernel);
  });
}

int32_t copyBytes(const HostCall *call, void *target, const void *source, int64_t bytes) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  return contained(context, [&] {
    context.afterKernel = context.afterKernel && bytes <= 0;
    if (bytes > 0)
      context.driver(context.driver.copyOnDevice, reinterpret_cast<DeviceAddress>(target),
                     reinterpret_cast<DeviceAddress>(source), size_t(bytes), context.stream);
    ended(context, TimedLaunch::Copy);
  });
}

/// A CUDA program's buffers are the GPU's: there is nothing that a CPU kernel could read.
int32_t refuseParallelFor(const HostCall *, CpuKernel, void *const *, const int64_t *, int64_t) { return -1; }

void *allocate(const HostCall *call, int64_t slot, int64_t bytes, int64_t keep) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  void *memory = nullptr;
  contained(context, [&] {
    context.dataDecides = true;
    refuseTimes(context);
    context.afterKernel = false;
    memory = context.memory.values.get(size_t(slot), uint64_t(bytes), uint64_t(keep), context.stream);
  });
  return memory;
}

void *bindOutput(const HostCall *call, int64_t index, const int64_t *dims) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  void *memory = nullptr;
  contained(context, [&] {
    context.dataDecides = true;
    uint64_t bytes = bindOutputSizes(*context.tensors, size_t(index), dims);
    context.afterKernel = false;
    memory = context.memory.place(context.tensors->outputs[size_t(index)], size_t(index), bytes, context.stream);
    context.outputs[size_t(index)] = memory;
  });
  return memory;
}

const void *readBytes(const HostCall *call, const void *source, int64_t bytes) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  const void *memory = nullptr;
  contained(context, [&] {
    context.dataDecides = true;
    refuseTimes(context);
    context.afterKernel = false;
    memory = context.memory.window.read(reinterpret_cast<DeviceAddress>(source), size_t(bytes), context.stream);
    checkFaults(context.memory.window.faults(), context.image);
  });
  return context.failure ? nullptr : memory;
}

int32_t writeInteger(const HostCall *call, void *target, int64_t value) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  return contained(context, [&] {
    context.dataDecides = true;
    context.afterKernel = false;
    const void *source = &value; // pageable: it has been read when the driver returns
    context.driver(context.driver.copyToDevice, reinterpret_cast<DeviceAddress>(target), source, sizeof(value),
                   context.stream);
  });
}

void explain(const HostCall *call, int32_t fault, const char *node, int64_t found, int64_t min, int64_t max) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  if (!context.failure)
    context.failure = std::make_exception_ptr(describeFault(fault, node, found, min, max));
}

int32_t runCollective(const HostCall *call, const HostCollective *asked, void *target, const void *source,
                      int64_t count) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  return contained(context, [&] {
    if (!context.ranks)
      throw Failure(LATHE_CORRUPT, "the code asks for other ranks, but the manifest has none; compile the model again");
    Collective collective = readCollective(*asked, target, source, count);
    const Mailboxes *mailboxes = context.ranks->mailboxes();
    Function sum = mailboxes && mailboxes->takes(collective) ? context.placed.sumKernel(collective.type) : nullptr;
    if (sum) {
      context.ranks->check();
      mailboxes->start(collective, [&](unsigned blocks, const void *const *arguments) {
        start(context, sum, {blocks, 1, 1}, {SumKernel::Threads, 1, 1}, 0, const_cast<void *const *>(arguments),
              "sum of ranks");
      });
    } else {
      context.afterKernel = false;
      context.ranks->enqueue(collective, context.stream);
    }
    ended(context, TimedLaunch::Collective);
  });
}

constexpr HostApi Api = {HostAbiVersion, sizeof(HostApi), refuseParallelFor, launch,  copyBytes,      allocate,
                         bindOutput,     readBytes,       writeInteger,      explain, &MathFunctions, runCollective};

} // namespace

const HostApi &cudaApi() { return Api; }

void checkFaults(volatile uint64_t *word, const HostImage &image) {
  uint64_t found = *word;
  if (!found)
    return;
  *word = 0;
  const char *node = image.text(found & ((uint64_t(1) << FaultShift) - 1));
  throw describeFault(int32_t(found >> FaultShift), node ? node : "?", 0, 0, 0);
}

} // namespace lathe::runtime::cuda
