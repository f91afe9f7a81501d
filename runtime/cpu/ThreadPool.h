#ifndef LATHE_RUNTIME_CPU_THREADPOOL_H
#define LATHE_RUNTIME_CPU_THREADPOOL_H

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace lathe::runtime {

/// Threads that share the tiles of parallel loops. Several callers may run loops at the same time; each caller works
/// on its own loops, and the pool's threads join whichever have tiles left. A loop allocates nothing.
class ThreadPool {
public:
  using Body = void (*)(void *argument, int64_t begin, int64_t end);

  struct Piece;

  /// One fork and one join for the loops of a call, which follow each other: threads that have come to help stay from
  /// loop to loop, and between loops nothing is locked. Loops are run by the thread that made the region.
  class Region {
  public:
    explicit Region(ThreadPool &pool);
    ~Region();
    Region(const Region &) = delete;
    Region &operator=(const Region &) = delete;

    /// Covers [0, count) with calls of `body` and returns when they have returned.
    void run(int64_t count, Body body, void *argument);

  private:
    friend class ThreadPool;
    /// The gate's bits. What is above counts loops, so that a change does not go unseen.
    static constexpr uint32_t Inside = 0xffff; ///< threads in the loop, the caller's not counted
    static constexpr uint32_t Open = 1 << 16, Closed = 1 << 17, NextLoop = 1 << 18;

    /// Whether a loop has tiles to give out.
    bool isOpen() const { return (gate.load() & Open) && pieceOf(next.load(), count.load(), pool.size()).begin >= 0; }
    /// Joins the loop, if one is open, and works until it has no tiles left.
    bool join();
    /// Joins loop after loop. Returns when the region is closed or its caller keeps a thread waiting, or when another
    /// region may need it more.
    void help();
    void work();

    ThreadPool &pool;
    // What threads wait on, what they take turns at and what they only read have a cache line each.
    alignas(64) std::atomic<uint32_t> gate{0}; ///< guards the loop: the caller changes it only while nobody is inside
    alignas(64) std::atomic<int64_t> next{0};  ///< number of the first piece that nobody took
    alignas(64) std::atomic<int64_t> count{0}; ///< read before joining too, when it says little
    Body body = nullptr;
    void *argument = nullptr;
    Region *following = nullptr;
    std::atomic<int> members{0}; ///< pool threads that know the region; changed under the mutex
  };

  /// `threads` counts the caller's own: a pool of 1 starts no thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int size() const { return int(workers.size()) + 1; }
  /// One loop in a region of its own.
  void run(int64_t count, Body body, void *argument) { Region(*this).run(count, body, argument); }

  struct Piece {
    int64_t begin, end; ///< -1 where the loop has no more
  };
  /// A piece of a loop, counted from 0. Pieces are handed out in rounds: in each one piece for every thread, together
  /// three quarters of what is left, rounded up. Large pieces come first, since neighbouring tiles share what they
  /// read; small ones at the end let threads finish at the same time.
  static Piece pieceOf(int64_t number, int64_t count, int64_t threads);

private:
  void serve();
  void stop();
  /// Tells threads without a region that a loop began.
  void announce();
  /// A region whose loop has tiles left; null if there is none. The mutex is held.
  Region *pending();

  std::mutex mutex;
  std::condition_variable wake, left;
  Region *regions = nullptr;
  std::atomic<int> regionCount{0};
  std::atomic<uint64_t> started{0}; ///< loops ever begun: what idle threads watch before they sleep
  std::atomic<int> sleeping{0};
  bool stopping = false;
  std::vector<std::thread> workers;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_THREADPOOL_H
