#include "compiler/artifact/ArtifactWriter.h"

#include "compiler/artifact/OutputFile.h"
#include "runtime/artifact/Sha256.h"
#include "runtime/cpu/AvailableCpus.h"

#include <algorithm>
#include <atomic>
#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <thread>
#include <unistd.h>
#include <xxhash.h>

namespace lathe::artifact {

using namespace runtime;

namespace {

constexpr uint64_t PageBytes = 4096; // what a rank maps begins and ends with one

/// One weight's bytes on their way to its place in the file; without a file they are only hashed.
class WeightWriter {
public:
  WeightWriter(int fd, uint64_t position) : fd(fd), position(position) {}

  /// Writes a weight, or a rank's slice of it. Returns what went wrong, or "".
  std::string write(const WeightSource &weight, size_t rank) {
    XXH3_128bits_reset(state.get());
    uint64_t start = position;
    ByteSink sink = [&](const void *data, size_t bytes) { put(data, bytes); };
    std::string problem = weight.writeSlice ? weight.writeSlice(rank, sink) : weight.write(sink);
    if (!problem.empty())
      return "weight '" + weight.name + "': " + problem;
    if (position - start != weight.bytes)
      return "weight '" + weight.name + "' wrote " + std::to_string(position - start) + " bytes but has " +
             std::to_string(weight.bytes);
    return failure;
  }

  std::string hash() const {
    XXH128_hash_t hash = XXH3_128bits_digest(state.get());
    char digits[33];
    std::snprintf(digits, sizeof(digits), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                  static_cast<unsigned long long>(hash.low64));
    return digits;
  }

private:
  void put(const void *data, size_t bytes) {
    XXH3_128bits_update(state.get(), data, bytes);
    for (size_t done = 0; fd >= 0 && done < bytes && failure.empty();) {
      ssize_t count = pwrite(fd, static_cast<const char *>(data) + done, bytes - done, off_t(position + done));
      if (count > 0)
        done += size_t(count);
      else if (count == 0 || errno != EINTR)
        failure = std::strerror(count ? errno : ENOSPC);
    }
    position += bytes;
  }

  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t *)> state{XXH3_createState(), XXH3_freeState};
  int fd;
  uint64_t position;
  std::string failure;
};

uint64_t wholePages(uint64_t bytes) { return (bytes + PageBytes - 1) / PageBytes * PageBytes; }

/// How the weights section of a program for several ranks is divided (runtime/artifact/Manifest.h).
struct RankLayout {
  uint64_t size = 0; ///< 0: one device
  uint64_t sharedBytes = 0, sliceBytes = 0;
};

RankLayout layoutRanks(const ArtifactSource &source) {
  RankLayout layout;
  if (!source.ranks)
    return layout;
  layout.size = source.ranks->size;
  uint64_t sharedEnd = 0, end = 0;
  for (const WeightSource &weight : source.weights)
    (weight.writeSlice ? end : sharedEnd) = weight.offset + weight.bytes;
  layout.sharedBytes = nextSliceOffset(sharedEnd);
  layout.sliceBytes = end ? wholePages(end - layout.sharedBytes) : 0;
  return layout;
}

/// Streams the file: sections first, the header last, so that a file cut short is never taken for a whole one.
class Writer {
public:
  Writer(std::FILE *file, size_t sectionCount) : file(file) {
    put(std::string(sizeof(FileHeader) + sectionCount * sizeof(SectionEntry), '\0'));
  }

  void addSection(SectionKind kind, const std::string &name, const std::string &bytes) {
    SectionEntry &entry = begin(kind, name);
    put(bytes);
    Sha256Digest digest = sha256(bytes.data(), bytes.size());
    std::memcpy(entry.sha256, digest.data(), digest.size());
    entry.bytes = position - entry.offset;
  }

