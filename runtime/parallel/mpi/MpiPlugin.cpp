#include "runtime/parallel/MpiPlugin.h"

#include <climits>
#include <list>
#include <mpi.h>
#include <mutex>
#include <string>
#include <vector>

namespace lathe::runtime {

struct MpiRequest {
  MPI_Request request = MPI_REQUEST_NULL;
};

/// A message on its way: MPI reads it until then.
struct Sent {
  std::vector<unsigned char> bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

struct MpiWorld {
  MPI_Comm collectives = MPI_COMM_NULL, messages = MPI_COMM_NULL;
  bool started = false; ///< by us
  std::mutex mutex;     ///< guards all below
  std::list<Sent> sent;
};

namespace {

/// NULL for success, else what MPI says.
const char *explain(int code) {
  if (code == MPI_SUCCESS)
    return nullptr;
  static thread_local char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  MPI_Error_string(code, text, &length);
  return text;
}

const char *join(MpiWorld &world, int32_t *rank, int32_t *size) {
  int isRunning = 0, isOver = 0, provided = 0;
  MPI_Initialized(&isRunning);
  MPI_Finalized(&isOver);
  if (isOver)
    return "MPI has been ended in this process and cannot be started again; keep the group";
  if (isRunning) {
    MPI_Query_thread(&provided);
  } else {
    if (const char *problem = explain(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided)))
      return problem;
    world.started = true;
  }
  if (provided != MPI_THREAD_MULTIPLE)
    return "MPI does not let several threads call it, which watching the other ranks needs; start it with "
           "MPI_THREAD_MULTIPLE, or use an MPI library that was built for it";
  for (MPI_Comm *communicator : {&world.collectives, &world.messages}) {
    if (const char *problem = explain(MPI_Comm_dup(MPI_COMM_WORLD, communicator)))
      return problem;
    MPI_Comm_set_errhandler(*communicator, MPI_ERRORS_RETURN);
  }
  int ownRank = 0, ranks = 0;
  MPI_Comm_rank(world.collectives, &ownRank);
  MPI_Comm_size(world.collectives, &ranks);
  *rank = ownRank;
  *size = ranks;
  return nullptr;
}

void end(MpiWorld &world) {
  if (world.started)
    MPI_Finalize();
}

const char *open(MpiWorld **out, int32_t *rank, int32_t *size) {
  auto *world = new MpiWorld;
  if (const char *problem = join(*world, rank, size)) {
    end(*world);
    delete world;
    return problem;
  }
  *out = world;
  return nullptr;
}

void close(MpiWorld *world, bool orderly) {
  // MPI may still read messages to ranks that do not take any: what is not ended orderly is left to the process's end.
  if (!orderly)
    return;
  MPI_Barrier(world->collectives); // until then others may look for messages
  for (Sent &sent : world->sent)
    MPI_Request_free(&sent.request);
  MPI_Comm_free(&world->messages);
  MPI_Comm_free(&world->collectives);
  end(*world);
  delete world;
}

/// The request that `begin` begins with elements of the largest size that divides `bytes`: MPI counts them in an int.
template <typename Begin> const char *started(int64_t bytes, MpiRequest **out, Begin begin) {
  int64_t width = bytes % 8 == 0 ? 8 : bytes % 2 == 0 ? 2 : 1;
  MPI_Datatype type = width == 8 ? MPI_UINT64_T : width == 2 ? MPI_UINT16_T : MPI_BYTE;
  if (bytes / width > INT_MAX)
    return "more bytes than MPI counts in one call; split the batch";
  auto *request = new MpiRequest;
  if (const char *problem = explain(begin(int(bytes / width), type, &request->request))) {
    delete request;
    return problem;
  }
  *out = request;
  return nullptr;
}

const char *broadcast(MpiWorld *world, void *buffer, int64_t bytes, int32_t root, MpiRequest **out) {
  return started(bytes, out, [&](int count, MPI_Datatype type, MPI_Request *request) {
    return MPI_Ibcast(buffer, count, type, root, world->collectives, request);
  });
}

const char *allGather(MpiWorld *world, const void *source, void *target, int64_t bytes, MpiRequest **out) {
  return started(bytes, out, [&](int count, MPI_Datatype type, MPI_Request *request) {
    return MPI_Iallgather(source, count, type, target, count, type, world->collectives, request);
  });
}

const char *allToAll(MpiWorld *world, const void *source, void *target, int64_t bytes, MpiRequest **out) {
  return started(bytes, out, [&](int count, MPI_Datatype type, MPI_Request *request) {
    return MPI_Ialltoall(source, count, type, target, count, type, world->collectives, request);
  });
}

const char *test(MpiRequest *request, bool *done) {
  int isDone = 0;
  const char *problem = explain(MPI_Test(&request->request, &isDone, MPI_STATUS_IGNORE));
  *done = isDone && !problem;
  if (isDone || problem)
    delete request;
  return problem;
}

const char *send(MpiWorld *world, int32_t rank, const void *message, int32_t bytes) {
  std::lock_guard lock(world->mutex);
  std::erase_if(world->sent, [](Sent &sent) {
    int isDone = 0;
    return MPI_Test(&sent.request, &isDone, MPI_STATUS_IGNORE) != MPI_SUCCESS || isDone;
  });
  const auto *first = static_cast<const unsigned char *>(message);
  Sent &sent = world->sent.emplace_back(Sent{{first, first + bytes}});
  return explain(MPI_Isend(sent.bytes.data(), bytes, MPI_BYTE, rank, 0, world->messages, &sent.request));
}

const char *receive(MpiWorld *world, void *message, int32_t capacity, int32_t *rank) {
  int isThere = 0;
  MPI_Status status;
  *rank = -1;
  MPI_Message found;
  if (const char *problem = explain(MPI_Improbe(MPI_ANY_SOURCE, 0, world->messages, &isThere, &found, &status)))
    return problem;
  if (!isThere)
    return nullptr;
  *rank = status.MPI_SOURCE;
  return explain(MPI_Mrecv(message, capacity, MPI_BYTE, &found, MPI_STATUS_IGNORE));
}

constexpr MpiPlugin Plugin = {MpiPluginVersion, sizeof(MpiPlugin), open, close, broadcast,
                              allGather,        allToAll,          test, send,  receive};

} // namespace

} // namespace lathe::runtime

extern "C" __attribute__((visibility("default"))) const lathe::runtime::MpiPlugin *lathe_mpi_plugin() {
  return &lathe::runtime::Plugin;
}
