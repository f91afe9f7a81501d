// Watching over ranks, with beats that the test sends.
#include "runtime/parallel/Watch.h"
#include "runtime/Failure.h"

#include <cstring>
#include <deque>
#include <gtest/gtest.h>

using namespace lathe::runtime;
using std::chrono::milliseconds;

namespace {

/// What the other ranks say is what the test puts in.
class TestPulse : public Pulse {
public:
  void send(const Beat &beat) override {
    std::lock_guard lock(mutex);
    sent = beat;
    for (auto &[rank, repeated] : living)
      waiting.emplace_back(rank, repeated);
  }
  int receive(Beat &beat) override {
    std::lock_guard lock(mutex);
    if (waiting.empty())
      return -1;
    auto [rank, next] = waiting.front();
    waiting.pop_front();
    beat = next;
    return rank;
  }

  /// Rank `rank` beats so from now on.
  void live(int rank, uint64_t entered) {
    std::lock_guard lock(mutex);
    std::erase_if(living, [&](auto &known) { return known.first == rank; });
    Beat beat;
    beat.entered = entered;
    living.emplace_back(rank, beat);
  }
  void die(int rank) {
    std::lock_guard lock(mutex);
    std::erase_if(living, [&](auto &known) { return known.first == rank; });
  }
  void say(int rank, const Beat &beat) {
    std::lock_guard lock(mutex);
    waiting.emplace_back(rank, beat);
  }
  Beat last() {
    std::lock_guard lock(mutex);
    return sent;
  }

private:
  std::mutex mutex;
  Beat sent;
  std::vector<std::pair<int, Beat>> living;
  std::deque<std::pair<int, Beat>> waiting;
};

/// What ends the group, or "" if nothing does for half a second longer than `time`.
std::string broken(Watch &watch, milliseconds time) {
  for (auto end = std::chrono::steady_clock::now() + time + milliseconds(500);
       std::chrono::steady_clock::now() < end;) {
    try {
      watch.check();
    } catch (const Failure &failure) {
      EXPECT_EQ(failure.code(), LATHE_DEVICE_ERROR);
      return failure.message();
    }
    std::this_thread::sleep_for(milliseconds(10));
  }
  return "";
}

TEST(WatchTest, NamesASilentRank) {
  TestPulse pulse;
  pulse.live(0, 0);
  pulse.live(2, 0);
  Watch watch(pulse, 1, 3, {milliseconds(400), milliseconds(60000)});
  EXPECT_EQ(broken(watch, milliseconds(500)), "");
  pulse.die(2);
  EXPECT_EQ(broken(watch, milliseconds(2000)),
            "rank 2 of 3 has given no sign of life for 0.4 s: its process is dead or "
            "stopped, or its machine cannot be reached");
}

TEST(WatchTest, NamesARankThatLetsOthersWait) {
  TestPulse pulse;
  pulse.live(0, 1);
  pulse.live(2, 0);
  Watch watch(pulse, 1, 3, {milliseconds(5000), milliseconds(300)});
  Watch::Wait wait(watch, "all_reduce", /*limited=*/true);
  EXPECT_EQ(broken(watch, milliseconds(2000)), "rank 2 of 3 lets the others wait: all_reduce, collective 1, has waited "
                                               "for 0.3 s, and that rank is at 0");
}

TEST(WatchTest, WaitsForRankZeroAsLongAsItLives) {
  TestPulse pulse;
  pulse.live(0, 0);
  Watch watch(pulse, 1, 2, {milliseconds(5000), milliseconds(100)});
  Watch::Wait wait(watch, "broadcast", /*limited=*/false);
  EXPECT_EQ(broken(watch, milliseconds(500)), "");
}

TEST(WatchTest, PassesFailuresOn) {
  TestPulse pulse;
  Beat failed;
  failed.state = Beat::Failed;
  std::strcpy(failed.why, "no memory");
  Watch watch(pulse, 0, 2, {milliseconds(5000), milliseconds(5000)});
  int called = 0;
  watch.onBreak([&] { ++called; });
  int other = watch.onBreak([&] { called += 100; });
  watch.forget(other);
  pulse.say(1, failed);
  EXPECT_EQ(broken(watch, milliseconds(1000)), "rank 1 of 2 has failed: no memory");
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_EQ(called, 1);
  watch.fail("later"); // the first reason stays
  EXPECT_EQ(broken(watch, milliseconds(0)), "rank 1 of 2 has failed: no memory");
}

TEST(WatchTest, TellsOthersOfItsOwnFailure) {
  TestPulse pulse;
  pulse.live(1, 0);
  Watch watch(pulse, 0, 2, {milliseconds(5000), milliseconds(5000)});
  watch.fail("a kernel stopped");
  EXPECT_EQ(pulse.last().state, Beat::Failed);
  EXPECT_STREQ(pulse.last().why, "a kernel stopped");
  EXPECT_EQ(broken(watch, milliseconds(0)), "this rank, 0, has failed before: a kernel stopped");
}

TEST(WatchTest, LeavingIsNoFailureUnlessAnybodyWaits) {
  TestPulse pulse;
  Beat left;
  left.state = Beat::Left;
  Watch watch(pulse, 0, 2, {milliseconds(300), milliseconds(5000)});
  pulse.say(1, left);
  EXPECT_EQ(broken(watch, milliseconds(500)), "");
  Watch::Wait wait(watch, "all_gather", /*limited=*/true);
  EXPECT_EQ(broken(watch, milliseconds(1000)), "rank 1 of 2 has left, but all_gather waits for it");
}

} // namespace
