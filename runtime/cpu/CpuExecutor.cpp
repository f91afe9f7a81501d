#include "runtime/cpu/CpuExecutor.h"

#include "runtime/Failure.h"
#include "runtime/HostAbi.h"
#include "runtime/MathApi.h"
#include "runtime/session/CallFault.h"
#include "runtime/session/TensorBinding.h"

#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

namespace lathe::runtime {

// ---- The functions lent to host images ----

namespace {

/// What a call's functions know: HostCall::context.
struct CpuContext {
  CpuDevice::Loops loops;
  DynamicPool &pool;
  DynamicPool &outputMemory;
  Group *group;        ///< null where one device runs the program
  TensorCall *tensors; ///< null in a language model's step
  std::optional<Failure> failure;
};

CpuContext &contextOf(const HostCall *call) { return *static_cast<CpuContext *>(call->context); }

/// One parallelFor: what the pool's threads need to call the kernel.
struct Launch {
  const HostCall *call;
  CpuKernel kernel;
  void *const *buffers;
  const int64_t *dims;
  std::atomic<int32_t> result{0};
};

void launchBody(void *argument, int64_t begin, int64_t end) {
  Launch &launch = *static_cast<Launch *>(argument);
  if (launch.result.load(std::memory_order_relaxed) != 0)
    return;
  if (int32_t result = launch.kernel(launch.call, launch.buffers, launch.dims, begin, end)) {
    int32_t none = 0;
    launch.result.compare_exchange_strong(none, result);
  }
}

int32_t parallelFor(const HostCall *call, CpuKernel kernel, void *const *buffers, const int64_t *dims, int64_t count) {
  Launch launch{call, kernel, buffers, dims};
  contextOf(call).loops.run(count, launchBody, &launch);
  return launch.result.load();
}

/// An image for the CPU has no CUDA launches; one that makes them stops its call.
int32_t refuseLaunch(const HostCall *, const CudaLaunch *, void *const *) { return -1; }

int32_t copyBytes(const HostCall *, void *target, const void *source, int64_t bytes) {
  std::memmove(target, source, size_t(bytes));
  return 0;
}

/// What `body` returns; null where it throws, and the reason is kept.
template <typename Body> void *contained(const HostCall *call, Body body) {
  try {
    return body();
  } catch (const Failure &failure) {
    contextOf(call).failure = failure;
  } catch (const std::bad_alloc &) {
    contextOf(call).failure.emplace(LATHE_OUT_OF_MEMORY, "the system gives no more memory");
  }
  return nullptr;
}

void *allocate(const HostCall *call, int64_t slot, int64_t bytes, int64_t keep) {
  return contained(call, [&] { return contextOf(call).pool.get(size_t(slot), uint64_t(bytes), uint64_t(keep)); });
}

void *bindOutput(const HostCall *call, int64_t index, const int64_t *dims) {
  return contained(call, [&]() -> void * {
    TensorCall &tensors = *contextOf(call).tensors;
    uint64_t bytes = bindOutputSizes(tensors, size_t(index), dims);
    lathe_tensor *tensor = tensors.outputs[size_t(index)];
    if (tensor && tensor->data)
      return tensor->data;
    void *memory = contextOf(call).outputMemory.get(size_t(index), bytes);
    if (tensor) {
      tensor->data = memory;
      tensor->bytes = bytes;
    }
    return memory;
  });
}

/// All memory is the host's, and work is done when the function that starts it returns.
const void *readBytes(const HostCall *, const void *source, int64_t) { return source; }

int32_t writeInteger(const HostCall *, void *target, int64_t value) {
  std::memcpy(target, &value, sizeof(value));
  return 0;
}

void explain(const HostCall *call, int32_t fault, const char *node, int64_t found, int64_t min, int64_t max) {
  std::optional<Failure> &failure = contextOf(call).failure;
  if (!failure)
    failure = describeFault(fault, node, found, min, max);
}

int32_t runCollective(const HostCall *call, const HostCollective *asked, void *target, const void *source,
                      int64_t count) {
  bool done = contained(call, [&]() -> void * {
    Group *group = contextOf(call).group;
    if (!group)
      throw Failure(LATHE_CORRUPT, "the code asks for other ranks, but the manifest has none; compile the model again");
    group->host().run(readCollective(*asked, target, source, count));
    return group;
  });
  return done ? 0 : -1;
}

constexpr HostApi CpuApi = {HostAbiVersion, sizeof(HostApi), parallelFor,  refuseLaunch, copyBytes,      allocate,
                            bindOutput,     readBytes,       writeInteger, explain,      &MathFunctions, runCollective};

} // namespace

// ---- Execution ----

static constexpr size_t Alignment = 256; // of every buffer in the workspace, as HostCall::arena asks

static size_t aligned(size_t bytes) { return (bytes + Alignment - 1) / Alignment * Alignment; }

CpuExecutor::CpuExecutor(CpuDevice &target, std::shared_ptr<const Program> loaded, const StateLimits &room,
                         std::shared_ptr<Group> ranks)
    : device(target), program(std::move(loaded)), limits(room), group(std::move(ranks)) {
  // Refuses a program for another processor, or one whose weights are not there, now and not in the first call.
  program->image();
  program->weights(
      [this](int64_t count, auto body, void *argument) { CpuDevice::Loops(device).run(count, body, argument); });
  for (size_t i = 0; i != limits.states.size(); ++i)
    pools.emplace_back(size_t(limits.bytesOf(i)), ("state '" + limits.states[i]->name + "'").c_str());
}

unsigned char *CpuExecutor::workspace(size_t bytes) {
  if (bytes > working.size()) {
    working = HostPages();
    working = HostPages(bytes, "working memory");
    working.preferLargePages();
    ++growths;
  }
  return working.data();
}

static size_t arenaBytesOf(const EntryCode &code, const Entry &entry, const int64_t *symbols) {
  int64_t bytes = code.arenaBytes(symbols);
  if (bytes < 0)
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' asks for ", bytes, " bytes of working memory");
  return size_t(bytes);
}

void CpuExecutor::execute(const Entry &entry, const int64_t *symbols, unsigned char *arena, TensorCall *tensors) {
  states.clear();
  for (const State &state : entry.states)
    states.push_back(pools[limits.poolOf(state)].data());
  CpuContext context{CpuDevice::Loops(device), pool, outputMemory, group.get(), tensors, std::nullopt};
  HostCall call{&CpuApi, &context, symbols, inputs.data(), outputs.data(), states.data(), program->weights().data(),
                arena,   0,        nullptr};
  int32_t result = program->image().code(entry).run(&call);
  if (result && context.failure)
    throw *context.failure;
  if (result)
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' stopped with code ", result);
}

void CpuExecutor::run(TensorCall &call) {
  size_t arenaBytes = arenaBytesOf(program->image().code(*call.entry), *call.entry, call.symbols.data());
  // Outputs that nobody wants are written behind the arena.
  auto spareBytes = [&](size_t i) {
    return call.outputs[i] || call.outputBytes[i] == UnknownBytes ? 0 : aligned(size_t(call.outputBytes[i]));
  };
  size_t bytes = aligned(arenaBytes);
  for (size_t i = 0; i != call.outputs.size(); ++i)
    bytes += spareBytes(i);
  unsigned char *arena = workspace(bytes), *spare = arena + aligned(arenaBytes);
  inputs.clear();
  for (const lathe_tensor *tensor : call.inputs)
    inputs.push_back(tensor->data);
  outputs.clear();
  for (size_t i = 0; i != call.outputs.size(); ++i) {
    lathe_tensor *tensor = call.outputs[i];
    if (tensor && !tensor->data && call.outputBytes[i] != UnknownBytes) {
      tensor->data = outputMemory.get(i, call.outputBytes[i]);
      tensor->bytes = call.outputBytes[i];
    }
    outputs.push_back(call.outputBytes[i] == UnknownBytes ? nullptr : tensor ? tensor->data : spare);
    spare += spareBytes(i);
  }
  execute(*call.entry, call.symbols.data(), arena, &call);
}

lathe_memory_info CpuExecutor::memory() const {
  lathe_memory_info info{};
  info.working_bytes = working.size();
  info.pool_bytes = pool.bytes() + outputMemory.bytes();
  for (const HostPages &pages : pools)
    info.state_bytes += pages.size();
  info.growths = growths + pool.growths() + outputMemory.growths();
  return info;
}

StepShape CpuExecutor::pad(const Entry &, const StepShape &needed) const { return needed; }

void CpuExecutor::step(const StepCall &call) {
  const Entry &entry = *call.entry;
  size_t arenaBytes = arenaBytesOf(program->image().code(entry), entry, call.symbols.data());
  size_t rowBytes = size_t(entry.output("logits")->sizes[1]) * sizeof(float);
  bool direct = call.logits && call.wantedRows == call.shape.rows;
  size_t logitsBytes = direct ? 0 : aligned(rowBytes * size_t(call.shape.rows));
  size_t sampledBytes = entry.output("sampled_tokens") ? size_t(call.shape.rows) * sizeof(int64_t) : 0;
  unsigned char *arena = workspace(aligned(arenaBytes) + logitsBytes + sampledBytes);
  inputs.clear();
  for (const Value &value : entry.inputs)
    inputs.push_back(const_cast<int32_t *>(call.array(value.role).data()));
  void *logits = direct ? static_cast<void *>(call.logits) : arena + aligned(arenaBytes);
  auto *sampled = reinterpret_cast<int64_t *>(arena + aligned(arenaBytes) + logitsBytes);
  outputs.clear();
  for (const Value &value : entry.outputs)
    outputs.push_back(value.role == "logits" ? logits : sampled);
  execute(entry, call.symbols.data(), arena, nullptr);
  if (call.logits && !direct)
    std::memcpy(call.logits, logits, rowBytes * size_t(call.wantedRows));
  if (call.sampledTokens)
    std::copy_n(sampled, call.wantedRows, call.sampledTokens);
}

void CpuExecutor::copyPage(size_t group, int32_t target, int32_t source, void *) {
  for (size_t i : limits.groups[group].states) {
    size_t bytes = size_t(limits.states[i]->pageBytes);
    std::memcpy(pools[i].data() + size_t(target) * bytes, pools[i].data() + size_t(source) * bytes, bytes);
  }
}

} // namespace lathe::runtime
