#ifndef LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H
#define LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H

#include "runtime/artifact/Format.h"

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace lathe::artifact {

/// Takes the next bytes of a weight.
using ByteSink = std::function<void(const void *data, size_t bytes)>;

/// Whether the artifact holds a weight, or says where it is in a file of the model, or leaves it out.
enum class WeightPlace { Section, File, None };

/// A weight of the artifact. `write` is called once and passes exactly `bytes` bytes on in pieces of any size, so that
/// no weight needs to be in memory as a whole. It returns "" or what went wrong. Several threads call those of several
/// weights.
struct WeightSource {
  std::string name;
  std::string type; ///< "f32", "q4_k", ...
  std::vector<int64_t> shape;
  uint64_t offset; ///< where code reads it: a multiple of TensorAlignment, ascending, without overlap
  uint64_t bytes;
  std::function<std::string(const ByteSink &sink)> write;
  WeightPlace place = WeightPlace::Section;
  size_t file = 0; ///< with WeightPlace::File: which of the source's files, and where in it
  uint64_t fileOffset = 0;
};

/// A file of the model that weights stay in.
struct WeightFile {
  std::string path; ///< absolute, or from the artifact's folder
  uint64_t bytes;
};

/// Any other section: host images, PTX, cubins, tokenizer.
struct SectionSource {
  runtime::SectionKind kind;
  std::string name; ///< at most 23 bytes
  std::string bytes;
};

/// What goes into a file. `manifest` has every key of docs/artifact.md in its order; the writer fills "weights" and,
/// when the section does not hold them all, "weight_storage".
struct ArtifactSource {
  nlohmann::ordered_json manifest;
  std::vector<SectionSource> sections;
  std::vector<WeightSource> weights;
  std::vector<WeightFile> files = {};
  int threads = 0; ///< that compute weights; 0: as many as there are processors
};

/// Offset of the next weight when the one before ends at `end`.
uint64_t nextWeightOffset(uint64_t end);

/// Writes a .lathe file: `path` is replaced as a whole when it is complete, so a program that has the old one mapped
/// goes on with it. The same source gives the same bytes. Returns "" or a message.
std::string writeArtifact(const std::string &path, const ArtifactSource &source);

} // namespace lathe::artifact

#endif // LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H
