#include "tools/lathe/BenchCosts.h"
#include "compiler/report/Roofline.h"
#include "runtime/api/Handles.h"
#include "runtime/cuda/PlacedProgram.h"

#include <algorithm>

namespace lathe::tools {

static constexpr int64_t PageTokens = 16;

Place findPlace(const Model &model, const nlohmann::ordered_json &manifest) {
  Place place;
  if (model.ordinal < 0)
    return place;
  const auto &device = static_cast<const runtime::cuda::CudaDevice &>(*model.device->object);
  if (const report::Machine *known = report::findGpu("sm_" + std::to_string(device.major * 10 + device.minor)))
    place.machine = *known;
  const runtime::Section *code =
      runtime::cuda::chooseCode(model.program->object->artifact.sections(), device.major, device.minor);
  // Machine code for a GPU that no target names is that of the first.
  for (const auto &target : manifest["cuda_targets"])
    if (place.target.empty() || (code && target["name"] == code->name))
      place.target = target["name"];
  return place;
}

TokenCosts::TokenCosts(const Model &of)
    : model(of), manifest(parseManifest(of.program)), place(findPlace(of, manifest)) {
  memory = place.machine.MemoryRate;
  peak = place.machine.Flops;
  for (const auto &clone : manifest["entries"][model.entry]["clones"])
    for (const auto &launch : clone["steps"])
      peak = std::max(peak, place.machine.getPeak(launch["math"])); // as products are, if anything is
}

TokenCosts::Call TokenCosts::evaluate(const Work &work) const {
  const nlohmann::ordered_json &entry = manifest["entries"][model.entry];
  int64_t pages = (work.before + work.count + PageTokens - 1) / PageTokens, tokens = 0;
  const std::pair<const char *, int64_t> wanted[] = {{"tokens", work.texts * work.count},
                                                     {"sequences", work.texts},
                                                     {"offsets", work.texts + 1},
                                                     {"pages", pages},
                                                     {"rows", work.texts}};
  report::Call call{model.entry, {}};
  for (const auto &symbol : entry["symbols"]) {
    int64_t value = symbol["min"];
    for (auto &[name, size] : wanted)
      if (symbol["name"] == name)
        value = std::clamp<int64_t>(size, symbol["min"], symbol["max"]);
    if (symbol["name"] == "tokens")
      tokens = value;
    call.Symbols.push_back(value);
  }
  nlohmann::ordered_json report = report::buildReport(manifest, place.machine, {call}, place.target)["calls"][0];
  return {report["totals"], report["launches"], double(tokens), double(pages * PageTokens)};
}

double TokenCosts::bytes(const Work &work) const {
  double states = 0;
  for (size_t i = 0; const lathe_state_info *state = lathe_program_state(model.program.get(), model.entry, i); ++i) {
    int64_t seen = work.before + work.count;
    if (state->window)
      seen = std::min(seen, state->window);
    states += double(state->page_bytes) / double(state->page_tokens) * double(seen * work.texts);
  }
  return evaluate(work).totals["weight_bytes"].get<double>() + states;
}

double TokenCosts::flops(const Work &work) const {
  Call call = evaluate(work);
  double attention = 0;
  for (const auto &launch : call.launches)
    for (const auto &op : launch["ops"])
      if (op == "paged_attention")
        attention += launch["flops"].get<double>();
  double count = double(work.count), texts = double(work.texts);
  double pairs = texts * (count * double(work.before) + count * (count + 1) / 2);
  double others = call.totals["flops"].get<double>() - attention;
  return others * count * texts / call.tokens + attention / (call.tokens * call.seen) * pairs;
}

double TokenCosts::weightBytes() const {
  double bytes = 0;
  for (const auto &weight : manifest["weights"])
    bytes += weight["bytes"].get<double>();
  return bytes;
}

void addMemoryRate(nlohmann::json &times, double bytes, const TokenCosts &costs) {
  double rate = bytes / (times["median_ms"].get<double>() / 1e3);
  times["bytes"] = bytes;
  times["gb_per_second"] = rate / 1e9;
  if (costs.memoryRate() > 0)
    times["memory_percent"] = 100 * rate / costs.memoryRate();
}

void addComputeRate(nlohmann::json &times, double flops, const TokenCosts &costs) {
  double rate = flops / (times["median_ms"].get<double>() / 1e3);
  times["flops"] = flops;
  times["tflops_per_second"] = rate / 1e12;
  if (costs.peakFlops() > 0)
    times["flops_percent"] = 100 * rate / costs.peakFlops();
}

} // namespace lathe::tools
