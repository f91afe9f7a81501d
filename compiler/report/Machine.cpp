#include "compiler/report/Machine.h"

#include <cstring>
#include <fstream>

namespace lathe::report {

using Json = nlohmann::ordered_json;

/// One GPU for each chip: dense peaks without sparsity as its maker gives them, unless the source says otherwise. What
/// was measured on the H200 alone is taken to be alike on the others: times, and rates by the multiprocessor. Of its 50
/// MB of cache 30 count: it has two halves, and keeps some of what comes from the other one twice. An access takes 0.33
/// us when there is no other, 0.65 under load. Warps that depend on nothing but themselves issue an instruction every
/// two clocks or so. Links of the H200 are as they were used between two: by NCCL for all-reduces of 8 KB to 32 MB,
/// which are within 20 % of the formula, and by kernels of our own up to 1 MB, within 4 %; of the others 80 % of the
/// rate in one direction over NVLink, or PCI Express where it has none, and 5 to 15 us of a start for each doubling of
/// ranks.
static const std::pair<const char *, Machine> Gpus[] = {
    {"sm_80",
     {"NVIDIA A100 80GB",
      "data sheet",
      108,
      19.5e12,
      312e12,
      624e12,
      2.039e12,
      5e12,
      40e6,
      1.5e-6,
      0,
      0.8,
      0.8,
      0.92,
      25e9,
      46e9,
      0.7e-6,
      0.3e-6,
      0,
      0.4e-6,
      1e-9,
      3e-6,
      10e-6,
      240e9}},
    {"sm_86",
     {"NVIDIA RTX 3090",
      "data sheet",
      82,
      35.6e12,
      71e12,
      284e12,
      0.936e12,
      2e12,
      6e6,
      1.5e-6,
      0,
      0.8,
      0.8,
      0.92,
      20e9,
      25e9,
      0.7e-6,
      0.3e-6,
      0,
      0.4e-6,
      1e-9,
      3e-6,
      15e-6,
      20e9}},
    {"sm_89",
     {"NVIDIA RTX 4090",
      "data sheet",
      128,
      82.6e12,
      165e12,
      661e12,
      1.008e12,
      5e12,
      72e6,
      1.5e-6,
      0,
      0.8,
      0.8,
      0.92,
      20e9,
      39e9,
      0.7e-6,
      0.3e-6,
      0,
      0.4e-6,
      1e-9,
      3e-6,
      15e-6,
      20e9}},
    {"sm_90", {"NVIDIA H200", "data sheet; memory rate, times, shares and rates of a multiprocessor measured",
               132,           67e12,
               989e12,        1979e12,
               4.65e12,       10e12,
               30e6,          1.45e-6,
               18e9,          0.74,
               0.5,           0.975,
               36e9,          64e9,
               0.65e-6,       0.2e-6,
               0.6e-6,        0.4e-6,
               1e-9,          3e-6,
               5e-6,          220e9,
               0.5e-6,        360e9}},
    {"sm_100",
     {"NVIDIA B200", "data sheet", 148,  80e12, 2250e12, 4500e12, 8e12,   20e12,  126e6, 1.2e-6, 0,    0.7,
      0.3,           0.92,         60e9, 135e9, 0.7e-6,  0.3e-6,  0.6e-6, 0.4e-6, 1e-9,  3e-6,   5e-6, 720e9}},
    {"sm_120",
     {"NVIDIA RTX 5090",
      "data sheet",
      170,
      104.8e12,
      209.5e12,
      838e12,
      1.792e12,
      8e12,
      96e6,
      1.2e-6,
      0,
      0.8,
      0.8,
      0.92,
      20e9,
      47e9,
      0.7e-6,
      0.3e-6,
      0.6e-6,
      0.4e-6,
      1e-9,
      3e-6,
      15e-6,
      40e9}},
};

double Machine::getPeak(const std::string &math) const {
  if (math == "i8" || math == "ui8" || math == "f8E4M3FN" || math == "f8E5M2")
    return Flops8;
  return math == "f16" || math == "bf16" ? Flops16 : Flops;
}

const Machine *findGpu(const std::string &chip) {
  std::string base = chip.substr(0, chip.find_last_of("0123456789") + 1); // without "a" or "f"
  for (const auto &[name, machine] : Gpus)
    if (base == name)
      return &machine;
  return nullptr;
}

std::string listGpus() {
  std::string text;
  for (const auto &gpu : Gpus)
    text += (text.empty() ? "" : ", ") + std::string(gpu.first);
  return text;
}

namespace {
struct Field {
  const char *Key;
  double Machine::*Number;
};
} // namespace

static constexpr Field Fields[] = {
    {"flops", &Machine::Flops},
    {"flops_16_bit", &Machine::Flops16},
    {"flops_8_bit", &Machine::Flops8},
    {"memory_bytes_per_second", &Machine::MemoryRate},
    {"cache_bytes_per_second", &Machine::CacheRate},
    {"cache_bytes", &Machine::CacheBytes},
    {"launch_seconds", &Machine::LaunchSeconds},
};

/// What may be missing.
static constexpr Field MoreFields[] = {
    {"block_bytes_per_second", &Machine::BlockRate},
    {"product_share", &Machine::ProductShare},
    {"tile_share", &Machine::TileShare},
    {"load_share", &Machine::LoadShare},
    {"core_memory_bytes_per_second", &Machine::CoreMemoryRate},
    {"core_cache_bytes_per_second", &Machine::CoreCacheRate},
    {"access_seconds", &Machine::AccessSeconds},
    {"cache_access_seconds", &Machine::CacheAccessSeconds},
    {"meeting_seconds", &Machine::MeetingSeconds},
    {"quiet_access_seconds", &Machine::QuietAccessSeconds},
    {"instruction_seconds", &Machine::InstructionSeconds},
    {"walk_seconds", &Machine::WalkSeconds},
    {"link_seconds", &Machine::LinkSeconds},
    {"link_bytes_per_second", &Machine::LinkRate},
    {"direct_seconds", &Machine::DirectSeconds},
    {"direct_bytes_per_second", &Machine::DirectRate},
    {"network_seconds", &Machine::NetworkSeconds},
    {"network_bytes_per_second", &Machine::NetworkRate},
};

Json describe(const Machine &machine) {
  Json json = {{"name", machine.Name}, {"source", machine.Source}, {"cores", machine.Cores}};
  for (const Field &field : Fields)
    json[field.Key] = machine.*field.Number;
  for (const Field &field : MoreFields)
    if (machine.*field.Number != Machine().*field.Number)
      json[field.Key] = machine.*field.Number;
  if (machine.NodeDevices > 0)
    json["node_devices"] = machine.NodeDevices;
  return json;
}

std::string readObject(const std::string &path, const std::string &keys, Json &object) {
  std::ifstream file(path);
  file.peek(); // a folder can be opened, but not read
  if (file.fail())
    return path + ": cannot be read: " + std::strerror(errno);
  object = Json::parse(file, nullptr, /*allow_exceptions=*/false);
  return object.is_object() ? "" : path + ": no JSON object; give one with " + keys;
}

std::string readMachine(const std::string &path, Machine &machine) {
  Json json;
  if (std::string error = readObject(path, "the keys of the report's \"machine\"", json); !error.empty())
    return error;
  auto read = [&](const Field &field) -> std::string {
    auto found = json.find(field.Key);
    if (found == json.end() || !found->is_number() || found->get<double>() <= 0)
      return path + ": '" + field.Key + "' is " + (found == json.end() ? "not there" : found->dump()) +
             ", needed a number above 0";
    machine.*field.Number = found->get<double>();
    return "";
  };
  for (const Field &field : Fields)
    if (std::string error = read(field); !error.empty())
      return error;
  for (const Field &field : MoreFields)
    if (json.contains(field.Key))
      if (std::string error = read(field); !error.empty())
        return error;
  machine.Name = json.contains("name") && json["name"].is_string() ? json["name"].get<std::string>() : path;
  machine.Source = path;
  if (json.contains("cores") && json["cores"].is_number_integer())
    machine.Cores = json["cores"].get<int64_t>();
  if (json.contains("node_devices") && json["node_devices"].is_number_integer())
    machine.NodeDevices = json["node_devices"].get<int64_t>();
  return "";
}

} // namespace lathe::report
