#ifndef LATHE_RUNTIME_ARTIFACT_HOSTIMAGE_H
#define LATHE_RUNTIME_ARTIFACT_HOSTIMAGE_H

#include "runtime/HostAbi.h"
#include "runtime/artifact/Artifact.h"
#include "runtime/artifact/Manifest.h"

namespace lathe::runtime {

/// The three functions of one entry.
struct EntryCode {
  HostEntryFunction run;
  HostArenaFunction arenaBytes;
  HostDimsFunction outputDims;
};

/// A host image in executable memory: the file's own pages mapped read + execute, or the copy linked into the program.
class HostImage {
public:
  /// Takes the most advanced image that this processor runs. Throws LATHE_UNSUPPORTED if it runs none.
  HostImage(const Artifact &artifact, const Manifest &manifest);
  ~HostImage();
  HostImage(const HostImage &) = delete;
  HostImage &operator=(const HostImage &) = delete;

  const std::string &level() const { return image->level; }
  EntryCode code(const Entry &entry) const;
  /// The string at this address of the image; null where it has none.
  const char *text(uint64_t address) const;

private:
  const Image *image = nullptr;
  void *mapping = nullptr;
  size_t bytes = 0;
  unsigned char *base = nullptr;
};

/// "x86-64-v4-vnni", "x86-64-v4", "x86-64-v3": the best level of this processor, "" below the levels that images exist
/// for.
const char *hostLevel();

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_HOSTIMAGE_H