  /// Adds the tensors that the artifact holds as one section and returns the manifest's list of all. Each is written
  /// where it belongs by whichever of the threads is free. `all` says that the section is as code reads it.
  nlohmann::ordered_json addWeights(const std::vector<WeightSource> &weights, bool all, const ArtifactSource &source) {
    RankLayout layout = layoutRanks(source);
    std::vector<uint64_t> places = placeWeights(weights, all, layout);
    std::vector<Piece> pieces = piecesOf(weights, places, all, layout);
    std::vector<std::string> hashes = writeWeights(weights, pieces, source);
    size_t next = 0; // of `pieces`
    auto list = nlohmann::ordered_json::array();
    for (size_t i = 0; i < weights.size(); ++i) {
      const WeightSource &weight = weights[i];
      nlohmann::ordered_json json = {{"name", weight.name},
                                     {"type", weight.type},
                                     {"shape", weight.shape},
                                     {"offset", weight.offset},
                                     {"bytes", weight.bytes}};
      if (weight.place == WeightPlace::None)
        json["source"] = "none";
      else if (weight.place == WeightPlace::Packed)
        json.update({{"source", "packed"}, {"packing", describePacking(weight.packing)}});
      else if (weight.writeSlice)
        json["slices"] = std::vector(hashes.begin() + long(next), hashes.begin() + long(next + layout.size));
      else
        json["xxh3"] = hashes[next];
      next += weight.writeSlice ? layout.size : 1;
      if (weight.place == WeightPlace::File)
        json.update({{"source", "file"}, {"file", weight.file}, {"file_offset", weight.fileOffset}});
      else if (weight.place == WeightPlace::Section && !all)
        json["stored"] = places[i] - weightsBegin;
      list.push_back(json);
    }
    return list;
  }

  static bool holdsAll(const std::vector<WeightSource> &weights) {
    return std::all_of(weights.begin(), weights.end(),
                       [](const WeightSource &weight) { return weight.place == WeightPlace::Section; });
  }
  static bool holdsAny(const std::vector<WeightSource> &weights) {
    return std::any_of(weights.begin(), weights.end(),
                       [](const WeightSource &weight) { return weight.place == WeightPlace::Section; });
  }

  void finish() {
    FileHeader header = {};
    std::memcpy(header.magic, FileMagic, sizeof(FileMagic));
    header.formatVersion = FormatVersion;
    header.sectionCount = uint32_t(table.size());
    header.fileBytes = position;
    Sha256Digest digest = sha256(table.data(), table.size() * sizeof(SectionEntry));
    std::memcpy(header.tableSha256, digest.data(), digest.size());
    digest = sha256(&header, sizeof(header));
    std::memcpy(header.headerSha256, digest.data(), digest.size());
    if (std::fseek(file, 0, SEEK_SET) != 0)
      fail(std::strerror(errno));
    put(&header, sizeof(header));
    put(table.data(), table.size() * sizeof(SectionEntry));
    if (std::fflush(file) != 0)
      fail(std::strerror(errno));
  }

  /// The first thing that went wrong; "" if nothing has.
  std::string error;

private:
  static nlohmann::ordered_json describePacking(const Packing &packing) {
    if (packing.matrix)
      return {{"from", packing.from},
              {packing.matrix->tiles ? "tiles" : "blocks", packing.matrix->format},
              {"rows", packing.matrix->rows},
              {"columns", packing.matrix->columns}};
    nlohmann::ordered_json json = {{"from", packing.from},
                                   {"element_bytes", packing.elementBytes},
                                   {"sizes", packing.sizes},
                                   {"strides", packing.strides}};
    if (packing.panels)
      json.update({{"panels", *packing.panels}, {"columns", packing.columns}});
    return json;
  }

  SectionEntry &begin(SectionKind kind, const std::string &name) {
    padTo((position + SectionAlignment - 1) / SectionAlignment * SectionAlignment);
    SectionEntry &entry = table.emplace_back();
    std::memset(&entry, 0, sizeof(entry));
    entry.kind = uint32_t(kind);
    entry.offset = position;
    if (name.empty() || name.size() >= sizeof(entry.name))
      fail("section name '" + name + "' has " + std::to_string(name.size()) + " bytes but must have 1 to 23");
    else
      std::memcpy(entry.name, name.data(), name.size());
    return entry;
  }

