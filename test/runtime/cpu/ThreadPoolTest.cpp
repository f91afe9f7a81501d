#include "runtime/cpu/ThreadPool.h"

#include <atomic>
#include <gtest/gtest.h>
#include <numeric>
#include <set>

using lathe::runtime::ThreadPool;

namespace {

/// How often each index was visited. `Loops` is a pool or a region.
template <typename Loops> std::vector<int> visits(Loops &loops, int64_t count) {
  std::vector<int> counts(static_cast<size_t>(count), 0);
  loops.run(
      count,
      [](void *argument, int64_t begin, int64_t end) {
        for (int64_t i = begin; i != end; ++i)
          ++(*static_cast<std::vector<int> *>(argument))[size_t(i)];
      },
      &counts);
  return counts;
}

TEST(ThreadPool, EveryIndexOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (int64_t count : {0, 1, 2, 3, 7, 8, 9, 1000})
      EXPECT_EQ(visits(pool, count), std::vector<int>(size_t(count), 1)) << threads << " threads, " << count;
  }
}

/// The pieces that a loop is cut into.
std::vector<int64_t> pieces(int64_t count, int64_t threads) {
  std::vector<int64_t> sizes;
  int64_t end = 0;
  for (int64_t number = 0; end < count; ++number) {
    ThreadPool::Piece piece = ThreadPool::pieceOf(number, count, threads);
    EXPECT_EQ(piece.begin, end);
    end = piece.end;
    sizes.push_back(end - piece.begin);
  }
  for (int64_t more : {int64_t(0), threads, 5 * threads})
    EXPECT_EQ(ThreadPool::pieceOf(int64_t(sizes.size()) + more, count, threads).begin, -1);
  return sizes;
}

TEST(ThreadPool, PiecesShrinkFromRoundToRound) {
  using Sizes = std::vector<int64_t>;
  EXPECT_EQ(pieces(16, 2), (Sizes{6, 6, 2, 2}));
  EXPECT_EQ(pieces(4, 2), (Sizes{2, 2}));
  EXPECT_EQ(pieces(5, 2), (Sizes{2, 2, 1}));
  EXPECT_EQ(pieces(3, 4), (Sizes{1, 1, 1}));
  EXPECT_EQ(pieces(100, 3), (Sizes{25, 25, 25, 7, 7, 7, 1, 1, 1, 1}));
  for (int64_t threads : {2, 3, 64})
    for (int64_t size : pieces(1 << 20, threads))
      ASSERT_GT(size, 0);
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(3);
  for (int i = 0; i != 5000; ++i)
    ASSERT_EQ(visits(pool, 5), std::vector<int>(5, 1));
}

TEST(ThreadPool, LoopsOfSeveralThreadsAtOnce) {
  ThreadPool pool(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller != 4; ++caller)
    callers.emplace_back([&] {
      for (int i = 0; i != 500; ++i)
        wrong += visits(pool, 37) != std::vector<int>(37, 1);
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPool, LoopsOfARegion) {
  ThreadPool pool(3);
  for (int call = 0; call != 50; ++call) {
    ThreadPool::Region region(pool);
    for (int i = 0; i != 100; ++i)
      ASSERT_EQ(visits(region, 1 + i % 7), std::vector<int>(size_t(1 + i % 7), 1));
  }
  ThreadPool::Region unused(pool);
}

TEST(ThreadPool, RegionsOfSeveralThreadsAtOnce) {
  ThreadPool pool(3);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int caller = 0; caller != 4; ++caller)
    callers.emplace_back([&] {
      for (int call = 0; call != 20; ++call) {
        ThreadPool::Region region(pool);
        for (int i = 0; i != 25; ++i)
          wrong += visits(region, 37) != std::vector<int>(37, 1);
      }
    });
  for (std::thread &caller : callers)
    caller.join();
  EXPECT_EQ(wrong, 0);
}

/// Each of two tiles waits for the other: a single thread would never end.
template <typename Loops> void meet(Loops &loops) {
  std::atomic<int> arrived{0};
  loops.run(
      2,
      [](void *argument, int64_t begin, int64_t end) {
        auto &arrived = *static_cast<std::atomic<int> *>(argument);
        arrived += int(end - begin);
        while (arrived < 2)
          std::this_thread::yield();
      },
      &arrived);
  EXPECT_EQ(arrived, 2);
}

TEST(ThreadPool, OtherThreadsHelp) {
  ThreadPool pool(2);
  meet(pool);
}

TEST(ThreadPool, OtherThreadsHelpAgainAfterTheyFellAsleep) {
  ThreadPool pool(2);
  ThreadPool::Region region(pool);
  for (int i = 0; i != 5; ++i) {
    meet(region);
    std::this_thread::sleep_for(std::chrono::milliseconds(i));
  }
  // A region that is idle does not keep threads from another one.
  ThreadPool::Region other(pool);
  for (int i = 0; i != 5; ++i)
    meet(other);
  meet(region);
}

} // namespace
