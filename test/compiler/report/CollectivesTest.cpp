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

// Of 1,000 bytes a rank sends 2,000 to each of 3 others, in 0.5 s and at 1,000 bytes a second.
TEST(Collectives, SumDirectlyWhatIsSmall) {
  Machine direct = machine();
  direct.DirectSeconds = 0.5;
  direct.DirectRate = 1000;
  EXPECT_EQ(predictCollective("all_reduce", 1000, 4, direct), 0.5 + 6);
  for (auto [operation, bytes, ranks] :
       {std::tuple("all_reduce", 600000.0, 4), {"all_reduce", 1000.0, 8}, {"all_gather", 1000.0, 4}})
    EXPECT_EQ(predictCollective(operation, bytes, ranks, direct),
              predictCollective(operation, bytes, ranks, machine()));
}

// Medians of two H200 over NVLink, in a graph of 64: 8 KB to 1 MB directly, then by NCCL (driver 580.159.04).
TEST(Collectives, AreAsMeasuredBetweenTwo) {
  const Machine &gpu = *findGpu("sm_90a");
  Machine nccl = gpu;
  nccl.DirectRate = 0;
  auto expectNear = [&](const Machine &machine, double bytes, double measured, double share) {
    EXPECT_NEAR((*predictCollective("all_reduce", bytes, 2, machine) + gpu.LaunchSeconds) / measured, 1, share)
        << bytes;
  };
  for (auto [bytes, measured] :
       {std::pair(8192.0, 1.92e-6), {65536.0, 2.29e-6}, {262144.0, 3.35e-6}, {524288.0, 4.76e-6}, {1048576.0, 7.70e-6}})
    expectNear(gpu, bytes, measured, 0.05);
  for (auto [bytes, measured] : {std::pair(8192.0, 6.45e-6),
                                 {65536.0, 6.86e-6},
                                 {1048576.0, 13.38e-6},
                                 {4194304.0, 31.92e-6},
                                 {16777216.0, 72.81e-6},
                                 {33554432.0, 133.52e-6}})
    expectNear(nccl, bytes, measured, 0.22);
}

TEST(Collectives, AreNotKnownOfMachinesWithoutLinks) {
  EXPECT_FALSE(predictCollective("all_reduce", 800, 2, Machine()));
  Machine alone = machine();
  alone.NetworkRate = 0;
  EXPECT_TRUE(predictCollective("all_reduce", 800, 4, alone));
  EXPECT_FALSE(predictCollective("all_reduce", 800, 8, alone));
}

} // namespace
