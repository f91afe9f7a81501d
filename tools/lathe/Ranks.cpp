#include "tools/lathe/Ranks.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace lathe::tools {

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

/// The first of a list of machines as Slurm writes it: "a1" of "a[1-4,7],b".
static std::string firstHost(const std::string &list) {
  std::string host;
  for (size_t i = 0; i != list.size() && list[i] != ','; ++i) {
    if (list[i] != '[') {
      host += list[i];
      continue;
    }
    size_t end = list.find(']', i);
    host += list.substr(i + 1, list.find_first_of("-,]", i) - i - 1);
    if (end == std::string::npos)
      break;
    i = end;
  }
  return host;
}

/// Where torchrun's processes meet. Its own store may be at the port that it names, and ranks then take the next one.
static std::string meetByTorch(const Variable &variable) {
  const char *host = variable("MASTER_ADDR"), *port = variable("MASTER_PORT");
  const char *store = variable("TORCHELASTIC_USE_AGENT_STORE");
  if (!host || !port)
    return "";
  int number = readNumber("MASTER_PORT", port, 1) + (store && std::string(store) == "True");
  bool isNumeric = std::strchr(host, ':'); // of IPv6
  return "tcp://" + (isNumeric ? "[" + std::string(host) + "]" : host) + ":" + std::to_string(number);
}

/// Where srun's do: on the first of the step's machines, at a port that other steps do not choose.
static std::string meetBySlurm(const Variable &variable) {
  const char *hosts = variable("SLURM_STEP_NODELIST"), *job = variable("SLURM_JOB_ID"),
             *step = variable("SLURM_STEP_ID");
  if (!hosts || !job || !step)
    return "";
  constexpr int FirstPort = 20000, Ports = 12000; // below those that systems give to connections
  int number = (readNumber("SLURM_JOB_ID", job, 0) % Ports * 13 + readNumber("SLURM_STEP_ID", step, 0)) % Ports;
  return "tcp://" + firstHost(hosts) + ":" + std::to_string(FirstPort + number);
}

/// The variables in which a launcher says who a process is, and where its processes meet; null: through MPI.
struct Launcher {
  const char *name, *rank, *size, *localRank;
  std::string (*meet)(const Variable &variable);
};
static constexpr Launcher Launchers[] = {
    {"mpirun", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", nullptr},
    {"torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK", meetByTorch},
    // Last: within an allocation of Slurm's these are there for mpirun's processes too.
    {"srun", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID", meetBySlurm}};

std::optional<LaunchedRank> readLauncher(const Variable &variable) {
  for (const Launcher &launcher : Launchers) {
    const char *rank = variable(launcher.rank), *size = variable(launcher.size), *local = variable(launcher.localRank);
    if (!rank || !size)
      continue;
    LaunchedRank found = {launcher.name, readNumber(launcher.rank, rank, 0), readNumber(launcher.size, size, 1),
                          local ? readNumber(launcher.localRank, local, 0) : 0,
                          launcher.meet ? launcher.meet(variable) : "mpi"};
    if (found.rank >= found.size)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, std::string(launcher.rank) + " is " + rank +
                                                       " in the environment but "
                                                       "must be less than " +
                                                       launcher.size + ", which is " + size);
    return found;
  }
  return std::nullopt;
}

void addRankOptions(CLI::App &command, RankArguments &arguments) {
  command
      .add_option("--rendezvous", arguments.rendezvous,
                  "Where ranks meet: mpi, tcp://HOST:PORT or file:PATH (default: mpi of mpirun, what torchrun and srun "
                  "say of theirs)")
      ->group("Ranks");
  command
      .add_option("--direct-bytes", arguments.directBytes,
                  "The largest tensors that GPUs add up in each other's memory, -1: none (default: as measured)")
      ->check(CLI::Range(-1, 1 << 30))
      ->group("Ranks");
}

static std::optional<LaunchedRank> launchedRank() {
  return readLauncher([](const char *name) { return std::getenv(name); });
}

std::string gpuOfRank() {
  std::optional<LaunchedRank> own = launchedRank();
  return "cuda:" + std::to_string(own ? own->localRank : 0);
}

std::string findPlugin() {
  std::error_code problem;
  std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", problem);
  std::filesystem::path plugin = own.parent_path().parent_path() / "lib" / "liblathe-mpi.so";
  return !problem && std::filesystem::exists(plugin, problem) ? plugin.string() : "";
}

Group meetRanks(const std::string &model, const Program &program, const RankArguments &given) {
  int ranks = lathe_program_rank_count(program.get());
  if (ranks == 1)
    return nullptr;
  std::optional<LaunchedRank> own = launchedRank();
  if (!own || own->size != ranks)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, model + ": was compiled for " + std::to_string(ranks) + " ranks but " +
                                                     (own ? own->launcher + " has started " + std::to_string(own->size)
                                                          : std::string("no launcher has started this process")) +
                                                     "; start it with mpirun -n " + std::to_string(ranks) +
                                                     " lathe ...");
  // NCCL reads it when it is loaded. Not every machine that has multicast lets processes use it.
  setenv("NCCL_NVLS_ENABLE", "0", /*overwrite=*/0);
  std::string plugin = findPlugin(), meeting = given.rendezvous.empty() ? own->rendezvous : given.rendezvous;
  if (meeting.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         own->launcher + " has started this process, but the environment does not tell where its "
                                         "processes meet; name a place with --rendezvous, or mpi");
  lathe_group_options options = {};
  options.struct_size = sizeof(options);
  options.rank = own->rank;
  options.size = own->size;
  options.rendezvous = meeting == "mpi" ? nullptr : meeting.c_str();
  options.direct_bytes = given.directBytes;
  options.mpi_plugin = plugin.empty() ? nullptr : plugin.c_str();
  lathe_group *group = nullptr;
  check(lathe_group_create(&options, &group));
  return Group(group);
}

void followFirst(const Group &group, const Program &program, const Device &device) {
  if (!group || launchedRank()->rank == 0)
    return;
  check(lathe_group_follow(group.get(), program.get(), device.get()));
  throw FollowedToEnd();
}

} // namespace lathe::tools
