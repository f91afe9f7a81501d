#ifndef LATHE_RUNTIME_ARTIFACT_WEIGHTS_H
#define LATHE_RUNTIME_ARTIFACT_WEIGHTS_H

#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/Manifest.h"
#include "runtime/artifact/PackWeight.h"

namespace lathe::runtime {

/// The weights at the offsets that code reads them from. Those of an artifact that holds them all are its section; of
/// one for several ranks what they share, and behind it the slice of one. For any other, memory is put together from
/// the section, from the files that the model was compiled from, from other tensors whose elements are moved, and, for
/// the CPU, from numbers that are made up where a benchmark has left weights out; other devices make them up in their
/// own memory. Besides that memory only mappings are taken.
class Weights {
public:
  /// Elements are moved by `loop`. Throws LATHE_NOT_FOUND for a file that is not there and LATHE_CORRUPT for one that
  /// has changed.
  Weights(const Artifact &artifact, const Manifest &manifest, int rank, const ParallelLoop &loop);
  ~Weights();
  Weights(const Weights &) = delete;
  Weights &operator=(const Weights &) = delete;

  std::span<const unsigned char> bytes() const { return content; }

private:
  void mapRank(const Artifact &artifact, const Ranks &ranks, int rank);
  void assemble(const Artifact &artifact, const Manifest &manifest, int rank, const ParallelLoop &loop);

  std::span<const unsigned char> content;
  unsigned char *memory = nullptr;
};

/// The hash of a weight as manifests write it.
std::string xxh3(std::span<const unsigned char> bytes);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_WEIGHTS_H
