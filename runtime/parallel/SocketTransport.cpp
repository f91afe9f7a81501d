#include "runtime/parallel/SocketTransport.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <thread>
#include <unistd.h>

namespace lathe::runtime {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds OneTry(2000), BetweenTries(50); // to connect; a rank may be started before rank 0

/// What ranks say to each other when they connect. All run one release on machines of one byte order.
struct Hello {
  char form[8] = {'l', 'a', 't', 'h', 'e', 'r', 'k', '1'};
  uint64_t token = 0; ///< of this job, where a file tells it
  int32_t rank = 0, size = 0;
  uint32_t isForBeats = 0;
  uint32_t port = 0; ///< where the rank listens

  bool isOf(uint64_t job) const { return std::memcmp(form, Hello().form, sizeof(form)) == 0 && token == job; }
};

} // namespace

struct SocketTransport::Meeting {
  std::string host, port, file; ///< a host and port, or a file
  Clock::time_point deadline;
  uint64_t token = 0;
  Socket listener;
  std::vector<SocketAddress> places; ///< where ranks listen

  explicit Meeting(const std::string &rendezvous);
  std::vector<SocketAddress> find();
  void announce();
};

SocketTransport::Meeting::Meeting(const std::string &rendezvous) {
  if (rendezvous.rfind("file:", 0) == 0 && rendezvous.size() > 5) {
    file = rendezvous.substr(5);
    return;
  }
  size_t colon = rendezvous.rfind(':');
  if (rendezvous.rfind("tcp://", 0) == 0 && colon > 6) {
    host = rendezvous.substr(6, colon - 6);
    port = rendezvous.substr(colon + 1);
    if (host.front() == '[' && host.back() == ']') // of IPv6
      host = host.substr(1, host.size() - 2);
  }
  unsigned number = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (host.empty() || error != std::errc() || end != port.data() + port.size() || number < 1 || number > 65535)
    throw Failure(LATHE_INVALID_ARGUMENT, "rendezvous is '", rendezvous,
                  "' but must be tcp://HOST:PORT with a port of 1 to 65535, or file:PATH");
}

/// Writes where rank 0 listens; as a whole, so that nobody reads a part.
void SocketTransport::Meeting::announce() {
  std::string part = file + "." + std::to_string(getpid());
  std::ofstream stream(part);
  stream << "lathe ranks\n" << token << "\n";
  for (const SocketAddress &address : ownAddresses(listener.port())) {
    std::string text = address.text();
    size_t colon = text.rfind(':');
    stream << text.substr(0, colon) << " " << text.substr(colon + 1) << "\n";
  }
  stream.close();
  if (!stream || std::rename(part.c_str(), file.c_str()) != 0)
    throw Failure(LATHE_INVALID_ARGUMENT, file,
                  ", where rank 0 tells the others where it listens: cannot be written: ", std::strerror(errno));
}

/// The addresses at which rank 0 may be. The file may be that of an earlier job until rank 0 has written its own.
std::vector<SocketAddress> SocketTransport::Meeting::find() {
  if (file.empty())
    return resolve(host, port);
  std::vector<SocketAddress> addresses;
  std::ifstream stream(file);
  std::string form, at, number;
  if (!std::getline(stream, form) || form != "lathe ranks" || !(stream >> token))
    return {};
  while (stream >> at >> number)
    for (const SocketAddress &address : resolve(at, number))
      addresses.push_back(address);
  return addresses;
}

/// Takes two connections of each of `count` ranks.
void SocketTransport::expect(Meeting &meeting, int count) {
  for (int missing = 2 * count; missing;) {
    Socket made = meeting.listener.accept(meeting.deadline);
    if (!made) {
      std::string ranks;
      for (int other = rank == 0 ? 1 : rank + 1; other < size; ++other)
        if (!peers[size_t(other)].data || !peers[size_t(other)].beats)
          ranks += (ranks.empty() ? "" : ", ") + std::to_string(other);
      throw Failure(LATHE_NOT_FOUND, "of ", size, " ranks these have not come to rank ", rank, " in time: ", ranks,
                    "; see whether their processes run and reach this machine");
    }
    Hello hello;
    if (!made.receiveAll(&hello, sizeof(hello), std::min(meeting.deadline, Clock::now() + OneTry)) ||
        !hello.isOf(meeting.token))
      continue; // a stranger, or a rank of an earlier job
    Hello answer;
    answer.token = meeting.token;
    answer.rank = rank;
    answer.size = size;
    bool answered = made.sendAll(&answer, sizeof(answer), meeting.deadline);
    if (hello.size != size)
      throw Failure(LATHE_INVALID_ARGUMENT, "size is ", size, " for rank ", rank, " but ", hello.size, " for rank ",
                    hello.rank, "; give all ranks the same");
    if (hello.rank <= rank || hello.rank >= size)
      throw Failure(LATHE_INVALID_ARGUMENT, "a process says that it is rank ", hello.rank, ", but rank ", rank, " of ",
                    size, " waits for greater ones; give each process a number of its own");
    Peer &peer = peers[size_t(hello.rank)];
    Socket &place = hello.isForBeats ? peer.beats : peer.data;
    if (place)
      throw Failure(LATHE_INVALID_ARGUMENT, "two processes say that they are rank ", hello.rank, " of ", size,
                    "; give each a number of its own");
    if (!answered)
      continue;
    meeting.places[size_t(hello.rank)] = made.peer();
    meeting.places[size_t(hello.rank)].setPort(uint16_t(hello.port));
    place = std::move(made);
    --missing;
  }
}

