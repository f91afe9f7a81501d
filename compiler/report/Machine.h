#ifndef LATHE_COMPILER_REPORT_MACHINE_H
#define LATHE_COMPILER_REPORT_MACHINE_H

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace lathe::report {

/// What the roofline needs to know of a processor. Rates are a second's, of all cores together.
struct Machine {
  std::string Name;
  std::string Source; ///< where the numbers come from
  int64_t Cores = 1;
  double Flops = 0;         ///< f32
  double Flops16 = 0;       ///< products of f16 or bf16
  double Flops8 = 0;        ///< products of 8-bit integers or floats
  double MemoryRate = 0;    ///< bytes from memory
  double CacheRate = 0;     ///< bytes from the cache that the next number is of
  double CacheBytes = 0;    ///< what stays in it from one kernel to the next
  double LaunchSeconds = 0; ///< of a kernel that does nothing

  // Of GPUs; 0 and 1 where nothing is known.
  double BlockRate = 0;          ///< bytes that one block of threads moves while there are few, products aside
  double ProductShare = 1;       ///< of the peak that products of warpgroups reach where there is enough to do
  double TileShare = 1;          ///< and those of single warps
  double LoadShare = 1;          ///< of the memory's rate that a kernel reaches
  double CoreMemoryRate = 0;     ///< bytes from memory to one multiprocessor
  double CoreCacheRate = 0;      ///< and from the cache
  double AccessSeconds = 0;      ///< of an access to memory that something waits for
  double CacheAccessSeconds = 0; ///< and of one to the cache
  double MeetingSeconds = 0;     ///< for each doubling of a cluster that exchanges results
  double QuietAccessSeconds = 0; ///< of an access to memory while hardly anything else runs
  double InstructionSeconds = 0; ///< from one of a warp's instructions to the next, where others leave room
  double WalkSeconds = 0;        ///< to find where pages of memory are that the chip has forgotten

  // Of several devices that run one model: see predictCollective. 0 where nothing is known.
  double LinkSeconds = 0;    ///< of an exchange of nothing within a node, for each doubling of its ranks
  double LinkRate = 0;       ///< bytes that a device sends to others of its node
  double DirectSeconds = 0;  ///< of a sum that kernels make in each other's memory
  double DirectRate = 0;     ///< bytes that they store there
  double NetworkSeconds = 0; ///< as LinkSeconds and LinkRate, between nodes
  double NetworkRate = 0;
  int64_t NodeDevices = 0; ///< of a node; 0: all that there are

  /// Operations a second of products whose operands have the element type `math`, as a manifest's launches name it.
  double getPeak(const std::string &math) const;

  static constexpr double PageBytes = 2 << 20, PagesOfWalk = 54; ///< the latter at a time
};

/// The machine this runs on, measured; takes about a second.
Machine measureHost();

/// The GPU that people compile a chip ("sm_90a") for; null if the chip is not in the table.
const Machine *findGpu(const std::string &chip);
/// The chips of the table: "sm_80, sm_86, ...".
std::string listGpus();

/// Reads a file that holds one JSON object. Returns "" or what is wrong, with the path and the `keys` that are needed.
std::string readObject(const std::string &path, const std::string &keys, nlohmann::ordered_json &object);
/// Reads what `describe` writes. Returns "" or what is wrong, with the path.
std::string readMachine(const std::string &path, Machine &machine);
nlohmann::ordered_json describe(const Machine &machine);

} // namespace lathe::report

#endif // LATHE_COMPILER_REPORT_MACHINE_H
