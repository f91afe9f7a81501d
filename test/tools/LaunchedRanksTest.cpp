// Ranks that a launcher starts: what its environment says, and the `lathe` command on two of them.
#include "test/runtime/ToyReference.h"
#include "tools/lathe/Ranks.h"

#include <array>
#include <gtest/gtest.h>
#include <map>

using namespace lathe;

namespace {

using Variables = std::map<std::string, const char *>;

std::optional<tools::LaunchedRank> launched(const Variables &variables) {
  return tools::readLauncher([&](const char *name) {
    auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second;
  });
}

void expectLauncher(const Variables &variables, const std::string &name, int rank, int size, int localRank,
                    const std::string &rendezvous) {
  std::optional<tools::LaunchedRank> found = launched(variables);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->launcher, name);
  EXPECT_EQ(found->rank, rank);
  EXPECT_EQ(found->size, size);
  EXPECT_EQ(found->localRank, localRank);
  EXPECT_EQ(found->rendezvous, rendezvous);
}

TEST(LaunchedRanksTest, KnowsLaunchersByTheirVariables) {
  Variables slurm = {{"SLURM_PROCID", "5"}, {"SLURM_NTASKS", "8"}, {"SLURM_LOCALID", "1"}};
  expectLauncher(slurm, "srun", 5, 8, 1, "");
  slurm.insert({{"SLURM_STEP_NODELIST", "gpu[07-12,20],other3"}, {"SLURM_JOB_ID", "24001"}, {"SLURM_STEP_ID", "2"}});
  expectLauncher(slurm, "srun", 5, 8, 1, "tcp://gpu07:20015");
  slurm["SLURM_STEP_NODELIST"] = "other3,gpu[07-12]";
  expectLauncher(slurm, "srun", 5, 8, 1, "tcp://other3:20015");
  slurm["SLURM_STEP_NODELIST"] = "rack2-gpu[4]";
  expectLauncher(slurm, "srun", 5, 8, 1, "tcp://rack2-gpu4:20015");
  Variables torch = {{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "3"}};
  expectLauncher(torch, "torchrun", 3, 4, 3, "");
  torch.insert({{"MASTER_ADDR", "10.0.0.1"}, {"MASTER_PORT", "29500"}});
  expectLauncher(torch, "torchrun", 3, 4, 3, "tcp://10.0.0.1:29500");
  torch["TORCHELASTIC_USE_AGENT_STORE"] = "True"; // torchrun itself listens at that port
  torch["MASTER_ADDR"] = "fd00::1";
  expectLauncher(torch, "torchrun", 3, 4, 3, "tcp://[fd00::1]:29501");
  Variables mpi = {{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}};
  expectLauncher(mpi, "mpirun", 2, 4, 0, "mpi");
  // mpirun within an allocation of Slurm's.
  mpi.insert(slurm.begin(), slurm.end());
  expectLauncher(mpi, "mpirun", 2, 4, 0, "mpi");
  EXPECT_FALSE(launched({}));
  EXPECT_FALSE(launched({{"RANK", "1"}})); // any program may have such a variable
}

void expectWrong(const Variables &variables, const std::string &text) {
  try {
    launched(variables);
    FAIL() << "nothing was thrown";
  } catch (const tools::CommandFailure &failure) {
    EXPECT_EQ(failure.code, LATHE_INVALID_ARGUMENT);
    EXPECT_EQ(failure.what(), text);
  }
}

TEST(LaunchedRanksTest, RefusesWhatIsNoRank) {
  expectWrong({{"RANK", "one"}, {"WORLD_SIZE", "4"}},
              "RANK is 'one' in the environment but must be an integer of at least 0");
  expectWrong({{"RANK", "0"}, {"WORLD_SIZE", "0"}},
              "WORLD_SIZE is '0' in the environment but must be an integer of at least 1");
  expectWrong({{"SLURM_PROCID", "4"}, {"SLURM_NTASKS", "4"}},
              "SLURM_PROCID is 4 in the environment but must be less than SLURM_NTASKS, which is 4");
}

struct Result {
  int code;
  std::string text; ///< both streams
};

