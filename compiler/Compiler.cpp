#include "compiler/Compiler.h"
#include "compiler/EmitObject.h"
#include "compiler/NativeRunner.h"
#include "compiler/OutputStream.h"
#include "compiler/RankBudget.h"
#include "compiler/artifact/OutputFile.h"
#include "compiler/artifact/TokenizerSection.h"
#include "compiler/targets/cpu/CpuTarget.h"
#include "compiler/targets/cuda/Tuner.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/Sharding.h"
#include "dialects/plan/Plan.h"
#include "frontends/gguf/GgufImporter.h"
#include "frontends/onnx/OnnxImporter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "passes/fusion/CloneSymbol.h"
#include "runtime/artifact/HostImage.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace lathe;

Compilation::Compilation(MLIRContext &context, CompileOptions options) : Context(context), Options(std::move(options)) {
  Options.pipeline.cuda = isCuda();
  if (isCuda())
    Options.pipeline.chips = Options.targets;
  applyDefaultTimingManagerCLOptions(Timing);
  Total = Timing.getRootScope();
}

static LogicalResult emitError(MLIRContext &context, const Twine &message) {
  return mlir::emitError(UnknownLoc::get(&context)) << message;
}

//===- Import
//-------------------------------------------------------------------------------------------------------===//

/// Says which options are about something that a model of this format, or this model, does not have.
void Compilation::noteIdleOptions(StringRef format) {
  auto note = [&](bool given, StringRef option, StringRef what) {
    if (given)
      Options.note((option + " does nothing: it is for " + what).str());
  };
  note(format != "gguf" && Options.contextLength, "--context", "language models from GGUF; pass --dim");
  note(format != "gguf" && Options.embeddings, "--embeddings", "language models from GGUF");
  note(format != "onnx" && !Options.shapes.empty(), "--shape", "inputs of ONNX; pass --dim");
  bool paged = false, texts = false;
  for (auto function : Module->getOps<func::FuncOp>()) {
    auto kind = function->getAttrOfType<StringAttr>(EntryAttrName);
    texts |= kind && kind.getValue() != "tensor";
    paged |= llvm::any_of(function.getArgumentTypes(), [](Type type) { return isa<StateType>(type); });
  }
  note(!texts && !Options.pipeline.tokenBoundaries.empty(), "--token-boundaries", "language models and encoders");
  note(!paged && !Options.pipeline.kv.empty(), "--kv", "models with a KV cache that the runtime keeps");
}

LogicalResult Compilation::importModel() {
  StringRef path = Options.input;
  char magic[4] = {};
  auto file = llvm::sys::fs::openNativeFileForRead(path);
  if (!file)
    return emitError(Context, path + ": cannot be read: " + llvm::toString(file.takeError()));
  auto read = llvm::sys::fs::readNativeFile(*file, magic);
  (void)llvm::sys::fs::closeFile(*file);
  if (!read)
    return emitError(Context, path + ": cannot be read: " + llvm::toString(read.takeError()));

  if (path.ends_with(".mlir")) {
    Module = parseSourceFile<ModuleOp>(path, ParserConfig(&Context));
    if (Module)
      noteIdleOptions("mlir");
    return success(bool(Module));
  }
  FailureOr<OwningOpRef<ModuleOp>> imported = failure();
  bool isGguf = StringRef(magic, 4) == "GGUF";
  if (isGguf) {
    GgufImportOptions options;
    options.contextLength = Options.contextLength;
    options.embeddings = Options.embeddings;
    options.likeliestTokens = isCuda();
    options.dims = Options.dims;
    imported = importGguf(Context, path, options);
  } else if (path.ends_with(".onnx")) {
    OnnxImportOptions options;
    options.dims = Options.dims;
    options.shapes = Options.shapes;
    options.reportDefaultBounds = [&](StringRef symbol, SymbolBounds bounds) {
      Options.note(llvm::formatv("'{0}' may be {1} to {2}; change it with --dim {0}=MIN..MAX", symbol, bounds.first,
                                 bounds.second)
                       .str());
    };
    imported = importOnnx(Context, path, options);
  } else {
    return emitError(Context, path + ": is no GGUF file and is not named .onnx or .mlir; pass one of these");
  }
  if (failed(imported))
    return failure();
  Module = std::move(*imported);
  noteIdleOptions(isGguf ? "gguf" : "onnx");
  return success();
}

