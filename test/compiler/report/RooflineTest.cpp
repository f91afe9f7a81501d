// Reports on a model of two launches, x -> relu -> matmul -> y, by a machine of round numbers.
#include "compiler/report/Roofline.h"

#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

using namespace lathe::report;
using Json = nlohmann::ordered_json;

namespace {

/// 1000 FLOP/s, 100 bytes/s from memory, 400 from a cache of 1000 bytes, a second a launch.
Machine machine() { return {"round", "test", 1, 1000, 2000, 4000, 100, 400, 1000, 1}; }

Json manifest() {
  return Json::parse(R"({"producer": "test", "model": {"name": "</script>"}, "target": "cpu", "entries": [{
    "name": "forward", "symbols": [{"name": "rows", "min": 0, "max": 64}], "clones": [
      {"range": [{"symbol": "rows", "min": 0, "max": 8}], "launches": 2, "arena": "s0 * 16", "arena_max": 128,
       "buffers": [{"kind": "input", "name": "x", "bytes": "s0 * 16"}, {"kind": "output", "name": "y", "bytes": "s0 * 8"},
                   {"kind": "weight", "name": "w", "bytes": 2000},
                   {"kind": "arena", "name": "h", "bytes": "s0 * 16", "offset": 0, "first": 0, "last": 1}],
       "steps": [{"kernel": "elementwise", "name": "relu", "ops": ["relu"], "reason": "r", "math": "f32",
                  "flops": "s0 * 4", "reads": [[0, "s0 * 16"]], "writes": [[3, "s0 * 16"]]},
                 {"kernel": "matmul", "name": "fc", "ops": ["matmul"], "reason": "r", "math": "f16",
                  "flops": "s0 * 20000", "reads": [[3, "s0 * 16"], [2, 2000]], "writes": [[1, "s0 * 8"]]}]},
      {"range": [{"symbol": "rows", "min": 9, "max": 64}], "launches": 0, "arena": 5, "arena_max": 5, "buffers": [],
       "steps": []}]}]})");
}

TEST(Roofline, CallsAreTheBoundsOfEachClone) {
  std::vector<std::vector<int64_t>> symbols;
  for (const Call &call : listCalls(manifest()))
    symbols.push_back(call.Symbols);
  EXPECT_EQ(symbols, (std::vector<std::vector<int64_t>>{{1}, {8}, {9}, {64}}));
}

TEST(Roofline, CloneAndArenaFollowTheSymbols) {
  EXPECT_EQ(findClone(manifest()["entries"][0], {8}), 0);
  EXPECT_EQ(findClone(manifest()["entries"][0], {9}), 1);
  EXPECT_EQ(findClone(manifest()["entries"][0], {65}), -1);
  EXPECT_EQ(arenaBytes(manifest()["entries"][0], {8}), 128);
  EXPECT_EQ(arenaBytes(manifest()["entries"][0], {9}), 5);
}

TEST(Roofline, KernelsOfTheChip) {
  Json changed = manifest();
  changed["chip"] = "sm_90a";
  changed["cuda_targets"] = Json::parse(R"([{"name": "compute_80"}, {"name": "sm_90a"}])");
  changed["kernels"] = Json::parse(R"([{"name": "k", "targets": [
    {"config": "old", "choice": "", "threads": 1, "registers": 2, "shared_bytes": 3},
    {"config": "new", "choice": "the least", "threads": 4, "registers": 5, "shared_bytes": 6}]}])");
  changed["entries"][0]["clones"][0]["steps"][1]["function"] = 0;
  Json launches = buildReport(changed, machine(), {{0, {2}}})["calls"][0]["launches"];
  EXPECT_FALSE(launches[0].contains("function"));
  EXPECT_EQ(launches[1]["function"], "k");
  EXPECT_EQ(launches[1]["config"], "new");
  EXPECT_EQ(launches[1]["choice"], "the least");
  EXPECT_EQ(launches[1]["threads"], 4);
  EXPECT_EQ(launches[1]["registers"], 5);
  EXPECT_EQ(launches[1]["shared_bytes"], 6);
  // The other target's, where its code runs.
  Json &fc = changed["entries"][0]["clones"][0]["steps"][1];
  fc["blocks"] = 7;
  fc["elsewhere"]["compute_80"]["blocks"] = "s0 * 3";
  EXPECT_EQ(buildReport(changed, machine(), {{0, {2}}})["calls"][0]["launches"][1]["blocks"], 7);
  Json portable = buildReport(changed, machine(), {{0, {2}}}, "compute_80");
  EXPECT_EQ(portable["chip"], "compute_80");
  EXPECT_EQ(portable["calls"][0]["launches"][1]["config"], "old");
  EXPECT_EQ(portable["calls"][0]["launches"][1]["blocks"], 6);
  changed["chip"] = "sm_86";
  EXPECT_EQ(buildReport(changed, machine(), {{0, {2}}})["calls"][0]["launches"][1]["config"], "old");
}

