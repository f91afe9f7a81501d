#include "runtime/cpu/CpuExecutor.h"

#include "runtime/Failure.h"
#include "runtime/HostAbi.h"
#include "runtime/MathApi.h"

#include <atomic>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace lathe::runtime {

// ---- The functions lent to host images ----

namespace {

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
  static_cast<CpuDevice *>(call->context)->parallelFor(count, launchBody, &launch);
  return launch.result.load();
}

/// An image for the CPU has no CUDA launches; one that makes them stops its call.
int32_t refuseLaunch(const HostCall *, const CudaLaunch *, void *const *) { return -1; }

int32_t copyBytes(const HostCall *, void *target, const void *source, int64_t bytes) {
  std::memmove(target, source, size_t(bytes));
  return 0;
}

constexpr HostApi CpuApi = {HostAbiVersion, sizeof(HostApi), parallelFor, refuseLaunch, copyBytes, &MathFunctions};

} // namespace

// ---- Memory ----

HostPages::HostPages(size_t wanted, const char *purpose) : bytes(wanted) {
  if (bytes == 0)
    return;
  void *mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw Failure(LATHE_OUT_OF_MEMORY, purpose, " needs ", bytes, " bytes, which the system does not give");
  memory = static_cast<unsigned char *>(mapping);
}

HostPages::~HostPages() {
  if (memory)
    munmap(memory, bytes);
}

HostPages::HostPages(HostPages &&other) noexcept
    : memory(std::exchange(other.memory, nullptr)), bytes(std::exchange(other.bytes, 0)) {}

HostPages &HostPages::operator=(HostPages &&other) noexcept {
  std::swap(memory, other.memory);
  std::swap(bytes, other.bytes);
  return *this;
}

// ---- Execution ----

static constexpr size_t Alignment = 256; // of every buffer in the workspace, as HostCall::arena asks

static size_t aligned(size_t bytes) { return (bytes + Alignment - 1) / Alignment * Alignment; }

CpuExecutor::CpuExecutor(CpuDevice &target, std::shared_ptr<const Program> loaded, const StateLimits &room)
    : device(target), program(std::move(loaded)), limits(room) {
  // Refuses a program for another processor, or one whose weights are not there, now and not in the first call.
  program->image();
  program->weights();
  for (const State *state : limits.states)
    pools.emplace_back(size_t(state->pageBytes * limits.pages), ("state '" + state->name + "'").c_str());
}

unsigned char *CpuExecutor::workspace(size_t bytes) {
  if (bytes > memory.size()) {
    memory = HostPages();
    memory = HostPages(bytes, "working memory");
  }
  return memory.data();
}

static size_t arenaBytesOf(const EntryCode &code, const Entry &entry, const int64_t *symbols) {
  int64_t bytes = code.arenaBytes(symbols);
  if (bytes < 0)
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' asks for ", bytes, " bytes of working memory");
  return size_t(bytes);
}

void CpuExecutor::execute(const Entry &entry, const int64_t *symbols, unsigned char *arena) {
  states.clear();
  for (const State &state : entry.states)
    states.push_back(pools[limits.poolOf(state)].data());
  HostCall call{&CpuApi, &device, symbols, inputs.data(), outputs.data(), states.data(), program->weights().data(),
                arena};
  if (int32_t result = program->image().code(entry).run(&call))
    throw Failure(LATHE_DEVICE_ERROR, "entry '", entry.name, "' stopped with code ", result);
}

void CpuExecutor::run(TensorCall &call) {
  size_t arenaBytes = arenaBytesOf(program->image().code(*call.entry), *call.entry, call.symbols.data());
  // Outputs that nobody wants are written behind the arena.
  size_t bytes = aligned(arenaBytes);
  for (size_t i = 0; i != call.outputs.size(); ++i)
    bytes += call.outputs[i] ? 0 : aligned(size_t(call.outputBytes[i]));
  unsigned char *arena = workspace(bytes), *spare = arena + aligned(arenaBytes);
  inputs.clear();
  for (const lathe_tensor *tensor : call.inputs)
    inputs.push_back(tensor->data);
  outputs.clear();
  for (size_t i = 0; i != call.outputs.size(); ++i) {
    outputs.push_back(call.outputs[i] ? call.outputs[i]->data : spare);
    spare += call.outputs[i] ? 0 : aligned(size_t(call.outputBytes[i]));
  }
  execute(*call.entry, call.symbols.data(), arena);
}

StepShape CpuExecutor::pad(const Entry &, const StepShape &needed) const { return needed; }

void CpuExecutor::step(const StepCall &call) {
  const Entry &entry = *call.entry;
  size_t arenaBytes = arenaBytesOf(program->image().code(entry), entry, call.symbols.data());
  size_t rowBytes = size_t(entry.output("logits")->sizes[1]) * sizeof(float);
  bool direct = call.logits && call.wantedRows == call.shape.rows;
  unsigned char *arena = workspace(aligned(arenaBytes) + (direct ? 0 : rowBytes * size_t(call.shape.rows)));
  inputs.clear();
  for (const Value &value : entry.inputs)
    inputs.push_back(const_cast<int32_t *>(call.array(value.role).data()));
  void *logits = direct ? static_cast<void *>(call.logits) : arena + aligned(arenaBytes);
  outputs.assign(1, logits);
  execute(entry, call.symbols.data(), arena);
  if (call.logits && !direct)
    std::memcpy(call.logits, logits, rowBytes * size_t(call.wantedRows));
}

void CpuExecutor::copyPage(int32_t target, int32_t source, void *) {
  for (size_t i = 0; i != pools.size(); ++i) {
    size_t bytes = size_t(limits.states[i]->pageBytes);
    std::memcpy(pools[i].data() + size_t(target) * bytes, pools[i].data() + size_t(source) * bytes, bytes);
  }
}

} // namespace lathe::runtime