//===- Phases
//-------------------------------------------------------------------------------------------------------===//

std::string Compilation::printModule(StringRef path) {
  return writeOutput(path, [&](llvm::raw_ostream &stream) {
    Module->print(stream);
    return "";
  });
}

/// What every phase ends with: legality, and a numbered dump.
LogicalResult Compilation::finishPhase(StringRef phase) {
  if (!Options.dumpPhases.empty()) {
    if (std::error_code error = llvm::sys::fs::create_directories(Options.dumpPhases))
      return emitError(Context, Options.dumpPhases + ": cannot be made: " + error.message());
    size_t number = llvm::find(getPhaseNames(), phase) - getPhaseNames().begin();
    SmallString<128> path(Options.dumpPhases);
    llvm::sys::path::append(path, llvm::formatv("{0}-{1}.mlir", number, phase).str());
    if (std::string error = printModule(path); !error.empty())
      return emitError(Context, error);
  }
  return checkLegality(*Module, phase);
}

LogicalResult Compilation::runPhase(const Phase &phase) {
  PassManager pm(&Context);
  if (failed(applyPassManagerCLOptions(pm)))
    return failure();
  Options.progress(phase.name);
  TimingScope timing = Total.nest(phase.name);
  pm.enableTiming(timing);
  phase.build(pm);
  for (auto &[name, pass] : Options.extraPasses)
    if (name == phase.name && failed(parsePassPipeline(pass, pm)))
      return emitError(Context, "--after-phase: '" + pass + "' is no pass that can run on a module");
  if (Numerics)
    Numerics->addTo(pm, phase.name);
  if (failed(pm.run(*Module)) || (Numerics && failed(Numerics->getStatus())))
    return failure();
  return finishPhase(phase.name);
}

LogicalResult Compilation::run() {
  if (!Options.remarks.empty()) {
    remark::RemarkCategories categories; // each kind needs the filter: `all` alone admits none
    categories.all = categories.passed = categories.missed = Options.remarks;
    if (failed(remark::enableOptimizationRemarks(Context, nullptr, std::make_unique<remark::RemarkEmittingPolicyAll>(),
                                                 categories, /*printAsEmitRemarks=*/true)))
      return emitError(Context, "--remarks: '" + Options.remarks + "' is no regular expression");
  }
  Options.progress("import");
  TimingScope importing = Total.nest("import");
  LogicalResult imported = importModel();
  importing.stop();
  if (failed(imported) || failed(finishPhase("import")))
    return failure();
  if (Options.stopAfter == "import")
    return success();
  if (Options.verify) {
    NumericsOptions numerics;
    numerics.tokenBoundaries = Options.pipeline.getTokenBoundaries();
    Numerics.emplace(numerics);
    if (failed(Numerics->recordBaseline(*Module)))
      return failure();
  }
  for (const Phase &phase : buildPhases(Options.pipeline)) {
    if (failed(runPhase(phase)) || (phase.name == "plan" && failed(checkBudget())))
      return failure();
    if (Options.stopAfter == phase.name)
      return success();
  }
  return generateCode();
}

