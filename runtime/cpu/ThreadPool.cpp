#include "runtime/cpu/ThreadPool.h"

#include <algorithm>

namespace lathe::runtime {

/// Rounds of waiting awake before a thread sleeps: about 20 microseconds, the distance between two launches of a
/// small model. Waking a sleeper costs more than that.
static constexpr int AwakeRounds = 500;

static void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
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

void ThreadPool::work(Loop &loop) {
  while (true) {
    int64_t begin = loop.next.fetch_add(loop.chunk);
    if (begin >= loop.count)
      return;
    loop.body(loop.argument, begin, std::min(begin + loop.chunk, loop.count));
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
      if (--loop->helpers == 0)
        done.notify_all();
      continue;
    }
    uint64_t seen = started.load();
    lock.unlock();
    for (int round = 0; round != AwakeRounds && started.load() == seen; ++round)
      pause();
    lock.lock();
    wake.wait(lock, [&] { return stopping || started.load() != seen; });
  }
}

void ThreadPool::run(int64_t count, Body body, void *argument) {
  if (count <= 0)
    return;
  if (workers.empty() || count == 1)
    return body(argument, 0, count);
  // Four chunks a thread: enough to even out unequal tiles, few enough that taking one costs nothing.
  Loop loop{body, argument, count, std::max<int64_t>(1, count / (4 * size()))};
  {
    std::lock_guard lock(mutex);
    loop.following = loops;
    loops = &loop;
    started.fetch_add(1);
  }
  wake.notify_all();
  work(loop);
  std::unique_lock lock(mutex);
  Loop **link = &loops;
  while (*link != &loop)
    link = &(*link)->following;
  *link = loop.following;
  done.wait(lock, [&] { return loop.helpers == 0; });
}

} // namespace lathe::runtime
