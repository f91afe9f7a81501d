#ifndef LATHE_RUNTIME_PARALLEL_MPITRANSPORT_H
#define LATHE_RUNTIME_PARALLEL_MPITRANSPORT_H

#include "runtime/parallel/MpiPlugin.h"
#include "runtime/parallel/Transport.h"

namespace lathe::runtime {

/// Ranks that mpirun, or another launcher of MPI's, has started.
class MpiTransport : public Transport {
public:
  /// `plugin` is the path of liblathe-mpi.so, or null: where the system's loader finds it. Throws LATHE_NOT_FOUND
  /// without it and LATHE_INVALID_ARGUMENT where MPI counts ranks otherwise than `rank` of `size`.
  MpiTransport(const char *plugin, int rank, int size);
  ~MpiTransport() override;

  std::unique_ptr<Request> broadcast(void *buffer, int64_t bytes) override;
  std::unique_ptr<Request> allGather(const void *source, void *target, int64_t bytes) override;
  std::unique_ptr<Request> allToAll(const void *source, void *target, int64_t bytes) override;
  void leave() override;

  void send(const Beat &beat) override;
  int receive(Beat &beat) override;

private:
  const MpiPlugin *mpi;
  MpiWorld *world = nullptr; ///< null: left
  int rank, size;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_MPITRANSPORT_H
