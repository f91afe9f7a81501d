#include "compiler/targets/HostImage.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/X86TargetParser.h"
#include "llvm/Transforms/IPO/Internalize.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace mlir;
using namespace lathe;

static constexpr llvm::StringLiteral HostTriple = "x86_64-unknown-linux-gnu";

static constexpr llvm::StringLiteral VnniSuffix = "-vnni";
/// A constant of code that is worth compiling for VNNI as well: whether it may use it.
static constexpr llvm::StringLiteral VnniConstant = "lathe_has_vnni";

static std::unique_ptr<llvm::TargetMachine> createTargetMachine(StringRef level, Location location) {
  static const bool initialized = [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    return true;
  }();
  (void)initialized;
  std::string message;
  llvm::Triple triple(HostTriple);
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!target) {
    emitError(location) << "host code: " << message;
    return nullptr;
  }
  StringRef processor = level, features = processor.consume_back(VnniSuffix) ? "+avx512vnni" : "";
  if (llvm::X86::parseArchX86(processor) == llvm::X86::CK_None) {
    emitError(location) << "host level is '" << level << "', which LLVM does not know; try 'x86-64-v3'";
    return nullptr;
  }
  llvm::TargetOptions options;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(triple, processor, features, options,
                                                                          llvm::Reloc::PIC_, llvm::CodeModel::Small,
                                                                          llvm::CodeGenOptLevel::Aggressive));
}

/// Everything but entry points, and what the backend may call, becomes private to the module.
static void internalize(llvm::Module &module, ArrayRef<std::string> entries) {
  llvm::internalizeModule(module, [&](const llvm::GlobalValue &value) {
    StringRef name = value.getName();
    return llvm::is_contained(entries, name) || name == "memcpy" || name == "memmove" || name == "memset";
  });
}

/// Tells code that was written for more than one level which one it is compiled for.
static void defineLevel(llvm::Module &module, const llvm::TargetMachine &machine) {
  auto define = [&](StringRef name, int64_t value) {
    llvm::GlobalVariable *constant = module.getGlobalVariable(name);
    if (!constant)
      return;
    constant->setInitializer(llvm::ConstantInt::get(constant->getValueType(), value));
    constant->setLinkage(llvm::GlobalValue::PrivateLinkage);
  };
  const llvm::MCSubtargetInfo &features = *machine.getMCSubtargetInfo();
  define("lathe_register_bytes", features.checkFeatures("+avx512f") ? 64 : 32);
  define(VnniConstant, features.checkFeatures("+avx512vnni"));
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine, llvm::OptimizationLevel level) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.SLPVectorization = true; // unpacking a block is straight-line code once its loops are unrolled
  llvm::PassBuilder builder(&machine, tuning);
  // There is no C library in an image, so no loop or call may be turned into one of its functions.
  functions.registerPass([&] {
    llvm::TargetLibraryInfoImpl library(machine.getTargetTriple());
    library.disableAllFunctions();
    return llvm::TargetLibraryAnalysis(library);
  });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(level).run(module, modules);
}

static LogicalResult emitObject(llvm::Module &module, llvm::TargetMachine &machine, Location location,
                                SmallVectorImpl<char> &object) {
  llvm::raw_svector_ostream stream(object);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, llvm::CodeGenFileType::ObjectFile))
    return emitError(location) << "host code: LLVM cannot emit objects for " << HostTriple;
  passes.run(module);
  return success();
}

static FailureOr<HostImage> compileLevel(const llvm::Module &source, StringRef level, ArrayRef<std::string> names,
                                         const HostImageOptions &options, Location location) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(level, location);
  if (!machine)
    return failure();
  std::unique_ptr<llvm::Module> module = llvm::CloneModule(source);
  module->setDataLayout(machine->createDataLayout());
  internalize(*module, names);
  defineLevel(*module, *machine);
  optimize(*module, *machine, options.OnlyStarts ? llvm::OptimizationLevel::O1 : llvm::OptimizationLevel::O3);

  HostImage image;
  image.Level = level.str();
  if (options.KeepLlvmIr)
    llvm::raw_string_ostream(image.LlvmIr) << *module;
  llvm::SmallVector<char, 0> object;
  if (failed(emitObject(*module, *machine, location, object)))
    return failure();
  SmallVector<int64_t> offsets;
  auto bytes = layOutFlatImage(llvm::MemoryBufferRef(StringRef(object.data(), object.size()), level), names, offsets);
  if (!bytes)
    return emitError(location) << llvm::toString(bytes.takeError());
  image.Bytes = std::move(*bytes);
  // `names` holds three for each program, ending in the suffix that HostEntryNames gives them.
  for (size_t i = 0; i < names.size(); i += 3)
    image.Entries.push_back({"", offsets[i], offsets[i + 1], offsets[i + 2]});
  return image;
}

FailureOr<std::vector<HostImage>>
lathe::buildHostImages(ModuleOp plan, const HostImageOptions &options,
                       llvm::function_ref<std::unique_ptr<LaunchLowering>(llvm::Module &)> createLowering) {
  std::unique_ptr<llvm::TargetMachine> machine = createTargetMachine(options.Levels.front(), plan.getLoc());
  if (!machine)
    return failure();
  llvm::LLVMContext context;
  llvm::Module module("lathe", context);
  module.setTargetTriple(llvm::Triple(HostTriple));
  module.setDataLayout(machine->createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);

  std::unique_ptr<LaunchLowering> lowering = createLowering(module);
  std::vector<std::string> names, programs;
  LogicalResult result = success();
  for (auto program : plan.getOps<plan::ProgramOp>()) {
    if (failed(emitHostProgram(program, module, *lowering)))
      result = failure();
    HostEntryNames entry(program);
    names.insert(names.end(), {entry.Run, entry.ArenaBytes, entry.OutputDims});
    programs.push_back(program.getSymName().str());
  }
  if (failed(result) || failed(lowering->finish()))
    return failure();
  assert(!llvm::verifyModule(module, &llvm::errs()) && "the host code that we emit is well-formed LLVM IR");

  std::vector<HostImage> images;
  bool multipliesIntegers = module.getGlobalVariable(VnniConstant);
  for (StringRef level : options.Levels) {
    if (StringRef plain = level; plain.consume_back(VnniSuffix) && !multipliesIntegers) {
      if (llvm::is_contained(options.Levels, plain))
        continue;
      level = plain;
    }
    FailureOr<HostImage> image = compileLevel(module, level, names, options, plan.getLoc());
    if (failed(image))
      return failure();
    for (auto [entry, name] : llvm::zip_equal(image->Entries, programs))
      entry.Name = name;
    images.push_back(std::move(*image));
  }
  return images;
}
