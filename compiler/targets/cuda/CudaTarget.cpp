#include "compiler/targets/cuda/CudaTarget.h"
#include "compiler/targets/cuda/CudaLaunchLowering.h"
#include "compiler/targets/cuda/KernelPrinter.h"
#include "compiler/targets/cuda/NvJitLink.h"
#include "compiler/targets/cuda/Nvrtc.h"
#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// Prints the kernels of all launches; reports every one that cannot be printed.
static LogicalResult fillTable(ModuleOp plan, KernelTable &table) {
  bool good = true;
  plan.walk([&](plan::LaunchOp launch) {
    good &= succeeded(findCollective(launch) ? table.addSum(launch) : table.add(launch));
  });
  return success(good);
}

/// Over the program's symbols.
static AffineExpr countBlocks(plan::LaunchOp launch, const KernelCall &call, unsigned target) {
  return call.Tiles[target].replaceSymbols(launch.getDynamicDims());
}

static std::string printLaunches(ModuleOp plan, const KernelTable &table, unsigned target) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  for (auto program : plan.getOps<plan::ProgramOp>())
    for (auto clone : program.getBody().front().getOps<plan::CloneOp>()) {
      stream << program.getSymName();
      for (auto range : clone.getRange().getAsRange<SymbolAttr>())
        stream << ' ' << range.getName() << ' ' << range.getMin() << ".." << range.getMax();
      stream << '\n';
      clone.walk([&](plan::LaunchOp launch) {
        if (findCollective(launch)) {
          stream << "  " << launch.getKernel().getKernelTemplate() << '\n';
          return;
        }
        const KernelCall &call = table.getCall(launch);
        const PrintedKernel &kernel = table.getKernels()[call.Kernel];
        const KernelVariant &variant = kernel.Variants[target];
        stream << "  " << kernel.Name << "<<<" << countBlocks(launch, call, target) << ", " << variant.Threads << ", "
               << variant.SharedBytes << ">>>";
        for (int64_t layer : call.Layers)
          stream << " layer " << layer;
        stream << '\n';
      });
    }
  return text;
}

static CudaCode describe(ModuleOp plan, const KernelTable &table) {
  CudaCode code;
  for (auto [i, kernel] : llvm::enumerate(table.getKernels())) {
    CudaKernel &described =
        code.Kernels.emplace_back(CudaKernel{kernel.Name, kernel.Template, kernel.Reason, table.getModule(i), {}});
    for (unsigned target = 0; target < PtxTargetCount; ++target) {
      const KernelVariant &variant = kernel.Variants[target];
      described.Variants[target] = {variant.Config, variant.Choice, variant.Threads, variant.SharedBytes};
    }
  }
  plan.walk([&](plan::LaunchOp launch) {
    if (findCollective(launch))
      return;
    const KernelCall &call = table.getCall(launch);
    CudaCall &described = code.Calls[launch];
    described.Kernel = call.Kernel;
    for (unsigned target = 0; target < PtxTargetCount; ++target) {
      described.Blocks[target] = countBlocks(launch, call, target);
      if (call.Works[target])
        described.Works[target] = call.Works[target]->replaceSymbols(launch.getDynamicDims());
    }
  });
  for (unsigned target = 0; target < PtxTargetCount; ++target)
    code.Texts.push_back(
        {PtxTargets[target].Name.str(), table.printSource(target), printLaunches(plan, table, target), {}});
  return code;
}

/// Predictions are about the chips that are asked for; with several of one target, about its first.
static KernelChooser makeChooser(const CudaTargetOptions &options) {
  KernelChooser chooser;
  for (const std::string &chip : llvm::reverse(options.Chips))
    chooser.setChip(chip);
  if (options.Tuning)
    chooser.setTuning(options.Tuning, options.Note);
  return chooser;
}

FailureOr<CudaCode> lathe::printCuda(ModuleOp plan, const CudaTargetOptions &options) {
  KernelTable table(makeChooser(options));
  if (failed(fillTable(plan, table)))
    return failure();
  return describe(plan, table);
}

