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
  if (ready())
    return;
  auto end = std::chrono::steady_clock::now() + AwakeTime;
  do
    for (int round = 0; round != 50; ++round) {
      pause();
      if (ready())
        return;
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

ThreadPool::Piece ThreadPool::pieceOf(int64_t number, int64_t count, int64_t threads) {
  for (int64_t start = 0; start < count; number -= threads) {
    int64_t size = ((count - start) * 3 + 4 * threads - 1) / (4 * threads);
    if (number < threads) {
      int64_t begin = start + number * size;
      return begin < count ? Piece{begin, std::min(begin + size, count)} : Piece{-1, -1};
    }
    start += size * threads;
  }
  return {-1, -1};
}

// ---- The threads of the pool ----

void ThreadPool::announce() {
  started.fetch_add(1);
  // A thread that goes to sleep first says so and then looks at `started`: one of the two sees the other.
  if (sleeping.load() == 0)
    return;
  std::lock_guard lock(mutex);
  wake.notify_all();
}

ThreadPool::Region *ThreadPool::pending() {
  for (Region *region = regions; region; region = region->following)
    if (region->isOpen())
      return region;
  return nullptr;
}

void ThreadPool::serve() {
  std::unique_lock lock(mutex);
  while (!stopping) {
    uint64_t seen = started.load();
    if (Region *region = pending()) {
      ++region->members;
      lock.unlock();
      region->help();
      lock.lock();
      if (region->members.fetch_sub(1) == 1)
        left.notify_all();
      continue;
    }
    lock.unlock();
    waitAwake([&] { return started.load() != seen; });
    lock.lock();
    ++sleeping;
    wake.wait(lock, [&] { return stopping || started.load() != seen; });
    --sleeping;
  }
}

// ---- Regions ----

ThreadPool::Region::Region(ThreadPool &owner) : pool(owner) {
  if (pool.workers.empty())
    return;
  std::lock_guard lock(pool.mutex);
  following = pool.regions;
  pool.regions = this;
  ++pool.regionCount;
}

ThreadPool::Region::~Region() {
  if (pool.workers.empty())
    return;
  {
    std::lock_guard lock(pool.mutex);
    Region **link = &pool.regions;
    while (*link != this)
      link = &(*link)->following;
    *link = following;
    --pool.regionCount;
    gate.store(Closed);
  }
  waitAwake([&] { return members.load() == 0; });
  std::unique_lock lock(pool.mutex);
  pool.left.wait(lock, [&] { return members.load() == 0; });
}

void ThreadPool::Region::work() {
  for (int64_t total = count.load();;) {
    Piece piece = pieceOf(next.fetch_add(1), total, pool.size());
    if (piece.begin < 0)
      return;
    body(argument, piece.begin, piece.end);
  }
}

bool ThreadPool::Region::join() {
  uint32_t seen = gate.load();
  while (isOpen() && (seen & Open)) {
    if (!gate.compare_exchange_weak(seen, seen + 1))
      continue;
    work();
    if (gate.fetch_sub(1) & Open)
      return true;
    gate.notify_all(); // the caller may sleep until nobody is inside
    return true;
  }
  return false;
}

void ThreadPool::Region::help() {
  do
    waitAwake([&] { return isOpen() || (gate.load() & Closed) || pool.regionCount.load() > 1; });
  while (join());
}

void ThreadPool::Region::run(int64_t total, Body newBody, void *newArgument) {
  if (total <= 0)
    return;
  if (pool.workers.empty() || total == 1)
    return newBody(newArgument, 0, total);
  body = newBody;
  argument = newArgument;
  count.store(total);
  next.store(0);
  gate.fetch_add(NextLoop | Open);
  pool.announce();
  work();
  gate.fetch_and(~Open);
  waitAwake([&] { return (gate.load() & Inside) == 0; });
  for (uint32_t seen = gate.load(); seen & Inside; seen = gate.load())
    gate.wait(seen);
}

} // namespace lathe::runtime
