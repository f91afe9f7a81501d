// Options of groups, and sessions that do not fit theirs, through the public header.
#include "test/runtime/TestArtifact.h"

#include <gtest/gtest.h>

using namespace lathe;
using test::Outcome;

namespace {

lathe_group_options optionsOf(int rank, int size) {
  lathe_group_options options = {};
  options.struct_size = sizeof(options);
  options.rank = rank;
  options.size = size;
  return options;
}

void expectRefused(const lathe_group_options &options, int code, const std::string &text) {
  lathe_group *group = nullptr;
  Outcome result = test::outcome(lathe_group_create(&options, &group));
  EXPECT_EQ(group, nullptr);
  EXPECT_EQ(result.code, code);
  EXPECT_NE(result.message.find(text), std::string::npos) << result.message;
}

TEST(GroupTest, RefusesWrongOptions) {
  expectRefused(optionsOf(0, 0), LATHE_INVALID_ARGUMENT, "lathe_group_create: size is 0 but must be 1 to 65536");
  expectRefused(optionsOf(2, 2), LATHE_INVALID_ARGUMENT, "rank is 2 but must be 0 to 1");
  expectRefused(optionsOf(-1, 2), LATHE_INVALID_ARGUMENT, "rank is -1 but must be 0 to 1");
  lathe_group_options options = optionsOf(0, 2);
  options.silence_ms = -1;
  expectRefused(options, LATHE_INVALID_ARGUMENT, "silence_ms is -1 but must be at least 0");
  options.silence_ms = 0;
  options.wait_ms = -5;
  expectRefused(options, LATHE_INVALID_ARGUMENT, "wait_ms is -5 but must be at least 0");
  options.wait_ms = 0;
  options.struct_size = 4;
  expectRefused(options, LATHE_INVALID_ARGUMENT, "struct_size is 4");
}

TEST(GroupTest, SaysWhichPluginIsMissing) {
  lathe_group_options options = optionsOf(0, 2);
  options.mpi_plugin = "/nowhere/liblathe-mpi.so";
  expectRefused(options, LATHE_NOT_FOUND, "/nowhere/liblathe-mpi.so, through which ranks meet by MPI: ");
  options.mpi_plugin = "libc.so.6";
  expectRefused(options, LATHE_UNSUPPORTED, "libc.so.6: is of version 0 but this runtime needs version 1");
}

TEST(GroupTest, ProgramForSeveralRanksNeedsAGroup) {
  test::Program program = test::load(test::writeTemporary(test::rankedToySource(2)));
  test::Device device = test::cpu();
  lathe_session *session = nullptr;
  Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), nullptr, &session));
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_NE(result.message.find("was compiled for 2 ranks, but no group of them is given; start it with mpirun -n 2"),
            std::string::npos)
      << result.message;
}

TEST(GroupTest, ChecksTheSlicesOfAllRanks) {
  std::string path = test::writeTemporary(test::rankedToySource(2));
  test::Program program = test::load(path);
  EXPECT_EQ(test::outcome(lathe_program_check_weights(program.get())).message, "");
  std::string bytes = test::readFile(path);
  // The last rank's slice is the four floats at the last page but what is behind it.
  float last[] = {0, 3, -2, 0.25};
  size_t at = bytes.rfind(std::string(reinterpret_cast<char *>(last), sizeof(last)));
  ASSERT_NE(at, std::string::npos);
  bytes[at + 4] ^= 1;
  test::Program damaged = test::load(test::writeTemporary(bytes));
  Outcome result = test::outcome(lathe_program_check_weights(damaged.get()));
  EXPECT_EQ(result.code, LATHE_CORRUPT);
  EXPECT_NE(result.message.find("weight 'head' hashes to "), std::string::npos) << result.message;
}

#ifdef LATHE_MPI_PLUGIN
// MPI itself starts a group of one, without a launcher.
TEST(GroupTest, OneRankRunsAsIfAlone) {
  lathe_group_options options = optionsOf(0, 1);
  options.mpi_plugin = LATHE_MPI_PLUGIN;
  lathe_group *made = nullptr;
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 1);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 1);
  ASSERT_EQ(test::outcome(lathe_group_create(&options, &made)).message, "");
  test::Group group(made);
  test::Device device = test::cpu();
  auto createSession = [&](const test::Program &program) {
    lathe_session_options of = {};
    of.struct_size = sizeof(of);
    of.group = group.get();
    lathe_session *session = nullptr;
    Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), &of, &session));
    lathe_session_release(session);
    return result;
  };
  EXPECT_EQ(createSession(test::load(test::writeTemporary(test::rankedToySource(1)))).message, "");
  Outcome result = createSession(test::load(test::writeTemporary(test::rankedToySource(2))));
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_NE(result.message.find("was compiled for 2 ranks, but the group has 1; start as many"), std::string::npos)
      << result.message;
  test::Program single = test::load(test::writeTemporary(test::rankedToySource(1)));
  result = test::outcome(lathe_group_follow(group.get(), single.get(), device.get()));
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_group_follow: this is rank 0, which the others follow");
  result = createSession(test::load(test::writeTemporary(test::toySource())));
  EXPECT_NE(result.message.find("was compiled for one device, but a group of 1 ranks is given"), std::string::npos)
      << result.message;
}
#endif

} // namespace
