#include "compiler/report/KernelTime.h"

#include <algorithm>
#include <cmath>

namespace lathe::report {

using Json = nlohmann::ordered_json;

namespace {
template <typename Number> struct WorkField {
  const char *Key;
  Number KernelWork::*Place;
};
} // namespace

static constexpr WorkField<double> Doubles[] = {
    {"step_bytes", &KernelWork::StepBytes},
    {"step_other_bytes", &KernelWork::StepOtherBytes},
    {"step_flops", &KernelWork::StepFlops},
    {"start_accesses", &KernelWork::StartAccesses},
    {"item_accesses", &KernelWork::ItemAccesses},
    {"meeting_bytes", &KernelWork::MeetingBytes},
    {"columns", &KernelWork::Columns},
    {"item_instructions", &KernelWork::ItemInstructions},
    {"step_instructions", &KernelWork::StepInstructions},
    {"table_bytes", &KernelWork::TableBytes},
    {"table_rows", &KernelWork::TableRows},
};
static constexpr WorkField<int64_t> Integers[] = {
    {"cluster", &KernelWork::Cluster},          {"resident", &KernelWork::Resident},
    {"in_flight", &KernelWork::InFlight},       {"most_sharing", &KernelWork::MostSharing},
    {"item_threads", &KernelWork::ItemThreads}, {"step_threads", &KernelWork::StepThreads},
};
static constexpr const char *Units[] = {"threads", "warps", "warpgroups"};

Json describe(const KernelWork &work) {
  Json json = Json::object();
  if (work.Unit != KernelWork().Unit)
    json["unit"] = Units[int(work.Unit)];
  for (const auto &field : Integers)
    if (work.*field.Place != KernelWork().*field.Place)
      json[field.Key] = work.*field.Place;
  for (const auto &field : Doubles)
    if (work.*field.Place != KernelWork().*field.Place)
      json[field.Key] = work.*field.Place;
  return json;
}

KernelWork readWork(const Json &json) {
  KernelWork work;
  std::string unit = json.value("unit", Units[0]);
  for (int i = 0; i < 3; ++i)
    if (unit == Units[i])
      work.Unit = Multiplier(i);
  for (const auto &field : Integers)
    work.*field.Place = json.value(field.Key, work.*field.Place);
  for (const auto &field : Doubles)
    work.*field.Place = json.value(field.Key, work.*field.Place);
  return work;
}

double getRate(const Machine &machine, Multiplier unit) {
  return unit == Multiplier::Threads ? machine.Flops
         : unit == Multiplier::Warps ? machine.Flops16 * machine.TileShare
                                     : machine.Flops16 * machine.ProductShare;
}

int64_t countClusters(const Machine &machine, int64_t cluster) {
  return cluster <= 2 ? machine.Cores / cluster : machine.Cores * 10 / 11 / cluster;
}

double getAccess(const Machine &machine, double blocks) {
  double quiet = machine.QuietAccessSeconds > 0 ? machine.QuietAccessSeconds : machine.AccessSeconds;
  return quiet + (machine.AccessSeconds - quiet) * std::min(1.0, blocks / double(machine.Cores));
}

/// Seconds of instructions of so many threads in each of the blocks that share a multiprocessor: they are issued one
/// after the other, and those of a thread wait for each other.
static double getInstructions(const Machine &machine, double count, double threads, double together) {
  double rate = machine.Flops / 2 / double(machine.Cores); // a multiply-add counts twice
  return count * std::max(machine.InstructionSeconds, threads * together / rate);
}

/// Seconds of one step of a block, where `together` of `blocks` share its multiprocessor.
static double getStep(const Machine &machine, const KernelWork &work, double blocks, double together) {
  double memory = std::min(machine.MemoryRate * machine.LoadShare / blocks, machine.CoreMemoryRate / together);
  double cache = machine.CoreCacheRate / together;
  double math = getRate(machine, work.Unit) / double(machine.Cores) / together;
  double access = work.StepBytes > 0 ? machine.AccessSeconds : machine.CacheAccessSeconds;
  double wait = work.InFlight > 0 ? access / double(work.InFlight) : 0;
  double own = work.Columns > 0 ? std::min(1.0, work.Columns / std::max(1.0, work.Items)) : 1;
  double busy =
      std::max({work.StepBytes * own / memory, (work.StepBytes + work.StepOtherBytes) / cache, work.StepFlops / math,
                getInstructions(machine, work.StepInstructions, double(work.StepThreads), together)});
  return work.InFlight == 1 ? busy + wait : std::max(busy, wait);
}

/// How many pages the rows of a table lie in.
static double countPages(const KernelWork &work) {
  double pages = work.TableBytes / Machine::PageBytes;
  return pages > 0 ? pages * (1 - std::exp(-work.Items * work.TableRows / pages)) : 0;
}

/// Where blocks share items if they are few enough.
static KernelWork shareItems(KernelWork work) {
  if (work.MostSharing <= 1)
    return work;
  bool share = work.Items * double(work.MostSharing) <= work.Blocks;
  work.Cluster = share ? work.MostSharing : 1;
  work.Steps = share ? std::ceil(work.Steps / double(work.MostSharing)) : work.Steps;
  return work;
}

double predictSeconds(const Machine &machine, const KernelWork &given) {
  KernelWork work = shareItems(given);
  double clusters = std::max(1.0, std::min(work.Items, work.Blocks / double(work.Cluster)));
  double running = std::min(clusters, double(countClusters(machine, work.Cluster) * work.Resident));
  double blocks = running * double(work.Cluster), together = std::max(1.0, blocks / double(machine.Cores));
  double meeting = work.Cluster > 1 ? machine.MeetingSeconds + work.MeetingBytes / machine.CoreCacheRate : 0;
  double access = getAccess(machine, blocks);
  double item = work.ItemAccesses * access + work.Steps * getStep(machine, work, blocks, together) +
                getInstructions(machine, work.ItemInstructions, double(work.ItemThreads), together) +
                std::log2(double(work.Cluster)) * meeting;
  // The first page is found before the first row comes; the others meanwhile, some at a time.
  double pages = countPages(work), first = std::min(pages, 1.0) * machine.WalkSeconds;
  double items = std::max(std::ceil(work.Items / running) * item + first,
                          pages / Machine::PagesOfWalk * machine.WalkSeconds + item);
  return machine.LaunchSeconds + work.StartAccesses * access + items;
}

} // namespace lathe::report
