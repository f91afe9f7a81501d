// Where a model is cut into clones, from times that are made up.
#include "compiler/targets/cuda/CloneRanges.h"
#include <gtest/gtest.h>

using namespace lathe::cuda;

namespace {

std::vector<int64_t> endsOf(const std::vector<CloneRange> &ranges) {
  std::vector<int64_t> ends;
  for (const CloneRange &range : ranges)
    ends.push_back(range.Max);
  return ends;
}

/// One kernel up to `limit`, a slower one that takes any count.
CloneTime makeLimited(int64_t limit, double few, double many) {
  return [=](int64_t, int64_t most, int64_t) { return most <= limit ? few : many; };
}

TEST(CloneRanges, OneKernelForAllNeedsOneClone) {
  CloneTime same = [](int64_t, int64_t, int64_t count) { return double(count); };
  EXPECT_EQ(endsOf(chooseRanges(1, 1000, same)), std::vector<int64_t>({1000}));
}

TEST(CloneRanges, RangesFollowEachOtherFromFirstToLast) {
  std::vector<CloneRange> ranges = chooseRanges(1, 300, makeLimited(8, 1, 2));
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].Min, 1);
  EXPECT_EQ(ranges[0].Max, 8);
  EXPECT_EQ(ranges[1].Min, 9);
  EXPECT_EQ(ranges[1].Max, 300);
}

TEST(CloneRanges, ReasonsNameTimeAndWhatJoiningCosts) {
  std::vector<CloneRange> ranges = chooseRanges(1, 300, makeLimited(8, 1e-6, 1.5e-6));
  ASSERT_EQ(ranges.size(), 2u);
  EXPECT_EQ(ranges[0].Reason,
            "1.0 us of products predicted of 8; in one clone with up to 300 these would take 50 % longer");
  EXPECT_EQ(ranges[1].Reason, "1.5 us of products predicted of 300; no more are computed at once");
}

TEST(CloneRanges, AFewPercentAreNotWorthAClone) {
  // From 2 to 8 two and a half doublings lose as much together as WorthOfClone, or a little more.
  auto makeSlower = [](double share) -> CloneTime {
    return [=](int64_t, int64_t most, int64_t count) { return count == 1 || count > 8 || most <= 8 ? 1 : 1 + share; };
  };
  EXPECT_EQ(chooseRanges(1, 300, makeSlower(WorthOfClone / 2.6)).size(), 1u);
  EXPECT_EQ(chooseRanges(1, 300, makeSlower(WorthOfClone / 2.4)).size(), 2u);
}

TEST(CloneRanges, TheLeastCountIsAloneWhereAsked) {
  EXPECT_EQ(endsOf(chooseRanges(1, 300, makeLimited(8, 1, 2), /*leastAlone=*/true)), std::vector<int64_t>({1, 8, 300}));
  EXPECT_EQ(endsOf(chooseRanges(1, 1, makeLimited(8, 1, 2), /*leastAlone=*/true)), std::vector<int64_t>({1}));
  EXPECT_EQ(endsOf(chooseRanges(5, 300, makeLimited(8, 1, 2), /*leastAlone=*/true)), std::vector<int64_t>({8, 300}));
}

TEST(CloneRanges, ThereAreNotMoreThanMost) {
  // As long as if there were as many as the clone may have.
  CloneTime padded = [](int64_t, int64_t most, int64_t) { return double(most); };
  std::vector<CloneRange> ranges = chooseRanges(1, 1 << 16, padded);
  EXPECT_EQ(ranges.size(), size_t(MostClones));
  EXPECT_EQ(ranges.back().Max, 1 << 16);
}

TEST(CloneRanges, WhatTheFirstCountDecidesCutsToo) {
  // From 65 on something is done beforehand that only pays then.
  CloneTime unpacking = [](int64_t least, int64_t, int64_t count) {
    return least >= 65 ? 3.0 : count > 64 ? 6.0 : 1.0;
  };
  EXPECT_EQ(endsOf(chooseRanges(1, 512, unpacking)), std::vector<int64_t>({64, 512}));
}

TEST(CloneRanges, AllChipsCount) {
  EXPECT_EQ(endsOf(chooseRanges(1, 512, makeLimited(8, 1, 2))), std::vector<int64_t>({8, 512}));
  EXPECT_EQ(endsOf(chooseRanges(1, 512, {makeLimited(8, 1, 2), makeLimited(64, 1, 2)})),
            std::vector<int64_t>({8, 64, 512}));
}

TEST(CloneRanges, FirstAndLastNeedNotBePowersOfTwo) {
  EXPECT_EQ(endsOf(chooseRanges(5, 100, makeLimited(16, 1, 2))), std::vector<int64_t>({16, 100}));
  EXPECT_EQ(endsOf(chooseRanges(7, 7, makeLimited(16, 1, 2))), std::vector<int64_t>({7}));
}

} // namespace
