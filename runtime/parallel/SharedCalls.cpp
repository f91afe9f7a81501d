#include "runtime/parallel/SharedCalls.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Sha256.h"
#include "runtime/session/LimitStates.h"

#include <algorithm>
#include <cstring>
#include <map>

namespace lathe::runtime {

namespace {

enum class CallKind : uint32_t { Open = 1, Step = 2, Run = 3, Close = 4, End = 5 };

/// What rank 0 broadcasts first. It has one size, so that it is the same collective whatever follows; most decode steps
/// fit into it whole.
struct CallDescriptor {
  CallKind kind;
  uint32_t session;
  uint32_t entry; ///< of the manifest
  uint32_t reserved;
  uint64_t number; ///< of the session's calls
  StepShape shape;
  int64_t wantedRows;
  int64_t candidates; ///< 0: not asked for
  uint64_t payloadBytes;
  unsigned char payload[4096 - 80]; ///< what is longer follows in a broadcast of its own
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

  [[noreturn]] static void damaged() {
    throw Failure(LATHE_DEVICE_ERROR,
                  "rank 0 tells of a call in a form that this rank does not know; run one release on all ranks");
  }

private:
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

/// What Open carries of lathe_session_options.
struct SessionRequest {
  uint64_t cacheBytes;
  int64_t textTokens;
  int32_t maxSequences, madeUpWeights;
};

/// What all ranks must have alike: the program, and how many pages of which states there are.
Sha256Digest digestOf(const Program &program, const StateLimits &limits) {
  std::string text = program.manifest.text;
  for (const PageGroup &pages : limits.groups)
    text += " " + std::to_string(pages.pages);
  text += " " + std::to_string(limits.textPages) + " " + std::to_string(limits.maxSequences);
  return sha256(text.data(), text.size());
}

void requireSame(Group &group, const Sha256Digest &digest) {
  std::vector<unsigned char> all(digest.size() * size_t(group.size));
  group.allGather(digest.data(), all.data(), digest.size());
  for (int rank = 1; rank != group.size; ++rank)
    if (!std::equal(digest.begin(), digest.end(), all.begin() + std::ptrdiff_t(digest.size()) * rank))
      throw Failure(LATHE_INVALID_ARGUMENT, "rank ", rank, " of ", group.size,
                    " has another program than rank 0; give all ranks the same");
}

/// What all ranks do to open a session. When it returns all have, so that rank 0 begins with no call before.
std::unique_ptr<Executor> openTogether(const std::shared_ptr<Group> &group,
                                       const std::shared_ptr<const Program> &program, Device &device,
                                       const lathe_session_options &options) {
  StateLimits limits = limitStates(*program, options);
  Sha256Digest digest = digestOf(*program, limits);
  requireSame(*group, digest);
  program->setRank(group->rank);
  std::unique_ptr<Executor> executor = device.createExecutor(program, limits, group);
  requireSame(*group, digest);
  return executor;
}

} // namespace

void checkRanks(const Program &program, const Group *group) {
  const std::optional<Ranks> &ranks = program.manifest.ranks;
  if (!ranks && group)
    throw Failure(LATHE_INVALID_ARGUMENT, program.artifact.where(), ": was compiled for one device, but a group of ",
                  group->size, " ranks is given; leave it out, or compile with --tensor-parallel=", group->size);
  if (ranks && !group)
    throw Failure(LATHE_INVALID_ARGUMENT, program.artifact.where(), ": was compiled for ", ranks->size,
                  " ranks, but no group of them is given; start it with mpirun -n ", ranks->size);
  if (ranks && ranks->size != group->size)
    throw Failure(LATHE_INVALID_ARGUMENT, program.artifact.where(), ": was compiled for ", ranks->size,
                  " ranks, but the group has ", group->size, "; start as many");
}

// ---- Rank 0 ----

LeadingExecutor::LeadingExecutor(std::shared_ptr<Group> ranks, std::shared_ptr<const Program> loaded, Device &device,
                                 const lathe_session_options &options)
    : group(std::move(ranks)), program(std::move(loaded)) {
  std::lock_guard turn(group->calls);
  session = group->sessions++;
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::Open;
  descriptor.session = session;
  SessionRequest request = {options.kv_cache_bytes, options.max_text_tokens, options.max_sequences,
                            options.made_up_weights};
  PayloadWriter(payload).put(&request, sizeof(request));
  breaking(*group, [&] {
    broadcast(*group, descriptor, payload);
    executor = openTogether(group, program, device, options);
  });
}

/// Says that something ends; where the group is broken the others know it.
static void tell(Group &group, CallKind kind, uint32_t session) {
  CallDescriptor descriptor{};
  descriptor.kind = kind;
  descriptor.session = session;
  std::vector<unsigned char> payload;
  try {
    broadcast(group, descriptor, payload);
  } catch (const std::exception &) {
  }
}

LeadingExecutor::~LeadingExecutor() {
  std::lock_guard turn(group->calls);
  tell(*group, CallKind::Close, session);
  executor.reset(); // ranks may meet for it
}

void endCalls(Group &group) {
  std::lock_guard turn(group.calls);
  tell(group, CallKind::End, 0);
}

void LeadingExecutor::copyPage(size_t pages, int32_t target, int32_t source, void *stream) {
  copies.insert(copies.end(), {int32_t(pages), target, source});
  executor->copyPage(pages, target, source, stream);
}

void LeadingExecutor::step(const StepCall &call) {
  std::lock_guard turn(group->calls);
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::Step;
  descriptor.session = session;
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
  std::lock_guard turn(group->calls);
  CallDescriptor descriptor{};
  descriptor.kind = CallKind::Run;
  descriptor.session = session;
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
  Follower(const std::shared_ptr<Group> &group, const std::shared_ptr<const Program> &program, Device &device)
      : group(group), program(program), device(device) {}

  void follow() {
    for (;;) {
      broadcast(*group, descriptor, payload);
      switch (descriptor.kind) {
      case CallKind::Open:
        open();
        break;
      case CallKind::Step:
        step(entry());
        break;
      case CallKind::Run:
        run(entry());
        break;
      case CallKind::Close:
        sessions.erase(descriptor.session);
        break;
      case CallKind::End:
        return;
      }
    }
  }

private:
  void open() {
    PayloadReader reader(payload);
    SessionRequest request;
    if (std::span<unsigned char> bytes = reader.take(); bytes.size() == sizeof(request))
      std::memcpy(&request, bytes.data(), sizeof(request));
    else
      PayloadReader::damaged();
    lathe_session_options options = {};
    options.struct_size = sizeof(options);
    options.kv_cache_bytes = request.cacheBytes;
    options.max_text_tokens = request.textTokens;
    options.max_sequences = request.maxSequences;
    options.made_up_weights = request.madeUpWeights;
    sessions[descriptor.session] = openTogether(group, program, device, options);
  }

  const Entry &entry() const {
    if (descriptor.entry >= program->manifest.entries.size())
      throw Failure(LATHE_DEVICE_ERROR, "rank 0 calls entry ", descriptor.entry, " but there are ",
                    program->manifest.entries.size());
    return program->manifest.entries[descriptor.entry];
  }

  Executor &executor() const {
    auto found = sessions.find(descriptor.session);
    if (found == sessions.end())
      PayloadReader::damaged();
    return *found->second;
  }

  void step(const Entry &entry) {
    PayloadReader reader(payload);
    reader.take(copies);
    for (size_t i = 0; i + 2 < copies.size(); i += 3)
      executor().copyPage(size_t(copies[i]), copies[i + 1], copies[i + 2], nullptr);
    stepCall.entry = &entry;
    stepCall.shape = descriptor.shape;
    stepCall.wantedRows = descriptor.wantedRows;
    reader.take(stepCall.symbols);
    for (auto array : StepArrays)
      reader.take(stepCall.*array);
    candidates.count = descriptor.candidates;
    stepCall.candidates = descriptor.candidates ? &candidates : nullptr;
    executor().step(stepCall);
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
    executor().run(tensorCall);
  }

  const std::shared_ptr<Group> &group;
  const std::shared_ptr<const Program> &program;
  Device &device;
  std::map<uint32_t, std::unique_ptr<Executor>> sessions; ///< by rank 0's number
  CallDescriptor descriptor{};
  std::vector<unsigned char> payload;
  std::vector<int32_t> copies;
  std::vector<lathe_tensor> inputs;
  StepCall stepCall{};
  TensorCall tensorCall{};
  CandidateRows candidates{};
};

} // namespace

void followCalls(const std::shared_ptr<Group> &group, const std::shared_ptr<const Program> &program, Device &device) {
  if (group->rank == 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "this is rank 0, which the others follow");
  breaking(*group, [&] {
    checkDevice(*program, device);
    checkRanks(*program, group.get());
    Follower(group, program, device).follow();
  });
}

} // namespace lathe::runtime