  /// Makes room for the weights that the artifact holds; returns where each of them lies in the file. Where code reads
  /// them is where they lie in the section, but that gaps of those that are elsewhere are closed.
  std::vector<uint64_t> placeWeights(const std::vector<WeightSource> &weights, bool all, const RankLayout &layout) {
    std::vector<uint64_t> places(weights.size());
    if (!holdsAny(weights))
      return places;
    SectionEntry &entry = begin(SectionKind::Weights, "weights");
    weightsBegin = entry.offset;
    for (size_t i = 0; i != weights.size(); ++i) {
      if (weights[i].place != WeightPlace::Section)
        continue;
      places[i] = weightsBegin + (all ? weights[i].offset : nextWeightOffset(position - weightsBegin));
      if (places[i] < position)
        fail("a weight starts at byte " + std::to_string(places[i]) + " of the file but what is before it ends at " +
             std::to_string(position));
      position = places[i] + weights[i].bytes;
      if (!all && weights[i].writeSlice)
        position = places[i] + layout.size * nextWeightOffset(weights[i].bytes);
    }
    if (layout.size && all)
      position = weightsBegin + layout.sharedBytes + layout.size * layout.sliceBytes;
    entry.bytes = position - entry.offset;
    if (error.empty() &&
        (std::fflush(file) != 0 || ftruncate(fileno(file), off_t(position)) != 0 || std::fseek(file, 0, SEEK_END) != 0))
      fail(std::strerror(errno));
    return places;
  }

  /// A weight, or the slice of it that a rank has.
  struct Piece {
    size_t weight, rank;
    uint64_t place; ///< in the file
  };

  /// Where weights are elsewhere the slices of a weight lie one behind the other, else each with others of its rank.
  static std::vector<Piece> piecesOf(const std::vector<WeightSource> &weights, const std::vector<uint64_t> &places,
                                     bool all, const RankLayout &layout) {
    std::vector<Piece> pieces;
    for (size_t i = 0; i != weights.size(); ++i) {
      uint64_t stride = all ? layout.sliceBytes : nextWeightOffset(weights[i].bytes);
      for (size_t rank = 0; rank != (weights[i].writeSlice ? layout.size : 1); ++rank)
        pieces.push_back({i, rank, places[i] + rank * stride});
    }
    return pieces;
  }

  /// Returns the hashes. Of several problems the one of the first piece counts, so that every run reports the same.
  std::vector<std::string> writeWeights(const std::vector<WeightSource> &weights, const std::vector<Piece> &pieces,
                                        const ArtifactSource &source) {
    std::vector<std::string> hashes(pieces.size()), problems(pieces.size());
    std::atomic<size_t> next = 0, done = 0;
    auto work = [&] {
      for (size_t i = next++; i < pieces.size(); i = next++, source.progress(++done, pieces.size())) {
        const WeightSource &weight = weights[pieces[i].weight];
        if (weight.place == WeightPlace::None || weight.place == WeightPlace::Packed)
          continue;
        bool stored = weight.place == WeightPlace::Section;
        WeightWriter writer(stored ? fileno(file) : -1, pieces[i].place);
        problems[i] = writer.write(weight, pieces[i].rank);
        hashes[i] = writer.hash();
      }
    };
    if (!error.empty())
      return hashes;
    std::vector<std::thread> helpers;
    for (size_t i = 1, n = std::min(pieces.size(), size_t(source.threads > 0 ? source.threads : availableCpus()));
         i < n; ++i)
      helpers.emplace_back(work);
    work();
    for (std::thread &helper : helpers)
      helper.join();
    for (const std::string &problem : problems)
      if (!problem.empty())
        fail(problem);
    return hashes;
  }

  void padTo(uint64_t target) {
    static const std::string Zeros(4096, '\0');
    while (position != target)
      put(Zeros.data(), size_t(std::min<uint64_t>(Zeros.size(), target - position)));
  }

  void put(const std::string &bytes) { put(bytes.data(), bytes.size()); }

