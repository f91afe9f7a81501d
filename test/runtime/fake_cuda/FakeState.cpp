#include "test/runtime/fake_cuda/FakeState.h"

#include <cstdlib>

namespace fake {

State &state() {
  static State theState;
  return theState;
}

std::vector<void *> &contextStack() {
  thread_local std::vector<void *> stack;
  return stack;
}

size_t State::alive() const {
  return allocations.size() + pinned.size() + opened.size() + streams.size() + events.size() + modules.size() +
         graphs.size() + graphExecs.size();
}

void State::forgetAlive() {
  for (auto &[address, bytes] : allocations)
    std::free(reinterpret_cast<void *>(address));
  for (auto &[address, bytes] : pinned)
    std::free(reinterpret_cast<void *>(address));
  auto clear = [](auto &objects) {
    for (auto *object : objects)
      delete object;
    objects.clear();
  };
  allocations.clear();
  pinned.clear();
  clear(streams);
  clear(events);
  clear(modules);
  clear(graphs);
  clear(graphExecs);
  usedBytes = 0;
  captures = 0;
  primaryUsers = 0;
  contextStack().clear();
}

bool State::covers(uint64_t address, size_t bytes) const {
  for (const auto *memory : {&allocations, &opened}) {
    auto next = memory->upper_bound(address);
    if (next == memory->begin())
      continue;
    auto &[start, size] = *std::prev(next);
    if (address - start <= size && bytes <= size - (address - start))
      return true;
  }
  return false;
}

int State::enter(const char *name, bool needsContext) {
  ++calls[name];
  if (auto planned = failures.find(name); planned != failures.end() && --planned->second.first == 0) {
    int result = planned->second.second;
    failures.erase(planned);
    return result;
  }
  if (needsContext && (contextStack().empty() || primaryUsers == 0)) {
    violate(std::string(name) + " without a current context");
    return InvalidContext;
  }
  return Success;
}

int State::enterOutsideCapture(const char *name) {
  int result = enter(name);
  if (result || captures == 0)
    return result;
  violate(std::string(name) + " inside a capture");
  for (StreamObject *stream : streams)
    stream->captureBroken |= stream->capture != nullptr;
  return CaptureUnsupported;
}

void State::enqueue(StreamObject &stream, Operation operation, bool isKernel) {
  stream.afterKernel = isKernel;
  if (stream.capture)
    stream.capture->nodes.push_back(std::move(operation));
  else
    stream.pending.emplace_back(++tickets, std::move(operation));
}

void State::drain(StreamObject &stream, uint64_t ticket) {
  while (!stream.pending.empty() && stream.pending.front().first <= ticket) {
    Operation operation = std::move(stream.pending.front().second);
    stream.pending.pop_front();
    operation();
  }
}

} // namespace fake

using namespace fake;

extern "C" {

void fakeCudaReset(int major, int minor, size_t memoryBytes) {
  State &fake = state();
  std::lock_guard lock(fake.mutex);
  fake.forgetAlive();
  fake.violations.clear();
  fake.calls.clear();
  fake.failures.clear();
  fake.major = major;
  fake.minor = minor;
  fake.memoryBytes = memoryBytes;
}

void fakeCudaRegister(const char *name, const char *signature, FakeKernel kernel) {
  std::lock_guard lock(state().mutex);
  state().kernels[name] = {signature, kernel};
}

void fakeCudaFail(const char *name, int nth, int result) {
  std::lock_guard lock(state().mutex);
  state().failures[name] = {nth, result};
}

int fakeCudaCalls(const char *name) {
  std::lock_guard lock(state().mutex);
  return state().calls[name];
}

const char *fakeCudaViolations() { return state().violations.c_str(); }
uint64_t fakeCudaLargestAllocation() {
  uint64_t largest = 0;
  size_t most = 0;
  for (auto &[address, bytes] : state().allocations)
    if (bytes > most) {
      largest = address;
      most = bytes;
    }
  return largest;
}
size_t fakeCudaAlive() { return state().alive(); }
size_t fakeCudaContextDepth() { return contextStack().size(); }
int fakeCudaEnqueue(void *stream, void (*work)(void *argument), void *argument) {
  State &fake = state();
  std::lock_guard lock(fake.mutex);
  auto *known = static_cast<StreamObject *>(stream);
  if (!fake.streams.count(known)) {
    fake.violate("work on a stream that is not alive");
    return InvalidHandle;
  }
  fake.enqueue(*known, [=] { work(argument); });
  return Success;
}
const char *fakeCudaLoadedImage() { return state().image.c_str(); }

} // extern "C"
