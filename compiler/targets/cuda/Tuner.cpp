#include "compiler/targets/cuda/Tuner.h"
#include "compiler/targets/cuda/KernelPrinter.h"
#include "compiler/targets/cuda/KernelTimer.h"
#include "compiler/targets/cuda/LaunchStep.h"
#include "compiler/targets/cuda/Nvrtc.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

// A candidate that is expected to be slower than so many others hardly is the fastest.
static constexpr size_t MostCandidates = 8;

namespace {
/// A launch with a choice.
struct OpenChoice {
  plan::LaunchOp Launch;
  std::string Key;
  std::vector<Candidate> Candidates; ///< all of them
  std::string Hash;
  TimedLaunch Given;
  std::vector<std::string> Names; ///< of those that are measured, as expected best first
  std::vector<TimedKernel> Kernels;
};

class Tuner {
public:
  Tuner(ModuleOp plan, const CudaTargetOptions &options, TuningFile known, llvm::function_ref<void(StringRef)> note)
      : Plan(plan), Options(options), Tuning(std::move(known)), Note(note) {}

  FailureOr<TuningFile> run();

private:
  LogicalResult checkChip();
  LogicalResult collect();
  bool describePorts(OpenChoice &choice);
  LogicalResult compile();
  void measure(const OpenChoice &choice);
  void keep(TunedLaunch launch);
  KernelChooser makeChooser() const;

  ModuleOp Plan;
  const CudaTargetOptions &Options;
  TuningFile Tuning;
  llvm::function_ref<void(StringRef)> Note;
  KernelTimer Timer;
  unsigned Target = 0;
  std::vector<OpenChoice> Choices;
};
} // namespace

LogicalResult Tuner::checkChip() {
  std::string chip = Timer.getChip();
  if (!llvm::is_contained(Options.Chips, chip))
    return Plan.emitError() << "--tune: the GPU is " << Timer.getDevice() << ", but the target is "
                            << llvm::join(Options.Chips, ", ") << "; add --target=" << chip;
  Target = findPtxTarget(chip);
  Tuning.Chip = chip;
  Tuning.Device = Timer.getDevice();
  Tuning.Driver = Timer.getDriver();
  return success();
}

KernelChooser Tuner::makeChooser() const {
  KernelChooser chooser;
  chooser.setChip(Tuning.Chip);
  return chooser;
}

/// The input of the launch that a state is, which is written in place.
static std::optional<size_t> findInput(Value state) {
  while (auto append = state.getDefiningOp<AppendKvOp>())
    state = append.getState();
  auto input = dyn_cast<BlockArgument>(state);
  return input && isa<StateType>(state.getType()) ? std::optional<size_t>(input.getArgNumber()) : std::nullopt;
}

/// What the kernels of a launch are given. False when an input says something that is not known.
bool Tuner::describePorts(OpenChoice &choice) {
  KernelChooser chooser = makeChooser();
  auto parts = LaunchBody::analyze(choice.Launch, Target, chooser);
  if (failed(parts))
    return false;
  Block &block = parts->front().getBlock();
  LaunchStep step(parts->front());
  // Half of the memory is for a state, which takes as much as it is given.
  if (!step.fill(int64_t(Timer.getFreeBytes() / 2)))
    return false;
  for (auto [value, source] : llvm::zip_equal(block.getArguments(), choice.Launch.getInputs()))
    choice.Given.Ports.push_back({.Bytes = size_t(step.countBytes(value)),
                                  .IsWeight = isa_and_nonnull<plan::AddressOp>(source.getDefiningOp()),
                                  .Contents = step.getContents(value)});
  for (Value value : block.getTerminator()->getOperands())
    choice.Given.Ports.push_back({.Bytes = size_t(step.countBytes(value)), .SameAs = findInput(value)});
  choice.Given.Numbers.assign(step.getSizes().begin(), step.getSizes().end());
  choice.Given.Layers = step.getLayers();
  choice.Given.Launches = size_t(step.getLaunches());
  return true;
}

/// Finds the launches whose kernels are chosen and not known yet.
LogicalResult Tuner::collect() {
  KernelChooser chooser = makeChooser();
  plan::LaunchOp current;
  llvm::StringSet<> seen;
  chooser.setListener([&](unsigned target, StringRef key, ArrayRef<Candidate> candidates, size_t) {
    if (target != Target || candidates.size() < 2 || !seen.insert(key).second)
      return;
    OpenChoice choice{current, key.str(), candidates.vec(), hashKernels(candidates), {}, {}, {}};
    const TunedLaunch *known = Tuning.find(key);
    if (known && known->Hash == choice.Hash)
      Note((key + ": known").str());
    else if (describePorts(choice))
      Choices.push_back(std::move(choice));
  });
  KernelTable table(chooser);
  bool good = true;
  Plan.walk([&](plan::LaunchOp launch) {
    current = launch;
    good &= succeeded(table.add(launch));
  });
  // Kernels that tell what is wrong with their data take where to tell it.
  llvm::erase_if(Choices, [&](const OpenChoice &choice) { return table.getCall(choice.Launch).Faults; });
  return success(good);
}

