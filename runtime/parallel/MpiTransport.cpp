#include "runtime/parallel/MpiTransport.h"

#include "runtime/Failure.h"

#include <dlfcn.h>

namespace lathe::runtime {

static const MpiPlugin *loadPlugin(const char *path) {
  const char *name = path ? path : "liblathe-mpi.so";
  // Never closed: MPI keeps threads and state of its own. Its own plug-ins look for its functions in the whole process.
  void *library = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (!library)
    throw Failure(LATHE_NOT_FOUND, name, ", through which ranks meet by MPI: ", dlerror(),
                  "; install an MPI library (Debian: libopenmpi3) beside it, name the plug-in in mpi_plugin, or let "
                  "ranks meet without MPI by a rendezvous");
  auto function = reinterpret_cast<MpiPluginFunction>(dlsym(library, MpiPluginSymbol));
  const MpiPlugin *plugin = function ? function() : nullptr;
  if (!plugin || plugin->version != MpiPluginVersion || plugin->bytes != sizeof(MpiPlugin))
    throw Failure(LATHE_UNSUPPORTED, name, ": is of version ", plugin ? plugin->version : 0,
                  " but this runtime needs version ", MpiPluginVersion, "; use the plug-in of this release");
  return plugin;
}

static void check(const char *problem, const char *what) {
  if (problem)
    throw Failure(LATHE_DEVICE_ERROR, "MPI, ", what, ": ", problem);
}

MpiTransport::MpiTransport(const char *plugin, int wantedRank, int wantedSize) : mpi(loadPlugin(plugin)) {
  if (const char *problem = mpi->open(&world, &rank, &size))
    throw Failure(LATHE_DEVICE_ERROR, "MPI cannot be started: ", problem);
  if (rank == wantedRank && size == wantedSize)
    return;
  mpi->close(world, /*orderly=*/false);
  throw Failure(LATHE_INVALID_ARGUMENT, "rank is ", wantedRank, " of ", wantedSize, " but for MPI this process is ",
                rank, " of ", size, "; start it with mpirun -n ", wantedSize, " and give the rank that MPI gives");
}

MpiTransport::~MpiTransport() {
  if (world)
    mpi->close(world, /*orderly=*/false);
}

void MpiTransport::leave() {
  mpi->close(world, /*orderly=*/true);
  world = nullptr;
}

namespace {
class PluginRequest : public Transport::Request {
public:
  PluginRequest(const MpiPlugin *mpi, const char *what) : mpi(mpi), what(what) {}
  bool isDone() override {
    bool done = false;
    check(mpi->test(request, &done), what);
    return done;
  }

  const MpiPlugin *mpi;
  const char *what;
  MpiRequest *request = nullptr;
};
} // namespace

std::unique_ptr<Transport::Request> MpiTransport::broadcast(void *buffer, int64_t bytes) {
  auto begun = std::make_unique<PluginRequest>(mpi, "broadcast");
  check(mpi->broadcast(world, buffer, bytes, 0, &begun->request), begun->what);
  return begun;
}

std::unique_ptr<Transport::Request> MpiTransport::allGather(const void *source, void *target, int64_t bytes) {
  auto begun = std::make_unique<PluginRequest>(mpi, "all_gather");
  check(mpi->allGather(world, source, target, bytes, &begun->request), begun->what);
  return begun;
}

std::unique_ptr<Transport::Request> MpiTransport::allToAll(const void *source, void *target, int64_t bytes) {
  auto begun = std::make_unique<PluginRequest>(mpi, "all_to_all");
  check(mpi->allToAll(world, source, target, bytes, &begun->request), begun->what);
  return begun;
}

void MpiTransport::send(const Beat &beat) {
  static_assert(sizeof(Beat) <= MostMessageBytes);
  for (int to = 0; to != size; ++to)
    if (to != rank)
      (void)mpi->send(world, to, &beat, sizeof(beat)); // a rank that cannot be reached is silent to us too
}

int MpiTransport::receive(Beat &beat) {
  int32_t from = -1;
  return mpi->receive(world, &beat, sizeof(beat), &from) ? -1 : from;
}

} // namespace lathe::runtime
