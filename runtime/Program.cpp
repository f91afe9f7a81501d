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
    loadedWeights = std::make_unique<Weights>(artifact, manifest, ownRank, loop ? loop : runInOrder);
  return loadedWeights->bytes();
}

void Program::setRank(int rank) const {
  std::lock_guard lock(mutex);
  if (loadedWeights && rank != ownRank)
    throw Failure(LATHE_INVALID_ARGUMENT, artifact.where(), ": its weights are loaded for rank ", ownRank,
                  ", but the group's rank is ", rank, "; load the program again for that");
  ownRank = rank;
}

static void checkHash(const Artifact &artifact, const Weight &weight, const std::string &hash,
                      std::span<const unsigned char> bytes) {
  if (std::string found = xxh3(bytes); found != hash)
    throw Failure(LATHE_CORRUPT, artifact.where(), ": weight '", weight.name, "' hashes to ", found,
                  " but its xxh3 is ", hash, "; fetch or compile the file again");
}

void Program::checkWeights() const {
  std::span<const unsigned char> all = weights();
  for (const Weight &weight : manifest.weights) {
    if (weight.source == WeightSource::None || weight.source == WeightSource::Packed)
      continue;
    for (size_t rank = 0; rank != weight.slices.size(); ++rank) {
      std::span<const unsigned char> section = artifact.find(SectionKind::Weights)->bytes;
      size_t begin = size_t(weight.stored + int64_t(rank) * weight.sliceStride);
      checkHash(artifact, weight, weight.slices[rank], section.subspan(begin, size_t(weight.bytes)));
    }
    if (!weight.slices.empty())
      continue;
    checkHash(artifact, weight, weight.xxh3, all.subspan(size_t(weight.offset), size_t(weight.bytes)));
  }
  for (const Weight &source : manifest.sources) // those in files were checked when they were loaded
    if (source.source == WeightSource::Section)
      checkHash(artifact, source, source.xxh3,
                artifact.find(SectionKind::Weights)->bytes.subspan(size_t(source.stored), size_t(source.bytes)));
}

} // namespace lathe::runtime
