#include "compiler/ClusterPlan.h"
#include "compiler/Dialects.h"
#include "compiler/RankBudget.h"
#include "compiler/report/Roofline.h"
#include "compiler/targets/cuda/CudaTarget.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;
using namespace lathe;
using Json = nlohmann::ordered_json;

//===- The cluster ------------------------------------------------------------------------------------------------===//

namespace {
/// One number of a cluster.
struct ClusterKey {
  const char *name;
  bool required, whole;
  std::function<void(Cluster &, double)> set;
};
} // namespace

static ArrayRef<ClusterKey> getClusterKeys() {
  static const ClusterKey keys[] = {
      {"devices_per_node", true, true, [](Cluster &c, double n) { c.device.NodeDevices = int64_t(n); }},
      {"memory_bytes", true, true, [](Cluster &c, double n) { c.memory = int64_t(n); }},
      {"nodes", false, true, [](Cluster &c, double n) { c.nodes = int64_t(n); }},
      {"link_seconds", false, false, [](Cluster &c, double n) { c.device.LinkSeconds = n; }},
      {"link_bytes_per_second", false, false, [](Cluster &c, double n) { c.device.LinkRate = n; }},
      {"network_seconds", false, false, [](Cluster &c, double n) { c.device.NetworkSeconds = n; }},
      {"network_bytes_per_second", false, false, [](Cluster &c, double n) { c.device.NetworkRate = n; }},
  };
  return keys;
}

/// Reads one number; `value` is null where it is not there. Returns "" or what is wrong.
static std::string readKey(const ClusterKey &key, const Json *value, Cluster &cluster) {
  if (!value)
    return key.required ? llvm::formatv("'{0}' is not there", key.name).str() : "";
  bool good = value->is_number() && value->get<double>() > 0 && value->get<double>() < 0x1p50;
  if (good && key.whole)
    good = value->get<double>() == double(int64_t(value->get<double>()));
  if (!good)
    return llvm::formatv("'{0}' is {1}, needed a {2} above 0", key.name, value->dump(),
                         key.whole ? "whole number" : "number")
        .str();
  key.set(cluster, value->get<double>());
  return "";
}

static std::string readChip(const Json &json, Cluster &cluster) {
  auto chip = json.find("chip");
  if (chip == json.end() || !chip->is_string())
    return "'chip' is not there, needed the name of a GPU's architecture: \"sm_90a\"";
  cluster.chip = chip->get<std::string>();
  if (std::string error = checkChip(cluster.chip); !error.empty())
    return error;
  const report::Machine *known = report::findGpu(cluster.chip);
  if (!known)
    return "nothing is known of the speed of '" + cluster.chip + "', only of " + report::listGpus();
  cluster.device = *known;
  return "";
}

std::string lathe::readCluster(const std::string &path, Cluster &cluster) {
  Json json;
  if (std::string error = report::readObject(path, "'chip', 'devices_per_node' and 'memory_bytes'", json);
      !error.empty())
    return error;
  for (const auto &[name, value] : json.items())
    if (name != "chip" && llvm::none_of(getClusterKeys(), [&](const ClusterKey &key) { return name == key.name; }))
      return path + ": '" + name + "' is no key of a cluster";
  if (std::string error = readChip(json, cluster); !error.empty())
    return path + ": " + error;
  for (const ClusterKey &key : getClusterKeys()) {
    auto found = json.find(key.name);
    if (std::string error = readKey(key, found == json.end() ? nullptr : &*found, cluster); !error.empty())
      return path + ": " + error;
  }
  if (cluster.nodes > 1 && cluster.device.NetworkRate <= 0)
    return path + ": 'network_bytes_per_second' is not there, needed where there is more than one node";
  return "";
}

//===- One degree -------------------------------------------------------------------------------------------------===//

namespace {
constexpr int64_t TextCounts[] = {1, 16, 64, 256};
constexpr int64_t PromptTokens = 2048, PageTokens = StateType::PageTokens;

/// Plans and predicts with one number of ranks.
class DegreePlanner {
public:
  DegreePlanner(const CompileOptions &options, const Cluster &cluster, int64_t ranks);
  /// Leaves what is to be said of the degree in `Result`, or why there is nothing in `Problem`.
  void run();