/// Says what each rank needs, and refuses what does not fit.
LogicalResult Compilation::checkBudget() {
  RankBudget budget = computeRankBudget(*Module);
  if (budget.ranks > 1)
    Options.note("--tensor-parallel: " + budget.describe());
  if (Options.memoryPerDevice == 0 || budget.getNeeded() <= Options.memoryPerDevice)
    return success();
  return emitError(Context,
                   llvm::formatv("--memory-per-device: a device has {0:N} bytes but needs {1:N}: {2:N} of "
                                 "weights, {3:N} of working memory, {4:N} for the state of the longest text; "
                                 "use more ranks, smaller bounds (--dim, --context) or --quantize",
                                 Options.memoryPerDevice, budget.getNeeded(), budget.sharedWeights + budget.ownWeights,
                                 budget.workingMemory, budget.stateOfText)
                       .str());
}

LogicalResult Compilation::generateCode() {
  Options.progress("codegen");
  TimingScope timing = Total.nest("codegen");
  if (isCuda())
    return generateCudaCode();
  HostImageOptions options;
  options.KeepLlvmIr = Options.keepLlvmIr;
  if (StringRef level = runtime::hostLevel(); Options.onlyThisHost && !level.empty())
    options.Levels = {level.str()};
  FailureOr<std::vector<HostImage>> images = compileHostImages(*Module, options);
  if (failed(images))
    return failure();
  Images = std::move(*images);
  return Numerics ? verifyNative() : success();
}

/// What was measured on another GPU than those that are compiled for is no reason to choose anything.
LogicalResult Compilation::readTuned(CudaTargetOptions &options) {
  options.Note = [this](StringRef text) { Options.note((Options.tuned + ": " + text).str()); };
  auto tuning = std::make_shared<cuda::TuningFile>();
  if (std::string error = readTuning(Options.tuned, *tuning); !error.empty())
    return emitError(Context, "--tuned: " + error);
  if (llvm::is_contained(Options.targets, tuning->Chip))
    options.Tuning = std::move(tuning);
  else
    options.Note("was measured on " + tuning->Chip + " (" + tuning->Device + "), but the target is " +
                 llvm::join(Options.targets, ", ") + "; it is ignored");
  return success();
}

/// Measures, and compiles with what was measured. The file grows with each model.
LogicalResult Compilation::tune(CudaTargetOptions &options) {
  Options.progress("tune");
  cuda::TuningFile known;
  if (llvm::sys::fs::exists(Options.tune)) {
    if (std::string error = readTuning(Options.tune, known); !error.empty())
      return emitError(Context, "--tune: " + error);
    if (!llvm::is_contained(Options.targets, known.Chip))
      return emitError(Context, "--tune: " + Options.tune + " was measured on " + known.Chip + ", but the target is " +
                                    llvm::join(Options.targets, ", ") + "; name another file");
  }
  FailureOr<cuda::TuningFile> tuning = tuneCuda(*Module, options, std::move(known), Options.note);
  if (failed(tuning))
    return failure();
  if (std::string error = writeTuning(Options.tune, *tuning); !error.empty())
    return emitError(Context, "--tune: " + error);
  options.Tuning = std::make_shared<cuda::TuningFile>(std::move(*tuning));
  return success();
}

LogicalResult Compilation::generateCudaCode() {
  CudaTargetOptions options;
  options.CudaPath = Options.cudaPath;
  options.Chips = Options.targets;
  options.Host.KeepLlvmIr = Options.keepLlvmIr;
  if (llvm::is_contained(Options.targets, "sm_90") && !llvm::is_contained(Options.targets, "sm_90a"))
    Options.note("--target: sm_90 is given the kernels of all GPUs from sm_80 on; sm_90a, which the same GPUs run, has "
                 "faster ones of its own");
  if (!Options.tuned.empty() && failed(readTuned(options)))
    return failure();
  if (!Options.tune.empty() && failed(tune(options)))
    return failure();
  FailureOr<CudaCode> code = Options.printOnly ? printCuda(*Module, options) : compileCuda(*Module, options);
  if (failed(code))
    return failure();
  Cuda = std::move(*code);
  Images = std::move(Cuda.HostImages);
  if (Numerics)
    Options.note("--verify: code for a GPU does not run here, so only the passes were checked");
  return success();
}