PlacedModules lathe::placeModules(ArrayRef<std::string> modules) {
  static constexpr uint64_t Alignment = 64; // of machine code, as its tables are read where they lie
  PlacedModules placed;
  for (const std::string &module : modules) {
    placed.Bytes.resize(llvm::alignTo(placed.Bytes.size(), Alignment), '\0');
    placed.Offsets.push_back(placed.Bytes.size());
    placed.Bytes += module + '\0';
  }
  return placed;
}

namespace {
/// Compiles modules, which do not need each other, in as many threads as there are.
class ModuleCompiler {
public:
  ModuleCompiler(MLIRContext &context, const KernelTable &table, const CudaTargetOptions &options, CudaCode &code)
      : Context(context), Table(table), Options(options), Code(code), Count(table.getModuleCount()) {}

  llvm::Error run();

private:
  llvm::Error compilePtx();
  llvm::Error link();
  template <typename Result, typename Make> llvm::Expected<std::vector<Result>> makeModules(unsigned sets, Make make);
  void addBinary(StringRef chip, MutableArrayRef<Cubin> modules);

  MLIRContext &Context;
  const KernelTable &Table;
  const CudaTargetOptions &Options;
  CudaCode &Code;
  unsigned Count;
  llvm::StringMap<std::vector<Cubin>> Assembled; ///< what NVRTC made on the way, by chip
};
} // namespace

/// The one GPU that `target` is for, if machine code for it is asked for. NVRTC then assembles it itself: nvJitLink
/// takes every kernel for one that code from elsewhere may call, and then neither overlaps products of warpgroups nor
/// moves registers between warpgroups.
static StringRef findOwnChip(const PtxTarget &target, ArrayRef<std::string> chips) {
  return target.Name.starts_with("sm_") && llvm::is_contained(chips, target.Name) ? target.Name : "";
}

/// `make(set, module)` for all modules of all sets, in this order; else what is wrong with the first that fails.
template <typename Result, typename Make>
llvm::Expected<std::vector<Result>> ModuleCompiler::makeModules(unsigned sets, Make make) {
  std::vector<std::optional<llvm::Expected<Result>>> made(sets * Count);
  // The last come first: kernels of newer GPUs and of more rows take longest.
  parallelFor(&Context, 0, made.size(), [&](size_t i) {
    size_t at = made.size() - 1 - i;
    made[at].emplace(make(unsigned(at / Count), unsigned(at % Count)));
  });
  std::vector<Result> results;
  llvm::Error error = llvm::Error::success();
  for (std::optional<llvm::Expected<Result>> &each : made) {
    if (*each)
      results.push_back(std::move(**each));
    else if (error)
      llvm::consumeError(each->takeError());
    else
      error = each->takeError();
  }
  if (error)
    return std::move(error);
  return results;
}

llvm::Error ModuleCompiler::compilePtx() {
  llvm::Expected<Nvrtc> nvrtc = Nvrtc::load(Options.CudaPath);
  if (!nvrtc)
    return nvrtc.takeError();
  auto made = makeModules<CompiledSource>(PtxTargetCount, [&](unsigned target, unsigned module) {
    StringRef chip = findOwnChip(PtxTargets[target], Options.Chips);
    return nvrtc->compile(Table.printModule(target, module), getKernelSources(),
                          chip.empty() ? PtxTargets[target].Architecture : chip);
  });
  if (!made)
    return made.takeError();
  for (unsigned target = 0; target < PtxTargetCount; ++target)
    for (unsigned module = 0; module < Count; ++module) {
      CompiledSource &compiled = (*made)[target * Count + module];
      Code.Texts[target].Ptx.push_back(std::move(compiled.Ptx));
      if (StringRef chip = findOwnChip(PtxTargets[target], Options.Chips); !chip.empty())
        Assembled[chip].push_back({std::move(compiled.Cubin), parseResources(compiled.Log)});
    }
  return llvm::Error::success();
}

