#ifndef LATHE_RUNTIME_ARTIFACT_MANIFEST_H
#define LATHE_RUNTIME_ARTIFACT_MANIFEST_H

#include "runtime/artifact/Format.h"
#include "runtime/include/lathe.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lathe::runtime {

class Artifact;

struct Symbol {
  std::string name;
  int64_t min, max;
  lathe_symbol_info info{};
};

/// An input or output. A dimension is a size; or a symbol: -1 in `sizes`, an index in `symbols` and its name in
/// `texts`; or, of an output, computed: -1 in both and an expression for people in `texts`.
struct Value {
  std::string name, role;
  lathe_type type;
  std::vector<int64_t> sizes;
  std::vector<int> symbols;
  std::vector<std::string> texts;
  lathe_value_info info{};
};

struct State {
  std::string name;
  lathe_state_kind kind;
  lathe_type element; ///< perhaps one that values do not have
  std::vector<int64_t> shape;
  int64_t pageTokens, pageBytes, window;
  lathe_state_info info{};
};

struct Entry {
  std::string name;
  lathe_entry_kind kind;
  // Of encoders.
  lathe_pooling pooling = LATHE_POOLING_MODEL;
  int64_t maxTokens = 0;
  std::vector<Symbol> symbols;
  std::vector<Value> inputs, outputs;
  std::vector<State> states;
  lathe_entry_info info{};

  /// The input or output of a role; null if there is none.
  const Value *input(std::string_view role) const;
  const Value *output(std::string_view role) const;
};

/// Where an entry's functions stand in a host image.
struct ImageEntry {
  uint64_t run, arenaBytes, outputDims;
};

struct Image {
  std::string level;
  std::map<std::string, ImageEntry> entries;
};

/// GPUs that the kernels are compiled for.
struct CudaTarget {
  std::string name;     ///< of a section of PTX; the cubin of this name is of this target, other cubins of the first
  bool dependentLaunch; ///< its kernels wait themselves for what runs before them
};

struct Kernel {
  std::string name;
  std::vector<int64_t> sharedBytes; ///< the most dynamic shared memory that a launch asks for, by target
  size_t module = 0;                ///< of each section of code
};

/// Where the bytes of a weight come from: the weights section, a file of the model, nowhere, or another tensor.
enum class WeightSource { Section, File, None, Packed };

/// A matrix that becomes panels of blocks (runtime/gguf/BlockPanels.h), or tiles of blocks or of numbers
/// (BlockTiles.h and MatrixTiles.h beside it).
struct PackedMatrix {
  std::string format; ///< of blocks, or "f16", "bf16" or "tf32"
  int64_t rows = 0, columns = 0;
  bool tiles = false;
};

/// A strided copy: the element at indices i, which run to `sizes`, is element sum(i[d] * strides[d]) of the source.
struct Packing {
  size_t from = 0; ///< of Manifest::sources
  int64_t elementBytes = 1;
  std::vector<int64_t> sizes, strides; ///< of one rank, which is at least 1
  /// Where there are columns from `columns` on, which are 0: the dimension that counts panels, the last being the
  /// column in a panel.
  std::optional<size_t> panels;
  int64_t columns = 0;
  /// Instead of all these: the source.
  std::optional<PackedMatrix> matrix;
};

struct Weight {
  std::string name, type;
  int64_t offset, bytes; ///< where code reads it
  WeightSource source;
  std::string xxh3; ///< 32 hex digits; empty without a source, of a packed one, and where each rank has its own
  std::vector<std::string> slices; ///< instead, by rank, of a weight that each rank has its slice of
  int64_t stored = 0;              ///< offset in the section, of the first slice where there are several
  int64_t sliceStride = 0;         ///< from one slice to the next, in the section
  size_t file = 0;                 ///< of WeightStorage::files
  int64_t fileOffset = 0;
  Packing packing; ///< of a packed one
};

struct WeightFile {
  std::string path; ///< absolute, or from the artifact's folder
  int64_t bytes;
};

/// Of a program that several ranks run: how they are arranged, and what of the weights is whose. The section holds
/// `sharedBytes` that all ranks read, and behind them `sliceBytes` for each rank, in the order of ranks.
struct Ranks {
  std::string axis; ///< what the ranks are split by
  int64_t size = 0;
  int64_t sharedBytes = 0, sliceBytes = 0; ///< multiples of RankAlignment
};
inline constexpr int64_t RankAlignment = 4096;

/// Of an artifact whose section does not hold all weights.
struct WeightStorage {
  int64_t bytes; ///< that the weights take where code reads them
  std::vector<WeightFile> files;
};

/// The manifest, every field checked against its meaning and against the artifact it came from.
struct Manifest {
  /// Throws LATHE_CORRUPT, and LATHE_UNSUPPORTED for another version of format or host ABI.
  explicit Manifest(const Artifact &artifact);
  Manifest(const Manifest &) = delete;
  Manifest &operator=(const Manifest &) = delete;

  std::string text; ///< as it stands in the artifact
  std::string modelName;
  std::string target; ///< "cpu" or "cuda"
  std::vector<Entry> entries;
  std::vector<Image> images;
  std::vector<CudaTarget> cudaTargets;
  std::vector<Kernel> kernels;
  /// Where the modules of sections of code begin. A section that is not there is one module.
  std::map<std::pair<SectionKind, std::string>, std::vector<size_t>> modules;
  std::vector<Weight> weights;
  std::vector<Weight> sources;                ///< what packed weights are copied from; they have no `offset`
  std::optional<WeightStorage> weightStorage; ///< none: the section is as code reads it
  std::optional<Ranks> ranks;                 ///< none: one device runs the program
};

/// Bytes of one element.
size_t typeBytes(lathe_type type);
/// "f32".
const char *typeName(lathe_type type);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ARTIFACT_MANIFEST_H