  Json Result;
  std::string Problem; ///< of compiling

private:
  bool compile();
  void describeBudget();
  void addSteps();
  bool findEntry();
  report::Call getCall(int64_t texts, int64_t tokensEach, int64_t seen) const;
  int64_t getBound(StringRef symbol) const;
  Json predict(const report::Call &call) const;
  int64_t countNeeded(int64_t texts, int64_t arena) const;

  CompileOptions Options;
  const Cluster &TheCluster;
  int64_t Ranks;
  Json Manifest;
  RankBudget Budget;
  size_t Entry = 0;
  std::string Whole; ///< why weights are not split, of the first that are not
  int64_t WholeCount = 0;
};
} // namespace

DegreePlanner::DegreePlanner(const CompileOptions &options, const Cluster &cluster, int64_t ranks)
    : Options(options), TheCluster(cluster), Ranks(ranks) {
  Options.targets = {cluster.chip};
  Options.pipeline.ranks = ranks;
  Options.printOnly = true;
  Options.remarks = "sharding";
  Options.note = Options.progress = [](StringRef) {};
}

bool DegreePlanner::compile() {
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.printOpOnDiagnostic(false);
  ScopedDiagnosticHandler diagnostics(&context, [&](Diagnostic &diagnostic) {
    std::string text = diagnostic.str();
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      Problem += (Problem.empty() ? "" : "\n") + text;
    else if (StringRef(text).contains(" stays whole: ") && ++WholeCount == 1)
      Whole = StringRef(text).split("Remark=\"").second.rtrim('"').str();
  });
  Compilation compilation(context, Options);
  if (failed(compilation.run()))
    return false;
  Manifest = compilation.describe();
  Budget = computeRankBudget(compilation.getModule());
  return true;
}

bool DegreePlanner::findEntry() {
  const Json &entries = Manifest["entries"];
  while (Entry < entries.size() && entries[Entry]["kind"] != "language_model")
    ++Entry;
  return Entry < entries.size();
}

int64_t DegreePlanner::getBound(StringRef symbol) const {
  for (const Json &entry : Manifest["entries"][Entry]["symbols"])
    if (entry["name"].get<std::string>() == symbol)
      return entry["max"];
  return 1;
}

/// A step in which each text has so many tokens and sees `seen`.
report::Call DegreePlanner::getCall(int64_t texts, int64_t tokensEach, int64_t seen) const {
  const std::pair<StringRef, int64_t> wanted[] = {{"tokens", texts * tokensEach},
                                                  {"sequences", texts},
                                                  {"offsets", texts + 1},
                                                  {"pages", llvm::divideCeil(seen, PageTokens)},
                                                  {"rows", texts}};
  report::Call call{Entry, {}};
  for (const Json &symbol : Manifest["entries"][Entry]["symbols"]) {
    int64_t value = symbol["min"];
    for (auto &[name, size] : wanted)
      if (symbol["name"].get<std::string>() == name)
        value = std::clamp<int64_t>(size, symbol["min"], symbol["max"]);
    call.Symbols.push_back(value);
  }
  return call;
}

Json DegreePlanner::predict(const report::Call &call) const {
  const Json report = report::buildReport(Manifest, TheCluster.device, {call});
  return report["calls"].at(0)["totals"];
}

/// Bytes of a device that texts of the whole context need.
int64_t DegreePlanner::countNeeded(int64_t texts, int64_t arena) const {
  return Budget.sharedWeights + Budget.ownWeights + arena + texts * Budget.stateOfText;
}

void DegreePlanner::describeBudget() {
  Result = {{"ranks", Ranks},
            {"weight_bytes", Budget.sharedWeights + Budget.ownWeights},
            {"whole_weight_bytes", Ranks > 1 ? Budget.sharedWeights : 0},
            {"state_bytes_a_text", Budget.stateOfText}};
  if (Ranks > 1 && WholeCount > 0)
    Result["whole"] = Whole + (WholeCount > 1 ? " (and " + std::to_string(WholeCount - 1) + " more)" : "");
}

