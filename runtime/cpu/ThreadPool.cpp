#include "runtime/cpu/ThreadPool.h"

#include <algorithm>
#include <chrono>

namespace lathe::runtime {

/// How long a thread waits awake before it sleeps: launches of one call follow each other within this time, and waking
/// a sleeper costs 50 microseconds on a virtual machine.
static constexpr std::chrono::microseconds AwakeTime(200);

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits awake until `ready` says so, but not longer than AwakeTime.
template <typename Ready> static void waitAwake(Ready ready) {
  auto end = std::chrono::steady_clock::now() + AwakeTime;
  do
    for (int round = 0; round != 50; ++round) {
      if (ready())
        return;
      pause();
    }
  while (std::chrono::steady_clock::now() < end);
}

ThreadPool::ThreadPool(int threads) {
  try {
    for (int i = 1; i < threads; ++i)
      workers.emplace_back([this] { serve(); });
  } catch (...) {
    stop();
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() {
  {
    std::lock_guard lock(mutex);
    stopping = true;
    started.fetch_add(1);
  }
  wake.notify_all();
  for (std::thread &worker : workers)
    worker.join();
}

int64_t ThreadPool::endOfPiece(int64_t begin, int64_t count, int64_t threads) {
  for (int64_t start = 0;;) {
    int64_t piece = ((count - start) * 3 + 4 * threads - 1) / (4 * threads);
    int64_t roundEnd = start + piece * threads;
    if (begin < roundEnd)
      return std::min(begin + piece, count);
    start = roundEnd;
  }
}

void ThreadPool::work(Loop &loop) {
  int64_t begin = loop.next.load();
  while (begin < loop.count) {
    int64_t end = endOfPiece(begin, loop.count, loop.threads);
    if (!loop.next.compare_exchange_weak(begin, end))
      continue;
    loop.body(loop.argument, begin, end);
    begin = loop.next.load();
  }
}

ThreadPool::Loop *ThreadPool::pending() {
  for (Loop *loop = loops; loop; loop = loop->following)
    if (loop->next.load() < loop->count)
      return loop;
  return nullptr;
}

void ThreadPool::serve() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    Loop *loop = pending();
    if (loop) {
      ++loop->helpers;
      lock.unlock();
      work(*loop);
      lock.lock();
      if (loop->helpers.fetch_sub(1) == 1)
        done.notify_all();
      continue;
    }
    uint64_t seen = started.load();
    lock.unlock();
    waitAwake([&] { return started.load() != seen; });
    lock.lock();
    wake.wait(lock, [&] { return stopping || started.load() != seen; });
  }
}

void ThreadPool::run(int64_t count, Body body, void *argument) {
  if (count <= 0)
    return;
  if (workers.empty() || count == 1)
    return body(argument, 0, count);
  Loop loop{body, argument, count, size()};
  {
    std::lock_guard lock(mutex);
    loop.following = loops;
    loops = &loop;
    started.fetch_add(1);
  }
  wake.notify_all();
  work(loop);
  waitAwake([&] { return loop.helpers.load() == 0; });
  std::unique_lock lock(mutex);
  Loop **link = &loops;
  while (*link != &loop)
    link = &(*link)->following;
  *link = loop.following;
  done.wait(lock, [&] { return loop.helpers.load() == 0; });
}

} // namespace lathe::runtime
