// The contract between the runtime and liblathe-mpi.so, the only part of Lathe that knows MPI. The library is optional:
// it is built where MPI's headers are, and found by dlopen when a group of ranks meets through MPI.
//
// It moves bytes and adds nothing up: sums are the runtime's (HostCollectives.h), so that they have one order. No
// function waits, but `open` and `close`; each may be called from any thread. A function that can fail returns NULL, or
// a text that holds until the thread's next call.
#ifndef LATHE_RUNTIME_PARALLEL_MPIPLUGIN_H
#define LATHE_RUNTIME_PARALLEL_MPIPLUGIN_H

#include <cstdint>

namespace lathe::runtime {

inline constexpr uint32_t MpiPluginVersion = 1;

struct MpiWorld;
struct MpiRequest;

struct MpiPlugin {
  uint32_t version; ///< MpiPluginVersion
  uint32_t bytes;   ///< sizeof(MpiPlugin)

  /// Joins all ranks of MPI's world. Starts MPI if the process has not done so; then `close` ends it, after which MPI
  /// cannot be started again.
  const char *(*open)(MpiWorld **out_world, int32_t *out_rank, int32_t *out_size);
  /// Leaves. With `orderly` all ranks do, and it waits for them; otherwise nothing more is asked of MPI, and the
  /// process should end.
  void (*close)(MpiWorld *world, bool orderly);

  /// Collectives of all ranks, which call them in one order. Buffers stay until the request is done.
  /// Copies `bytes` of `root` to all others.
  const char *(*broadcast)(MpiWorld *world, void *buffer, int64_t bytes, int32_t root, MpiRequest **out_request);
  /// Rank r's `bytes` go to target + r * bytes of all.
  const char *(*allGather)(MpiWorld *world, const void *source, void *target, int64_t bytes, MpiRequest **out_request);
  /// source + r * bytes goes to rank r, where it stands at target + own rank * bytes.
  const char *(*allToAll)(MpiWorld *world, const void *source, void *target, int64_t bytes, MpiRequest **out_request);
  /// Whether the request is done; then it is released.
  const char *(*test)(MpiRequest *request, bool *out_done);

  /// Sends a message of at most `MostMessageBytes`, beside all collectives.
  const char *(*send)(MpiWorld *world, int32_t rank, const void *message, int32_t bytes);
  /// Takes a message that has come, if there is one: `out_rank` is who sent it, or -1.
  const char *(*receive)(MpiWorld *world, void *message, int32_t capacity, int32_t *out_rank);
};

inline constexpr int32_t MostMessageBytes = 512;

/// What the library exports, under this name.
using MpiPluginFunction = const MpiPlugin *(*)();
inline constexpr char MpiPluginSymbol[] = "lathe_mpi_plugin";

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_MPIPLUGIN_H