/// Connects to a rank of lower number: empty if that is not there (yet).
static Socket greet(const SocketAddress &address, Hello hello, Clock::time_point deadline) {
  deadline = std::min(deadline, Clock::now() + OneTry);
  Socket made = Socket::connect(address, deadline);
  Hello answer;
  if (!made || !made.sendAll(&hello, sizeof(hello), deadline) || !made.receiveAll(&answer, sizeof(answer), deadline) ||
      !answer.isOf(hello.token))
    return Socket();
  if (answer.size != hello.size)
    throw Failure(LATHE_INVALID_ARGUMENT, "size is ", hello.size, " for rank ", hello.rank, " but ", answer.size,
                  " for rank ", answer.rank, "; give all ranks the same");
  return made;
}

void SocketTransport::lead(Meeting &meeting) {
  if (meeting.file.empty()) {
    meeting.listener = Socket::listen(uint16_t(std::stoi(meeting.port)));
  } else {
    std::random_device random;
    meeting.token = uint64_t(random()) << 32 | random();
    meeting.listener = Socket::listen(0);
    meeting.announce();
  }
  expect(meeting, size - 1);
  for (int other = 1; other < size; ++other)
    if (!peers[size_t(other)].data.sendAll(meeting.places.data(), meeting.places.size() * sizeof(SocketAddress),
                                           meeting.deadline))
      throw Failure(LATHE_NOT_FOUND, "rank ", other, " of ", size, " has come and gone; see what it says");
  if (!meeting.file.empty())
    (void)unlink(meeting.file.c_str()); // all have read it
}

void SocketTransport::join(Meeting &meeting) {
  meeting.listener = Socket::listen(0);
  Hello hello;
  hello.rank = rank;
  hello.size = size;
  hello.port = meeting.listener.port();
  auto connect = [&](const SocketAddress &address, bool isForBeats) {
    hello.token = meeting.token;
    hello.isForBeats = isForBeats;
    return greet(address, hello, meeting.deadline);
  };
  Peer &first = peers[0];
  SocketAddress leader;
  while (!first.data) {
    for (const SocketAddress &address : meeting.find())
      if (first.data = connect(address, false); first.data) {
        leader = address;
        break;
      }
    if (first.data)
      break;
    if (Clock::now() >= meeting.deadline)
      throw Failure(LATHE_NOT_FOUND, "rank 0 is not found by ",
                    meeting.file.empty() ? meeting.host + ":" + meeting.port : "the file " + meeting.file,
                    " in time; see whether its process runs, and whether this machine reaches it");
    std::this_thread::sleep_for(BetweenTries);
  }
  auto gone = [&](int other) {
    return Failure(LATHE_NOT_FOUND, "rank ", other, " of ", size, " is not reached by rank ", rank, " any more or in ",
                   "time; see what it says, and whether others have not come");
  };
  first.beats = connect(leader, true);
  if (!first.beats ||
      !first.data.receiveAll(meeting.places.data(), meeting.places.size() * sizeof(SocketAddress), meeting.deadline))
    throw gone(0);
  for (int other = 1; other < rank; ++other) {
    Peer &peer = peers[size_t(other)];
    peer.data = connect(meeting.places[size_t(other)], false);
    peer.beats = connect(meeting.places[size_t(other)], true);
    if (!peer.data || !peer.beats)
      throw gone(other);
  }
  expect(meeting, size - 1 - rank);
}

SocketTransport::SocketTransport(const std::string &rendezvous, int rank, int size, milliseconds limit)
    : rank(rank), size(size), peers(size_t(size)) {
  Meeting meeting(rendezvous);
  meeting.deadline = Clock::now() + limit;
  meeting.places.resize(size_t(size));
  rank == 0 ? lead(meeting) : join(meeting);
}

