#include "compiler/report/Roofline.h"

#include "compiler/artifact/OutputFile.h"
#include "compiler/report/Collectives.h"
#include "compiler/report/Expression.h"
#include "compiler/report/KernelTime.h"

#include <algorithm>
#include <optional>

namespace lathe::report {

using Json = nlohmann::ordered_json;

namespace {

/// One buffer of a clone during a call.
struct Buffer {
  std::string Kind; ///< input, output, state, weight or arena
  int64_t Bytes = 0;
  int64_t Writer = -1; ///< the last launch that wrote it
};

/// Bytes that a launch moves, by where they come from or go to.
struct Traffic {
  double Weights = 0, In = 0, Out = 0; ///< all of them, by what they are
  double Memory = 0, Cache = 0;        ///< the same bytes, by level
};

/// Goes through the launches of one call in order.
class CallReport {
public:
  CallReport(const Json &manifest, const Json &clone, const Machine &machine, const Call &call,
             const std::string &target)
      : Manifest(manifest), Clone(clone), TheMachine(machine), TheCall(call), Target(target) {}

  Json build();

private:
  int64_t value(const Json &formula) const { return evaluate(formula, TheCall.Symbols).value_or(0); }
  void readBuffers();
  double totalBytes() const;
  Traffic countTraffic(const Json &launch, size_t index);
  void move(Traffic &traffic, const Json &access, bool writing);
  bool isCached(const Buffer &buffer) const;
  Json describeLaunch(const Json &launch, size_t index);
  void addKernel(const Json &launch, Json &json) const;

