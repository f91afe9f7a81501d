#include "runtime/parallel/HostRanks.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Manifest.h"

#include <chrono>
#include <cstring>
#include <sched.h>
#include <thread>

namespace lathe::runtime {

template <typename Begin> void HostRanks::wait(const char *what, bool limited, Begin begin) {
  using Clock = std::chrono::steady_clock;
  watch.check();
  Watch::Wait waiting(watch, what, limited);
  std::unique_ptr<Transport::Request> request = begin();
  Clock::time_point start = Clock::now();
  for (unsigned turn = 1; !request->isDone(); ++turn) {
    if (turn % 64)
      continue;
    watch.check(); // the buffers of the request, which may still be written to, stay: a broken group ends the process
    // A rank that computes needs the processor more than one that waits.
    if (Clock::now() - start < std::chrono::milliseconds(2))
      sched_yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

unsigned char *HostRanks::scratch(size_t which, int64_t bytes) {
  std::vector<unsigned char> &buffer = buffers[which];
  if (buffer.size() < size_t(bytes))
    buffer.resize(size_t(bytes));
  return buffer.data();
}

void HostRanks::broadcast(void *buffer, size_t bytes, bool limited) {
  if (bytes)
    wait("broadcast", limited, [&] { return transport.broadcast(buffer, int64_t(bytes)); });
}

void HostRanks::gather(const void *source, void *target, int64_t bytes) {
  wait("all_gather", true, [&] { return transport.allGather(source, target, bytes); });
}

void HostRanks::reduceScatter(const Collective &call) {
  int64_t bytes = call.count * int64_t(typeBytes(call.type));
  unsigned char *parts = scratch(0, bytes * size);
  wait("reduce_scatter", true, [&] { return transport.allToAll(call.source, parts, bytes); });
  reduceRows(call.reduction, call.type, parts, size, call.count, call.target, call.count);
}

void HostRanks::allReduce(const Collective &call) {
  auto width = int64_t(typeBytes(call.type)), bytes = call.count * width;
  if (bytes < FewBytes) {
    unsigned char *parts = scratch(0, bytes * size);
    gather(call.source, parts, bytes);
    return reduceRows(call.reduction, call.type, parts, size, call.count, call.target, call.count);
  }
  // Each rank adds up its n-th part of all; what is behind the end fills the last parts up.
  int64_t part = (call.count + size - 1) / size;
  unsigned char *whole = scratch(1, part * size * width);
  std::memcpy(whole, call.source, size_t(bytes));
  std::memset(whole + bytes, 0, size_t(part * size * width - bytes));
  unsigned char *parts = scratch(0, part * size * width);
  wait("all_reduce", true, [&] { return transport.allToAll(whole, parts, part * width); });
  reduceRows(call.reduction, call.type, parts, size, part, parts, part);
  gather(parts, whole, part * width);
  std::memcpy(call.target, whole, size_t(bytes));
}

void HostRanks::run(const Collective &call) {
  size_t bytes = size_t(call.count) * typeBytes(call.type);
  if (bytes == 0)
    return;
  switch (call.kind) {
  case CollectiveKind::AllReduce:
    return allReduce(call);
  case CollectiveKind::AllGather:
    return gather(call.source, call.target, int64_t(bytes));
  case CollectiveKind::ReduceScatter:
    return reduceScatter(call);
  case CollectiveKind::Broadcast:
    if (rank == 0 && call.target != call.source)
      std::memcpy(call.target, call.source, bytes);
    return broadcast(call.target, bytes);
  }
}

} // namespace lathe::runtime
