#ifndef LATHE_TOOLS_LATHE_RANKS_H
#define LATHE_TOOLS_LATHE_RANKS_H

#include "tools/lathe/Handles.h"

#include <functional>
#include <optional>
#include <string>

namespace lathe::tools {

/// This process's place among those that a launcher has started.
struct LaunchedRank {
  std::string launcher; ///< "mpirun", "srun" or "torchrun"
  int rank, size;
  int localRank;          ///< among those of this machine: which of its GPUs is this one's
  std::string rendezvous; ///< "mpi", or as lathe_group_options has it; "": the environment does not tell
};

/// Gives a variable's text, or null.
using Variable = std::function<const char *(const char *name)>;

/// Of the launcher that the environment tells of, if it does. Throws CommandFailure for a rank or size that is none.
std::optional<LaunchedRank> readLauncher(const Variable &variable);

/// --rendezvous and --direct-bytes.
void addRankOptions(CLI::App &command, RankArguments &arguments);

/// The plug-in for MPI as it is installed: in `lib` beside the folder of this program. "": where the loader looks.
std::string findPlugin();

/// The GPU that a rank takes unless one is named: as many as its number among the ranks of its machine.
std::string gpuOfRank();

/// The group of a program for several ranks, made of what the launcher says; null for any other program. Throws
/// CommandFailure without a launcher, or with one that has started another number.
Group meetRanks(const std::string &model, const Program &program, const RankArguments &given);

/// Returns on rank 0 alone, and without a group: other ranks do on `device` what that asks for, and throw FollowedToEnd
/// when it has ended.
void followFirst(const Group &group, const Program &program, const Device &device);

/// The command is done, and rank 0 has spoken for all.
struct FollowedToEnd {};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_RANKS_H
