#ifndef LATHE_RUNTIME_PROGRAM_H
#define LATHE_RUNTIME_PROGRAM_H

#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/HostImage.h"
#include "runtime/artifact/Manifest.h"
#include "runtime/artifact/Weights.h"

#include <memory>
#include <mutex>

namespace lathe::runtime {

/// A checked artifact and its manifest. The code is mapped when the first session needs it, so that an artifact for
/// another processor can still be looked at.
class Program {
public:
  template <typename Source> explicit Program(const Source &source) : artifact(source), manifest(artifact) {}

  const Artifact artifact;
  const Manifest manifest;

  const HostImage &image() const;
  /// The weights where code reads them; put together when the first session needs them, if the artifact does not hold
  /// them all, with `loop` where there is one.
  std::span<const unsigned char> weights(const ParallelLoop &loop = nullptr) const;
  /// Says as which rank this process runs a program for several: its slice is part of `weights`. Throws
  /// LATHE_INVALID_ARGUMENT where another rank's are loaded already.
  void setRank(int rank) const;
  /// Compares the hash of every weight that has one. Throws LATHE_CORRUPT.
  void checkWeights() const;

private:
  mutable std::mutex mutex;
  mutable std::unique_ptr<HostImage> loadedImage;
  mutable std::unique_ptr<Weights> loadedWeights;
  mutable int ownRank = 0; ///< that `loadedWeights` are of
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PROGRAM_H
