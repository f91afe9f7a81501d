// What launches take by what their templates make of them, on a machine of round numbers.
#include "compiler/report/KernelTime.h"

#include <gtest/gtest.h>

using namespace lathe::report;

namespace {

/// 10 multiprocessors, 1000 bytes/s from memory, 200 and from the cache 400 for each; 100 FLOP/s for each, products
/// twice as many; a second a launch, a tenth an access, half a meeting.
Machine machine() {
  Machine gpu = {"round", "test", 10, 1000, 2000, 4000, 1000, 4000, 1e6, 1};
  gpu.CoreMemoryRate = 200;
  gpu.CoreCacheRate = 400;
  gpu.AccessSeconds = 0.1;
  gpu.MeetingSeconds = 0.5;
  return gpu;
}

/// So many items for blocks that each have one at a time, of 5 steps of 100 bytes from memory.
KernelWork work(double items, double blocks) {
  KernelWork work;
  work.Items = items;
  work.Blocks = blocks;
  work.Steps = 5;
  work.StepBytes = 100;
  work.StartAccesses = 1;
  return work;
}

TEST(KernelTime, FewBlocksHaveTheRateOfTheirMultiprocessors) {
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), work(1, 1)), 1 + 0.1 + 5 * 100 / 200.0);
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), work(5, 5)), 1 + 0.1 + 5 * 100 / 200.0);
}

TEST(KernelTime, ManyBlocksShareTheMemory) {
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), work(10, 10)), 1 + 0.1 + 5 * 100 / 100.0);
  Machine half = machine();
  half.LoadShare = 0.5;
  EXPECT_DOUBLE_EQ(predictSeconds(half, work(10, 10)), 1 + 0.1 + 5 * 100 / 50.0);
}

TEST(KernelTime, ItemsBeyondTheBlocksWait) {
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), work(11, 10)), 1 + 0.1 + 2 * 5 * 100 / 100.0);
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), work(11, 11)), 1 + 0.1 + 2 * 5 * 100 / 100.0); // there is no room for 11
  KernelWork two = work(20, 20);
  two.Resident = 2; // all at once, each with half of a multiprocessor
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), two), 1 + 0.1 + 5 * 100 / 50.0);
}

TEST(KernelTime, TheSlowestOfAStepCounts) {
  KernelWork cached = work(1, 1);
  cached.StepOtherBytes = 300; // with the 100 from memory
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), cached), 1 + 0.1 + 5 * 1.0);
  KernelWork computing = work(1, 1);
  computing.StepFlops = 400;
  computing.Unit = Multiplier::Warpgroups;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), computing), 1 + 0.1 + 5 * 2.0);
  computing.Unit = Multiplier::Threads;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), computing), 1 + 0.1 + 5 * 4.0);
  Machine slow = machine();
  slow.TileShare = 0.25;
  computing.Unit = Multiplier::Warps;
  EXPECT_DOUBLE_EQ(predictSeconds(slow, computing), 1 + 0.1 + 5 * 8.0);
}

TEST(KernelTime, AccessesThatNothingHides) {
  KernelWork alone = work(1, 1);
  alone.StepBytes = 1;
  alone.InFlight = 2;
  alone.StartAccesses = 3;
  alone.ItemAccesses = 4;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), alone), 1 + 0.3 + 0.4 + 5 * 0.05);
}

TEST(KernelTime, AccessesTakeLongerUnderLoad) {
  Machine gpu = machine();
  EXPECT_DOUBLE_EQ(getAccess(gpu, 1), 0.1); // nothing is known of a quiet chip
  gpu.QuietAccessSeconds = 0.05;
  EXPECT_DOUBLE_EQ(getAccess(gpu, 0), 0.05);
  EXPECT_DOUBLE_EQ(getAccess(gpu, 5), 0.075);
  EXPECT_DOUBLE_EQ(getAccess(gpu, 20), 0.1);
}

