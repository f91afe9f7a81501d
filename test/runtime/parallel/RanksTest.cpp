// Ranks in processes that mpirun starts; RankProcess.cpp is what runs in each of them.
#include "test/runtime/TestArtifact.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <regex>
#include <sys/wait.h>
#include <unistd.h>

using namespace lathe;

namespace {

#ifdef LATHE_MPIRUN

struct Ended {
  int code;
  std::string output;
  double seconds;
};

/// What starts ranks.
constexpr char Mpi[] = "mpi", File[] = "file", Tcp[] = "tcp";

std::string shell(int ranks, const std::string &process, const std::string &launcher) {
  std::string place = launcher == File ? "file:" + testing::TempDir() + "ranks-" + std::to_string(getpid())
                                       : "tcp://localhost:" + std::to_string(21000 + getpid() % 10000);
  std::string command = "code=0; ids=; ";
  for (int rank = ranks - 1; rank >= 0; --rank)
    command += "RENDEZVOUS=" + place + " RANK=" + std::to_string(rank) + " WORLD_SIZE=" + std::to_string(ranks) +
               " timeout -s KILL 60 " + process + " & ids=\"$ids $!\"; ";
  return "(" + command + "for id in $ids; do wait $id || code=$?; done; exit $code) 2>&1";
}

/// Runs a scenario on so many ranks. `options` are mpirun's. What hangs is ended after a minute, with code 137.
Ended start(int ranks, const std::string &scenario, const std::string &options = "",
            const std::string &launcher = Mpi) {
  artifact::ArtifactSource other = test::rankedToySource(ranks);
  other.manifest["model"]["name"] = "other";
  std::string process = LATHE_RANK_PROCESS " " + scenario + " " + test::writeTemporary(test::rankedToySource(ranks)) +
                        " " + test::writeTemporary(test::rankedToySource(ranks, "cuda")) + " " +
                        test::writeTemporary(other);
  std::string command = launcher == Mpi ? "timeout -s KILL 60 " LATHE_MPIRUN
                                          " --allow-run-as-root --oversubscribe -n " +
                                              std::to_string(ranks) + " " + options + " " + process + " 2>&1"
                                        : shell(ranks, process, launcher);
  auto begin = std::chrono::steady_clock::now();
  std::FILE *pipe = popen(command.c_str(), "r");
  Ended ended{-1, "", 0};
  std::array<char, 4096> piece;
  while (size_t count = std::fread(piece.data(), 1, piece.size(), pipe))
    ended.output.append(piece.data(), count);
  int status = pclose(pipe);
  ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  ended.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return ended;
}

bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

class RanksTest : public testing::TestWithParam<int> {};

TEST_P(RanksTest, CollectivesOfAllTypesAndSizes) {
  Ended ended = start(GetParam(), "collectives");
  EXPECT_EQ(ended.code, 0) << ended.output;
  for (int rank = 0; rank != GetParam(); ++rank)
    EXPECT_TRUE(contains(ended.output, "rank " + std::to_string(rank) + ": collectives are right")) << ended.output;
}

TEST_P(RanksTest, SessionsGiveOneRanksLogits) {
  Ended ended = start(GetParam(), "sessions");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: sessions are right")) << ended.output;
  for (int rank = 1; rank != GetParam(); ++rank)
    EXPECT_TRUE(contains(ended.output, "rank " + std::to_string(rank) + ": followed to the end")) << ended.output;
}

TEST_P(RanksTest, EnginesWriteOneRanksTexts) {
  Ended ended = start(GetParam(), "engine");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: texts are right")) << ended.output;
}

TEST_P(RanksTest, SessionsThroughNcclAloneGiveOneRanksLogits) {
  Ended ended = start(GetParam(), "gpu-sessions", "-x DIRECT_BYTES=-1");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: sessions are right")) << ended.output;
}

TEST_P(RanksTest, SessionsOnGpusGiveOneRanksLogits) {
  Ended ended = start(GetParam(), "gpu-sessions");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: sessions are right")) << ended.output;
}

TEST_P(RanksTest, EnginesOnGpusWriteOneRanksTexts) {
  Ended ended = start(GetParam(), "gpu-engine");
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: texts are right")) << ended.output;
}

class MeetingTest : public testing::TestWithParam<const char *> {};

TEST_P(MeetingTest, CollectivesOfRanksOfAShell) {
  Ended ended = start(3, "collectives", "", GetParam());
  EXPECT_EQ(ended.code, 0) << ended.output;
  for (const char *rank : {"rank 0", "rank 1", "rank 2"})
    EXPECT_TRUE(contains(ended.output, rank + std::string(": collectives are right"))) << ended.output;
}

TEST_P(MeetingTest, GpusOfRanksOfAShell) {
  Ended ended = start(2, "gpu-sessions", "", GetParam());
  EXPECT_EQ(ended.code, 0) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 0: sessions are right")) << ended.output;
}

INSTANTIATE_TEST_SUITE_P(Places, MeetingTest, testing::Values(File, Tcp), [](auto &info) { return info.param; });

INSTANTIATE_TEST_SUITE_P(Sizes, RanksTest, testing::Values(2, 4),
                         [](auto &info) { return std::to_string(info.param) + "Ranks"; });

/// The time that a rank says it took to find out.
double foundAfter(const std::string &output, int rank) {
  std::smatch match;
  return std::regex_search(output, match, std::regex("rank " + std::to_string(rank) + ": code 6 after ([0-9]+) ms"))
             ? std::stod(match[1]) / 1000
             : -1;
}

TEST(BrokenRanksTest, AStoppedRankIsNamedWithinSeconds) {
  Ended ended = start(3, "stopped");
  for (int rank : {0, 2}) {
    double seconds = foundAfter(ended.output, rank);
    EXPECT_TRUE(seconds > 1 && seconds < 6) << rank << " " << ended.output;
  }
  EXPECT_TRUE(contains(ended.output, "rank 1 of 3 has given no sign of life for 1.5 s")) << ended.output;
}

// On a GPU the others wait inside of a collective, which is aborted.
TEST(BrokenRanksTest, AStoppedRankIsNamedByOnesThatWaitOnGpus) {
  Ended ended = start(2, "gpu-stopped");
  double seconds = foundAfter(ended.output, 0);
  EXPECT_TRUE(seconds > 1 && seconds < 6) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 1 of 2 has given no sign of life for 1.5 s")) << ended.output;
}

// mpirun itself ends the job and names the rank that has died.
TEST(BrokenRanksTest, ADeadRankEndsTheJob) {
  Ended ended = start(2, "killed");
  EXPECT_NE(ended.code, 0);
  EXPECT_LT(ended.seconds, 20) << ended.output;
  EXPECT_TRUE(contains(ended.output, "process rank 1")) << ended.output;
}

// A launcher that leaves the others alone.
TEST(BrokenRanksTest, ADeadRankIsNamedByTheOthers) {
  Ended ended = start(2, "killed", "--enable-recovery");
  double seconds = foundAfter(ended.output, 0);
  EXPECT_TRUE(seconds > 1 && seconds < 6) << ended.output;
  EXPECT_TRUE(contains(ended.output, "rank 1 of 2 has given no sign of life for 1.5 s")) << ended.output;
}

TEST(BrokenRanksTest, RanksOfAShellNameOneThatIsDead) {
  Ended ended = start(3, "killed", "", File);
  for (int rank : {0, 2}) {
    double seconds = foundAfter(ended.output, rank);
    EXPECT_TRUE(seconds > 0 && seconds < 6) << ended.output;
  }
  EXPECT_TRUE(contains(ended.output, "rank 1 of 3 has failed: its process has ended")) << ended.output;
}

TEST(BrokenRanksTest, RanksOfAShellNameOneThatIsStopped) {
  Ended ended = start(2, "stopped", "", File);
  EXPECT_TRUE(contains(ended.output, "rank 1 of 2 has given no sign of life for 1.5 s")) << ended.output;
}

TEST(BrokenRanksTest, ALivingRankThatDoesNotComeIsNamed) {
  Ended ended = start(2, "absent");
  EXPECT_TRUE(contains(ended.output, "rank 1 of 2 lets the others wait: ")) << ended.output;
}

TEST(BrokenRanksTest, ARankThatLeavesIsNamed) {
  Ended ended = start(2, "leaving");
  EXPECT_TRUE(contains(ended.output, "rank 1 of 2 has left, but ")) << ended.output;
}

TEST(BrokenRanksTest, AnotherProgramIsRefusedOnAllRanks) {
  Ended ended = start(2, "unlike");
  for (const char *rank : {"rank 0: lathe_session_create: ", "rank 1: lathe_group_follow: "})
    EXPECT_TRUE(std::regex_search(ended.output, std::regex(rank + std::string(".*rank 1 of 2 has another program than "
                                                                              "rank 0; give all ranks the same"))))
        << ended.output;
}

TEST(BrokenRanksTest, ARankThatMpiCountsOtherwise) {
  Ended ended = start(2, "miscounted");
  EXPECT_TRUE(contains(ended.output, "rank is 1 of 2 but for MPI this process is 0 of 2; start it with mpirun -n 2"))
      << ended.output;
}

#else

TEST(RanksTest, NeedsMpi) { GTEST_SKIP() << "built without MPI: install libopenmpi-dev and openmpi-bin"; }

#endif

} // namespace