/// Compares the machine code itself with the reference, where this machine can run it.
LogicalResult Compilation::verifyNative() {
  const HostImage *image = findRunnableImage(Images);
  if (!image) {
    Options.note("--verify: this machine cannot run the compiled code, so only the passes were checked");
    return success();
  }
  FailureOr<std::unique_ptr<NativeRunner>> runner = NativeRunner::create(*Module, *image);
  if (failed(runner))
    return failure();
  return Numerics->checkNative(
      *Module, [&](StringRef entry, ArrayRef<ReferenceValue> arguments) { return (*runner)->run(entry, arguments); });
}

//===- Output
//-------------------------------------------------------------------------------------------------------===//

/// Adds the tokenizer of the GGUF file that the model is from.
static LogicalResult addTokenizer(ModuleOp module, artifact::ArtifactSource &source) {
  auto format = module->getAttrOfType<StringAttr>("lathe.format");
  auto files = module->getAttrOfType<ArrayAttr>(FilesAttrName);
  if (!format || format.getValue() != "gguf" || !files || files.empty())
    return success();
  std::string error;
  auto file = gguf::GgufFile::open(cast<StringAttr>(files[0]).str(), error);
  if (!file)
    return emitError(*module.getContext(), error);
  if (std::string section = artifact::writeTokenizerSection(*file); !section.empty())
    source.sections.push_back({runtime::SectionKind::Tokenizer, "tokenizer", std::move(section)});
  return success();
}

/// The directory that relative paths of `lathe.files` start from: the process's own.
LogicalResult Compilation::writeArtifactFile(StringRef path) {
  Options.progress("artifact");
  TimingScope timing = Total.nest("artifact");
  Evaluator evaluator;
  artifact::ArtifactSource source;
  source.manifest = describe();
  source.weights = listWeights(*Module, evaluator, Ledger);
  source.progress = [&](size_t done, size_t all) {
    Options.progress(llvm::formatv("artifact, {0} of {1} weights", done, all).str());
  };
  source.complete = [&](nlohmann::ordered_json &manifest) { addErrors(manifest); };
  // What stays in the model's file stays there as it is.
  if (Options.pack == PackTime::Load || Options.weights == WeightStorageKind::Reference)
    packAtLoad(*Module, evaluator, Ledger, source);
  if (Options.weights == WeightStorageKind::None)
    omitWeights(source);
  if (Options.weights == WeightStorageKind::Reference)
    if (std::string error = referenceWeights(*Module, path, source); !error.empty())
      return emitError(Context, error);
  if (Grid grid = Grid::of(*Module); !grid.empty())
    source.ranks = artifact::RankSource{grid.getAxes()[0].name, size_t(grid.getAxes()[0].size)};
  source.threads = Context.isMultithreadingEnabled() ? 0 : 1;
  for (const HostImage &image : Images)
    source.sections.push_back(
        {runtime::SectionKind::HostImage, image.Level, std::string(image.Bytes.begin(), image.Bytes.end())});
  for (const CudaText &text : Cuda.Texts)
    source.sections.push_back({runtime::SectionKind::Ptx, text.Target, placeModules(text.Ptx).Bytes});
  for (const CudaBinary &binary : Cuda.Cubins)
    source.sections.push_back({runtime::SectionKind::Cubin, binary.Chip, placeModules(binary.Modules).Bytes});
  if (failed(addTokenizer(*Module, source)))
    return failure();
  std::string error = artifact::writeArtifact(path.str(), source);
  if (!error.empty())
    return emitError(Context, error);
  return success();
}

