#ifndef LATHE_TEST_RUNTIME_FAKE_CUDA_FAKESTATE_H
#define LATHE_TEST_RUNTIME_FAKE_CUDA_FAKESTATE_H

#include "test/runtime/fake_cuda/FakeCuda.h"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace fake {

inline constexpr int Success = 0, InvalidValue = 1, OutOfMemory = 2, NotInitialized = 3, NoDevice = 100,
                     InvalidContext = 201, InvalidHandle = 400, NotFound = 500, CaptureUnsupported = 900,
                     CaptureInvalidated = 901;

using Operation = std::function<void()>;

struct KernelEntry {
  std::string signature;
  FakeKernel kernel;
};

/// A function of a loaded module.
struct FunctionObject {
  std::string name;
  const KernelEntry *entry;
  int maxDynamicShared = 48 * 1024;
};

struct ModuleObject {
  std::map<std::string, std::unique_ptr<FunctionObject>> functions;
};

struct GraphObject {
  std::vector<Operation> nodes;
};

/// CUlaunchAttribute and CUlaunchConfig of the documented binary interface.
struct LaunchAttribute {
  int id;
  char padding[4];
  int value;
  char rest[60];
};

struct LaunchConfig {
  unsigned grid[3], block[3], sharedBytes;
  struct StreamObject *stream;
  const LaunchAttribute *attributes;
  unsigned attributeCount;
};

struct StreamObject {
  std::deque<std::pair<uint64_t, Operation>> pending; ///< with the ticket that is done when it has run
  std::unique_ptr<GraphObject> capture;
  bool captureBroken = false;
  bool afterKernel = false; ///< the last thing enqueued is a kernel
};

struct EventObject {
  StreamObject *stream = nullptr;
  uint64_t ticket = 0; ///< of the last record
  bool timing = true;
  uint64_t time = 0; ///< when the last record was reached
};

struct State {
  std::recursive_mutex mutex;
  int major = 9, minor = 0;
  size_t memoryBytes = size_t(4) << 30, usedBytes = 0;
  bool initialized = false;
  int primaryUsers = 0;
  uint64_t tickets = 0;
  uint64_t time = 0; ///< a pretended clock: launches and copies take 1 ms each
  std::string violations, image;
  std::map<std::string, int> calls;
  std::map<std::string, std::pair<int, int>> failures; ///< name: calls left until it, result
  std::map<std::string, KernelEntry> kernels;
  std::map<uint64_t, size_t> allocations; ///< address: bytes
  std::map<uint64_t, size_t> pinned;
  std::map<uint64_t, std::string> shared; ///< allocations that other processes may open, and their files
  std::map<uint64_t, size_t> opened;      ///< of other processes
  std::set<StreamObject *> streams;
  std::set<EventObject *> events;
  std::set<ModuleObject *> modules;
  std::set<GraphObject *> graphs, graphExecs;
  int captures = 0;

  size_t alive() const;
  /// Frees what a test that planned a failure left behind.
  void forgetAlive();
  void violate(const std::string &text) { violations += text + "\n"; }
  /// Whether [address, address + bytes) lies in one live allocation.
  bool covers(uint64_t address, size_t bytes) const;
  /// Counts a call. Success, or what the call returns at once.
  int enter(const char *name, bool needsContext = true);
  /// As `enter`, for what no capture allows.
  int enterOutsideCapture(const char *name);

  void enqueue(StreamObject &stream, Operation operation, bool isKernel = false);
  /// Runs a stream's work up to and including this ticket.
  void drain(StreamObject &stream, uint64_t ticket = ~uint64_t(0));
};

State &state();
/// The contexts pushed on this thread.
std::vector<void *> &contextStack();

} // namespace fake

#endif // LATHE_TEST_RUNTIME_FAKE_CUDA_FAKESTATE_H
