// A stand-in for NCCL beside the fake driver: libnccl.so.2 with the functions that the runtime uses. Ranks are
// processes of this machine, which meet in files of /dev/shm; a collective is work on a stream of the fake driver, so
// that it waits there, is captured in graphs and runs again with each replay. Ranks that come with different
// collectives end the process with a message. Sums are of f32 alone.
#include "test/runtime/fake_cuda/FakeCuda.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace {

constexpr int Success = 0, SystemError = 2, InvalidArgument = 4, Float = 7;
constexpr size_t TypeBytes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2};

enum class Kind { AllReduce, AllGather, ReduceScatter, Broadcast };

struct Comm {
  std::string base;
  int ranks, rank;
  uint64_t done = 0; ///< collectives that have run
  std::atomic<bool> aborted = false;

  std::string file(const std::string &name, int of) const { return base + "." + name + "." + std::to_string(of); }

  /// Makes what this rank gives appear as a whole.
  void publish(const std::string &name, const std::string &bytes) const {
    std::string path = file(name, rank);
    std::ofstream(path + ".part", std::ios::binary) << bytes;
    std::rename((path + ".part").c_str(), path.c_str());
  }

  /// What a rank gives, once it has; "" when aborted.
  std::string await(const std::string &name, int of) const {
    for (;;) {
      std::ifstream found(file(name, of), std::ios::binary);
      if (found)
        return {std::istreambuf_iterator<char>(found), {}};
      if (aborted)
        return "";
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }
};

struct Work {
  std::shared_ptr<Comm> comm;
  Kind kind;
  const char *source;
  char *target;
  size_t count, width;
  int reduction;

  void run() const {
    std::string number = std::to_string(comm->done++), what(1, char('0' + int(kind)));
    what += " " + std::to_string(count) + " " + std::to_string(width) + "\n";
    size_t given = count * width * (kind == Kind::ReduceScatter ? size_t(comm->ranks) : 1);
    comm->publish(number, what + std::string(source, given));
    std::vector<std::string> parts;
    for (int of = 0; of != comm->ranks; ++of) {
      parts.push_back(comm->await(number, of));
      if (comm->aborted)
        return;
      if (parts.back().rfind(what, 0) != 0) {
        std::fprintf(stderr, "fake NCCL: collective %s is another on rank %d\n", number.c_str(), of);
        std::abort();
      }
      parts.back().erase(0, what.size());
    }
    for (int of = 0; kind == Kind::AllGather && of != comm->ranks; ++of)
      std::memcpy(target + size_t(of) * given, parts[size_t(of)].data(), given);
    if (kind == Kind::Broadcast)
      std::memcpy(target, parts[0].data(), given);
    size_t begin = kind == Kind::ReduceScatter ? size_t(comm->rank) * count : 0;
    for (size_t i = 0; (kind == Kind::AllReduce || kind == Kind::ReduceScatter) && i != count; ++i) {
      auto at = [&](int of) { return reinterpret_cast<const float *>(parts[size_t(of)].data())[begin + i]; };
      float value = at(0);
      for (int of = 1; of != comm->ranks; ++of)
        value = reduction == 0 ? value + at(of) : reduction == 2 ? std::max(value, at(of)) : std::min(value, at(of));
      reinterpret_cast<float *>(target)[i] = value;
    }
    // All have read what was two before: they have come to what was one before.
    if (comm->done > 2)
      unlink(comm->file(std::to_string(comm->done - 3), comm->rank).c_str());
  }
};

int enqueue(Comm *comm, Work work, int type, void *stream) {
  static auto *put = reinterpret_cast<decltype(fakeCudaEnqueue) *>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), "fakeCudaEnqueue"));
  bool reduces = work.kind == Kind::AllReduce || work.kind == Kind::ReduceScatter;
  if (type < 0 || type > 9 || (reduces && type != Float))
    return InvalidArgument;
  work.width = TypeBytes[type];
  work.comm = *reinterpret_cast<std::shared_ptr<Comm> *>(comm);
  // Kept as long as the process: a graph may run it again at any time.
  return put(
             stream, [](void *argument) { static_cast<Work *>(argument)->run(); }, new Work(work))
             ? SystemError
             : Success;
}

} // namespace

extern "C" {

struct ncclUniqueId {
  char bytes[128];
};

int ncclGetVersion(int *version) {
  *version = 22809;
  return Success;
}

const char *ncclGetErrorString(int result) {
  return result == Success ? "no error" : result == InvalidArgument ? "invalid argument" : "unhandled system error";
}

int ncclGetUniqueId(ncclUniqueId *id) {
  std::snprintf(id->bytes, sizeof(id->bytes), "/dev/shm/fake-nccl-%d", int(getpid()));
  return Success;
}

int ncclCommInitRank(void **comm, int ranks, ncclUniqueId id, int rank) {
  auto made = std::make_shared<Comm>();
  made->base = id.bytes;
  made->ranks = ranks;
  made->rank = rank;
  made->publish("join", "here");
  for (int of = 0; of != ranks; ++of)
    (void)made->await("join", of);
  *comm = new std::shared_ptr<Comm>(made);
  return Success;
}

static int end(void *comm) {
  auto *ended = static_cast<std::shared_ptr<Comm> *>(comm);
  (*ended)->aborted = true;
  return Success;
}

int ncclCommDestroy(void *comm) {
  Comm &ended = **static_cast<std::shared_ptr<Comm> *>(comm);
  for (uint64_t i = ended.done < 3 ? 0 : ended.done - 3; i + 1 < ended.done; ++i)
    unlink(ended.file(std::to_string(i), ended.rank).c_str());
  unlink(ended.file("join", ended.rank).c_str());
  return end(comm);
}

/// As NCCL does it, this returns when no graph has collectives any more.
int ncclCommAbort(void *comm) {
  static auto *calls = reinterpret_cast<decltype(fakeCudaCalls) *>(
      dlsym(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL), "fakeCudaCalls"));
  end(comm);
  while (calls("cuGraphInstantiate") > calls("cuGraphExecDestroy"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return Success;
}

int ncclCommGetAsyncError(void *, int *error) {
  *error = Success;
  return Success;
}

int ncclAllReduce(const char *source, char *target, size_t count, int type, int reduction, Comm *comm, void *stream) {
  return enqueue(comm, {nullptr, Kind::AllReduce, source, target, count, 0, reduction}, type, stream);
}

int ncclAllGather(const char *source, char *target, size_t count, int type, Comm *comm, void *stream) {
  return enqueue(comm, {nullptr, Kind::AllGather, source, target, count, 0, 0}, type, stream);
}

int ncclReduceScatter(const char *source, char *target, size_t count, int type, int reduction, Comm *comm,
                      void *stream) {
  return enqueue(comm, {nullptr, Kind::ReduceScatter, source, target, count, 0, reduction}, type, stream);
}

int ncclBroadcast(const char *source, char *target, size_t count, int type, int, Comm *comm, void *stream) {
  return enqueue(comm, {nullptr, Kind::Broadcast, source, target, count, 0, 0}, type, stream);
}

} // extern "C"
