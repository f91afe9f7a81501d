#include "runtime/parallel/Group.h"

#include "runtime/Failure.h"
#include "runtime/parallel/MpiTransport.h"
#include "runtime/parallel/SharedCalls.h"
#include "runtime/parallel/SocketTransport.h"

#include <algorithm>

namespace lathe::runtime {

/// More ranks than any job has: a larger number is a mistake.
static constexpr int MostRanks = 65536;

static std::chrono::milliseconds limitOf(const char *name, int32_t given, int32_t usual) {
  if (given < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, name, " is ", given, " but must be at least 0");
  return std::chrono::milliseconds(given ? given : usual);
}

Group::Group(const lathe_group_options &options)
    : rank(options.rank), size(options.size),
      directBytes(options.direct_bytes == 0 ? -1 : std::max(options.direct_bytes, 0)) {
  if (size < 1 || size > MostRanks)
    throw Failure(LATHE_INVALID_ARGUMENT, "size is ", size, " but must be 1 to ", MostRanks);
  if (rank < 0 || rank >= size)
    throw Failure(LATHE_INVALID_ARGUMENT, "rank is ", rank, " but must be 0 to ", size - 1);
  if (options.direct_bytes < -1)
    throw Failure(LATHE_INVALID_ARGUMENT, "direct_bytes is ", options.direct_bytes, " but must be at least -1");
  WatchLimits limits{limitOf("silence_ms", options.silence_ms, 5000), limitOf("wait_ms", options.wait_ms, 300000)};
  if (options.rendezvous)
    transport = std::make_unique<SocketTransport>(options.rendezvous, rank, size, limits.wait);
  else
    transport = std::make_unique<MpiTransport>(options.mpi_plugin, rank, size);
  guard.emplace(*transport, rank, size, limits);
  ranks.emplace(*transport, *guard, rank, size);
}

Group::~Group() {
  if (rank == 0)
    endCalls(*this);
  guard->leave();
  bool orderly = !guard->isBroken();
  guard.reset();
  if (orderly)
    transport->leave();
}

void Group::allGather(const void *source, void *target, size_t bytes) {
  ranks->run({CollectiveKind::AllGather, LATHE_U8, Reduction::Sum, target, source, int64_t(bytes)});
}

} // namespace lathe::runtime
