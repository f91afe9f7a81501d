#include "runtime/artifact/Weights.h"

#include "runtime/Failure.h"
#include "runtime/artifact/MadeUpWeights.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

namespace lathe::runtime {

std::string xxh3(std::span<const unsigned char> bytes) {
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  char text[33];
  std::snprintf(text, sizeof(text), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text;
}

namespace {

/// A model's file, open while weights are read from it.
class ModelFile {
public:
  ModelFile(const Artifact &artifact, const WeightFile &file) : place(file.path) {
    size_t slash = artifact.where().rfind('/');
    if (place[0] != '/' && slash != std::string::npos)
      place = artifact.where().substr(0, slash + 1) + place;
    descriptor = open(place.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
      throw Failure(LATHE_NOT_FOUND, artifact.where(), ": its weights are in '", place,
                    "', which cannot be opened: ", std::strerror(errno),
                    "; put that file there or compile with --weights=embed");
    struct stat info;
    if (fstat(descriptor, &info) != 0 || info.st_size != file.bytes) {
      close(descriptor);
      throw Failure(LATHE_CORRUPT, artifact.where(), ": '", place, "' has ", int64_t(info.st_size),
                    " bytes but the artifact was compiled when it had ", file.bytes, "; compile it again");
    }
  }
  ~ModelFile() {
    if (mapping != MAP_FAILED)
      munmap(mapping, mappedBytes);
    close(descriptor);
  }
  ModelFile(const ModelFile &) = delete;

  void read(const Weight &weight, unsigned char *target) const {
    for (int64_t done = 0; done < weight.bytes;) {
      ssize_t count = pread(descriptor, target + done, size_t(weight.bytes - done), weight.fileOffset + done);
      if (count < 0 && errno == EINTR)
        continue;
      if (count <= 0)
        throw Failure(LATHE_NOT_FOUND, place, ": cannot be read: ", count ? std::strerror(errno) : "it ends early");
      done += count;
    }
    checkHash(weight, target);
  }

  /// The bytes of a weight as they are in the file.
  const unsigned char *map(const Weight &weight, size_t fileBytes) {
    if (mapping == MAP_FAILED) {
      mappedBytes = fileBytes;
      mapping = mmap(nullptr, mappedBytes, PROT_READ, MAP_PRIVATE, descriptor, 0);
    }
    if (mapping == MAP_FAILED)
      throw Failure(LATHE_NOT_FOUND, place, ": cannot be mapped: ", std::strerror(errno));
    const unsigned char *bytes = static_cast<unsigned char *>(mapping) + weight.fileOffset;
    checkHash(weight, bytes);
    return bytes;
  }

private:
  void checkHash(const Weight &weight, const unsigned char *bytes) const {
    if (std::string found = xxh3({bytes, size_t(weight.bytes)}); found != weight.xxh3)
      throw Failure(LATHE_CORRUPT, place, ": weight '", weight.name, "' hashes to ", found,
                    " but the artifact was compiled when it was ", weight.xxh3, "; compile it again");
  }

  std::string place;
  void *mapping = MAP_FAILED;
  size_t mappedBytes = 0;
  int descriptor;
};

/// Fills a weight that was left out; `known` holds the bytes of each type.
void makeUp(const Weight &weight, unsigned char *target, std::map<std::string, std::vector<unsigned char>> &known) {
  std::vector<unsigned char> &bytes = known[weight.type];
  if (bytes.empty())
    bytes = makeUpBytes(weight.type);
  repeatBytes(bytes, target, size_t(weight.bytes));
}

} // namespace

/// Lays what ranks share and this rank's slice behind each other: pages of the file itself, of which no other rank's
/// are ever touched.
void Weights::mapRank(const Artifact &artifact, const Ranks &ranks, int rank) {
  const Section &section = *artifact.find(SectionKind::Weights);
  size_t bytes = size_t(ranks.sharedBytes + ranks.sliceBytes);
  void *mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED)
    throw Failure(LATHE_OUT_OF_MEMORY, "the weights need ", bytes, " bytes, which the system does not give");
  memory = static_cast<unsigned char *>(mapping);
  content = {memory, bytes};
  std::pair<int64_t, int64_t> parts[] = {{0, ranks.sharedBytes},
                                         {ranks.sharedBytes + rank * ranks.sliceBytes, ranks.sliceBytes}};
  unsigned char *target = memory;
  for (auto [offset, size] : parts) {
    if (size && artifact.descriptor() < 0) // an embedded program
      std::memcpy(target, section.bytes.data() + offset, size_t(size));
    else if (size && mmap(target, size_t(size), PROT_READ, MAP_PRIVATE | MAP_FIXED, artifact.descriptor(),
                          off_t(section.offset) + offset) == MAP_FAILED)
      throw Failure(LATHE_OUT_OF_MEMORY, artifact.where(), ": cannot map ", size,
                    " bytes of weights: ", std::strerror(errno));
    target += size;
  }
}

Weights::Weights(const Artifact &artifact, const Manifest &manifest, int rank, const ParallelLoop &loop) {
  const Section *section = artifact.find(SectionKind::Weights);
  if (section && manifest.ranks && !manifest.weightStorage) {
    mapRank(artifact, *manifest.ranks, rank);
    return;
  }
  if (section)
    content = section->bytes;
  if (!manifest.weightStorage)
    return;
  size_t bytes = size_t(manifest.weightStorage->bytes);
  if (bytes == 0)
    return;
  // What a device makes up itself is never written here, and takes nothing.
  constexpr int Flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void *mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, Flags, -1, 0);
  if (mapping == MAP_FAILED)
    throw Failure(LATHE_OUT_OF_MEMORY, "the weights need ", bytes, " bytes, which the system does not give");
  memory = static_cast<unsigned char *>(mapping);
  try {
    assemble(artifact, manifest, rank, loop);
  } catch (...) {
    munmap(memory, bytes);
    throw;
  }
  content = {memory, bytes};
}

Weights::~Weights() {
  if (memory)
    munmap(memory, content.size());
}

void Weights::assemble(const Artifact &artifact, const Manifest &manifest, int rank, const ParallelLoop &loop) {
  std::vector<std::unique_ptr<ModelFile>> files;
  for (const WeightFile &file : manifest.weightStorage->files)
    files.push_back(std::make_unique<ModelFile>(artifact, file));
  std::vector<const unsigned char *> sources;
  for (const Weight &source : manifest.sources)
    if (source.source == WeightSource::File)
      sources.push_back(files[source.file]->map(source, size_t(manifest.weightStorage->files[source.file].bytes)));
    else
      sources.push_back(content.data() + source.stored);
  bool onHost = manifest.target == "cpu";
  std::map<std::string, std::vector<unsigned char>> madeUp; // by type
  for (const Weight &weight : manifest.weights) {
    unsigned char *target = memory + weight.offset;
    if (weight.source == WeightSource::File)
      files[weight.file]->read(weight, target);
    else if (weight.source == WeightSource::Packed)
      packWeight(weight.packing, sources[weight.packing.from], target, loop);
    else if (weight.source == WeightSource::None && onHost)
      makeUp(weight, target, madeUp);
    else if (weight.source == WeightSource::None)
      continue;            // the device makes it up
    else if (weight.bytes) // then there is a section
      std::memcpy(target, content.data() + weight.stored + rank * weight.sliceStride, size_t(weight.bytes));
  }
}

} // namespace lathe::runtime
