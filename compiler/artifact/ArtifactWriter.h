#ifndef LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H
#define LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H

#include "runtime/artifact/Format.h"

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace lathe::artifact {

/// Takes the next bytes of a weight.
using ByteSink = std::function<void(const void *data, size_t bytes)>;

/// Whether the artifact holds a weight, or says where it is in a file of the model, or leaves it out, or says how it is
/// copied from a tensor that has one of the other places.
enum class WeightPlace { Section, File, None, Packed };

/// A matrix that becomes panels of blocks (runtime/gguf/BlockPanels.h), or tiles of blocks or of numbers
/// (BlockTiles.h and MatrixTiles.h beside it).
struct PackedMatrix {
  std::string format; ///< of blocks, or "f16", "bf16" or "tf32"
  int64_t rows = 0, columns = 0;
  bool tiles = false;
};

/// A strided copy. The element at the indices i of the result, whose sizes are `sizes`, is element
/// sum(i[d] * strides[d]) of the source.
struct Packing {
  static constexpr size_t MaxRank = 16; ///< that loaders take

  size_t from = 0; ///< which of the artifact's sources
  int64_t elementBytes = 0;
  std::vector<int64_t> sizes, strides;
  /// Of panels that are not full: the dimension that counts them. The last dimension is the column in a panel, and
  /// elements of a column from `columns` on, counted through all panels, are 0.
  std::optional<size_t> panels = std::nullopt;
  int64_t columns = 0;
  /// Instead of all these: the source.
  std::optional<PackedMatrix> matrix = std::nullopt;
};

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
  Packing packing = {}; ///< with WeightPlace::Packed, which needs no `write`
  /// Instead of `write`: passes on the slice of a rank. `bytes` are those of one slice, and `offset` lies behind all
  /// weights that ranks share (nextSliceOffset).
  std::function<std::string(size_t rank, const ByteSink &sink)> writeSlice = nullptr;
};

/// The ranks that run a program for several devices.
struct RankSource {
  std::string axis; ///< what they are split by
  size_t size = 0;
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
/// when the section does not hold them all, "weight_storage" and "weight_sources".
struct ArtifactSource {
  nlohmann::ordered_json manifest;
  std::vector<SectionSource> sections;
  std::vector<WeightSource> weights;
  std::vector<WeightSource> sources = {}; ///< of packed weights; their `offset` means nothing
  std::vector<WeightFile> files = {};
  std::optional<RankSource> ranks = std::nullopt; ///< the writer adds the manifest's "ranks"
  int threads = 0;                                ///< that compute weights; 0: as many as there are processors
  /// Called, by any thread, when this many of all weights are written.
  std::function<void(size_t done, size_t all)> progress = [](size_t, size_t) {};
  /// Adds to the manifest what is known once weights are written.
  std::function<void(nlohmann::ordered_json &manifest)> complete = [](nlohmann::ordered_json &) {};
};

/// Offset of the next weight when the one before ends at `end`.
uint64_t nextWeightOffset(uint64_t end);

/// Offset of the first weight of which each rank has a slice, when those that they share end at `end`.
uint64_t nextSliceOffset(uint64_t end);

/// Writes a .lathe file: `path` is replaced as a whole when it is complete, so a program that has the old one mapped
/// goes on with it. The same source gives the same bytes. Returns "" or a message.
std::string writeArtifact(const std::string &path, const ArtifactSource &source);

} // namespace lathe::artifact

#endif // LATHE_COMPILER_ARTIFACT_ARTIFACTWRITER_H