void DegreePlanner::addSteps() {
  int64_t context = getBound("pages") * PageTokens, prompt = std::min({PromptTokens, context, getBound("tokens")});
  report::Call first = getCall(1, prompt, prompt);
  Json totals = predict(first);
  int64_t promptArena = totals["arena_bytes"];
  Result["context"] = context;
  Result["prompt"] = {{"tokens", prompt}, {"seconds", totals["predicted_seconds"]}};
  for (int64_t texts : TextCounts) {
    if (texts > getBound("sequences"))
      break;
    totals = predict(getCall(texts, 1, context));
    int64_t needed = countNeeded(texts, std::max(promptArena, totals["arena_bytes"].get<int64_t>()));
    if (texts == 1)
      Result["memory_bytes"] = needed;
    if (needed > TheCluster.memory)
      break;
    double seconds = totals["predicted_seconds"];
    Result["steps"].push_back({{"texts", texts},
                               {"memory_bytes", needed},
                               {"seconds", seconds},
                               {"exchange_seconds", totals.value("exchange_seconds", 0.0)},
                               {"sent_bytes_a_token", totals.value("sent_bytes", 0.0) / double(texts)},
                               {"tokens_per_second", double(texts) / seconds}});
  }
  if (!Result.contains("steps"))
    Result["refused"] = llvm::formatv("a GPU has {0:N} bytes but needs {1:N} for one text of {2:N} tokens",
                                      TheCluster.memory, Result["memory_bytes"].get<int64_t>(), context);
}

void DegreePlanner::run() {
  if (!compile())
    return;
  if (!findEntry()) {
    Problem = "--plan-only is for language models, but the model has no entry point of that kind";
    return;
  }
  describeBudget();
  if (Ranks > 1 && Budget.ownWeights == 0)
    Result["refused"] = llvm::formatv("nothing can be split among {0} ranks: {1}", Ranks, Whole);
  else
    addSteps();
}

//===- All of them ------------------------------------------------------------------------------------------------===//

/// Seconds of a token of one text; infinite where it does not fit.
static double getFastest(const Json &degree) {
  return degree.contains("steps") ? degree["steps"][0]["seconds"].get<double>() : INFINITY;
}

/// Plans these degrees side by side.
static llvm::Error addDegrees(const CompileOptions &options, const Cluster &cluster, ArrayRef<int64_t> ranks,
                              Json &degrees) {
  std::vector<std::unique_ptr<DegreePlanner>> planners;
  for (int64_t count : ranks)
    planners.push_back(std::make_unique<DegreePlanner>(options, cluster, count));
  llvm::DefaultThreadPool pool;
  for (auto &planner : planners)
    pool.async([&planner] { planner->run(); });
  pool.wait();
  for (auto &planner : planners) {
    if (!planner->Problem.empty())
      return llvm::createStringError(planner->Problem);
    degrees.push_back(std::move(planner->Result));
  }
  return llvm::Error::success();
}

/// What `devices` GPUs do with a step of a degree: replicas of the model that know nothing of each other.
static Json describeChoice(const Json &degree, const Json &step, int64_t devices) {
  int64_t ranks = degree["ranks"], replicas = devices / ranks;
  return {{"ranks", ranks},
          {"replicas", replicas},
          {"texts_a_replica", step["texts"]},
          {"memory_bytes", step["memory_bytes"]},
          {"sent_bytes_a_token", step["sent_bytes_a_token"]},
          {"seconds", step["seconds"]},
          {"tokens_per_second", double(replicas) * step["tokens_per_second"].get<double>()}};
}

static Json choosePlans(const Json &degrees, int64_t devices) {
  Json plan = {{"devices", devices}};
  for (const Json &degree : degrees) {
    if (!degree.contains("steps") || degree["ranks"].get<int64_t>() > devices)
      continue;
    for (const Json &step : degree["steps"]) {
      Json choice = describeChoice(degree, step, devices);
      if (step["texts"] == 1 && (!plan.contains("fastest") || choice["seconds"] < plan["fastest"]["seconds"]))
        plan["fastest"] = choice;
      if (!plan.contains("most") || choice["tokens_per_second"] > plan["most"]["tokens_per_second"])
        plan["most"] = choice;
    }
  }
  return plan;
}

