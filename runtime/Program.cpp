#include "runtime/Program.h"

#include "runtime/Failure.h"

namespace lathe::runtime {

const HostImage &Program::image() const {
  std::lock_guard lock(mutex);
  if (!loadedImage)
    loadedImage = std::make_unique<HostImage>(artifact, manifest);
  return *loadedImage;
}

static void runInOrder(int64_t count, void (*body)(void *, int64_t, int64_t), void *argument) {
  body(argument, 0, count);
}

std::span<const unsigned char> Program::weights(const ParallelLoop &loop) const {
  std::lock_guard lock(mutex);
  if (!loadedWeights)
    loadedWeights = std::make_unique<Weights>(artifact, manifest, loop ? loop : runInOrder);
  return loadedWeights->bytes();
}

static void checkHash(const Artifact &artifact, const Weight &weight, std::span<const unsigned char> bytes) {
  if (std::string found = xxh3(bytes); found != weight.xxh3)
    throw Failure(LATHE_CORRUPT, artifact.where(), ": weight '", weight.name, "' hashes to ", found,
                  " but its xxh3 is ", weight.xxh3, "; fetch or compile the file again");
}

void Program::checkWeights() const {
  std::span<const unsigned char> all = weights();
  for (const Weight &weight : manifest.weights) {
    if (weight.source == WeightSource::None || weight.source == WeightSource::Packed)
      continue;
    checkHash(artifact, weight, all.subspan(size_t(weight.offset), size_t(weight.bytes)));
  }
  for (const Weight &source : manifest.sources) // those in files were checked when they were loaded
    if (source.source == WeightSource::Section)
      checkHash(artifact, source,
                artifact.find(SectionKind::Weights)->bytes.subspan(size_t(source.stored), size_t(source.bytes)));
}

} // namespace lathe::runtime