TEST(KernelTime, OneStepAtATimeWaitsForItsData) {
  KernelWork alone = work(1, 1);
  alone.InFlight = 1;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), alone), 1 + 0.1 + 5 * (0.5 + 0.1));
}

TEST(KernelTime, DataThatItemsShareComeFromMemoryOnce) {
  KernelWork shared = work(10, 10);
  shared.Columns = 5;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), shared), 1 + 0.1 + 5 * 50 / 100.0);
  shared.Items = 4; // fewer than there may be
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), shared), 1 + 0.1 + 5 * 100 / 200.0);
}

TEST(KernelTime, InstructionsOfThreadsAreIssuedOneByOne) {
  Machine gpu = machine(); // 50 instructions a second on each multiprocessor
  gpu.InstructionSeconds = 0.1;
  KernelWork few = work(1, 1);
  few.Steps = 0;
  few.ItemInstructions = 8;
  few.ItemThreads = 4;
  EXPECT_DOUBLE_EQ(predictSeconds(gpu, few), 1 + 0.1 + 8 * 0.1); // each waits for the one before
  few.ItemThreads = 10;
  EXPECT_DOUBLE_EQ(predictSeconds(gpu, few), 1 + 0.1 + 8 * 10 / 50.0);
  KernelWork bringing = work(1, 1);
  bringing.StepInstructions = 8;
  bringing.StepThreads = 4;
  EXPECT_DOUBLE_EQ(predictSeconds(gpu, bringing), 1 + 0.1 + 5 * 0.8);
}

TEST(KernelTime, PagesOfATableAreLookedFor) {
  Machine gpu = machine();
  gpu.WalkSeconds = 3;
  KernelWork rows = work(1, 1);
  rows.TableRows = 1;
  rows.TableBytes = 1e6 * Machine::PageBytes; // no two rows in a page
  EXPECT_NEAR(predictSeconds(gpu, rows), 1 + 0.1 + 3 + 2.5, 1e-5);
  rows.TableRows = 10 * Machine::PagesOfWalk;
  EXPECT_NEAR(predictSeconds(gpu, rows), 1 + 0.1 + 30 + 2.5, 0.02);
  rows.TableBytes = Machine::PageBytes / 4; // hardly ever a page that is not known
  EXPECT_NEAR(predictSeconds(gpu, rows), 1 + 0.1 + 0.75 + 2.5, 1e-5);
}

TEST(KernelTime, ClustersMeet) {
  KernelWork four = work(2, 8);
  four.Cluster = 4;
  four.MeetingBytes = 40;
  EXPECT_EQ(countClusters(machine(), 4), 2);
  EXPECT_EQ(countClusters(machine(), 2), 5);
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), four), 1 + 0.1 + 5 * 100 / 125.0 + 2 * (0.5 + 40 / 400.0));
}

TEST(KernelTime, FewItemsAreShared) {
  KernelWork shared = work(2, 4);
  shared.MostSharing = 2;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), shared), 1 + 0.1 + 3 * 100 / 200.0 + 0.5);
  shared.Items = 4;
  EXPECT_DOUBLE_EQ(predictSeconds(machine(), shared), 1 + 0.1 + 5 * 100 / 200.0);
}

TEST(KernelTime, NumbersComeBackFromAManifest) {
  EXPECT_EQ(describe(KernelWork()).dump(), "{}");
  KernelWork given = work(7, 8);
  given.Cluster = 2;
  given.Unit = Multiplier::Warpgroups;
  given.MeetingBytes = 12;
  given.ItemThreads = 64;
  given.TableRows = 0.5;
  KernelWork read = readWork(describe(given));
  EXPECT_EQ(read.Cluster, 2);
  EXPECT_EQ(read.Unit, Multiplier::Warpgroups);
  EXPECT_EQ(read.StepBytes, 100);
  EXPECT_EQ(read.MeetingBytes, 12);
  EXPECT_EQ(read.ItemThreads, 64);
  EXPECT_EQ(read.TableRows, 0.5);
  EXPECT_EQ(read.StartAccesses, 1);
}

} // namespace
