#include "test/runtime/TestArtifact.h"

#include "runtime/artifact/Sha256.h"
#include "test/runtime/images/BabbleModel.h"

#include <atomic>
#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <stdexcept>
#include <unistd.h>

namespace lathe::test {

using artifact::ArtifactSource;
using nlohmann::ordered_json;
using runtime::SectionKind;

static artifact::WeightSource floats(const std::string &name, std::vector<float> values) {
  uint64_t bytes = values.size() * sizeof(float);
  return {name, "f32", {int64_t(values.size())}, 0, bytes, [values, bytes](const artifact::ByteSink &sink) {
            sink(values.data(), bytes / 2);
            sink(reinterpret_cast<const char *>(values.data()) + bytes / 2, bytes - bytes / 2);
            return std::string();
          }};
}

/// The offsets are those of images/flat.ld. All processors that tests run on have x86-64-v3.
static ordered_json manifestOf(const std::string &target, ordered_json entry) {
  return {
      {"format", 1},
      {"host_abi", 5},
      {"producer", "test"},
      {"model", {{"name", "hand-made"}, {"format", "onnx"}}},
      {"target", target},
      {"entries", ordered_json::array({std::move(entry)})},
      {"images", ordered_json::array(
                     {{{"level", "x86-64-v3"},
                       {"entries", {{"forward", {{"run", 0}, {"arena_bytes", 0x2000}, {"output_dims", 0x2100}}}}}}})},
      {"kernels", ordered_json::array()},
      {"weights", nullptr},
      {"quantization", ordered_json::object()},
      {"licences", ordered_json::object()}};
}

static ordered_json value(const char *name, const char *type, ordered_json shape, const char *role = "tensor") {
  return {{"name", name}, {"type", type}, {"shape", std::move(shape)}, {"role", role}};
}

static ordered_json symbol(const char *name, int64_t min, int64_t max) {
  return {{"name", name}, {"min", min}, {"max", max}};
}

static std::string image(const char *name) { return readFile(std::string(LATHE_TEST_IMAGES) + "/" + name); }

/// As the compiler has them; the kernels of the second wait for those before them.
static ordered_json cudaTargets() {
  return ordered_json::array(
      {{{"name", "compute_80"}, {"dependent_launch", false}}, {{"name", "sm_90a"}, {"dependent_launch", true}}});
}

static ordered_json cudaKernel(const char *name, int64_t sharedBytes) {
  ordered_json target = {{"shared_bytes", sharedBytes}};
  return {{"name", name}, {"targets", ordered_json::array({target, target})}};
}

ArtifactSource scaleSource(const std::string &target) {
  ordered_json entry = {{"name", "forward"},
                        {"kind", "tensor"},
                        {"symbols", ordered_json::array({symbol("batch", 1, 64)})},
                        {"inputs", ordered_json::array({value("x", "f32", {"batch", 4})})},
                        {"outputs", ordered_json::array({value("y", "f32", {"batch", 4}),
                                                         value("total", "f32", ordered_json::array({"batch"}))})},
                        {"states", ordered_json::array()}};
  bool cuda = target == "cuda";
  ArtifactSource source = {manifestOf(target, entry),
                           {{SectionKind::HostImage, "x86-64-v3", image(cuda ? "ScaleCuda.bin" : "Scale.bin")}},
                           {floats("scale", {1, 2, 3, 4})}};
  if (cuda) {
    source.manifest["kernels"] = ordered_json::array({cudaKernel("lathe_scale", 0)});
    source.manifest["cuda_targets"] = cudaTargets();
    source.sections.push_back({SectionKind::Ptx, "compute_80", std::string("// scale\0", 9)});
  }
  return source;
}

ArtifactSource positiveSource(const std::string &target) {
  ordered_json entry = {{"name", "forward"},
                        {"kind", "tensor"},
                        {"symbols", ordered_json::array({symbol("size", 1, 8192)})},
                        {"inputs", ordered_json::array({value("x", "f32", ordered_json::array({"size"}))})},
                        {"outputs", ordered_json::array({value("y", "f32", ordered_json::array({"count"})),
                                                         value("total", "i64", ordered_json::array())})},
                        {"states", ordered_json::array()}};
  bool cuda = target == "cuda";
  ArtifactSource source = {manifestOf(target, entry),
                           {{SectionKind::HostImage, "x86-64-v3", image(cuda ? "PositiveCuda.bin" : "Positive.bin")}},
                           {}};
  if (cuda) {
    source.manifest["kernels"] = ordered_json::array({cudaKernel("lathe_count", 0), cudaKernel("lathe_pick", 0)});
    source.manifest["cuda_targets"] = cudaTargets();
    source.sections.push_back({SectionKind::Ptx, "compute_80", std::string("// positive\0", 12)});
  }
  return source;
}

/// An entry over a paged state of one float a token; `pages` is the most that a sequence has.
static ordered_json languageModel(int64_t vocabulary, int64_t pages) {
  auto arrays = ordered_json::array({value("tokens", "i32", ordered_json::array({"tokens"}), "tokens"),
                                     value("positions", "i32", {"tokens", 1}, "positions"),
                                     value("row_offsets", "i32", ordered_json::array({"offsets"}), "row_offsets"),
                                     value("lengths", "i32", ordered_json::array({"sequences"}), "lengths"),
                                     value("block_tables", "i32", {"sequences", "pages"}, "block_tables"),
                                     value("slots", "i32", ordered_json::array({"tokens"}), "slots"),
                                     value("rows", "i32", ordered_json::array({"rows"}), "rows")});
  return {{"name", "forward"},
          {"kind", "language_model"},
          {"symbols", ordered_json::array({symbol("tokens", 1, 64), symbol("sequences", 1, 8), symbol("offsets", 2, 9),
                                           symbol("pages", 1, pages), symbol("rows", 1, 64)})},
          {"inputs", arrays},
          {"outputs", ordered_json::array({value("logits", "f32", {"rows", vocabulary}, "logits")})},
          {"states", ordered_json::array({{{"name", "kv"},
                                           {"kind", "paged"},
                                           {"element", "f32"},
                                           {"shape", {1}},
                                           {"page_tokens", 16},
                                           {"page_bytes", 64},
                                           {"window", 0}}})}};
}

ArtifactSource babbleSource(bool windowed) {
  ordered_json entry = languageModel(babble::Vocabulary, (windowed ? babble::WindowLongest : babble::Longest) / 16);
  if (windowed) {
    entry["inputs"].push_back(value("window_block_tables", "i32", {"sequences", "pages"}, "window_block_tables"));
    entry["inputs"].push_back(value("window_slots", "i32", ordered_json::array({"tokens"}), "window_slots"));
    ordered_json state = entry["states"][0];
    state["name"] = "kv_window";
    state["window"] = babble::Window;
    entry["states"].push_back(state);
  }
  return {manifestOf("cpu", entry),
          {{SectionKind::HostImage, "x86-64-v3", image(windowed ? "BabbleWindow.bin" : "Babble.bin")}},
          {}};
}

ArtifactSource toySource(const std::string &target) {
  ordered_json entry = languageModel(8, 6);
  bool cuda = target == "cuda";
  ArtifactSource source = {manifestOf(target, entry),
                           {{SectionKind::HostImage, "x86-64-v3", image(cuda ? "ToyCuda.bin" : "ToyCpu.bin")}},
                           {floats("head", {1, -1, 0.5, 2, 0, 3, -2, 0.25})}};
  if (!cuda)
    return source;
  source.manifest["kernels"] =
      ordered_json::array({cudaKernel("lathe_toy_write", 0), cudaKernel("lathe_toy_attend", 65536)});
  source.manifest["cuda_targets"] = cudaTargets();
  source.sections.push_back({SectionKind::Ptx, "compute_80", std::string("// toy\0", 7)});
  source.sections.push_back({SectionKind::Cubin, "sm_90a", "cubin of the toy"});
  return source;
}

ArtifactSource sampledToySource() {
  ArtifactSource source = toySource("cuda");
  source.sections[0].bytes = image("ToySampledCuda.bin");
  source.manifest["entries"][0]["outputs"].push_back(
      value("sampled", "i64", ordered_json::array({"rows"}), "sampled_tokens"));
  source.manifest["entries"].push_back(
      {{"name", "candidates"},
       {"kind", "tensor"},
       {"symbols", ordered_json::array({symbol("rows", 1, 64)})},
       {"inputs", ordered_json::array({value("logits", "f32", {"rows", 8}, "logits")})},
       {"outputs", ordered_json::array({value("candidate_logits", "f32", {"rows", 3}, "candidate_logits"),
                                        value("candidate_tokens", "i64", {"rows", 3}, "candidate_tokens")})},
       {"states", ordered_json::array()}});
  source.manifest["images"][0]["entries"]["candidates"] = {
      {"run", 0x2400}, {"arena_bytes", 0x2600}, {"output_dims", 0x2700}};
  for (const char *name : {"lathe_toy_choose", "lathe_toy_find"}) {
    ordered_json kernel = source.manifest["kernels"][0];
    kernel["name"] = name;
    source.manifest["kernels"].push_back(kernel);
  }
  return source;
}

static constexpr float Head[] = {1, -1, 0.5, 2, 0, 3, -2, 0.25};

/// Each rank has the whole head, in which the rows of the others are zero.
static ArtifactSource rankedToyCudaSource(int ranks) {
  ArtifactSource source = toySource("cuda");
  source.sections[0].bytes = image("RankedToyCuda.bin");
  source.manifest["kernels"].push_back(cudaKernel("lathe_all_reduce_f32", 0));
  source.ranks = {"tensor", size_t(ranks)};
  source.weights[0].write = nullptr;
  source.weights[0].writeSlice = [ranks](size_t rank, const artifact::ByteSink &sink) {
    size_t own = std::size(Head) / size_t(ranks);
    float slice[std::size(Head)] = {};
    std::copy_n(Head + rank * own, own, slice + rank * own);
    sink(slice, sizeof(slice));
    return std::string();
  };
  return source;
}

ArtifactSource rankedToySource(int ranks, const std::string &target) {
  if (target == "cuda")
    return rankedToyCudaSource(ranks);
  ArtifactSource source = {
      manifestOf("cpu", languageModel(8, 6)), {{SectionKind::HostImage, "x86-64-v3", image("RankedToy.bin")}}, {}};
  source.ranks = {"tensor", size_t(ranks)};
  source.weights.push_back({"ranks", "i32", {1}, 0, 4, [ranks](const artifact::ByteSink &sink) {
                              int32_t count = ranks;
                              sink(&count, sizeof(count));
                              return std::string();
                            }});
  uint64_t bytes = sizeof(Head) / uint64_t(ranks);
  artifact::WeightSource &head = source.weights.emplace_back();
  head = {"head", "f32", {8 / ranks}, artifact::nextSliceOffset(4), bytes, nullptr};
  head.writeSlice = [bytes](size_t rank, const artifact::ByteSink &sink) {
    sink(reinterpret_cast<const char *>(Head) + rank * bytes, bytes);
    return std::string();
  };
  return source;
}

ArtifactSource encoderSource() {
  ordered_json entry = {
      {"name", "forward"},
      {"kind", "encoder"},
      {"pooling", "mean"},
      {"max_tokens", 6},
      {"symbols", ordered_json::array({symbol("tokens", 3, 12), symbol("offsets", 2, 5)})},
      {"inputs", ordered_json::array({value("tokens", "i32", ordered_json::array({"tokens"}), "tokens"),
                                      value("positions", "i32", {"tokens", 1}, "positions"),
                                      value("row_offsets", "i32", ordered_json::array({"offsets"}), "row_offsets")})},
      {"outputs", ordered_json::array({value("hidden", "f32", {"tokens", 2}, "hidden_states")})},
      {"states", ordered_json::array()}};
  return {manifestOf("cpu", entry), {{SectionKind::HostImage, "x86-64-v3", image("Encoder.bin")}}, {}};
}

std::string readFile(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw std::runtime_error("cannot read " + path);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

static std::string temporaryPath() {
  static std::atomic<int> count{0};
  return testing::TempDir() + "lathe-" + std::to_string(getpid()) + "-" + std::to_string(count++) + ".lathe";
}

std::string writeTemporary(const ArtifactSource &source) {
  std::string path = temporaryPath(), problem = artifact::writeArtifact(path, source);
  if (!problem.empty())
    throw std::runtime_error(problem);
  return path;
}

std::string writeTemporary(const std::string &bytes) {
  std::string path = temporaryPath();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string repairHashes(std::string bytes) {
  auto set = [](unsigned char (&field)[32], const void *data, size_t size) {
    std::memcpy(field, runtime::sha256(data, size).data(), sizeof(field));
  };
  auto &header = *reinterpret_cast<runtime::FileHeader *>(bytes.data());
  auto *table = reinterpret_cast<runtime::SectionEntry *>(bytes.data() + sizeof(header));
  for (uint32_t i = 0; i != header.sectionCount; ++i)
    if (table[i].kind != uint32_t(SectionKind::Weights))
      set(table[i].sha256, bytes.data() + table[i].offset, table[i].bytes);
  set(header.tableSha256, table, header.sectionCount * sizeof(*table));
  std::memset(header.headerSha256, 0, sizeof(header.headerSha256));
  set(header.headerSha256, &header, sizeof(header));
  return bytes;
}

Outcome outcome(lathe_status status) {
  Outcome result = {status ? int(lathe_status_code(status)) : 0, lathe_status_message(status)};
  lathe_status_release(status);
  return result;
}

void succeed(lathe_status status) {
  if (Outcome result = outcome(status); result.code != 0)
    throw std::runtime_error(result.message);
}

Program load(const std::string &path) {
  lathe_program *program = nullptr;
  succeed(lathe_program_load(path.c_str(), &program));
  return Program(program);
}

Device cpu(int threads) {
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.threads = threads;
  lathe_device *device = nullptr;
  succeed(lathe_device_create(&options, &device));
  return Device(device);
}

Session openSession(const Program &program, const Device &device, int maxSequences, uint64_t cacheBytes) {
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.max_sequences = maxSequences;
  options.kv_cache_bytes = cacheBytes;
  lathe_session *session = nullptr;
  succeed(lathe_session_create(program.get(), device.get(), &options, &session));
  return Session(session);
}

Sequence openSequence(const Session &session) {
  lathe_sequence *sequence = nullptr;
  succeed(lathe_sequence_create(session.get(), &sequence));
  return Sequence(sequence);
}

} // namespace lathe::test
