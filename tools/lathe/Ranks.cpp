#include "tools/lathe/Ranks.h"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace lathe::tools {

/// The variables in which a launcher says who a process is.
struct Launcher {
  const char *name, *rank, *size, *localRank;
};
static constexpr Launcher Launchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"},
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"},
    // Last: within an allocation of Slurm's these are there for mpirun's processes too.
    {"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"}};

static int readNumber(const char *name, const char *text, int least) {
  int number = 0;
  const char *end = text + std::strlen(text);
  auto [stop, error] = std::from_chars(text, end, number);
  if (error != std::errc() || stop != end || number < least)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string(name) + " is '" + text +
                                                     "' in the environment but must be "
                                                     "an integer of at least " +
                                                     std::to_string(least));
  return number;
}

std::optional<LaunchedRank> readLauncher(const std::function<const char *(const char *name)> &variable) {
  for (const Launcher &launcher : Launchers) {
    const char *rank = variable(launcher.rank), *size = variable(launcher.size), *local = variable(launcher.localRank);
    if (!rank || !size)
      continue;
    LaunchedRank found = {launcher.name, readNumber(launcher.rank, rank, 0), readNumber(launcher.size, size, 1),
                          local ? readNumber(launcher.localRank, local, 0) : 0};
    if (found.rank >= found.size)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string(launcher.rank) + " is " + rank +
                                                       " in the environment but "
                                                       "must be less than " +
                                                       launcher.size + ", which is " + size);
    return found;
  }
  return std::nullopt;
}

static std::optional<LaunchedRank> launchedRank() {
  return readLauncher([](const char *name) { return std::getenv(name); });
}

std::string gpuOfRank() {
  std::optional<LaunchedRank> own = launchedRank();
  return "cuda:" + std::to_string(own ? own->localRank : 0);
}

/// The plug-in as it is installed: in `lib` beside the folder of this program. "": where the loader looks.
static std::string findPlugin() {
  std::error_code problem;
  std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", problem);
  std::filesystem::path plugin = own.parent_path().parent_path() / "lib" / "liblathe-mpi.so";
  return !problem && std::filesystem::exists(plugin, problem) ? plugin.string() : "";
}

Group joinRanks(const std::string &model, int ranks) {
  std::optional<LaunchedRank> own = launchedRank();
  if (!own || own->size != ranks)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, model + ": was compiled for " + std::to_string(ranks) + " ranks but " +
                                                     (own ? own->launcher + " has started " + std::to_string(own->size)
                                                          : std::string("no launcher has started this process")) +
                                                     "; start it with mpirun -n " + std::to_string(ranks) +
                                                     " lathe ...");
  // NCCL reads it when it is loaded. Not every machine that has multicast lets processes use it.
  setenv("NCCL_NVLS_ENABLE", "0", /*overwrite=*/0);
  std::string plugin = findPlugin();
  lathe_group_options options = {};
  options.struct_size = sizeof(options);
  options.rank = own->rank;
  options.size = own->size;
  options.mpi_plugin = plugin.empty() ? nullptr : plugin.c_str();
  lathe_group *group = nullptr;
  check(lathe_group_create(&options, &group));
  return Group(group);
}

} // namespace lathe::tools
