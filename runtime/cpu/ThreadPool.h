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
/// on its own loop, and the pool's threads join whichever loop has tiles left. A loop allocates nothing.
class ThreadPool {
public:
  using Body = void (*)(void *argument, int64_t begin, int64_t end);

  /// `threads` counts the caller's own: a pool of 1 starts no thread.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int size() const { return int(workers.size()) + 1; }
  /// Covers [0, count) with calls of `body` and returns when they have returned.
  void run(int64_t count, Body body, void *argument);

  /// Where the piece of a loop ends that begins at `begin`. Pieces are handed out in rounds: in each one piece for
  /// every thread, together three quarters of what is left, rounded up. Large pieces come first, since neighbouring
  /// tiles share what they read; small ones at the end let threads finish at the same time.
  static int64_t endOfPiece(int64_t begin, int64_t count, int64_t threads);

private:
  /// One loop; lives on its caller's stack and in the list while it has tiles to give out.
  struct Loop {
    Body body;
    void *argument;
    int64_t count, threads;
    std::atomic<int64_t> next{0};
    std::atomic<int> helpers{0}; ///< pool threads inside; changed under the mutex
    Loop *following = nullptr;
  };

  static void work(Loop &loop);
  void serve();
  void stop();
  /// The first loop with tiles left; null if there is none. The mutex is held.
  Loop *pending();

  std::mutex mutex;
  std::condition_variable wake, done;
  Loop *loops = nullptr;
  std::atomic<uint64_t> started{0}; ///< loops ever begun: what idle threads watch before they sleep
  bool stopping = false;
  std::vector<std::thread> workers;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_THREADPOOL_H
