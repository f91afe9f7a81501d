#include "compiler/targets/cuda/CudaTarget.h"
#include "compiler/targets/cuda/CudaLaunchLowering.h"
#include "compiler/targets/cuda/KernelPrinter.h"
#include "compiler/targets/cuda/NvJitLink.h"
#include "compiler/targets/cuda/Nvrtc.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::cuda;

/// Prints the kernels of all launches; reports every one that cannot be printed.
static LogicalResult fillTable(ModuleOp plan, KernelTable &table) {
  bool good = true;
  plan.walk([&](Operation *op) {
    if (!isa<plan::ReadSizesOp, plan::IfOp, plan::LoopOp>(op))
      return;
    op->emitOpError() << "has no place on a GPU yet: the host would have to wait for what decides; compile for the CPU";
    good = false;
  });
  plan.walk([&](plan::LaunchOp launch) { good &= succeeded(table.add(launch)); });
  return success(good);
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
      for (auto launch : clone.getBody().front().getOps<plan::LaunchOp>()) {
        const KernelCall &call = table.getCall(launch);
        const PrintedKernel &kernel = table.getKernels()[call.Kernel];
        const KernelVariant &variant = kernel.Variants[target];
        stream << "  " << kernel.Name << "<<<" << call.Tiles[target].replaceSymbols(launch.getDynamicDims()) << ", "
               << variant.Threads << ", " << variant.SharedBytes << ">>>";
        for (int64_t layer : call.Layers)
          stream << " layer " << layer;
        stream << '\n';
      }
    }
  return text;
}

static CudaCode describe(ModuleOp plan, const KernelTable &table) {
  CudaCode code;
  for (const PrintedKernel &kernel : table.getKernels()) {
    CudaKernel &described = code.Kernels.emplace_back(CudaKernel{kernel.Name, kernel.Template, kernel.Reason, {}});
    for (unsigned target = 0; target < PtxTargetCount; ++target) {
      const KernelVariant &variant = kernel.Variants[target];
      described.Variants[target] = {variant.Config, variant.Threads, variant.SharedBytes};
    }
  }
  for (unsigned target = 0; target < PtxTargetCount; ++target)
    code.Texts.push_back(
        {PtxTargets[target].Name.str(), table.printSource(target), printLaunches(plan, table, target), ""});
  return code;
}

FailureOr<CudaCode> lathe::printCuda(ModuleOp plan) {
  KernelTable table;
  if (failed(fillTable(plan, table)))
    return failure();
  return describe(plan, table);
}

/// Machine code that NVRTC made on the way, by chip.
using Assembled = llvm::StringMap<Cubin>;

/// The one GPU that `target` is for, if machine code for it is asked for. NVRTC then assembles it itself: nvJitLink
/// takes every kernel for one that code from elsewhere may call, and then neither overlaps products of warpgroups nor
/// moves registers between warpgroups.
static StringRef findOwnChip(const PtxTarget &target, ArrayRef<std::string> chips) {
  return target.Name.starts_with("sm_") && llvm::is_contained(chips, target.Name) ? target.Name : "";
}

static llvm::Error compilePtx(CudaCode &code, const CudaTargetOptions &options, Assembled &assembled) {
  llvm::Expected<Nvrtc> nvrtc = Nvrtc::load(options.CudaPath);
  if (!nvrtc)
    return nvrtc.takeError();
  for (auto [text, target] : llvm::zip_equal(code.Texts, PtxTargets)) {
    StringRef chip = findOwnChip(target, options.Chips);
    llvm::Expected<CompiledSource> compiled =
        nvrtc->compile(text.Source, getKernelSources(), chip.empty() ? target.Architecture : chip);
    if (!compiled)
      return compiled.takeError();
    text.Ptx = std::move(compiled->Ptx);
    if (!chip.empty())
      assembled[chip] = {std::move(compiled->Cubin), parseResources(compiled->Log)};
  }
  return llvm::Error::success();
}

/// The kernels' instructions exist from sm_80 on.
static llvm::Error checkChip(StringRef chip) {
  StringRef number = chip;
  unsigned version = 0;
  if (number.consume_front("sm_") && !number.consumeInteger(10, version) && version >= 80)
    return llvm::Error::success();
  return llvm::createStringError("'%s' is no GPU that the kernels run on, needed sm_80 or newer, sm_90a for example",
                                 chip.str().c_str());
}

static void recordResources(const Cubin &cubin, unsigned target, CudaCode &code) {
  for (CudaKernel &kernel : code.Kernels) {
    KernelResources resources = cubin.Kernels.lookup(kernel.Name);
    CudaVariant &variant = kernel.Variants[target];
    if (variant.Registers)
      return; // an earlier chip's
    variant.Registers = resources.Registers;
    variant.StackBytes = resources.StackBytes;
    variant.SharedBytes += resources.StaticSharedBytes;
  }
}

static llvm::Error assemble(CudaCode &code, const CudaTargetOptions &options, Assembled &assembled) {
  llvm::Expected<NvJitLink> link = NvJitLink::load(options.CudaPath);
  if (!link)
    return link.takeError();
  for (const std::string &chip : options.Chips) {
    if (llvm::Error error = checkChip(chip))
      return error;
    unsigned target = findPtxTarget(chip);
    auto made = assembled.find(chip);
    llvm::Expected<Cubin> cubin =
        made != assembled.end() ? std::move(made->second) : link->link(code.Texts[target].Ptx, chip);
    if (!cubin)
      return cubin.takeError();
    recordResources(*cubin, target, code);
    code.Cubins.push_back({chip, std::move(cubin->Bytes)});
  }
  return llvm::Error::success();
}

FailureOr<CudaCode> lathe::compileCuda(ModuleOp plan, const CudaTargetOptions &options) {
  KernelTable table;
  if (failed(fillTable(plan, table)))
    return failure();
  CudaCode code = describe(plan, table);
  Assembled assembled;
  llvm::Error error = compilePtx(code, options, assembled);
  if (!error && !options.Chips.empty())
    error = assemble(code, options, assembled);
  if (error)
    return emitError(plan.getLoc()) << llvm::toString(std::move(error));
  FailureOr<std::vector<HostImage>> images = buildHostImages(
      plan, options.Host, [&](llvm::Module &module) { return createCudaLaunchLowering(module, table); });
  if (failed(images))
    return failure();
  code.HostImages = std::move(*images);
  return code;
}
