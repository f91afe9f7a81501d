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
  int localRank; ///< among those of this machine: which of its GPUs is this one's
};

/// Of the launcher that the environment tells of, if it does. `variable` gives a variable's text, or null. Throws
/// CommandFailure for a rank or size that is none.
std::optional<LaunchedRank> readLauncher(const std::function<const char *(const char *name)> &variable);

/// The GPU that a rank takes unless one is named: as many as its number among the ranks of its machine.
std::string gpuOfRank();

/// The group of a program for `ranks` ranks, made of what the launcher says. Throws CommandFailure without a launcher,
/// or with one that has started another number.
Group joinRanks(const std::string &model, int ranks);

/// Thrown on ranks other than 0 once rank 0 has ended: the command is done, and rank 0 has spoken for all.
struct FollowedToEnd {};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_RANKS_H
