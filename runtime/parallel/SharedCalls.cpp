#include "runtime/parallel/SharedCalls.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>

namespace lathe::runtime {

namespace {

enum class CallKind : uint32_t { Step = 1, Run = 2, End = 3 };

/// What rank 0 broadcasts first. It has one size, so that it is the same collective whatever follows; most decode steps
/// fit into it whole.
struct CallDescriptor {
  CallKind kind;
  uint32_t entry; ///< of the manifest
  uint64_t number;
  StepShape shape;
  int64_t wantedRows;
  int64_t candidates; ///< 0: not asked for
  uint64_t payloadBytes;
  unsigned char payload[4096 - 72]; ///< what is longer follows in a broadcast of its own
};
static_assert(sizeof(CallDescriptor) == 4096, "all ranks broadcast as many bytes");

constexpr size_t PayloadAlignment = 64; // of arrays that kernels read in place

class PayloadWriter {
public:
  explicit PayloadWriter(std::vector<unsigned char> &bytes) : bytes(bytes) { bytes.clear(); }

  void put(const void *data, size_t size) {
    uint64_t count = size;
    append(&count, sizeof(count));
    bytes.resize((bytes.size() + PayloadAlignment - 1) / PayloadAlignment * PayloadAlignment);
    append(data, size);
  }
  template <typename T> void put(const std::vector<T> &values) { put(values.data(), values.size() * sizeof(T)); }

private:
  void append(const void *data, size_t size) {
    const auto *first = static_cast<const unsigned char *>(data);
    bytes.insert(bytes.end(), first, first + size);
  }

  std::vector<unsigned char> &bytes;
};

/// Reads what PayloadWriter wrote, on a rank of the same program and release.
class PayloadReader {
public:
  explicit PayloadReader(std::span<unsigned char> bytes) : bytes(bytes) {}

  std::span<unsigned char> take() {
    uint64_t count = 0;
    if (bytes.size() - at < sizeof(count))
      damaged();
    std::memcpy(&count, bytes.data() + at, sizeof(count));
    at = (at + sizeof(count) + PayloadAlignment - 1) / PayloadAlignment * PayloadAlignment;
    if (at > bytes.size() || bytes.size() - at < count)
      damaged();
    std::span<unsigned char> part = bytes.subspan(at, count);
    at += count;
    return part;
  }
  template <typename T> void take(std::vector<T> &values) {
    std::span<unsigned char> part = take();
    values.resize(part.size() / sizeof(T));
    if (!values.empty())
      std::memcpy(values.data(), part.data(), values.size() * sizeof(T));
  }

private:
  [[noreturn]] static void damaged() {
    throw Failure(LATHE_DEVICE_ERROR,
                  "rank 0 tells of a call in a form that this rank does not know; run one release on all ranks");
  }

  std::span<unsigned char> bytes;
  size_t at = 0;
};

/// The arrays of a step, in the order in which they travel.
constexpr std::vector<int32_t> StepCall::*StepArrays[] = {
    &StepCall::tokens,      &StepCall::positions, &StepCall::rowOffsets,
    &StepCall::lengths,     &StepCall::slots,     &StepCall::blockTables,
    &StepCall::windowSlots, &StepCall::rows,      &StepCall::windowBlockTables};

uint32_t indexOf(const Program &program, const Entry &entry) {
  return uint32_t(&entry - program.manifest.entries.data());
}

/// Rank 0 waits for nobody here; how long it lets the others wait is its user's affair.
void broadcast(Group &group, CallDescriptor &descriptor, std::vector<unsigned char> &payload) {
  bool leads = group.rank == 0;
  if (leads) {
    descriptor.payloadBytes = payload.size();
    std::memcpy(descriptor.payload, payload.data(), std::min(payload.size(), sizeof(descriptor.payload)));
  }
  group.broadcast(&descriptor, sizeof(descriptor), /*limited=*/leads);
  if (!leads) {
    payload.resize(descriptor.payloadBytes);
    std::memcpy(payload.data(), descriptor.payload, std::min(payload.size(), sizeof(descriptor.payload)));
  }
  if (descriptor.payloadBytes > sizeof(descriptor.payload))
    group.broadcast(payload.data(), payload.size(), /*limited=*/true);
}

/// Makes a failure known to the other ranks.
template <typename Body> void breaking(Group &group, Body body) {
  try {
    body();
  } catch (const std::exception &error) {
    group.watch().fail(error.what());
    throw;
  }
}

} // namespace

// ---- Rank 0 ----

LeadingExecutor::LeadingExecutor(std::shared_ptr<Group> ranks, std::shared_ptr<const Program> loaded,
                                 std::unique_ptr<Executor> own)
    : group(std::move(ranks)), program(std::move(loaded)), executor(std::move(own)) {}

LeadingExecutor::~LeadingExecutor() {
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::End;
  payload.clear();
  try {
    broadcast(*group, descriptor, payload);
  } catch (const std::exception &) {
    // The group is broken, and the others know it.
  }
}

void LeadingExecutor::copyPage(size_t pages, int32_t target, int32_t source, void *stream) {
  copies.insert(copies.end(), {int32_t(pages), target, source});
  executor->copyPage(pages, target, source, stream);
}

void LeadingExecutor::step(const StepCall &call) {
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::Step;
  descriptor.entry = indexOf(*program, *call.entry);
  descriptor.number = ++calls;
  descriptor.shape = call.shape;
  descriptor.wantedRows = call.wantedRows;
  descriptor.candidates = call.candidates ? call.candidates->count : 0;
  PayloadWriter writer(payload);
  writer.put(copies);
  writer.put(call.symbols);
  for (auto array : StepArrays)
    writer.put(call.*array);
  breaking(*group, [&] {
    broadcast(*group, descriptor, payload);
    copies.clear();
    executor->step(call);
  });
}

void LeadingExecutor::run(TensorCall &call) {
  for (const lathe_tensor *input : call.inputs)
    if (input->memory != LATHE_MEMORY_HOST && program->manifest.target != "cpu")
      throw Failure(LATHE_UNSUPPORTED, "input '", input->name,
                    "' is in device memory, from where the other ranks do not get it; give it in host memory");
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::Run;
  descriptor.entry = indexOf(*program, *call.entry);
  descriptor.number = ++calls;
  PayloadWriter writer(payload);
  writer.put(call.symbols);
  writer.put(call.outputDims);
  writer.put(call.outputBytes);
  for (const lathe_tensor *input : call.inputs) {
    writer.put(input, sizeof(*input));
    writer.put(input->data, input->bytes);
  }
  breaking(*group, [&] {
    broadcast(*group, descriptor, payload);
    executor->run(call);
  });
}

// ---- The other ranks ----

namespace {

class Follower {
public:
  Follower(Group &group, const Program &program, Executor &executor)
      : group(group), program(program), executor(executor) {}