llvm::Expected<Json> lathe::planCluster(const CompileOptions &options, const Cluster &cluster) {
  constexpr int64_t LeastDevices = 8, MostDevices = 1024;
  int64_t all = std::min(cluster.countDevices(), MostDevices), count = 1;
  Json degrees = Json::array();
  // Those within a node always; more while that helps.
  SmallVector<int64_t> local;
  for (; count <= std::min(all, cluster.device.NodeDevices); count *= 2)
    local.push_back(count);
  if (llvm::Error error = addDegrees(options, cluster, local, degrees))
    return error;
  for (; count <= all; count *= 2) {
    double before = getFastest(degrees.back());
    if (llvm::Error error = addDegrees(options, cluster, count, degrees))
      return error;
    if (getFastest(degrees.back()) >= before && std::isfinite(before))
      break;
  }
  Json plans = Json::array();
  for (int64_t devices = std::min(LeastDevices, all); devices <= all; devices *= 2)
    plans.push_back(choosePlans(degrees, devices));
  Json machine = report::describe(cluster.device);
  return Json({{"report", "cluster"},
               {"model", options.input},
               {"chip", cluster.chip},
               {"nodes", cluster.nodes},
               {"devices_per_node", cluster.device.NodeDevices},
               {"device_memory_bytes", cluster.memory},
               {"machine", machine},
               {"degrees", degrees},
               {"plans", plans}});
}

//===- For people -------------------------------------------------------------------------------------------------===//

static std::string printBytes(double bytes) {
  if (bytes >= 1e9)
    return llvm::formatv("{0:F2} GB", bytes / 1e9);
  return bytes >= 1e6 ? llvm::formatv("{0:F2} MB", bytes / 1e6) : llvm::formatv("{0:F1} kB", bytes / 1e3);
}

static std::string printDegree(const Json &degree) {
  std::string line =
      llvm::formatv("{0,5}  {1,10}", degree["ranks"].get<int64_t>(), printBytes(degree["weight_bytes"].get<double>()));
  if (degree.contains("refused"))
    return line + "  refused: " + degree["refused"].get<std::string>() + "\n";
  line += llvm::formatv("  {0,10}  {1,10}  {2,9:F1}", printBytes(degree["memory_bytes"].get<double>()),
                        printBytes(degree["steps"][0]["sent_bytes_a_token"].get<double>()),
                        degree["prompt"]["seconds"].get<double>() * 1e3);
  for (const Json &step : degree["steps"])
    line += llvm::formatv("  {0,9:F0}", step["tokens_per_second"].get<double>());
  if (degree.contains("whole"))
    line += "\n       " + printBytes(degree["whole_weight_bytes"].get<double>()) +
            " are whole on each: " + degree["whole"].get<std::string>();
  return line + "\n";
}

/// "16 x 8 ranks", and in brackets what each of them does.
static std::string printChoice(const Json &plan, const char *which) {
  if (!plan.contains(which))
    return "none fits";
  const Json &choice = plan[which];
  double seconds = choice["seconds"];
  std::string replica = choice["texts_a_replica"] == 1
                            ? llvm::formatv("{0:F2} ms a token", seconds * 1e3).str()
                            : llvm::formatv("{0} texts", choice["texts_a_replica"].get<int64_t>()).str();
  return llvm::formatv("{0} x {1} ranks ({2}): {3:F0}", choice["replicas"].get<int64_t>(),
                       choice["ranks"].get<int64_t>(), replica, choice["tokens_per_second"].get<double>());
}

std::string lathe::printClusterPlan(const Json &plan) {
  std::string text =
      llvm::formatv("{0} on {1} nodes of {2} {3}, {4} each\n\n", plan["model"].get<std::string>(),
                    plan["nodes"].get<int64_t>(), plan["devices_per_node"].get<int64_t>(),
                    plan["machine"]["name"].get<std::string>(), printBytes(plan["device_memory_bytes"].get<double>()));
  text += "       of one GPU                                  prompt  tokens a second of so many texts\n"
          "ranks     weights  and 1 text  sent/token         ms";
  for (int64_t texts : TextCounts)
    text += llvm::formatv("  {0,9}", texts);
  text += "\n";
  for (const Json &degree : plan["degrees"])
    text += printDegree(degree);
  text += llvm::formatv("\n{0,5}  {1,-42}  {2}\n", "GPUs", "fastest for one text (of each replica)",
                        "most tokens a second (of each replica)");
  for (const Json &choice : plan["plans"])
    text += llvm::formatv("{0,5}  {1,-42}  {2}\n", choice["devices"].get<int64_t>(), printChoice(choice, "fastest"),
                          printChoice(choice, "most"));
  return text;
}
