#ifndef LATHE_RUNTIME_PARALLEL_SOCKETTRANSPORT_H
#define LATHE_RUNTIME_PARALLEL_SOCKETTRANSPORT_H

#include "runtime/parallel/Socket.h"
#include "runtime/parallel/Transport.h"

namespace lathe::runtime {

/// Ranks that meet without MPI: two TCP connections between any two of them, one for collectives and one for beats, so
/// that neither waits for the other.
///
/// Meeting: rank 0 listens at the rendezvous. Every other rank listens at a port of its own, connects to rank 0 and
/// says who it is and where it listens; rank 0 tells all of them where all are, and each connects to those of lower
/// number. Whoever reaches the port and knows the form, and with a file what is in it, can take part: ranks are for
/// networks that one trusts.
class SocketTransport : public Transport {
public:
  /// `rendezvous` is "tcp://HOST:PORT" or "file:PATH". Throws LATHE_INVALID_ARGUMENT for another text or where ranks
  /// do not agree on their number, and LATHE_NOT_FOUND when not all have come within `limit`.
  SocketTransport(const std::string &rendezvous, int rank, int size, std::chrono::milliseconds limit);

  std::unique_ptr<Request> broadcast(void *buffer, int64_t bytes) override;
  std::unique_ptr<Request> allGather(const void *source, void *target, int64_t bytes) override;
  std::unique_ptr<Request> allToAll(const void *source, void *target, int64_t bytes) override;
  void leave() override;

  void send(const Beat &beat) override;
  int receive(Beat &beat) override;

private:
  struct Meeting;
  /// One of the others.
  struct Peer {
    Socket data, beats;
    Beat arriving;
    size_t arrived = 0;    ///< bytes of it
    bool left = false;     ///< said so, or is gone
    bool isSilent = false; ///< what was to be sent did not all go: nothing else may follow
  };

  void expect(Meeting &meeting, int count);
  void lead(Meeting &meeting);
  void join(Meeting &meeting);

  const int rank, size;
  std::vector<Peer> peers; ///< by rank; the own one is empty
  int next = 0;            ///< whose beat to look for first
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_SOCKETTRANSPORT_H
