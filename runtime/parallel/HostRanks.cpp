#include "runtime/parallel/HostRanks.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Manifest.h"

#include <chrono>
#include <cstring>
#include <dlfcn.h>
#include <sched.h>
#include <thread>

namespace lathe::runtime {

static const MpiPlugin *loadPlugin(const char *path) {
  const char *name = path ? path : "liblathe-mpi.so";
  // Never closed: MPI keeps threads and state of its own. Its own plug-ins look for its functions in the whole process.
  void *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    throw Failure(LATHE_NOT_FOUND, name, ", through which ranks meet by MPI: ", dlerror(),
                  "; install an MPI library (Debian: libopenmpi3) beside it, or name the plug-in in mpi_plugin");
  auto function = reinterpret_cast<MpiPluginFunction>(dlsym(library, MpiPluginSymbol));
  const MpiPlugin *plugin = function ? function() : nullptr;
  if (!plugin || plugin->version != MpiPluginVersion || plugin->bytes != sizeof(MpiPlugin))
    throw Failure(LATHE_UNSUPPORTED, name, ": is of version ", plugin ? plugin->version : 0,
                  " but this runtime needs version ", MpiPluginVersion, "; use the plug-in of this release");
  return plugin;
}

HostRanks::HostRanks(const char *plugin, int wantedRank, int wantedSize) : mpi(loadPlugin(plugin)) {
  if (const char *problem = mpi->open(&world, &rank, &size))
    throw Failure(LATHE_DEVICE_ERROR, "MPI cannot be started: ", problem);
  if (rank == wantedRank && size == wantedSize)
    return;
  mpi->close(world, /*orderly=*/false);
  throw Failure(LATHE_INVALID_ARGUMENT, "rank is ", wantedRank, " of ", wantedSize, " but for MPI this process is ",
                rank, " of ", size, "; start it with mpirun -n ", wantedSize, " and give the rank that MPI gives");
}

HostRanks::~HostRanks() { mpi->close(world, orderly); }

template <typename Begin> void HostRanks::wait(const char *what, bool limited, Begin begin) {
  using Clock = std::chrono::steady_clock;
  watch->check();
  Watch::Wait waiting(*watch, what, limited);
  MpiRequest *request = nullptr;
  const char *problem = begin(&request);
  bool done = false;
  Clock::time_point start = Clock::now();
  for (unsigned turn = 1; !problem; ++turn) {
    problem = mpi->test(request, &done);
    if (problem || done)
      break;
    if (turn % 64)
      continue;
    watch->check(); // the buffers of the request, which MPI may still write to, stay: a broken group ends the process
    // A rank that computes needs the processor more than one that waits.
    if (Clock::now() - start < std::chrono::milliseconds(2))
      sched_yield();
    else
      std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
  if (problem)
    throw Failure(LATHE_DEVICE_ERROR, "MPI, ", what, ": ", problem);
}

unsigned char *HostRanks::scratch(size_t which, int64_t bytes) {
  std::vector<unsigned char> &buffer = buffers[which];
  if (buffer.size() < size_t(bytes))
    buffer.resize(size_t(bytes));
  return buffer.data();
}

void HostRanks::broadcast(void *buffer, size_t bytes, bool limited) {
  if (bytes)
    wait("broadcast", limited,
         [&](MpiRequest **request) { return mpi->broadcast(world, buffer, int64_t(bytes), 0, request); });
}

void HostRanks::gather(const void *source, void *target, int64_t bytes) {
  wait("all_gather", true, [&](MpiRequest **request) { return mpi->allGather(world, source, target, bytes, request); });
}

void HostRanks::reduceScatter(const Collective &call) {
  int64_t bytes = call.count * int64_t(typeBytes(call.type));
  unsigned char *parts = scratch(0, bytes * size);
  wait("reduce_scatter", true,
       [&](MpiRequest **request) { return mpi->allToAll(world, call.source, parts, bytes, request); });
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
  wait("all_reduce", true,
       [&](MpiRequest **request) { return mpi->allToAll(world, whole, parts, part * width, request); });
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

void HostRanks::send(const Beat &beat) {
  static_assert(sizeof(Beat) <= MostMessageBytes);
  for (int to = 0; to != size; ++to)
    if (to != rank)
      (void)mpi->send(world, to, &beat, sizeof(beat)); // a rank that cannot be reached is silent to us too
}

int HostRanks::receive(Beat &beat) {
  int32_t from = -1;
  return mpi->receive(world, &beat, sizeof(beat), &from) ? -1 : from;
}

} // namespace lathe::runtime
