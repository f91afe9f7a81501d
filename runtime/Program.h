#ifndef LATHE_RUNTIME_PROGRAM_H
#define LATHE_RUNTIME_PROGRAM_H

#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/HostImage.h"
#include "runtime/artifact/Manifest.h"

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
  /// The weights section; empty if there is none.
  std::span<const unsigned char> weights() const;
  /// Compares the hash of every weight. Throws LATHE_CORRUPT.
  void checkWeights() const;

private:
  mutable std::mutex mutex;
  mutable std::unique_ptr<HostImage> loadedImage;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PROGRAM_H
