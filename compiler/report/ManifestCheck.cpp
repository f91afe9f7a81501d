#include "compiler/report/ManifestCheck.h"

#include "runtime/artifact/JsonField.h"

namespace lathe::report {

using runtime::JsonField;

/// Numbers and formulas over the symbols. One that cannot be evaluated counts as 0.
static void checkFormula(const JsonField &field) {
  if (!field.isText())
    (void)field.integer(0);
}

/// Pairs of a buffer's number and bytes.
static void checkAccesses(const JsonField &list, size_t buffers) {
  for (const JsonField &access : list.items()) {
    std::vector<JsonField> pair = access.items();
    if (pair.size() != 2)
      access.wrong("a pair of a buffer's number and bytes");
    (void)pair[0].integer(0, int64_t(buffers) - 1);
    checkFormula(pair[1]);
  }
}

/// What the template makes of a launch: see KernelWork.
static void checkWork(const JsonField &work) {
  constexpr int64_t Most = 1 << 20;
  checkFormula(work["items"]);
  checkFormula(work["steps"]);
  for (const char *key : {"cluster", "resident", "most_sharing"})
    if (work.has(key))
      (void)work[key].integer(1, Most);
  for (const char *key : {"in_flight", "item_threads", "step_threads"})
    if (work.has(key))
      (void)work[key].integer(0, Most);
}

/// A launch on one of cuda_targets.
static void checkTarget(const JsonField &launch) {
  if (launch.has("blocks"))
    checkFormula(launch["blocks"]);
  if (launch.has("work")) {
    checkFormula(launch["blocks"]);
    checkWork(launch["work"]);
  }
}

static void checkStep(const JsonField &step, size_t buffers, size_t kernels) {
  for (const char *key : {"kernel", "reason", "math"})
    (void)step[key].text();
  if (!step["name"].isText()) // empty where the model names nothing
    step["name"].wrong("a string");
  for (const JsonField &op : step["ops"].items())
    (void)op.text();
  checkFormula(step["flops"]);
  checkAccesses(step["reads"], buffers);
  checkAccesses(step["writes"], buffers);
  if (step.has("ranks"))
    (void)step["ranks"].integer(1, 65536);
  if (step.has("function"))
    (void)step["function"].integer(0, int64_t(kernels) - 1);
  checkTarget(step);
  if (step.has("elsewhere"))
    for (const auto &[target, other] : step["elsewhere"].members())
      checkTarget(other);
}

static void checkClone(const JsonField &clone, size_t kernels) {
  for (const JsonField &range : clone["range"].items()) {
    (void)range["symbol"].text();
    (void)range["max"].integer(range["min"].integer(0));
  }
  (void)clone["launches"].integer(0);
  checkFormula(clone["arena"]);
  std::vector<JsonField> buffers = clone["buffers"].items();
  for (const JsonField &buffer : buffers) {
    (void)buffer["kind"].text();
    (void)buffer["name"];
    checkFormula(buffer["bytes"]);
    if (buffer.has("offset")) {
      checkFormula(buffer["offset"]);
      (void)buffer["last"].integer(buffer["first"].integer(0));
    }
  }
  for (const JsonField &step : clone["steps"].items())
    checkStep(step, buffers.size(), kernels);
}

/// Loading has checked its name, and that there is one of `targets` for each of cuda_targets.
static void checkKernel(const JsonField &kernel) {
  for (const JsonField &target : kernel["targets"].items())
    if (JsonField config = target["config"]; !config.isText())
      config.wrong("a string");
}

nlohmann::ordered_json parseManifest(const std::string &text) {
  auto manifest = nlohmann::ordered_json::parse(text);
  nlohmann::json checked = manifest;
  JsonField root(checked, "manifest");
  (void)root["producer"].text();
  std::vector<JsonField> kernels = root["kernels"].items();
  if (root.has("chip") || !kernels.empty())
    (void)root["chip"].text();
  for (const JsonField &kernel : kernels)
    checkKernel(kernel);
  for (const JsonField &entry : root["entries"].items())
    if (entry.has("clones"))
      for (const JsonField &clone : entry["clones"].items())
        checkClone(clone, kernels.size());
  for (auto &entry : manifest["entries"])
    entry.emplace("clones", nlohmann::ordered_json::array());
  return manifest;
}

} // namespace lathe::report
