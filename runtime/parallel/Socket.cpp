#include "runtime/parallel/Socket.h"

#include "runtime/Failure.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <ifaddrs.h>
#include <memory>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <unistd.h>

namespace lathe::runtime {

using Clock = std::chrono::steady_clock;

void SocketAddress::setPort(uint16_t port) {
  // At the same place in both kinds of address.
  if (storage.ss_family == AF_INET6)
    reinterpret_cast<sockaddr_in6 &>(storage).sin6_port = htons(port);
  else
    reinterpret_cast<sockaddr_in &>(storage).sin_port = htons(port);
}

std::string SocketAddress::text() const {
  char host[NI_MAXHOST] = "?", port[NI_MAXSERV] = "?";
  (void)getnameinfo(reinterpret_cast<const sockaddr *>(&storage), bytes, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
  return std::string(host) + ":" + port;
}

Socket::~Socket() {
  if (descriptor >= 0)
    close(descriptor);
}

static void prepare(int descriptor) {
  int on = 1; // small messages go at once
  (void)setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

Socket Socket::listen(uint16_t port) {
  sockaddr_in6 both{};
  both.sin6_family = AF_INET6;
  both.sin6_addr = in6addr_any;
  both.sin6_port = htons(port);
  sockaddr_in older{};
  older.sin_family = AF_INET;
  older.sin_port = htons(port);
  std::pair<const sockaddr *, socklen_t> places[] = {{reinterpret_cast<sockaddr *>(&both), sizeof(both)},
                                                     {reinterpret_cast<sockaddr *>(&older), sizeof(older)}};
  int problem = 0;
  for (auto [address, bytes] : places) {
    Socket made(::socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    int on = 1, off = 0;
    if (made && address->sa_family == AF_INET6)
      (void)setsockopt(made.descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (made)
      (void)setsockopt(made.descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (made && bind(made.descriptor, address, bytes) == 0 && ::listen(made.descriptor, SOMAXCONN) == 0)
      return made;
    problem = errno;
    if (problem == EADDRINUSE)
      break;
  }
  throw Failure(LATHE_INVALID_ARGUMENT, "rank 0 cannot listen on port ", port, ": ", std::strerror(problem),
                "; choose another rendezvous");
}

bool Socket::wait(short events, Deadline deadline) const {
  for (;;) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd one = {descriptor, events, 0};
    int found = poll(&one, 1, int(std::max<int64_t>(0, std::min<int64_t>(left + 1, 1000))));
    if (found > 0)
      return true;
    if ((found < 0 && errno != EINTR) || Clock::now() >= deadline)
      return false;
  }
}

Socket Socket::connect(const SocketAddress &address, Deadline deadline) {
  Socket made(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!made)
    return made;
  prepare(made.descriptor);
  int result = ::connect(made.descriptor, reinterpret_cast<const sockaddr *>(&address.storage), address.bytes);
  if (result != 0 && errno != EINPROGRESS)
    return Socket();
  int problem = 0;
  socklen_t bytes = sizeof(problem);
  if (result != 0 && (!made.wait(POLLOUT, deadline) ||
                      getsockopt(made.descriptor, SOL_SOCKET, SO_ERROR, &problem, &bytes) != 0 || problem != 0))
    return Socket();
  return made;
}

Socket Socket::accept(Deadline deadline) {
  for (;;) {
    Socket made(accept4(descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (made) {
      prepare(made.descriptor);
      return made;
    }
    if (!wait(POLLIN, deadline))
      return Socket();
  }
}

uint16_t Socket::port() const {
  SocketAddress own;
  own.bytes = sizeof(own.storage);
  (void)getsockname(descriptor, reinterpret_cast<sockaddr *>(&own.storage), &own.bytes);
  return own.storage.ss_family == AF_INET6 ? ntohs(reinterpret_cast<sockaddr_in6 &>(own.storage).sin6_port)
                                           : ntohs(reinterpret_cast<sockaddr_in &>(own.storage).sin_port);
}

SocketAddress Socket::peer() const {
  SocketAddress other;
  other.bytes = sizeof(other.storage);
  (void)getpeername(descriptor, reinterpret_cast<sockaddr *>(&other.storage), &other.bytes);
  return other;
}

std::ptrdiff_t Socket::sendSome(const void *bytes, size_t count) {
  std::ptrdiff_t sent = ::send(descriptor, bytes, count, MSG_NOSIGNAL);
  return sent >= 0 ? sent : errno == EAGAIN || errno == EINTR ? 0 : -1;
}

std::ptrdiff_t Socket::receiveSome(void *bytes, size_t count) {
  std::ptrdiff_t found = recv(descriptor, bytes, count, 0);
  return found > 0 ? found : found < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

bool Socket::sendAll(const void *bytes, size_t count, Deadline deadline) {
  for (size_t done = 0; done != count;) {
    std::ptrdiff_t sent = sendSome(static_cast<const char *>(bytes) + done, count - done);
    if (sent < 0 || (sent == 0 && !wait(POLLOUT, deadline)))
      return false;
    done += size_t(sent);
  }
  return true;
}

bool Socket::receiveAll(void *bytes, size_t count, Deadline deadline) {
  for (size_t done = 0; done != count;) {
    std::ptrdiff_t found = receiveSome(static_cast<char *>(bytes) + done, count - done);
    if (found < 0 || (found == 0 && !wait(POLLIN, deadline)))
      return false;
    done += size_t(found);
  }
  return true;
}

void Socket::finish() { (void)shutdown(descriptor, SHUT_WR); }

std::vector<SocketAddress> resolve(const std::string &host, const std::string &port) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0)
    return {};
  std::unique_ptr<addrinfo, void (*)(addrinfo *)> list(found, freeaddrinfo);
  std::vector<SocketAddress> addresses;
  for (addrinfo *each = found; each; each = each->ai_next) {
    SocketAddress &address = addresses.emplace_back();
    address.bytes = each->ai_addrlen;
    std::memcpy(&address.storage, each->ai_addr, each->ai_addrlen);
  }
  return addresses;
}

std::vector<SocketAddress> ownAddresses(uint16_t port) {
  ifaddrs *found = nullptr;
  if (getifaddrs(&found) != 0)
    return {};
  std::unique_ptr<ifaddrs, void (*)(ifaddrs *)> list(found, freeifaddrs);
  std::vector<SocketAddress> addresses;
  for (ifaddrs *each = found; each; each = each->ifa_next) {
    if (!each->ifa_addr || each->ifa_addr->sa_family != AF_INET || !(each->ifa_flags & IFF_UP))
      continue;
    SocketAddress address;
    address.bytes = sizeof(sockaddr_in);
    std::memcpy(&address.storage, each->ifa_addr, address.bytes);
    address.setPort(port);
    // Last: of another machine it would be that one's own.
    addresses.insert(each->ifa_flags & IFF_LOOPBACK ? addresses.end() : addresses.begin(), address);
  }
  return addresses;
}

} // namespace lathe::runtime
