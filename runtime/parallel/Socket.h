#ifndef LATHE_RUNTIME_PARALLEL_SOCKET_H
#define LATHE_RUNTIME_PARALLEL_SOCKET_H

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace lathe::runtime {

/// Where a process listens.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t bytes = 0;

  void setPort(uint16_t port);
  std::string text() const; ///< "10.0.0.1:2000"
};

/// A TCP connection, or a place that others connect to. Nothing waits unless a deadline is given.
class Socket {
public:
  using Deadline = std::chrono::steady_clock::time_point;

  Socket() = default;
  explicit Socket(int descriptor) : descriptor(descriptor) {}
  ~Socket();
  Socket(Socket &&other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
  Socket &operator=(Socket &&other) noexcept {
    std::swap(descriptor, other.descriptor);
    return *this;
  }

  /// Listens on all addresses of this machine; port 0: any that is free. Throws LATHE_INVALID_ARGUMENT for one that is
  /// taken.
  static Socket listen(uint16_t port);
  /// An empty one if nobody answers there, or not in time.
  static Socket connect(const SocketAddress &address, Deadline deadline);
  /// The next that connects, an empty one if nobody does in time.
  Socket accept(Deadline deadline);

  explicit operator bool() const { return descriptor >= 0; }
  uint16_t port() const;      ///< that it listens on
  SocketAddress peer() const; ///< that is connected
  int handle() const { return descriptor; }

  /// All of it; false if the other end does not take or give it in time.
  bool sendAll(const void *bytes, size_t count, Deadline deadline);
  bool receiveAll(void *bytes, size_t count, Deadline deadline);
  /// So much of it as goes without waiting. Negative: the other end has closed the connection.
  std::ptrdiff_t sendSome(const void *bytes, size_t count);
  std::ptrdiff_t receiveSome(void *bytes, size_t count);
  /// Tells the other end that nothing follows.
  void finish();

private:
  bool wait(short events, Deadline deadline) const;

  int descriptor = -1;
};

/// The addresses of a host's name and port; empty if there are none.
std::vector<SocketAddress> resolve(const std::string &host, const std::string &port);
/// The addresses that other machines, or processes of this one, may reach this one by.
std::vector<SocketAddress> ownAddresses(uint16_t port);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_SOCKET_H
