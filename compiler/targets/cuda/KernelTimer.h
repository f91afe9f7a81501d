// Times kernels on a GPU of this machine, for lathec --tune.
#ifndef LATHE_COMPILER_TARGETS_CUDA_KERNELTIMER_H
#define LATHE_COMPILER_TARGETS_CUDA_KERNELTIMER_H

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lathe::cuda {

/// What kernels of one launch are given: buffers, then numbers, then the number of a layer.
struct TimedLaunch {
  struct Port {
    size_t Bytes;
    bool IsWeight = false; ///< read anew in each call of a model, so that it comes from memory and not from the cache
    std::vector<std::string> Contents = {}; ///< of several buffers; none: numbers between -2 and 2
    std::optional<size_t> SameAs = {};      ///< an earlier port, whose buffer it is
  };
  std::vector<Port> Ports;
  std::vector<int64_t> Numbers;
  int64_t Layers = 0;  ///< that there are, which launches take in turn; 0: the kernel takes none
  size_t Launches = 1; ///< in a row that read other memory, at least so many
};

struct TimedKernel {
  std::string Name, Cubin;
  int64_t Blocks, Threads, SharedBytes;
  bool Dependent; ///< waits itself for the kernel before it, so that it may start while that one runs
};

/// A GPU. All functions throw runtime::Failure.
class KernelTimer {
public:
  KernelTimer();
  ~KernelTimer();

  /// "sm_90a" for what GPUs of compute capability 9.0 have, "sm_80" and so on for others.
  std::string getChip() const;
  std::string getDevice() const;
  std::string getDriver() const;
  /// Memory that a launch takes; and what there is.
  static size_t countBytes(const TimedLaunch &launch);
  size_t getFreeBytes() const;

  /// Seconds that each of the kernels takes for the same launch, in the middle of several runs. A run is a graph of
  /// launches, of which each has other weights than the one before, or another layer.
  std::vector<double> time(const TimedLaunch &launch, const std::vector<TimedKernel> &kernels) const;

private:
  struct Implementation;
  std::unique_ptr<Implementation> It;
};

} // namespace lathe::cuda

#endif // LATHE_COMPILER_TARGETS_CUDA_KERNELTIMER_H