namespace {
/// A kernel on its way to the GPU.
struct Printed {
  OpenChoice *Choice;
  std::string Name, Source;
  TimedKernel Kernel;
};
} // namespace

/// Prints the kernel of one candidate.
static FailureOr<Printed> print(OpenChoice &choice, StringRef name, KernelChooser chooser, unsigned target) {
  chooser.force(choice.Key, name);
  KernelTable table(chooser);
  auto parts = LaunchBody::analyze(choice.Launch, target, chooser);
  if (failed(parts) || failed(table.add(choice.Launch)))
    return failure();
  const PrintedKernel &kernel = table.getKernels().front();
  const KernelVariant &variant = kernel.Variants[target];
  int64_t blocks = LaunchStep(parts->front()).evaluate(table.getCall(choice.Launch).Tiles[target]);
  return Printed{&choice,
                 name.str(),
                 table.printModule(target, 0),
                 {kernel.Name, "", blocks, variant.Threads, variant.SharedBytes, PtxTargets[target].DependentLaunch}};
}

/// Compiles the best candidates of all choices, in as many threads as there are. One that the compiler refuses is not
/// measured.
LogicalResult Tuner::compile() {
  llvm::Expected<Nvrtc> nvrtc = Nvrtc::load(Options.CudaPath);
  if (!nvrtc)
    return Plan.emitError() << llvm::toString(nvrtc.takeError());
  std::vector<Printed> kernels;
  for (OpenChoice &choice : Choices) {
    // Of those that are expected to take as long the first is the one that predictions choose.
    std::vector<const Candidate *> best;
    for (const Candidate &candidate : choice.Candidates)
      best.push_back(&candidate);
    llvm::sort(
        best, [](const Candidate *a, const Candidate *b) { return std::tie(a->Seconds, a) < std::tie(b->Seconds, b); });
    for (const Candidate *candidate : ArrayRef(best).take_front(MostCandidates)) {
      FailureOr<Printed> printed = print(choice, candidate->Name, makeChooser(), Target);
      if (failed(printed))
        return failure();
      kernels.push_back(std::move(*printed));
    }
  }
  std::vector<std::string> errors(kernels.size());
  parallelFor(Plan.getContext(), 0, kernels.size(), [&](size_t i) {
    llvm::Expected<CompiledSource> code = nvrtc->compile(kernels[i].Source, getKernelSources(), Tuning.Chip);
    if (code)
      kernels[i].Kernel.Cubin = std::move(code->Cubin);
    else
      errors[i] = llvm::toString(code.takeError());
  });
  for (auto [kernel, error] : llvm::zip_equal(kernels, errors)) {
    if (!error.empty())
      return Plan.emitError() << "--tune: '" << kernel.Name << "' for " << kernel.Choice->Key << ": " << error;
    kernel.Choice->Names.push_back(kernel.Name);
    kernel.Choice->Kernels.push_back(std::move(kernel.Kernel));
  }
  return success();
}

void Tuner::keep(TunedLaunch launch) {
  llvm::erase_if(Tuning.Launches, [&](const TunedLaunch &old) { return old.Key == launch.Key; });
  Tuning.Launches.push_back(std::move(launch));
}

void Tuner::measure(const OpenChoice &choice) {
  if (size_t bytes = KernelTimer::countBytes(choice.Given), free = Timer.getFreeBytes(); bytes > free)
    return Note(
        llvm::formatv("{0}: not measured: takes {1} bytes, but {2} are free on the GPU", choice.Key, bytes, free)
            .str());
  std::vector<double> seconds = Timer.time(choice.Given, choice.Kernels);
  TunedLaunch launch{choice.Key, choice.Hash, {}};
  for (auto [name, each] : llvm::zip_equal(choice.Names, seconds))
    launch.Times.push_back({name, each});
  TunedLaunch::Time predicted = launch.Times.front();
  llvm::sort(launch.Times, [](const TunedLaunch::Time &a, const TunedLaunch::Time &b) {
    return std::tie(a.Seconds, a.Candidate) < std::tie(b.Seconds, b.Candidate);
  });
  const TunedLaunch::Time &best = launch.Times.front();
  std::string text = llvm::formatv("{0}: {1:F2} us, {2}", choice.Key, best.Seconds * 1e6, best.Candidate);
  if (best.Candidate == predicted.Candidate)
    text += ", as predicted";
  else
    text += llvm::formatv("; predicted was {0}, {1:F2} us", predicted.Candidate, predicted.Seconds * 1e6);
  Note(text);
  keep(std::move(launch));
}

FailureOr<TuningFile> Tuner::run() {
  if (failed(checkChip()) || failed(collect()) || failed(compile()))
    return failure();
  if (Choices.empty())
    Note("--tune: no launch is left whose kernel is a choice on " + Tuning.Chip);
  for (const OpenChoice &choice : Choices)
    measure(choice);
  return std::move(Tuning);
}

FailureOr<TuningFile> lathe::tuneCuda(ModuleOp plan, const CudaTargetOptions &options, TuningFile known,
                                      llvm::function_ref<void(StringRef)> note) {
  try {
    return Tuner(plan, options, std::move(known), note).run();
  } catch (const std::exception &error) {
    return plan.emitError() << "--tune: " << error.what();
  }
}
