// What reports read of a manifest is checked before they do.
#include "compiler/report/ManifestCheck.h"
#include "runtime/Failure.h"

#include <gtest/gtest.h>

using namespace lathe;
using Json = nlohmann::ordered_json;

namespace {

Json manifest() {
  return Json::parse(
      R"({"producer": "test", "chip": "sm_90a", "kernels": [{"targets": [{"config": "rows"}]}], "entries": [
    {"name": "other"}, {"name": "forward", "clones": [
      {"range": [{"symbol": "rows", "min": 1, "max": 8}], "launches": 1, "arena": "s0 * 16",
       "buffers": [{"kind": "weight", "name": "w", "bytes": 2000},
                   {"kind": "arena", "name": "h", "bytes": "s0 * 16", "offset": 0, "first": 0, "last": 1}],
       "steps": [{"kernel": "matmul", "name": "fc", "ops": ["matmul"], "reason": "r", "math": "f16", "flops": "s0",
                  "reads": [[0, 2000]], "writes": [[1, "s0 * 16"]], "blocks": 4,
                  "work": {"items": "s0", "steps": 2, "cluster": 2, "in_flight": 0}}]}]}]})");
}

std::string refused(const char *pointer, const Json &value) {
  Json changed = manifest();
  changed[Json::json_pointer(pointer)] = value;
  try {
    (void)report::parseManifest(changed.dump());
    return "";
  } catch (const runtime::Failure &failure) {
    EXPECT_EQ(failure.code(), LATHE_CORRUPT);
    return failure.message();
  }
}

TEST(ManifestCheck, EntriesWithoutAPlanHaveNoClones) {
  Json parsed = report::parseManifest(manifest().dump());
  EXPECT_EQ(parsed["entries"][0]["clones"], Json::array());
  EXPECT_EQ(parsed["entries"][1], manifest()["entries"][1]);
}

TEST(ManifestCheck, KernelsAreOfAChip) {
  Json changed = manifest();
  changed.erase("chip");
  EXPECT_THROW((void)report::parseManifest(changed.dump()), runtime::Failure);
  changed["kernels"] = Json::array();
  changed["entries"][1]["clones"][0]["steps"] = Json::array();
  EXPECT_FALSE(report::parseManifest(changed.dump()).contains("chip"));
}

TEST(ManifestCheck, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(refused("/chip", nullptr), "manifest.chip is null but must be a string that is not empty");
  EXPECT_EQ(refused("/kernels/0/targets/0", Json::object()), "manifest.kernels[0].targets[0] has no 'config'");
  EXPECT_EQ(refused("/kernels/0/targets/0/config", 3),
            "manifest.kernels[0].targets[0].config is 3 but must be a string");
  const std::string clone = "/entries/1/clones/0", at = "manifest.entries[1].clones[0]";
  auto refusedClone = [&](const char *place, const Json &value) { return refused((clone + place).c_str(), value); };
  EXPECT_EQ(refusedClone("", 3), at + " is 3 but must be an object");
  EXPECT_EQ(refusedClone("/range/0/max", 0), at + ".range[0].max is 0 but must be an integer of at least 1");
  EXPECT_EQ(refusedClone("/arena", -1), at + ".arena is -1 but must be an integer of at least 0");
  EXPECT_EQ(refusedClone("/buffers/1/last", -1), at + ".buffers[1].last is -1 but must be an integer of at least 0");
  EXPECT_EQ(refusedClone("/steps/0/math", 8), at + ".steps[0].math is 8 but must be a string that is not empty");
  EXPECT_EQ(refusedClone("/steps/0/name", 8), at + ".steps[0].name is 8 but must be a string");
  EXPECT_EQ(refusedClone("/steps/0/name", ""), "") << "the model names nothing";
  EXPECT_EQ(refusedClone("/steps/0/reads/0", Json::array({0})),
            at + ".steps[0].reads[0] is [0] but must be a pair of a buffer's number and bytes");
  EXPECT_EQ(refusedClone("/steps/0/writes/0/0", 2),
            at + ".steps[0].writes[0][0] is 2 but must be an integer from 0 to 1");
  EXPECT_EQ(refusedClone("/steps/0/function", 1), at + ".steps[0].function is 1 but must be an integer from 0 to 0");
  EXPECT_EQ(refusedClone("/steps/0/work/cluster", 0),
            at + ".steps[0].work.cluster is 0 but must be an integer from 1 to 1048576");
  EXPECT_EQ(refusedClone("/steps/0/elsewhere", 3), at + ".steps[0].elsewhere is 3 but must be an object");
  EXPECT_EQ(refusedClone("/steps/0/elsewhere/compute_80/blocks", -1),
            at + ".steps[0].elsewhere.compute_80.blocks is -1 but must be an integer of at least 0");
}

} // namespace