LogicalResult Compilation::writeObjectFiles(StringRef path) {
  SmallString<128> artifactPath, headerPath(path);
  if (std::error_code error = llvm::sys::fs::createTemporaryFile("lathe", "lathe", artifactPath))
    return emitError(Context, "no temporary file: " + error.message());
  llvm::FileRemover remover(artifactPath);
  if (failed(writeArtifactFile(artifactPath)))
    return failure();
  auto artifact = llvm::MemoryBuffer::getFile(artifactPath, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!artifact)
    return emitError(Context, artifactPath + ": cannot be read: " + artifact.getError().message());

  std::string identifier = toIdentifier(llvm::sys::path::stem(path));
  std::string error = writeObject(path, identifier, (*artifact)->getBuffer(), Images);
  if (!error.empty())
    return emitError(Context, error);
  llvm::sys::path::replace_extension(headerPath, "h");
  error = artifact::writeFile(std::string(headerPath), describeHeader(identifier, describe()));
  if (!error.empty())
    return emitError(Context, error);
  return success();
}

LogicalResult Compilation::emit(EmitKind kind, StringRef path) {
  bool stopped = !Options.stopAfter.empty();
  if (kind == EmitKind::Artifact && !stopped)
    return writeArtifactFile(path);
  if (kind == EmitKind::Object && !stopped)
    return writeObjectFiles(path);
  auto writeText = [&](StringRef text) {
    return writeOutput(path, [&](llvm::raw_ostream &stream) {
      stream << text;
      return "";
    });
  };
  std::string error = kind == EmitKind::Ptx    ? writeText(llvm::join(Cuda.Texts[findPtxTarget(getTarget())].Ptx, ""))
                      : kind == EmitKind::Cuda ? writeText(Cuda.Texts[findPtxTarget(getTarget())].Source)
                      : kind == EmitKind::Llvm ? writeText(Images.front().LlvmIr)
                                               : printModule(path);
  if (!error.empty())
    return emitError(Context, error);
  return success();
}

/// What quantizing lost, where weights are folded.
void Compilation::addErrors(nlohmann::ordered_json &manifest) {
  if (Options.pipeline.quantize.empty() || Options.weights == WeightStorageKind::None)
    return;
  auto &errors = manifest["quantization_errors"];
  errors = {{"recipe", llvm::sys::path::filename(Options.pipeline.quantize).str()}, {"tensors", Ledger.describe()}};
  if (!Options.fit.is_null())
    errors["fit"] = Options.fit;
  if (!Options.evaluation.is_null())
    errors["evaluation"] = Options.evaluation;
}

nlohmann::ordered_json Compilation::describe() {
  auto manifest = buildManifest(*Module, isCuda() ? getTarget() : "", Images, Cuda);
  addErrors(manifest);
  return manifest;
}

void Compilation::report(llvm::raw_ostream &stream) {
  for (auto program : Module->getOps<plan::ProgramOp>())
    for (auto clone : program.getBody().front().getOps<plan::CloneOp>()) {
      stream << "@" << program.getSymName();
      for (auto range : clone.getRange().getAsRange<SymbolAttr>())
        stream << " " << range.getName() << " " << range.getMin() << ".." << range.getMax();
      stream << ": arena " << clone.getArena() << " bytes\n";
      if (auto reason = clone->getAttrOfType<StringAttr>(RangeReasonAttrName))
        stream << "  " << reason.getValue() << "\n";
      clone.getBody().walk([&](plan::LaunchOp launch) {
        stream << "  " << launch.getKernel().getKernelTemplate() << " " << launch.getKernel().getConfig() << ": "
               << launch.getKernel().getReason() << "\n";
      });
    }
  for (const CudaKernel &kernel : Cuda.Kernels) {
    const CudaVariant &variant = kernel.Variants[findPtxTarget(getTarget())];
    stream << llvm::formatv("  {0,-40} {1,4} threads {2,4} registers {3,6} bytes shared  {4}{5}{6}\n", kernel.Name,
                            variant.Threads, variant.Registers, variant.SharedBytes, variant.Config,
                            variant.Choice.empty() ? "" : "; ", variant.Choice);
  }
}
