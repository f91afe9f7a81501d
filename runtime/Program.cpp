#include "runtime/Program.h"

#include "runtime/Failure.h"

#include <xxhash.h>

namespace lathe::runtime {

const HostImage &Program::image() const {
  std::lock_guard lock(mutex);
  if (!loadedImage)
    loadedImage = std::make_unique<HostImage>(artifact, manifest);
  return *loadedImage;
}

std::span<const unsigned char> Program::weights() const {
  const Section *section = artifact.find(SectionKind::Weights);
  return section ? section->bytes : std::span<const unsigned char>();
}

void Program::checkWeights() const {
  for (const Weight &weight : manifest.weights) {
    XXH128_hash_t hash = XXH3_128bits(weights().data() + weight.offset, size_t(weight.bytes));
    char found[33];
    std::snprintf(found, sizeof(found), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    if (weight.xxh3 != found)
      throw Failure(LATHE_CORRUPT, artifact.where(), ": weight '", weight.name, "' hashes to ", found,
                    " but its xxh3 is ", weight.xxh3, "; fetch or compile the file again");
  }
}

} // namespace lathe::runtime