TEST(Roofline, BytesByLevelAndTime) {
  Json call = buildReport(manifest(), machine(), {{0, {2}}})["calls"][0];
  const Json &relu = call["launches"][0], &fc = call["launches"][1];
  EXPECT_EQ(relu["flops"], 8);
  EXPECT_EQ(relu["memory_bytes"], 32); // the input comes from memory
  EXPECT_EQ(relu["cache_bytes"], 32);  // the result stays
  EXPECT_EQ(relu["intensity"], 8.0 / 64);
  EXPECT_EQ(relu["bound"], "launch");
  EXPECT_DOUBLE_EQ(relu["predicted_seconds"], 1 + 0.32);
  EXPECT_EQ(fc["weight_bytes"], 2000);
  EXPECT_EQ(fc["in_bytes"], 32);
  EXPECT_EQ(fc["out_bytes"], 16);
  EXPECT_EQ(fc["memory_bytes"], 2016);
  EXPECT_EQ(fc["cache_bytes"], 32);
  EXPECT_EQ(fc["peak_flops"], 2000); // products of f16
  EXPECT_EQ(fc["bound"], "memory");
  EXPECT_DOUBLE_EQ(fc["predicted_seconds"], 1 + 20.16);
  EXPECT_EQ(call["totals"]["arena_bytes"], 32);
  EXPECT_EQ(call["totals"]["flops"], 40008);
}

TEST(Roofline, StatesComeFromMemory) {
  Json model = manifest();
  model["entries"][0]["clones"][0]["buffers"][3]["kind"] = "state"; // of which relu writes a part
  Json fc = buildReport(model, machine(), {{0, {2}}})["calls"][0]["launches"][1];
  EXPECT_EQ(fc["memory_bytes"], 2016 + 32);
  EXPECT_EQ(fc["cache_bytes"], 0);
}

TEST(Roofline, WhatALargeLaunchWritesHasLeftTheCacheInPart) {
  Json model = manifest();
  model["entries"][0]["clones"][0]["steps"][0]["reads"].push_back({2, 2000}); // relu reads the weights too
  Json fc = buildReport(model, machine(), {{0, {2}}})["calls"][0]["launches"][1];
  EXPECT_EQ(fc["memory_bytes"], 2016 + 32); // 1032 bytes since the middle of relu, and 32 of the value
}

TEST(Roofline, StepsOfATemplateBindWhereTheyTakeLonger) {
  Json model = manifest();
  Json &fc = model["entries"][0]["clones"][0]["steps"][1];
  fc["blocks"] = 1;
  fc["work"] = {{"unit", "warpgroups"}, {"step_bytes", 500.0}, {"start_accesses", 1.0}, {"items", "s0"}, {"steps", 4}};
  Machine gpu = machine();
  gpu.CoreMemoryRate = 10;
  gpu.CoreCacheRate = 400;
  Json launch = buildReport(model, gpu, {{0, {2}}})["calls"][0]["launches"][1];
  EXPECT_EQ(launch["bound"], "steps");
  EXPECT_DOUBLE_EQ(launch["predicted_seconds"], 1 + 2 * 4 * 500 / 10.0);
  // A machine of which no more is known than before.
  launch = buildReport(model, machine(), {{0, {2}}})["calls"][0]["launches"][1];
  EXPECT_NE(launch["bound"], "steps");
}

TEST(Roofline, ArithmeticBindsWhereTheIntensityIsHigh) {
  Json call = buildReport(manifest(), machine(), {{0, {8}}})["calls"][0];
  EXPECT_EQ(call["launches"][1]["bound"], "compute");
  EXPECT_DOUBLE_EQ(call["launches"][1]["predicted_seconds"], 1 + 80);
}

TEST(Roofline, WhatFitsStaysInTheCache) {
  Machine large = machine();
  large.CacheBytes = 10000;
  Json call = buildReport(manifest(), large, {{0, {2}}})["calls"][0];
  EXPECT_EQ(call["totals"]["memory_bytes"], 0);
  EXPECT_EQ(call["totals"]["cache_bytes"], 32 + 32 + 32 + 2000 + 16);
}

