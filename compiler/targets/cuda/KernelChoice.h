// Which of several ways to compute a launch is taken: what was measured on a GPU decides, or else what is predicted.
#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELCHOICE_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELCHOICE_H

#include "compiler/report/KernelTime.h"
#include "compiler/targets/cuda/PtxTargets.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <vector>

namespace lathe::cuda {

/// One of the ways.
struct Candidate {
  std::string Name; ///< of those that there are for a launch, no two have the same
  std::set<std::string> Headers;
  double Seconds; ///< predicted
};

/// What was measured of one launch, best first.
struct TunedLaunch {
  struct Time {
    std::string Candidate;
    double Seconds;
  };
  std::string Key;  ///< says what is computed
  std::string Hash; ///< hashKernels of all candidates that there were
  std::vector<Time> Times;
};

/// A file of `lathec --tune`.
struct TuningFile {
  std::string Chip;           ///< "sm_90a"
  std::string Device, Driver; ///< for people
  std::vector<TunedLaunch> Launches;

  const TunedLaunch *find(llvm::StringRef key) const;
};

/// Reads a file. Returns "" or what is wrong, with the path.
std::string readTuning(const std::string &path, TuningFile &tuning);
std::string writeTuning(const std::string &path, const TuningFile &tuning);

/// A hash of the templates that kernels of `candidates` are made of, with all that they include: when one changes, what
/// was measured before counts no longer.
std::string hashKernels(llvm::ArrayRef<Candidate> candidates);

/// Chooses. A copy chooses the same.
class KernelChooser {
public:
  /// Told once of each choice that several candidates were there for.
  using Listener =
      std::function<void(unsigned target, llvm::StringRef key, llvm::ArrayRef<Candidate> candidates, size_t chosen)>;

  KernelChooser();

  /// The GPU that predictions are about, for each of PtxTargets. A chip that the table of machines lacks changes
  /// nothing.
  void setChip(llvm::StringRef chip);
  const report::Machine &getMachine(unsigned target) const { return *Machines[target]; }

  /// Lets what was measured decide. `note` is told what of it does not count.
  void setTuning(std::shared_ptr<const TuningFile> tuning, std::function<void(llvm::StringRef)> note);
  /// Makes one candidate the choice for a key, whatever else is known.
  void force(llvm::StringRef key, llvm::StringRef candidate) { Forced[key] = candidate.str(); }
  void setListener(Listener listener) { Told = std::move(listener); }

  struct Choice {
    size_t Index;
    std::string Reason;
  };
  Choice choose(unsigned target, llvm::StringRef key, llvm::ArrayRef<Candidate> candidates) const;

private:
  std::optional<Choice> findTuned(unsigned target, llvm::StringRef key, llvm::ArrayRef<Candidate> candidates) const;

  std::array<const report::Machine *, PtxTargetCount> Machines;
  std::shared_ptr<const TuningFile> Tuning;
  std::function<void(llvm::StringRef)> Note;
  llvm::StringMap<std::string> Forced;
  Listener Told;
  mutable llvm::StringSet<> Noted;             ///< keys that something was said of
  mutable llvm::StringMap<std::string> Hashes; ///< by key
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELCHOICE_H
