#include "runtime/cuda/CudaApi.h"

#include "runtime/Failure.h"
#include "runtime/MathApi.h"
#include "runtime/cuda/LaunchTimer.h"

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

std::string sizeText(const uint32_t (&size)[3]) {
  return std::to_string(size[0]) + " x " + std::to_string(size[1]) + " x " + std::to_string(size[2]);
}

int32_t launch(const HostCall *call, const CudaLaunch *launch, void *const *arguments) {
  auto &context = *static_cast<LaunchContext *>(call->context);
  return contained(context, [&] {
    if (launch->kernel >= context.functions.size())
      throw Failure(LATHE_CORRUPT, "a launch names kernel ", launch->kernel, " but there are ",
                    context.functions.size());
    const uint32_t (&grid)[3] = launch->grid, (&block)[3] = launch->block;
    if (!grid[0] || !grid[1] || !grid[2])
      return ended(context, launch->kernel); // no tiles: the driver would call it an error
    static constexpr LaunchAttribute overlap = {LaunchStreamSerialization, 1, {}};
    unsigned attributes = context.dependent && context.afterKernel ? 1 : 0;
    LaunchConfig config = {{grid[0], grid[1], grid[2]},
                           {block[0], block[1], block[2]},
                           launch->sharedBytes,
                           context.stream,
                           &overlap,
                           attributes};
    Result result = context.driver.launchKernel.function(&config, context.functions[launch->kernel],
                                                         const_cast<void **>(arguments), nullptr);
    context.afterKernel = true;
    if (result)
      context.driver.fail(result, context.driver.launchKernel.name,
                          "kernel '" + context.kernels[launch->kernel].name + "', grid " + sizeText(grid) + ", block " +
                              sizeText(block) + ", " + std::to_string(launch->sharedBytes) + " bytes shared");
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

// Programs for a GPU have no sizes that depend on data.
void *refuseAllocate(const HostCall *, int64_t, int64_t, int64_t) { return nullptr; }
void *refuseOutput(const HostCall *, int64_t, const int64_t *) { return nullptr; }
void explainNothing(const HostCall *, int32_t, const char *, int64_t, int64_t, int64_t) {}

constexpr HostApi Api = {HostAbiVersion, sizeof(HostApi), refuseParallelFor, launch,        copyBytes,
                         refuseAllocate, refuseOutput,    explainNothing,    &MathFunctions};

} // namespace

const HostApi &cudaApi() { return Api; }

} // namespace lathe::runtime::cuda