Result run(const std::string &command) {
  std::FILE *pipe = popen((command + " 2>&1").c_str(), "r");
  Result result = {-1, ""};
  std::array<char, 4096> piece;
  while (size_t bytes = std::fread(piece.data(), 1, piece.size(), pipe))
    result.text.append(piece.data(), bytes);
  int status = pclose(pipe);
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return result;
}

TEST(LaunchedRanksTest, SaysHowToStartAProgramForSeveralRanks) {
  Result alone = run(LATHE_COMMAND " run " + test::writeTemporary(test::rankedToySource(2)) + " --tokens 1");
  EXPECT_EQ(alone.code, 2);
  EXPECT_NE(
      alone.text.find("was compiled for 2 ranks but no launcher has started this process; start it with mpirun -n "
                      "2 lathe ..."),
      std::string::npos)
      << alone.text;
}

TEST(LaunchedRanksTest, AsksWhereRanksMeet) {
  Result one = run("RANK=0 WORLD_SIZE=2 " LATHE_COMMAND " run " + test::writeTemporary(test::rankedToySource(2)) +
                   " --tokens 1");
  EXPECT_EQ(one.code, 2);
  EXPECT_NE(one.text.find("the environment does not tell where its processes meet; name a place with --rendezvous"),
            std::string::npos)
      << one.text;
}

/// Processes of a shell alone.
TEST(LaunchedRanksTest, RanksMeetWithoutALauncher) {
  std::string artifact = test::writeTemporary(test::rankedToySource(2)), arguments = " --tokens 3,1,4 --steps 5";
  std::string file = testing::TempDir() + "ranks-" + std::to_string(getpid());
  Result one = run(LATHE_COMMAND " run " + test::writeTemporary(test::toySource()) + arguments);
  auto rank = [&](const char *number) {
    return std::string("RANK=") + number + " WORLD_SIZE=2 timeout -s KILL 60 " LATHE_COMMAND " run " + artifact +
           arguments + " --rendezvous=file:" + file;
  };
  Result two = run("(" + rank("1") + " & " + rank("0") + "; code=$?; wait; exit $code)");
  EXPECT_EQ(two.code, 0) << two.text;
  EXPECT_EQ(two.text, one.text);
}

#ifdef LATHE_MPIRUN
const std::string Mpirun = "timeout -s KILL 60 " LATHE_MPIRUN " --allow-run-as-root --oversubscribe -n ";

TEST(LaunchedRanksTest, RankZeroSpeaksForAll) {
  std::string arguments = " --tokens 3,1,4 --steps 5";
  Result one = run(LATHE_COMMAND " run " + test::writeTemporary(test::toySource()) + arguments);
  Result two = run(Mpirun + "2 " LATHE_COMMAND " run " + test::writeTemporary(test::rankedToySource(2)) + arguments);
  EXPECT_EQ(one.code, 0) << one.text;
  EXPECT_EQ(two.code, 0) << two.text;
  EXPECT_EQ(two.text, one.text);
  EXPECT_NE(one.text, "");
}

TEST(LaunchedRanksTest, DoctorsFindWhatRanksNeed) {
  Result found = run("LD_LIBRARY_PATH=" LATHE_FAKE_CUDA " " LATHE_COMMAND " doctor");
  for (const char *part : {"\nnccl: found " LATHE_FAKE_CUDA "/libnccl.so.2, version 2.28.9\n", "\nmpi: found ",
                           ", version Open MPI v4", "\nmpi plug-in: found "})
    EXPECT_NE(found.text.find(part), std::string::npos) << part << " in\n" << found.text;
}

TEST(LaunchedRanksTest, AnotherNumberOfRanksIsRefused) {
  Result three =
      run(Mpirun + "3 " LATHE_COMMAND " run " + test::writeTemporary(test::rankedToySource(2)) + " --tokens 1");
  EXPECT_NE(three.code, 0);
  EXPECT_NE(three.text.find("was compiled for 2 ranks but mpirun has started 3; start it with mpirun -n 2"),
            std::string::npos)
      << three.text;
}
#endif

} // namespace