TEST(Roofline, BlocksBoundWhatAGpuReaches) {
  Json model = manifest();
  model["entries"][0]["clones"][0]["steps"][1]["blocks"] = "s0";
  Machine gpu = machine();
  gpu.Cores = 4;
  gpu.ProductShare = 0.5;
  gpu.BlockRate = 50;
  // Two blocks of four multiprocessors, of which products reach half of the peak: 40000 / (2000 / 4).
  Json call = buildReport(model, gpu, {{0, {2}}})["calls"][0];
  EXPECT_EQ(call["launches"][1]["bound"], "compute");
  EXPECT_DOUBLE_EQ(call["launches"][1]["predicted_seconds"], 1 + 80);
  EXPECT_EQ(call["launches"][1]["peak_flops"], 2000);
  EXPECT_DOUBLE_EQ(call["launches"][0]["predicted_seconds"], 1 + 0.32);
  // More blocks than multiprocessors.
  call = buildReport(model, gpu, {{0, {8}}})["calls"][0];
  EXPECT_DOUBLE_EQ(call["launches"][1]["predicted_seconds"], 1 + 160);
  // Products of one block have a quarter of the memory's rate.
  gpu.ProductShare = 1;
  call = buildReport(model, gpu, {{0, {1}}})["calls"][0];
  EXPECT_EQ(call["launches"][1]["bound"], "blocks");
  EXPECT_DOUBLE_EQ(call["launches"][1]["predicted_seconds"], 1 + (2000 + 8) / 25.0);
  // Anything else has what a block moves, from wherever it comes.
  model["entries"][0]["clones"][0]["steps"][1]["math"] = "f32";
  gpu.BlockRate = 5;
  gpu.Flops = 1e6;
  call = buildReport(model, gpu, {{0, {1}}})["calls"][0];
  EXPECT_EQ(call["launches"][1]["bound"], "blocks");
  EXPECT_DOUBLE_EQ(call["launches"][1]["predicted_seconds"], 1 + (2000 + 16 + 8) / 5.0);
}

TEST(Roofline, ProductsHaveThePeakOfTheirElements) {
  Machine gpu = machine();
  gpu.Flops = 1, gpu.Flops16 = 2, gpu.Flops8 = 4;
  Json model = manifest();
  std::pair<const char *, double> peaks[] = {{"f32", 1}, {"f16", 2}, {"bf16", 2},
                                             {"i8", 4},  {"ui8", 4}, {"f8E4M3FN", 4}};
  for (auto [math, peak] : peaks) {
    model["entries"][0]["clones"][0]["steps"][1]["math"] = math;
    EXPECT_EQ(buildReport(model, gpu, {{0, {1}}})["calls"][0]["launches"][1]["peak_flops"], peak) << math;
  }
}

TEST(Roofline, MeasuredTimesStandBeside) {
  Json call = buildReport(manifest(), machine(), {{0, {2}, 30, {2, 28}}})["calls"][0];
  EXPECT_EQ(call["launches"][1]["measured_seconds"], 28);
  EXPECT_EQ(call["totals"]["measured_seconds"], 30);
}

TEST(Roofline, PageHoldsTheReportAndLoadsNothing) {
  std::string page = renderPage(buildReport(manifest(), machine(), {{0, {2}}}));
  EXPECT_EQ(page.find("/*REPORT*/null"), std::string::npos);
  EXPECT_NE(page.find(R"("name":"<\/script>")"), std::string::npos);
  for (const char *part : {"<link", "src=", "@import", "fetch(", "https:"})
    EXPECT_EQ(page.find(part), std::string::npos) << part;
}

class MachineFile : public testing::Test {
protected:
  std::string path = testing::TempDir() + "machine-" + std::to_string(getpid()) + ".json";
  std::string read(const Json &json, Machine &machine) {
    std::ofstream(path) << json.dump();
    return readMachine(path, machine);
  }
};

TEST_F(MachineFile, ComesBack) {
  Machine found;
  EXPECT_EQ(read(describe(machine()), found), "");
  EXPECT_EQ(found.Name, "round");
  EXPECT_EQ(found.CacheRate, 400);
}

TEST_F(MachineFile, NumbersOfAGpu) {
  Machine gpu = machine(), found;
  gpu.BlockRate = 7;
  gpu.ProductShare = 0.25;
  EXPECT_EQ(read(describe(gpu), found), "");
  EXPECT_EQ(found.BlockRate, 7);
  EXPECT_EQ(found.ProductShare, 0.25);
  Json json = describe(gpu);
  json["product_share"] = 0;
  EXPECT_EQ(read(json, found), path + ": 'product_share' is 0, needed a number above 0");
}

TEST_F(MachineFile, Refusals) {
  Machine found;
  Json json = describe(machine());
  json["flops"] = 0;
  EXPECT_EQ(read(json, found), path + ": 'flops' is 0, needed a number above 0");
  json.erase("flops");
  EXPECT_EQ(read(json, found), path + ": 'flops' is not there, needed a number above 0");
  EXPECT_EQ(read(Json(1), found), path + ": no JSON object; give one with the keys of the report's \"machine\"");
  EXPECT_EQ(readMachine("/nowhere.json", found), "/nowhere.json: cannot be read: No such file or directory");
}

TEST(Machines, GpusByChip) {
  EXPECT_EQ(findGpu("sm_90a")->Name, "NVIDIA H200");
  EXPECT_EQ(findGpu("sm_90"), findGpu("sm_90a"));
  EXPECT_EQ(findGpu("sm_10"), nullptr);
}

TEST(Machines, ThisOneHasRates) {
  Machine host = measureHost();
  EXPECT_GT(host.Flops, 1e8);
  EXPECT_GT(host.MemoryRate, 1e7);
  EXPECT_GT(host.CacheRate, 1e7);
  EXPECT_GE(host.CacheBytes, 1 << 17);
}

} // namespace