  void put(const void *data, size_t bytes) {
    position += bytes;
    if (error.empty() && bytes != 0 && std::fwrite(data, 1, bytes, file) != bytes)
      fail(std::strerror(errno));
  }

  void fail(const std::string &message) {
    if (error.empty())
      error = message;
  }

  std::FILE *file;
  uint64_t position = 0, weightsBegin = 0;
  std::vector<SectionEntry> table;
};

std::string checkOffsets(const std::vector<WeightSource> &weights) {
  uint64_t sharedEnd = 0;
  for (const WeightSource &weight : weights)
    if (!weight.writeSlice)
      sharedEnd = std::max(sharedEnd, weight.offset + weight.bytes);
  for (const WeightSource &weight : weights)
    if (weight.writeSlice && weight.offset < nextSliceOffset(sharedEnd))
      return "weight '" + weight.name + "' is a slice at offset " + std::to_string(weight.offset) +
             " but what ranks share ends at " + std::to_string(nextSliceOffset(sharedEnd));
  for (const WeightSource &weight : weights)
    if (weight.offset % TensorAlignment != 0)
      return "weight '" + weight.name + "' is at offset " + std::to_string(weight.offset) +
             ", which is not a multiple of " + std::to_string(TensorAlignment);
  return "";
}

nlohmann::ordered_json describeStorage(const ArtifactSource &source) {
  uint64_t bytes = 0;
  for (const WeightSource &weight : source.weights)
    bytes = std::max(bytes, weight.offset + weight.bytes);
  if (RankLayout layout = layoutRanks(source); layout.size)
    bytes = layout.sharedBytes + layout.sliceBytes;
  auto files = nlohmann::ordered_json::array();
  for (const WeightFile &file : source.files)
    files.push_back({{"path", file.path}, {"bytes", file.bytes}});
  return {{"bytes", bytes}, {"files", files}};
}

} // namespace

uint64_t nextSliceOffset(uint64_t end) { return wholePages(end); }

uint64_t nextWeightOffset(uint64_t end) { return (end + TensorAlignment - 1) / TensorAlignment * TensorAlignment; }

std::string writeArtifact(const std::string &path, const ArtifactSource &source) {
  if (std::string problem = checkOffsets(source.weights); !problem.empty())
    return path + ": " + problem;
  OutputFile file(path);
  if (!file.stream())
    return file.keep();
  if (!file.isSeekable())
    return path +
           ": cannot write: it is no regular file, and an artifact is not written from start to end; name a file";

  // The manifest comes last: it holds the hashes of the weights, which are known once they have been written.
  std::vector<WeightSource> tensors = source.weights;
  tensors.insert(tensors.end(), source.sources.begin(), source.sources.end());
  bool all = Writer::holdsAll(tensors);
  Writer writer(file.stream(), source.sections.size() + Writer::holdsAny(tensors) + 1);
  for (const SectionSource &section : source.sections)
    writer.addSection(section.kind, section.name, section.bytes);
  nlohmann::ordered_json manifest = source.manifest;
  nlohmann::ordered_json list = writer.addWeights(tensors, all, source);
  auto firstSource = list.begin() + ptrdiff_t(source.weights.size());
  manifest["weights"] = std::vector<nlohmann::ordered_json>(list.begin(), firstSource);
  if (!all)
    manifest["weight_storage"] = describeStorage(source);
  if (RankLayout layout = layoutRanks(source); layout.size)
    manifest["ranks"] = {
        {"grid", nlohmann::ordered_json::array({{{"name", source.ranks->axis}, {"size", layout.size}}})},
        {"shared_bytes", layout.sharedBytes},
        {"slice_bytes", layout.sliceBytes}};
  for (auto tensor = firstSource; tensor != list.end(); ++tensor) {
    tensor->erase("offset");
    manifest["weight_sources"].push_back(*tensor);
  }
  source.complete(manifest);
  writer.addSection(SectionKind::Manifest, "manifest", manifest.dump());
  writer.finish();
  return writer.error.empty() ? file.keep() : path + ": cannot write: " + writer.error;
}

} // namespace lathe::artifact
