#include "tools/lathe/GpuLaunches.h"

#include "runtime/api/Handles.h"
#include "runtime/cuda/LaunchTimer.h"
#include "runtime/cuda/PlacedProgram.h"
#include "tools/lathe/BenchCosts.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>

namespace lathe::tools {

using Json = nlohmann::ordered_json;
using namespace runtime::cuda;

/// The calls of one entry and the same sizes.
using Shape = std::pair<size_t, std::vector<int64_t>>;

struct GpuLaunches::Implementation {
  explicit Implementation(const Model &model)
      : program(model.program->object), device(std::static_pointer_cast<CudaDevice>(model.device->object)),
        manifest(parseManifest(model.program)), place(findPlace(model, manifest)), timer(device) {}

  std::map<Shape, std::vector<const TimedCall *>> group() const;

  std::shared_ptr<const runtime::Program> program;
  std::shared_ptr<CudaDevice> device;
  Json manifest;
  Place place;
  LaunchTimer timer;
};

std::map<Shape, std::vector<const TimedCall *>> GpuLaunches::Implementation::group() const {
  std::map<Shape, std::vector<const TimedCall *>> groups;
  for (const TimedCall &call : timer.calls)
    groups[{size_t(call.entry - program->manifest.entries.data()), call.symbols}].push_back(&call);
  return groups;
}

GpuLaunches::GpuLaunches(const Model &model) : it(std::make_unique<Implementation>(model)) {}

GpuLaunches::~GpuLaunches() { stop(); }

void GpuLaunches::start() {
  it->timer.calls.clear();
  it->device->timer = &it->timer;
}

void GpuLaunches::stop() { it->device->timer = nullptr; }

static double middle(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<report::Call> GpuLaunches::calls() const {
  std::vector<report::Call> calls;
  for (const auto &[shape, timed] : it->group()) {
    report::Call &call = calls.emplace_back(report::Call{shape.first, shape.second});
    for (size_t i = 0; i != timed[0]->launches.size(); ++i) {
      std::vector<double> seconds;
      for (const TimedCall *each : timed)
        seconds.push_back(each->launches[i].seconds);
      call.LaunchSeconds.push_back(middle(seconds));
      call.Seconds += call.LaunchSeconds.back();
    }
  }
  return calls;
}

Json GpuLaunches::report() const {
  return report::buildReport(it->manifest, it->place.machine, calls(), it->place.target);
}

Json GpuLaunches::describe() const {
  const Json &manifest = it->manifest;
  Json described = report()["calls"];
  size_t target = 0;
  while (target + 1 < manifest["cuda_targets"].size() && manifest["cuda_targets"][target]["name"] != it->place.target)
    ++target;
  size_t next = 0;
  for (const auto &[shape, timed] : it->group()) {
    Json &call = described[next++];
    call["timed"] = timed.size();
    for (size_t i = 0; i != timed[0]->launches.size(); ++i) {
      int64_t kernel = timed[0]->launches[i].kernel;
      const Json *known = kernel < 0 ? nullptr : &manifest["kernels"][size_t(kernel)];
      const char *other = kernel == TimedLaunch::Copy ? "copy" : "collective";
      call["launches"][i]["function"] = known ? (*known)["name"] : Json(other);
      call["launches"][i]["config"] = known ? (*known)["targets"][target]["config"] : Json("");
    }
  }
  return described;
}

namespace {
/// Launches of one function.
struct Row {
  std::string Function, Config;
  size_t Count = 0;
  double Seconds = 0, Predicted = 0, Bytes = 0, Flops = 0;
};
} // namespace

static std::vector<Row> sumUp(const Json &launches) {
  std::map<std::string, Row> byName;
  for (const Json &launch : launches) {
    Row &row = byName[launch["function"].get<std::string>()];
    row.Function = launch["function"];
    row.Config = launch["config"];
    ++row.Count;
    row.Seconds += launch.value("measured_seconds", 0.0);
    row.Predicted += launch["predicted_seconds"].get<double>();
    row.Bytes += launch["memory_bytes"].get<double>() + launch["cache_bytes"].get<double>();
    row.Flops += launch["flops"].get<double>();
  }
  std::vector<Row> rows;
  for (auto &[name, row] : byName)
    rows.push_back(row);
  std::sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) {
    return std::tie(b.Seconds, a.Function) < std::tie(a.Seconds, b.Function);
  });
  return rows;
}

/// How much of a call ranks exchange, and how long they take for it.
static void printExchange(const Json &call) {
  size_t count = 0;
  double bytes = 0, seconds = 0, predicted = 0, total = call["totals"].value("measured_seconds", 0.0);
  for (const Json &launch : call["launches"])
    if (launch.contains("ranks")) {
      ++count;
      bytes += launch["sent_bytes"].get<double>();
      seconds += launch.value("measured_seconds", 0.0);
      predicted += launch["predicted_seconds"].get<double>();
    }
  if (count)
    std::printf("ranks exchange %zu times: %.3f ms, %.1f%% of the call, predicted %.3f ms; each sends %.3f MB\n", count,
                seconds * 1e3, total > 0 ? 100 * seconds / total : 0, predicted * 1e3, bytes / 1e6);
}

void printGpuLaunches(const Json &calls) {
  for (const Json &call : calls) {
    std::string sizes;
    for (const auto &[name, value] : call["symbols"].items())
      sizes += (sizes.empty() ? "" : ", ") + name + " " + std::to_string(value.get<int64_t>());
    double total = call["totals"].value("measured_seconds", 0.0);
    std::printf("\n%s, %s: %zu launches, %.3f ms one after the other, predicted %.3f ms, middle of %zu calls\n",
                call["entry"].get<std::string>().c_str(), sizes.c_str(), call["launches"].size(), total * 1e3,
                call["totals"]["predicted_seconds"].get<double>() * 1e3, call["timed"].get<size_t>());
    std::printf("  share  count   us each predicted     MB each    GB/s  TFLOP/s  kernel (configuration)\n");
    for (const Row &row : sumUp(call["launches"])) {
      double count = double(row.Count), seconds = std::max(row.Seconds, 1e-9);
      std::printf("%6.1f%% %6zu %9.2f %9.2f %11.3f %7.0f %8.2f  %s (%s)\n", total > 0 ? 100 * row.Seconds / total : 0,
                  row.Count, row.Seconds / count * 1e6, row.Predicted / count * 1e6, row.Bytes / count / 1e6,
                  row.Bytes / seconds / 1e9, row.Flops / seconds / 1e12, row.Function.c_str(), row.Config.c_str());
    }
    printExchange(call);
  }
}

} // namespace lathe::tools