  const Json &Manifest;
  const Json &Clone;
  const Machine &TheMachine;
  const Call &TheCall;
  const std::string &Target; ///< the one of "cuda_targets" whose kernels run
  std::vector<Buffer> Buffers;
  std::vector<double> MovedBefore; ///< bytes that the launches before each one moved
  bool AllFits = false;            ///< weights and activations stay in the cache from call to call
};

} // namespace

void CallReport::readBuffers() {
  for (const Json &json : Clone["buffers"])
    Buffers.push_back({json["kind"].get<std::string>(), value(json["bytes"])});
}

double CallReport::totalBytes() const {
  double total = 0;
  for (const Buffer &buffer : Buffers)
    total += double(buffer.Bytes);
  return total;
}

/// A value that the call has made is still in the cache when all that was moved since then fits in there with it. Of a
/// state it has made a small part alone.
bool CallReport::isCached(const Buffer &buffer) const {
  if (AllFits)
    return true;
  if (buffer.Writer < 0 || buffer.Kind == "state")
    return false;
  // A launch writes what it gives when it has read half of the rest, on the average.
  double before = (MovedBefore[size_t(buffer.Writer)] + MovedBefore[size_t(buffer.Writer) + 1]) / 2;
  return MovedBefore.back() - before + double(buffer.Bytes) <= TheMachine.CacheBytes;
}

void CallReport::move(Traffic &traffic, const Json &access, bool writing) {
  const Buffer &buffer = Buffers.at(access[0].get<size_t>());
  double bytes = double(value(access[1]));
  (writing ? traffic.Out : buffer.Kind == "weight" ? traffic.Weights : traffic.In) += bytes;
  bool cached =
      writing ? AllFits || (buffer.Kind == "arena" && double(buffer.Bytes) <= TheMachine.CacheBytes) : isCached(buffer);
  (cached ? traffic.Cache : traffic.Memory) += bytes;
}

Traffic CallReport::countTraffic(const Json &launch, size_t index) {
  Traffic traffic;
  for (const Json &access : launch["reads"])
    move(traffic, access, false);
  for (const Json &access : launch["writes"])
    move(traffic, access, true);
  for (const Json &access : launch["writes"])
    Buffers.at(access[0].get<size_t>()).Writer = int64_t(index);
  return traffic;
}

/// Whether tensor cores compute it.
static bool usesTiles(const Json &launch) { return launch["math"] != "f32"; }

/// Where it is known what the template makes of a launch, and the machine as well as that takes.
static std::optional<double> predictWork(const Json &launch, const Machine &machine) {
  if (!launch.contains("work") || machine.CoreMemoryRate <= 0 || machine.CoreCacheRate <= 0)
    return {};
  KernelWork work = readWork(launch["work"]);
  work.Items = launch["work"]["items"].get<double>();
  work.Steps = launch["work"]["steps"].get<double>();
  work.Blocks = launch["blocks"].get<double>();
  // What several blocks fetch comes from the cache; what one alone does, from where it is.
  double memory = launch["memory_bytes"].get<double>(), cache = launch["cache_bytes"].get<double>();
  if (work.Unit == Multiplier::Threads && work.StepBytes == 0 && memory > 0) {
    work.StepBytes = work.StepOtherBytes * memory / (memory + cache);
    work.StepOtherBytes -= work.StepBytes;
  }
  return predictSeconds(machine, work);
}

/// From operations, bytes and blocks alone, and what bounds the launch.
static Prediction predictTraffic(const Json &launch, const Machine &machine) {
  double inMemory = launch["memory_bytes"].get<double>(), inCache = launch["cache_bytes"].get<double>();
  double blocks = launch.value("blocks", 0.0), peak = machine.getPeak(launch["math"]);
  double busy = blocks > 0 ? std::min(1.0, blocks / double(machine.Cores)) : 1;
  double memory = inMemory / (machine.MemoryRate * machine.LoadShare), cache = inCache / machine.CacheRate, few = 0;
  // Products fetch far ahead, so that a multiprocessor has its part of the memory's rate; what else there is does not.
  if (usesTiles(launch))
    few = memory / busy;
  else if (blocks > 0 && machine.BlockRate > 0 && !launch.contains("work"))
    few = (inMemory + inCache) / (blocks * machine.BlockRate);
  double share = usesTiles(launch) ? machine.ProductShare : 1;
  double computing = peak > 0 ? launch["flops"].get<double>() / (peak * busy * share) : 0;
  double moving = std::max({memory, cache, few}),
         start = machine.LaunchSeconds + KernelWork().StartAccesses * getAccess(machine, 1);
  const char *bound = start > std::max(computing, moving) ? "launch"
                      : computing >= moving               ? "compute"
                      : few > std::max(memory, cache)     ? "blocks"
                      : memory >= cache                   ? "memory"
                                                          : "cache";
  return {std::max(computing, moving) + start, bound};
}

/// On a GPU: the kernel as it is on the target that the report is about.
void CallReport::addKernel(const Json &launch, Json &json) const {
  if (!launch.contains("function"))
    return;
  const Json &targets = Manifest["cuda_targets"], &kernel = Manifest["kernels"].at(launch["function"].get<size_t>());
  size_t target = 0;
  for (size_t i = 0; i < targets.size(); ++i)
    if (targets[i]["name"] == Target)
      target = i;
  json["function"] = kernel["name"];
  const Json &variant = kernel["targets"].at(target);
  for (const char *key : {"config", "choice", "threads", "registers", "shared_bytes"})
    if (auto found = variant.find(key); found != variant.end())
      json[key] = *found;
}

/// What ranks exchange, all of them together: what each has of a sum, or what comes out of a gather.
static double countExchanged(const Json &launch) {
  return launch[launch["kernel"] == "all_gather" ? "out_bytes" : "in_bytes"].get<double>();
}

Prediction predictLaunch(const Json &launch, const Machine &machine) {
  if (launch.contains("ranks"))
    if (std::optional<double> seconds =
            predictCollective(launch["kernel"], countExchanged(launch), launch["ranks"], machine))
      return {*seconds + machine.LaunchSeconds, "ranks"};
  Prediction prediction = predictTraffic(launch, machine);
  if (std::optional<double> seconds = predictWork(launch, machine); seconds && *seconds > prediction.Seconds)
    prediction = {*seconds, "steps"};
  return prediction;
}

Json CallReport::describeLaunch(const Json &launch, size_t index) {
  Traffic traffic = countTraffic(launch, index);
  double flops = double(value(launch["flops"])), peak = TheMachine.getPeak(launch["math"]),
         bytes = traffic.Memory + traffic.Cache;
  Json json = {{"index", index},
               {"name", launch["name"]},
               {"kernel", launch["kernel"]},
               {"ops", launch["ops"]},
               {"reason", launch["reason"]},
               {"reads", Json::array()},
               {"writes", Json::array()},
               {"math", launch["math"]},
               {"flops", flops},
               {"weight_bytes", traffic.Weights},
               {"in_bytes", traffic.In},
               {"out_bytes", traffic.Out},
               {"memory_bytes", traffic.Memory},
               {"cache_bytes", traffic.Cache},
               {"intensity", bytes > 0 ? flops / bytes : 0},
               {"peak_flops", peak},
               {"ridge", peak / TheMachine.MemoryRate}};
  const Json &there =
      launch.contains("elsewhere") && launch["elsewhere"].contains(Target) ? launch["elsewhere"][Target] : launch;
  if (there.contains("blocks"))
    json["blocks"] = value(there["blocks"]);
  if (there.contains("work")) {
    json["work"] = there["work"];
    for (const char *number : {"items", "steps"})
      json["work"][number] = value(there["work"][number]);
  }
  if (launch.contains("ranks")) {
    json["axis"] = launch["axis"];
    json["ranks"] = launch["ranks"];
    json["sent_bytes"] = countSent(launch["kernel"], countExchanged(json), launch["ranks"]);
  }
  Prediction prediction = predictLaunch(json, TheMachine);
  json["bound"] = prediction.Bound;
  json["predicted_seconds"] = prediction.Seconds;
  for (const char *list : {"reads", "writes"})
    for (const Json &access : launch[list])
      json[list].push_back(access[0]);
  addKernel(launch, json);
  if (index < TheCall.LaunchSeconds.size() && TheCall.LaunchSeconds[index] > 0)
    json["measured_seconds"] = TheCall.LaunchSeconds[index];
  MovedBefore.push_back(MovedBefore.back() + bytes);
  return json;
}

Json CallReport::build() {
  readBuffers();
  AllFits = totalBytes() <= TheMachine.CacheBytes;
  MovedBefore = {0};
  Json launches = Json::array(), buffers = Json::array(), totals = Json::object();
  for (const Json &launch : Clone["steps"])
    launches.push_back(describeLaunch(launch, launches.size()));
  for (const char *key : {"flops", "weight_bytes", "memory_bytes", "cache_bytes", "predicted_seconds"}) {
    double sum = 0;
    for (const Json &launch : launches)
      sum += launch[key].get<double>();
    totals[key] = sum;
  }
  double exchange = 0, sent = 0;
  for (const Json &launch : launches)
    if (launch.contains("ranks")) {
      exchange += launch["predicted_seconds"].get<double>();
      sent += launch["sent_bytes"].get<double>();
    }
  if (sent > 0)
    totals.update({{"exchange_seconds", exchange}, {"sent_bytes", sent}});
  totals["arena_bytes"] = value(Clone["arena"]);
  double values = 0;
  for (const Json &json : Clone["buffers"]) {
    Json buffer = {{"kind", json["kind"]}, {"name", json["name"]}, {"bytes", value(json["bytes"])}};
    if (json.contains("offset")) {
      buffer["offset"] = value(json["offset"]);
      buffer["first"] = json["first"];
      buffer["last"] = json["last"];
      values += double(value(json["bytes"]));
    }
    buffers.push_back(buffer);
  }
  totals["arena_values_bytes"] = values;
  if (TheCall.Seconds > 0)
    totals["measured_seconds"] = TheCall.Seconds;
  return {{"totals", totals}, {"launches", launches}, {"buffers", buffers}};
}

static bool serves(const Json &entry, const Json &clone, const std::vector<int64_t> &symbols) {
  for (const Json &range : clone["range"])
    for (size_t i = 0; i < entry["symbols"].size() && i < symbols.size(); ++i)
      if (entry["symbols"][i]["name"] == range["symbol"] &&
          (symbols[i] < range["min"].get<int64_t>() || symbols[i] > range["max"].get<int64_t>()))
        return false;
  return true;
}

int64_t findClone(const Json &entry, const std::vector<int64_t> &symbols) {
  for (size_t i = 0; i < entry["clones"].size(); ++i)
    if (serves(entry, entry["clones"][i], symbols))
      return int64_t(i);
  return -1;
}

int64_t arenaBytes(const Json &entry, const std::vector<int64_t> &symbols) {
  int64_t clone = findClone(entry, symbols);
  return clone < 0 ? 0 : evaluate(entry["clones"][size_t(clone)]["arena"], symbols).value_or(0);
}

std::vector<Call> listCalls(const Json &manifest) {
  std::vector<Call> calls;
  for (size_t entry = 0; entry < manifest["entries"].size(); ++entry)
    for (const Json &clone : manifest["entries"][entry]["clones"]) {
      Call least{entry, {}}, greatest{entry, {}};
      for (const Json &symbol : manifest["entries"][entry]["symbols"]) {
        Json bounds = symbol;
        for (const Json &range : clone["range"])
          if (range["symbol"] == symbol["name"])
            bounds = range;
        least.Symbols.push_back(std::max<int64_t>(bounds["min"].get<int64_t>(), 1));
        greatest.Symbols.push_back(bounds["max"].get<int64_t>());
      }
      calls.push_back(least);
      if (greatest.Symbols != least.Symbols)
        calls.push_back(greatest);
    }
  return calls;
}

Json buildReport(const Json &manifest, const Machine &machine, const std::vector<Call> &calls,
                 const std::string &target) {
  const std::string chip = manifest.value("chip", ""), &running = target.empty() ? chip : target;
  Json list = Json::array();
  for (const Call &call : calls) {
    const Json &entry = manifest["entries"].at(call.Entry);
    int64_t clone = findClone(entry, call.Symbols);
    if (clone < 0)
      continue;
    Json symbols = Json::object();
    for (size_t i = 0; i < call.Symbols.size(); ++i)
      symbols[entry["symbols"][i]["name"].get<std::string>()] = call.Symbols[i];
    Json report = {{"entry", entry["name"]}, {"symbols", symbols}};
    report.update(CallReport(manifest, entry["clones"][size_t(clone)], machine, call, running).build());
    list.push_back(report);
  }
  Json report = {{"report", "roofline"},
                 {"producer", manifest["producer"]},
                 {"model", manifest["model"]},
                 {"target", manifest["target"]}};
  if (!running.empty())
    report["chip"] = running;
  report["machine"] = describe(machine);
  report["calls"] = list;
  return report;
}

std::string writeReport(const std::string &path, const Json &report) {
  return artifact::writeFile(path, path.ends_with(".html") ? renderPage(report) : report.dump(1) + "\n");
}

} // namespace lathe::report
