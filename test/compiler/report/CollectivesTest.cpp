// What ranks send and how long that takes, by links of round numbers: 100 bytes/s in a node, 10 between nodes.
#include "compiler/report/Collectives.h"

#include <gtest/gtest.h>

using namespace lathe::report;

namespace {

Machine machine() {
  Machine machine;
  machine.LinkSeconds = 1;
  machine.LinkRate = 100;
  machine.NetworkSeconds = 5;
  machine.NetworkRate = 10;
  machine.NodeDevices = 4;
  return machine;
}

TEST(Collectives, SendAPartToEachOther) {
  EXPECT_EQ(countSent("all_gather", 800, 4), 600);
  EXPECT_EQ(countSent("reduce_scatter", 800, 4), 600);
  EXPECT_EQ(countSent("all_reduce", 800, 4), 1200); // both
  EXPECT_EQ(countSent("all_reduce", 800, 1), 0);
}

TEST(Collectives, StartOnceForEachDoubling) {
  EXPECT_EQ(predictCollective("all_reduce", 0, 2, machine()), 1);
  EXPECT_EQ(predictCollective("all_reduce", 0, 4, machine()), 2);
  EXPECT_EQ(predictCollective("all_gather", 800, 4, machine()), 2 + 6);
}

// Each of 4 GPUs of a node has 200 of 800 bytes, which it adds up with the one on the other node.
TEST(Collectives, GoBetweenNodesWithAPartEach) {
  EXPECT_EQ(predictCollective("all_reduce", 800, 8, machine()), (2 + 12) + (5 + 20));
}

TEST(Collectives, AreNotKnownOfMachinesWithoutLinks) {
  EXPECT_FALSE(predictCollective("all_reduce", 800, 2, Machine()));
  Machine alone = machine();
  alone.NetworkRate = 0;
  EXPECT_TRUE(predictCollective("all_reduce", 800, 4, alone));
  EXPECT_FALSE(predictCollective("all_reduce", 800, 8, alone));
}

} // namespace
