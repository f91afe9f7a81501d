#include "compiler/targets/cuda/KernelChoice.h"
#include "compiler/targets/cuda/KernelSources.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/SHA256.h"
#include <cassert>

using namespace llvm;
using namespace lathe::cuda;

const TunedLaunch *TuningFile::find(StringRef key) const {
  auto found = find_if(Launches, [&](const TunedLaunch &launch) { return launch.Key == key; });
  return found == Launches.end() ? nullptr : &*found;
}

/// Adds `name` and what it includes.
static void addHeader(StringRef name, std::set<StringRef> &names) {
  const KernelSource *source = find_if(getKernelSources(), [&](const KernelSource &s) { return name == s.Name; });
  if (source == getKernelSources().end() || !names.insert(source->Name).second)
    return;
  SmallVector<StringRef> lines;
  StringRef(source->Text).split(lines, '\n');
  for (StringRef line : lines)
    if (line.consume_front("#include \"") && line.consume_back("\""))
      addHeader(line, names);
}

std::string lathe::cuda::hashKernels(ArrayRef<Candidate> candidates) {
  std::set<StringRef> names;
  for (const Candidate &candidate : candidates)
    for (const std::string &header : candidate.Headers)
      addHeader(header, names);
  SHA256 hash;
  for (const KernelSource &source : getKernelSources())
    if (names.contains(source.Name)) {
      hash.update(source.Name);
      hash.update(source.Text);
    }
  return toHex(hash.final(), /*LowerCase=*/true).substr(0, 16);
}

KernelChooser::KernelChooser() {
  for (unsigned target = 0; target < PtxTargetCount; ++target)
    Machines[target] = report::findGpu(target == HopperTarget ? "sm_90a" : "sm_80");
}

void KernelChooser::setChip(StringRef chip) {
  if (const report::Machine *machine = report::findGpu(chip.str()))
    Machines[findPtxTarget(chip)] = machine;
}

void KernelChooser::setTuning(std::shared_ptr<const TuningFile> tuning, std::function<void(StringRef)> note) {
  Tuning = std::move(tuning);
  Note = std::move(note);
}

static size_t findName(ArrayRef<Candidate> candidates, StringRef name) {
  return find_if(candidates, [&](const Candidate &c) { return c.Name == name; }) - candidates.begin();
}

/// What was measured decides only when it was of the same kernels and of this GPU.
std::optional<KernelChooser::Choice> KernelChooser::findTuned(unsigned target, StringRef key,
                                                              ArrayRef<Candidate> candidates) const {
  const TunedLaunch *launch = Tuning && findPtxTarget(Tuning->Chip) == target ? Tuning->find(key) : nullptr;
  if (!launch)
    return {};
  auto ignore = [&](const Twine &why) {
    if (Noted.insert(key).second)
      Note(("'" + key + "' was measured " + why + "; it is ignored, measure again with --tune").str());
    return std::optional<Choice>();
  };
  std::string &hash = Hashes[key];
  if (hash.empty())
    hash = hashKernels(candidates);
  if (launch->Hash != hash)
    return ignore("with other kernels than this compiler has");
  size_t index = findName(candidates, launch->Times.front().Candidate);
  if (index == candidates.size())
    return ignore("with '" + launch->Times.front().Candidate + "', which is none of its " + Twine(candidates.size()) +
                  " candidates");
  return Choice{index,
                formatv("tuned: {0:F1} us measured, {1:F1} us predicted, of {2} candidates",
                        launch->Times.front().Seconds * 1e6, candidates[index].Seconds * 1e6, candidates.size())};
}

/// The least predicted.
static KernelChooser::Choice choosePredicted(ArrayRef<Candidate> candidates) {
  auto less = [](const Candidate &a, const Candidate &b) { return a.Seconds < b.Seconds; };
  const Candidate *best = llvm::min_element(candidates, less);
  std::string reason = formatv("{0:F1} us predicted", best->Seconds * 1e6);
  const Candidate *next = nullptr;
  for (const Candidate &candidate : candidates)
    if (&candidate != best && (!next || less(candidate, *next)))
      next = &candidate;
  if (next)
    reason += formatv(", the least of {0} candidates; next: {1}, {2:F1} us", candidates.size(), next->Name,
                      next->Seconds * 1e6);
  return {size_t(best - candidates.begin()), reason};
}

KernelChooser::Choice KernelChooser::choose(unsigned target, StringRef key, ArrayRef<Candidate> candidates) const {
  assert(!candidates.empty() && "a launch has at least one kernel");
  Choice choice;
  auto forced = Forced.find(key);
  size_t index = forced == Forced.end() ? candidates.size() : findName(candidates, forced->second);
  if (index < candidates.size())
    choice = {index, "being measured"};
  else if (std::optional<Choice> tuned = findTuned(target, key, candidates))
    choice = *tuned;
  else
    choice = choosePredicted(candidates);
  if (Told)
    Told(target, key, candidates, choice.Index);
  return choice;
}
