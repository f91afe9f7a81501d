#include "runtime/Program.h"

#include "runtime/Failure.h"

namespace lathe::runtime {

const HostImage &Program::image() const {
  std::lock_guard lock(mutex);
  if (!loadedImage)
    loadedImage = std::make_unique<HostImage>(artifact, manifest);
  return *loadedImage;
}

std::span<const unsigned char> Program::weights() const {
  std::lock_guard lock(mutex);
  if (!loadedWeights)
    loadedWeights = std::make_unique<Weights>(artifact, manifest);
  return loadedWeights->bytes();
}

void Program::checkWeights() const {
  std::span<const unsigned char> all = weights();
  for (const Weight &weight : manifest.weights) {
    if (weight.source == WeightSource::None)
      continue;
    if (std::string found = xxh3(all.subspan(size_t(weight.offset), size_t(weight.bytes))); found != weight.xxh3)
      throw Failure(LATHE_CORRUPT, artifact.where(), ": weight '", weight.name, "' hashes to ", found,
                    " but its xxh3 is ", weight.xxh3, "; fetch or compile the file again");
  }
}

} // namespace lathe::runtime
