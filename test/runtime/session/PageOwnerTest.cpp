// Pages that can be found by what they hold, against a plain list of what must be there.
#include "runtime/session/PageOwner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

using namespace lathe::runtime;

namespace {

PageKey keyOf(int number) {
  PageKey key{};
  key[0] = static_cast<unsigned char>(number);
  return key;
}

void expectCounts(const PagePool &pool, int64_t used, int64_t shared, int64_t cached) {
  PageCounts counts = pool.counts();
  EXPECT_EQ(counts.used, used);
  EXPECT_EQ(counts.shared, shared);
  EXPECT_EQ(counts.cached, cached);
}

TEST(PagePool, KeptPagesAreFoundWhileTheyAreUsedAndAfterwards) {
  PagePool pool(4);
  int32_t page = pool.acquire();
  pool.keep(page, keyOf(1));
  EXPECT_EQ(pool.find(keyOf(1)), page);
  expectCounts(pool, 1, 1, 0);
  pool.release(page);
  pool.release(page);
  expectCounts(pool, 0, 0, 1);
  EXPECT_EQ(pool.available(), 4);
  EXPECT_EQ(pool.find(keyOf(1)), page);
  expectCounts(pool, 1, 0, 0);
  EXPECT_EQ(pool.find(keyOf(2)), -1);
}

TEST(PagePool, CachedPagesGoInTheOrderOfTheirRelease) {
  PagePool pool(3);
  int32_t pages[3];
  for (int i = 0; i != 3; ++i)
    pool.keep(pages[i] = pool.acquire(), keyOf(i));
  for (int i : {1, 0, 2})
    pool.release(pages[i]);
  EXPECT_EQ(pool.find(keyOf(1)), pages[1]); // used anew
  pool.release(pages[1]);
  EXPECT_EQ(pool.acquire(), pages[0]);
  EXPECT_EQ(pool.find(keyOf(0)), -1);
  EXPECT_EQ(pool.acquire(), pages[2]);
  EXPECT_EQ(pool.acquire(), pages[1]);
  expectCounts(pool, 3, 0, 0);
}

TEST(PagePool, OneOfEqualPagesIsFound) {
  PagePool pool(2);
  int32_t first = pool.acquire(), second = pool.acquire();
  pool.keep(first, keyOf(1));
  pool.keep(second, keyOf(1));
  pool.release(second); // free, as it cannot be found
  expectCounts(pool, 1, 0, 0);
  EXPECT_EQ(pool.find(keyOf(1)), first);
}

TEST(PagePool, ForgottenPagesAreNotFound) {
  PagePool pool(2);
  int32_t page = pool.acquire();
  pool.keep(page, keyOf(1));
  pool.forget(page);
  pool.forget(page);
  EXPECT_EQ(pool.find(keyOf(1)), -1);
  pool.keep(page, keyOf(2));
  pool.release(page);
  expectCounts(pool, 0, 0, 1);
}

TEST(PagePool, CountsAddUpWhateverHappens) {
  std::mt19937 random(3);
  PagePool pool(9);
  std::vector<int32_t> held; ///< once for each use
  for (int round = 0; round != 20000; ++round) {
    int what = int(random() % 6), key = int(random() % 12);
    int32_t any = held.empty() ? -1 : held[random() % held.size()];
    if (what == 0 && pool.available() > 0)
      held.push_back(pool.acquire());
    else if (what == 1 && any >= 0)
      pool.share(any), held.push_back(any);
    else if (what == 2 && any >= 0)
      pool.forget(any), pool.keep(any, keyOf(key));
    else if (what == 3 && pool.find(keyOf(key)) >= 0)
      held.push_back(pool.find(keyOf(key))), pool.release(held.back());
    else if (any >= 0)
      pool.release(any), held.erase(std::find(held.begin(), held.end(), any));
    int64_t used = 0, shared = 0;
    for (int32_t page = 0; page != 9; ++page) {
      int64_t users = std::count(held.begin(), held.end(), page);
      ASSERT_EQ(pool.users(page), users);
      used += users > 0;
      shared += users > 1;
    }
    ASSERT_EQ(pool.counts().used, used);
    ASSERT_EQ(pool.counts().shared, shared);
    ASSERT_LE(pool.counts().cached, 9 - used);
  }
}

} // namespace
