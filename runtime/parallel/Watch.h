#ifndef LATHE_RUNTIME_PARALLEL_WATCH_H
#define LATHE_RUNTIME_PARALLEL_WATCH_H

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lathe::runtime {

/// What a rank lets the others know, several times a second.
struct Beat {
  enum State : uint32_t { Alive = 1, Left = 2, Failed = 3 };
  uint32_t state = Alive;
  uint32_t reserved = 0;
  uint64_t number = 0;  ///< of this beat
  uint64_t entered = 0; ///< collectives that the rank has come to
  char why[440] = {};   ///< of Failed
};

/// Carries beats between ranks. Called by one thread at a time.
class Pulse {
public:
  virtual ~Pulse() = default;
  /// To all other ranks.
  virtual void send(const Beat &beat) = 0;
  /// The next beat that has come, if any: returns whose it is, or -1.
  virtual int receive(Beat &beat) = 0;
};

/// When to give the other ranks up.
struct WatchLimits {
  std::chrono::milliseconds silence; ///< without a beat: the process is dead, stopped, or its machine is
  std::chrono::milliseconds wait;    ///< in one collective, while all ranks live
};

/// Ends a job of which a rank is dead or stuck. A thread beats for this rank and listens to the others; when one of
/// them says that it has failed or left, is silent, or lets the others wait in a collective, the group is broken for
/// good: every wait throws a Failure that names the rank. All functions may be called from any thread.
class Watch {
public:
  Watch(Pulse &pulse, int rank, int size, const WatchLimits &limits);
  ~Watch();
  Watch(const Watch &) = delete;
  Watch &operator=(const Watch &) = delete;

  /// Throws LATHE_DEVICE_ERROR if the group is broken.
  void check() const;
  bool isBroken() const;
  /// Breaks the group and tells the others, who name this rank and say why.
  void fail(const std::string &why);
  /// Tells the others that nothing follows, and stops beating. They do not mind, unless they wait for this rank.
  void leave();
  /// What to do when the group breaks, on the watch's thread: to end work that waits elsewhere. Returns a number for
  /// `forget`.
  int onBreak(std::function<void()> action);
  void forget(int action);

  /// One collective, from where this rank comes to it until it is done.
  class Wait {
  public:
    /// `limited`: whether the others have to come in time. They need not where rank 0's user decides when.
    Wait(Watch &watch, const char *what, bool limited);
    ~Wait();
    Wait(const Wait &) = delete;

  private:
    Watch &watch;
  };

private:
  using Clock = std::chrono::steady_clock;
  struct Peer {
    Clock::time_point heard;
    Beat last;
  };

  void run();
  void listen();
  void judge();
  void breakUp(const std::string &why);
  void act();

  Pulse &pulse;
  const int rank;
  const WatchLimits limits;

  mutable std::mutex mutex; ///< guards all below
  std::condition_variable wake, beaten;
  Beat own;
  std::vector<Peer> peers;
  std::string broken; ///< why; empty: it is not
  const char *waitingFor = nullptr;
  bool waitIsLimited = false, ending = false, acted = false;
  Clock::time_point waitingSince;
  std::vector<std::pair<int, std::function<void()>>> actions;
  int nextAction = 0;
  std::thread thread;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_WATCH_H