  void follow() {
    for (;;) {
      broadcast(group, descriptor, payload);
      if (descriptor.kind == CallKind::End)
        return;
      if (descriptor.entry >= program.manifest.entries.size())
        throw Failure(LATHE_DEVICE_ERROR, "rank 0 calls entry ", descriptor.entry, " but there are ",
                      program.manifest.entries.size());
      const Entry &entry = program.manifest.entries[descriptor.entry];
      descriptor.kind == CallKind::Step ? step(entry) : run(entry);
    }
  }

private:
  void step(const Entry &entry) {
    PayloadReader reader(payload);
    reader.take(copies);
    for (size_t i = 0; i + 2 < copies.size(); i += 3)
      executor.copyPage(size_t(copies[i]), copies[i + 1], copies[i + 2], nullptr);
    stepCall.entry = &entry;
    stepCall.shape = descriptor.shape;
    stepCall.wantedRows = descriptor.wantedRows;
    reader.take(stepCall.symbols);
    for (auto array : StepArrays)
      reader.take(stepCall.*array);
    candidates.count = descriptor.candidates;
    stepCall.candidates = descriptor.candidates ? &candidates : nullptr;
    executor.step(stepCall);
  }

  void run(const Entry &entry) {
    PayloadReader reader(payload);
    tensorCall.entry = &entry;
    reader.take(tensorCall.symbols);
    reader.take(tensorCall.outputDims);
    reader.take(tensorCall.outputBytes);
    inputs.resize(entry.inputs.size());
    tensorCall.inputs.clear();
    for (size_t i = 0; i != inputs.size(); ++i) {
      std::memcpy(&inputs[i], reader.take().data(), sizeof(lathe_tensor));
      inputs[i].name = entry.inputs[i].name.c_str();
      inputs[i].data = reader.take().data();
      tensorCall.inputs.push_back(&inputs[i]);
    }
    tensorCall.outputs.assign(entry.outputs.size(), nullptr); // rank 0 alone gives results out
    executor.run(tensorCall);
  }

  Group &group;
  const Program &program;
  Executor &executor;
  CallDescriptor descriptor{};
  std::vector<unsigned char> payload;
  std::vector<int32_t> copies;
  std::vector<lathe_tensor> inputs;
  StepCall stepCall{};
  TensorCall tensorCall{};
  CandidateRows candidates{};
};

} // namespace

void followCalls(Group &group, const Program &program, Executor &executor) {
  breaking(group, [&] { Follower(group, program, executor).follow(); });
}

void requireSame(Group &group, std::span<const unsigned char, 32> digest, const char *what) {
  std::vector<unsigned char> all(digest.size() * size_t(group.size));
  group.allGather(digest.data(), all.data(), digest.size());
  for (int rank = 1; rank != group.size; ++rank)
    if (!std::equal(all.begin(), all.begin() + 32, all.begin() + 32 * rank))
      throw Failure(LATHE_INVALID_ARGUMENT, "rank ", rank, " of ", group.size, " has other ", what,
                    " than rank 0; give all ranks the same");
}

} // namespace lathe::runtime