std::string lathe::checkChip(StringRef chip) {
  // Names of code for one GPU alone exist from sm_90 on, of code for a family from sm_100 on.
  static constexpr unsigned Oldest = 80, OldestAlone = 90, OldestFamily = 100;
  StringRef rest = chip;
  unsigned version = 0;
  bool named = rest.consume_front("sm_") && !rest.starts_with("0") && !rest.consumeInteger(10, version);
  if (named && version < Oldest)
    return "'" + chip.str() + "' is no GPU that the kernels run on, needed sm_80 or newer, sm_90a for example";
  if (named && (rest.empty() || (rest == "a" && version >= OldestAlone) || (rest == "f" && version >= OldestFamily)))
    return "";
  return "'" + chip.str() +
         "' is no name of a GPU, needed sm_80 or a greater number, with 'a' behind it (sm_90 and up) " +
         "for code of that GPU alone or 'f' (sm_100 and up) of its family; sm_90a for example";
}

std::string lathe::checkChips(ArrayRef<std::string> chips) {
  for (const std::string &chip : chips)
    if (std::string error = checkChip(chip); !error.empty())
      return error;
  return chips.empty() ? "chips are none, needed the names of GPUs, such as sm_90a" : "";
}

/// Assembles for the chips that NVRTC did not.
llvm::Error ModuleCompiler::link() {
  std::vector<std::string> chips;
  for (const std::string &chip : Options.Chips)
    if (!Assembled.contains(chip))
      chips.push_back(chip);
  if (chips.empty())
    return llvm::Error::success();
  llvm::Expected<NvJitLink> link = NvJitLink::load(Options.CudaPath);
  if (!link)
    return link.takeError();
  auto made = makeModules<Cubin>(chips.size(), [&](unsigned chip, unsigned module) {
    return link->link(Code.Texts[findPtxTarget(chips[chip])].Ptx[module], chips[chip]);
  });
  if (!made)
    return made.takeError();
  for (auto [i, chip] : llvm::enumerate(chips)) {
    auto first = std::make_move_iterator(made->begin() + i * Count);
    Assembled[chip].assign(first, first + Count);
  }
  return llvm::Error::success();
}

void ModuleCompiler::addBinary(StringRef chip, MutableArrayRef<Cubin> modules) {
  unsigned target = findPtxTarget(chip);
  CudaBinary &binary = Code.Cubins.emplace_back(CudaBinary{chip.str(), {}});
  for (Cubin &cubin : modules)
    binary.Modules.push_back(std::move(cubin.Bytes));
  for (CudaKernel &kernel : Code.Kernels) {
    KernelResources resources = modules[kernel.Module].Kernels.lookup(kernel.Name);
    CudaVariant &variant = kernel.Variants[target];
    if (variant.Registers)
      return; // an earlier chip's
    variant.Registers = resources.Registers;
    variant.StackBytes = resources.StackBytes;
    variant.SharedBytes += resources.StaticSharedBytes;
  }
}

llvm::Error ModuleCompiler::run() {
  for (const std::string &chip : Options.Chips)
    if (std::string wrong = checkChip(chip); !wrong.empty())
      return llvm::createStringError(wrong);
  if (llvm::Error error = compilePtx())
    return error;
  if (llvm::Error error = link())
    return error;
  for (const std::string &chip : Options.Chips)
    addBinary(chip, Assembled[chip]);
  return llvm::Error::success();
}

FailureOr<CudaCode> lathe::compileCuda(ModuleOp plan, const CudaTargetOptions &options) {
  KernelTable table(makeChooser(options));
  if (failed(fillTable(plan, table)))
    return failure();
  CudaCode code = describe(plan, table);
  if (llvm::Error error = ModuleCompiler(*plan.getContext(), table, options, code).run())
    return emitError(plan.getLoc()) << llvm::toString(std::move(error));
  FailureOr<std::vector<HostImage>> images = buildHostImages(
      plan, options.Host, [&](llvm::Module &module) { return createCudaLaunchLowering(module, table); });
  if (failed(images))
    return failure();
  code.HostImages = std::move(*images);
  return code;
}