// ---- Collectives ----

namespace {

/// Pieces that go to and come from other ranks.
class Exchange : public Transport::Request {
public:
  void give(Socket &to, const void *bytes, int64_t count) { gives.push_back({&to, const_cast<void *>(bytes), count}); }
  void take(Socket &from, void *bytes, int64_t count) { takes.push_back({&from, bytes, count}); }

  bool isDone() override {
    std::erase_if(gives,
                  [](Piece &piece) { return piece.advance(piece.socket->sendSome(piece.bytes, size_t(piece.left))); });
    std::erase_if(
        takes, [](Piece &piece) { return piece.advance(piece.socket->receiveSome(piece.bytes, size_t(piece.left))); });
    return gives.empty() && takes.empty();
  }

private:
  struct Piece {
    Socket *socket;
    void *bytes;
    int64_t left;

    /// True when it is through. A connection that is closed never is: the watch says why.
    bool advance(std::ptrdiff_t count) {
      if (count > 0) {
        bytes = static_cast<char *>(bytes) + count;
        left -= count;
      }
      return left == 0;
    }
  };

  std::vector<Piece> gives, takes;
};

} // namespace

std::unique_ptr<Transport::Request> SocketTransport::broadcast(void *buffer, int64_t bytes) {
  auto exchange = std::make_unique<Exchange>();
  if (rank != 0)
    exchange->take(peers[0].data, buffer, bytes);
  for (int to = 1; rank == 0 && to < size; ++to)
    exchange->give(peers[size_t(to)].data, buffer, bytes);
  return exchange;
}

std::unique_ptr<Transport::Request> SocketTransport::allGather(const void *source, void *target, int64_t bytes) {
  auto exchange = std::make_unique<Exchange>();
  for (int other = 0; other < size; ++other) {
    char *place = static_cast<char *>(target) + other * bytes;
    if (other == rank && place != source) {
      std::memcpy(place, source, size_t(bytes));
    } else if (other != rank) {
      exchange->give(peers[size_t(other)].data, source, bytes);
      exchange->take(peers[size_t(other)].data, place, bytes);
    }
  }
  return exchange;
}

std::unique_ptr<Transport::Request> SocketTransport::allToAll(const void *source, void *target, int64_t bytes) {
  auto exchange = std::make_unique<Exchange>();
  for (int other = 0; other < size; ++other) {
    const char *given = static_cast<const char *>(source) + other * bytes;
    char *place = static_cast<char *>(target) + other * bytes;
    if (other == rank) {
      std::memcpy(place, given, size_t(bytes));
    } else {
      exchange->give(peers[size_t(other)].data, given, bytes);
      exchange->take(peers[size_t(other)].data, place, bytes);
    }
  }
  return exchange;
}

void SocketTransport::leave() {
  constexpr milliseconds Limit(10000); // a rank that has stopped meanwhile
  for (Peer &peer : peers)
    if (peer.data)
      peer.data.finish();
  auto deadline = Clock::now() + Limit;
  char rest;
  for (Peer &peer : peers)
    if (peer.data)
      (void)peer.data.receiveAll(&rest, 1, deadline); // nothing comes: it ends when the other has finished
}

// ---- Beats ----

void SocketTransport::send(const Beat &beat) {
  for (Peer &peer : peers) {
    if (!peer.beats || peer.isSilent)
      continue;
    std::ptrdiff_t sent = peer.beats.sendSome(&beat, sizeof(beat));
    // One that takes no more has not listened for a long time. A part of a beat would make all that follows unreadable.
    peer.isSilent = sent < 0 || (sent > 0 && size_t(sent) != sizeof(beat));
  }
}

int SocketTransport::receive(Beat &beat) {
  for (int turn = 0; turn != size; ++turn, next = (next + 1) % size) {
    Peer &peer = peers[size_t(next)];
    if (!peer.beats || peer.left)
      continue;
    std::ptrdiff_t found =
        peer.beats.receiveSome(reinterpret_cast<char *>(&peer.arriving) + peer.arrived, sizeof(Beat) - peer.arrived);
    if (found < 0) {
      // The system closes what a dead process has open.
      peer.left = true;
      beat = peer.arriving;
      beat.state = Beat::Failed;
      std::strcpy(beat.why, "its process has ended");
      return next;
    }
    peer.arrived += size_t(found);
    if (peer.arrived != sizeof(Beat))
      continue;
    peer.arrived = 0;
    beat = peer.arriving;
    peer.left = beat.state != Beat::Alive;
    return next;
  }
  return -1;
}

} // namespace lathe::runtime
