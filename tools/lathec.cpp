// The compiler's command.
#include "compiler/ClusterPlan.h"
#include "compiler/Compiler.h"
#include "compiler/Dialects.h"
#include "compiler/OutputStream.h"
#include "compiler/report/Quantization.h"
#include "compiler/report/Roofline.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "passes/quantization/QuantizationRecipe.h"
#include "tools/ExitCodes.h"
#include "tools/FormatSearch.h"
#include "tools/Numbers.h"
#include "tools/Progress.h"
#include "tools/QuantizationCheck.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Regex.h"
#include <CLI/CLI.hpp>
#include <csignal>

using namespace lathe;
using namespace lathe::tools;

/// "batch=1..64" or "batch=8" into bounds; throws CLI::ValidationError.
static void parseDim(llvm::StringRef text, llvm::StringMap<std::pair<int64_t, int64_t>> &dims) {
  auto [name, range] = text.split('=');
  auto [low, high] = range.split("..");
  int64_t min, max;
  if (name.empty() || low.getAsInteger(10, min) || (high.empty() ? low : high).getAsInteger(10, max) || min < 0 ||
      max < min)
    throw CLI::ValidationError("--dim", "'" + text.str() + "' is not NAME=SIZE or NAME=MIN..MAX");
  dims[name] = {min, max};
}

/// "batch=8,rows=1"; throws CLI::ValidationError.
static void parseSizes(llvm::StringRef text, llvm::StringMap<std::pair<int64_t, int64_t>> &sizes) {
  llvm::SmallVector<llvm::StringRef> parts;
  text.split(parts, ',');
  for (llvm::StringRef part : parts) {
    auto [name, size] = part.split('=');
    int64_t number;
    if (name.empty() || size.getAsInteger(10, number) || number < 0)
      throw CLI::ValidationError("--call", "'" + part.str() + "' is not NAME=SIZE");
    sizes[name] = {number, number};
  }
}

/// "image=8x1x8x8", "?" for a size that stays as it is.
static void parseShape(llvm::StringRef text, llvm::StringMap<llvm::SmallVector<int64_t>> &shapes) {
  auto [name, sizes] = text.split('=');
  llvm::SmallVector<llvm::StringRef> parts;
  sizes.split(parts, 'x');
  llvm::SmallVector<int64_t> shape;
  for (llvm::StringRef part : parts) {
    int64_t size = -1;
    if (part != "?" && (part.getAsInteger(10, size) || size < 0))
      throw CLI::ValidationError("--shape", "'" + text.str() + "' is not NAME=SIZExSIZEx...");
    shape.push_back(size);
  }
  shapes[name] = shape;
}

/// "4.5GB", "20MiB", "1500000" in bytes; throws CLI::ValidationError.
static uint64_t parseByteCount(llvm::StringRef option, llvm::StringRef text) {
  static constexpr std::pair<llvm::StringLiteral, double> Units[] = {
      {"", 1},      {"B", 1},        {"KB", 1e3},     {"MB", 1e6},     {"GB", 1e9},
      {"TB", 1e12}, {"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}};
  llvm::StringRef number = text.take_while([](char c) { return llvm::isDigit(c) || c == '.'; });
  const auto *unit = llvm::find_if(Units, [&](const auto &u) { return u.first == text.drop_front(number.size()); });
  constexpr double Most = 0x1p62;
  double value;
  if (number.getAsDouble(value) || unit == std::end(Units) || value * unit->second < 1 || value * unit->second > Most)
    throw CLI::ValidationError(option.str(), "is '" + text.str() +
                                                 "', needed a number of bytes above 0, or of KB, MB, GB, TB, KiB, MiB, "
                                                 "GiB or TiB: 4.5GB");
  return uint64_t(value * unit->second);
}

namespace {
struct Arguments {
  CompileOptions compile;
  std::string output, emit = "lathe";
  std::vector<std::string> dims, shapes, calls, afterPhase, mlirFlags, evaluate;
  double maxKl = INFINITY;         ///< nats
  std::optional<uint64_t> maxSize; ///< bytes of weights
  std::string weights = "embed", pack = "compile", report, machine, progress = "auto", cluster;
  bool quiet = false, planOnly = false;
};
} // namespace

static void declareOptions(CLI::App &app, Arguments &arguments) {
  CompileOptions &compile = arguments.compile;
  std::vector<std::string> phases;
  for (llvm::StringRef name : getPhaseNames())
    phases.push_back(name.str());
  app.add_option("model", compile.input, "the model: .onnx, .gguf, or IR as .mlir")->required();
  app.add_option("-o,--output", arguments.output, "what to write ('-': standard output, for text)");
  CLI::Option *target =
      app.add_option("--target", compile.targets,
                     "cpu, or CUDA architectures such as sm_90a: each gets machine code, and newer GPUs find PTX");
  target->delimiter(',')
      ->allow_extra_args(false)
      ->take_all()
      ->check(CLI::Validator(
          [](std::string &text) {
            if (text == "cpu")
              return std::string();
            return llvm::StringRef(text).starts_with("sm_")
                       ? checkChip(text)
                       : "target is '" + text + "', needed cpu or sm_NN, sm_90a for instance";
          },
          "TARGET"))
      ->capture_default_str();
  app.add_option("--emit", arguments.emit,
                 "lathe: the artifact; obj: an object and a header to link; cuda, ptx, mlir, llvm: parts, as text")
      ->check(CLI::IsMember({"lathe", "obj", "cuda", "ptx", "mlir", "llvm"}))
      ->capture_default_str();
  app.add_option("--dim", arguments.dims, "bounds of a dynamic size: NAME=MIN..MAX, or NAME=SIZE to fix it")
      ->allow_extra_args(false);
  app.add_option("--shape", arguments.shapes, "fixed sizes of an ONNX input: NAME=1x3x224x224, '?' keeps a size")
      ->allow_extra_args(false);
  app.add_option("--context", compile.contextLength, "tokens that a sequence may hold; 0: what the model says")
      ->check(NotNegative);
  app.add_flag(
      "--embeddings", compile.embeddings,
      "compile a language model for 'lathe embed': the hidden states of whole texts instead of logits; default "
      "where the model says how texts are pooled");
  app.add_option(
         "--activations", compile.pipeline.activations,
         "what products read: f32 (default on the CPU), f16 (default on CUDA), bf16; tf32: on CUDA, f32 rounded "
         "to 11 bits; int8: rows rounded to 8 bits where weights are (--quantize=int8, or the model's own), on the "
         "CPU also where they are Q4_0, Q8_0, Q4_K or Q6_K, else the default; fp8: rows rounded to f8E4M3FN where "
         "weights "
         "are (--quantize=fp8_e4m3), else the default")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "tf32", "int8", "fp8"}));
  app.add_option(
         "--quantize", compile.pipeline.quantize,
         "round weights to blocks: a format (q8_0), a recipe of llama.cpp's (Q4_K_M), fit (with --max-size), or "
         "a file of lines PATTERN FORMAT")
      ->check(CLI::Validator(
          [](std::string &text) {
            llvm::Expected<QuantizationRecipe> recipe = QuantizationRecipe::read(text);
            return recipe ? std::string() : llvm::toString(recipe.takeError());
          },
          "RECIPE"));
  app.add_option_function<std::string>(
      "--max-size", [&arguments](const std::string &text) { arguments.maxSize = parseByteCount("--max-size", text); },
      "quantize so that the artifact's weights take at most so many bytes (4.5GB, 20MiB) and the model loses the "
      "least, with --evaluate by what its outputs show");
  CLI::Option *evaluate =
      app.add_option("--evaluate", arguments.evaluate,
                     "with --quantize or --max-size: measure what it costs the model on a text file, or on inputs "
                     "NAME=FILE (.npy, .pb) of a model of tensors, and write it to the manifest");
  evaluate->allow_extra_args(false);
  app.add_option("--max-kl", arguments.maxKl,
                 "fail where the Kullback-Leibler divergence that --evaluate finds is above so many nats")
      ->check(CLI::NonNegativeNumber)
      ->needs(evaluate);
  app.add_option("--kv", compile.pipeline.kv,
                 "what the KV cache holds: f32, f16, bf16, q8_0 or fp8; default: as --activations, f32 "
                 "with int8 and tf32")
      ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0", "fp8"}));
  app.add_flag("--batch-invariant", compile.pipeline.batchInvariant,
               "on CUDA: the same bits for a text whatever is computed beside it and however it is cut, as on the CPU "
               "always; short steps take longer");
  app.add_option("--token-boundaries", compile.pipeline.tokenBoundaries,
                 "largest token count of each clone but the last of a model of texts, ascending; default: 8, on CUDA "
                 "where kernels are expected to change")
      ->delimiter(',')
      ->allow_extra_args(false);
  CLI::Option *tune = app.add_option("--tune", compile.tune,
                                     "measure, on a GPU of this machine, the kernels that there are for each launch, "
                                     "use the fastest, and write to this "
                                     "file what was measured, beside what it holds already");
  app.add_option("--tuned", compile.tuned,
                 "a file that --tune has written: what it measured on such a GPU decides where kernels have a choice")
      ->excludes(tune);
  app.add_option("--cuda-path", compile.cudaPath, "where NVRTC and nvJitLink are, if not in a usual place");
  app.add_option(
         "--weights", arguments.weights,
         "embed: the artifact holds them; reference: it names their place in the model's files, which must stay "
         "as they are; none: made up when it runs, for benchmarks")
      ->check(CLI::IsMember({"embed", "reference", "none"}))
      ->capture_default_str();
  app.add_option(
         "--pack", arguments.pack,
         "when weights are put in the order that kernels read: compile, or load: the artifact holds them as the "
         "model does, each once, and the runtime moves them")
      ->check(CLI::IsMember({"compile", "load"}))
      ->capture_default_str();
  CLI::Option *ranks = app.add_option("--tensor-parallel", compile.pipeline.ranks,
                                      "how many processes or GPUs run the model together, each with a part of the "
                                      "weights; the artifact is for this number")
                           ->check(CLI::Range(1, 1024))
                           ->capture_default_str();
  app.add_option("--shard", compile.pipeline.shardRules,
                 "with --tensor-parallel: PATTERN=DIMENSION splits that dimension of the weights whose names match, "
                 "PATTERN=whole keeps them whole on each rank")
      ->allow_extra_args(false)
      ->needs(ranks);
  app.add_option(
         "--memory-per-device", compile.memoryPerDevice,
         "what a device has, in bytes or as 80GiB: a plan whose weights, working memory and one text do not fit "
         "is refused")
      ->transform(CLI::AsSizeValue(false))
      ->check(Positive);
  CLI::Option *plan = app.add_flag(
      "--plan-only", arguments.planOnly,
      "write no program, but how a language model could be spread over the GPUs of --cluster: memory, what ranks send, "
      "and predicted tokens a second, of 1, 2, 4, ... ranks and for 8 to 1,024 GPUs; as JSON with -o FILE");
  CLI::Option *cluster =
      app.add_option("--cluster", arguments.cluster,
                     "with --plan-only: a JSON file with chip, memory_bytes, devices_per_node, nodes "
                     "and links");
  plan->needs(cluster)->excludes(target)->excludes(ranks);
  cluster->needs(plan);
  app.add_flag("--verify", compile.verify, "run the model before and after each pass and name the one that changes it");
  app.add_flag(
         "--report{kernels}", arguments.report,
         "print the kernels, why they were chosen, and memory; --report=roofline[:FILE]: bytes, FLOPs and predicted "
         "time of each, as JSON, or as a page if FILE ends in .html; --report=quantization[:FILE]: what --quantize "
         "lost, as a table, in a file as JSON or page")
      ->check(CLI::Validator(
          [](std::string &text) {
            auto [kind, file] = llvm::StringRef(text).split(':');
            bool known = kind == "roofline" || kind == "quantization" || text == "kernels";
            return known && file.empty() == !llvm::StringRef(text).contains(':')
                       ? std::string()
                       : "report is '" + text +
                             "', needed kernels, roofline, quantization, or one of the last two and "
                             ":FILE";
          },
          "REPORT"));
  app.add_option("--machine", arguments.machine,
                 "what the roofline is of: host (measured), sm_NN, or a file with the keys of the report's machine; "
                 "default: the target's");
  app.add_option("--call", arguments.calls,
                 "sizes of a call that the roofline is of, NAME=SIZE,NAME=SIZE and so on, the first of those that are "
                 "not named; default: for each clone the least and the greatest sizes")
      ->allow_extra_args(false);
  app.add_option("--progress", arguments.progress,
                 "a line that says what is under way in long work: auto (on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--remarks", compile.remarks,
                 "say what passes did and what they did not do: fusion, memory, or a regular expression over these")
      ->check(CLI::Validator(
          [](std::string &text) {
            std::string error;
            return llvm::Regex(text).isValid(error) ? "" : "'" + text + "' is no regular expression: " + error;
          },
          "REGEX"));
  app.add_flag("-q,--quiet", arguments.quiet, "print errors only");
  app.add_option("--stop-after", compile.stopAfter, "end after a phase and write the IR")->check(CLI::IsMember(phases));
  app.add_option("--dump-phases", compile.dumpPhases, "write the IR after each phase to files in this folder");
  app.add_option("--after-phase", arguments.afterPhase,
                 "for developers: PHASE:PASS runs a registered pass at the end of a phase")
      ->allow_extra_args(false);
  app.add_option(
         "--mlir", arguments.mlirFlags,
         "for developers: a flag of MLIR's, --mlir=-debug for instance; those that begin with --mlir- may stand alone")
      ->allow_extra_args(false);
  app.footer(ExitCodeHelp);
  app.set_version_flag("--version", "lathec " LATHE_VERSION);
}

/// An artifact is for the CPU or for GPUs. A GPU that is named twice counts once.
static void checkTargets(std::vector<std::string> &targets) {
  if (targets.size() > 1 && llvm::is_contained(targets, "cpu"))
    throw CLI::ValidationError("--target", "an artifact is for the CPU or for GPUs, but both are named: " +
                                               llvm::join(targets, ", ") + "; compile the model twice");
  std::vector<std::string> once;
  for (std::string &target : targets)
    if (!llvm::is_contained(once, target))
      once.push_back(std::move(target));
  targets = std::move(once);
}

/// What is about kernels of GPUs is not for the CPU, and what is not for the target is refused.
static void checkTargetOptions(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  const std::string &target = compile.targets.front();
  if (compile.pipeline.activations == "tf32" && target == "cpu")
    throw CLI::ValidationError("--activations", "tf32 is for CUDA, but --target is cpu; pass f32");
  if (compile.pipeline.batchInvariant && target == "cpu")
    throw CLI::ValidationError("--batch-invariant", "results never depend on the batch on the CPU; leave it out");
  for (auto [option, value] :
       {std::pair("--tune", &compile.tune), {"--tuned", &compile.tuned}, {"--cuda-path", &compile.cudaPath}})
    if (!value->empty() && target == "cpu")
      throw CLI::ValidationError(option, "is about kernels of GPUs, but --target is cpu; add --target=sm_90a");
  if ((arguments.emit == "ptx" || arguments.emit == "cuda") && target == "cpu")
    throw CLI::ValidationError("--emit", arguments.emit + " needs a CUDA target; add --target=sm_90a");
}

/// What is for one device alone is refused for several.
static void checkRanks(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  if (compile.pipeline.ranks == 1)
    return;
  auto refuse = [](bool given, const char *option, const char *why) {
    if (given)
      throw CLI::ValidationError(option, std::string(why) + ", but --tensor-parallel is above 1; leave one out");
  };
  refuse(compile.verify, "--verify", "runs the model on one device");
  refuse(arguments.weights == "reference", "--weights", "reference leaves weights whole in the model's file");
  refuse(arguments.pack == "load", "--pack", "load moves whole weights");
  refuse(arguments.emit == "obj", "--emit", "obj is a program for one process");
  refuse(!arguments.evaluate.empty(), "--evaluate", "runs the model on one device");
  refuse(arguments.maxSize.has_value(), "--max-size", "runs the model on one device");
  refuse(!compile.tune.empty(), "--tune", "runs kernels on one device");
}

/// A plan is no artifact.
static void checkPlan(const Arguments &arguments) {
  if (!arguments.planOnly) {
    if (arguments.output.empty())
      throw CLI::RequiredError("--output");
    return;
  }
  const CompileOptions &compile = arguments.compile;
  for (auto [option, given] : {std::pair("--emit", arguments.emit != "lathe"),
                               {"--report", !arguments.report.empty()},
                               {"--evaluate", !arguments.evaluate.empty()},
                               {"--max-size", arguments.maxSize.has_value()},
                               {"--tune", !compile.tune.empty()},
                               {"--memory-per-device", compile.memoryPerDevice != 0},
                               {"--verify", compile.verify}})
    if (given)
      throw CLI::ValidationError(option, "is about a program, but --plan-only writes none; leave one out");
}

/// Clones are cut at ascending counts.
static void checkTokenBoundaries(const PipelineOptions &pipeline) {
  int64_t last = 0;
  for (int64_t boundary : pipeline.tokenBoundaries) {
    if (boundary <= last)
      throw CLI::ValidationError("--token-boundaries", std::to_string(boundary) + " is not above " +
                                                           std::to_string(last) +
                                                           ", needed ascending token counts from 1 on");
    last = boundary;
  }
  if (pipeline.batchInvariant && last)
    throw CLI::ValidationError("--batch-invariant", "is one kernel for all token counts, but --token-boundaries cuts "
                                                    "them; leave one out");
}

/// Whether compilation goes on until there is code, and whether there is a plan.
static bool reaches(const CompileOptions &compile, llvm::StringRef phase) {
  llvm::ArrayRef<llvm::StringLiteral> phases = getPhaseNames();
  return compile.stopAfter.empty() || llvm::find(phases, compile.stopAfter) >= llvm::find(phases, phase);
}

/// Reports need what they are about.
static void checkReport(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  bool roofline = llvm::StringRef(arguments.report).starts_with("roofline");
  if (llvm::StringRef(arguments.report).starts_with("quantization")) {
    if (compile.pipeline.quantize.empty())
      throw CLI::ValidationError("--report", "quantization is about what --quantize does; add that, or leave it out");
    if ((arguments.emit != "lathe" && arguments.emit != "obj") || arguments.weights == "none")
      throw CLI::ValidationError("--report", "quantization is about weights, which are computed for an artifact that "
                                             "has them; leave out --emit, --stop-after and --weights=none");
  }
  if (!arguments.report.empty() && !reaches(compile, "plan"))
    throw CLI::ValidationError("--report", "is about launches, which phase plan makes, but --stop-after is " +
                                               compile.stopAfter + "; leave one out");
  for (auto [option, value] : {std::pair("--tune", &compile.tune), {"--tuned", &compile.tuned}})
    if (!value->empty() && !reaches(compile, "codegen"))
      throw CLI::ValidationError(option, "is about machine code, which phase codegen makes, but --stop-after is " +
                                             compile.stopAfter + "; leave one out");
  if (!arguments.machine.empty() && !roofline)
    throw CLI::ValidationError("--machine", "is what --report=roofline is of; add that, or leave it out");
  const std::string &target = compile.targets.front();
  const std::string &name = arguments.machine.empty() ? target : arguments.machine;
  if (roofline && llvm::StringRef(name).starts_with("sm_") && !report::findGpu(name))
    throw CLI::ValidationError(arguments.machine.empty() ? "--report" : "--machine",
                               "nothing is known of the speed of '" + name + "', only of " + report::listGpus() +
                                   "; name one of these with --machine, or a file that describes it");
}

/// Without a recipe --max-size chooses for all weights.
static void checkQuantization(Arguments &arguments) {
  std::string &recipe = arguments.compile.pipeline.quantize;
  if (arguments.maxSize && recipe.empty())
    recipe = "fit";
  if (!arguments.evaluate.empty() && recipe.empty())
    throw CLI::ValidationError("--evaluate", "is about what --quantize or --max-size does; add one, or leave it out");
}

static void parseLists(Arguments &arguments) {
  for (const std::string &dim : arguments.dims)
    parseDim(dim, arguments.compile.dims);
  for (const std::string &call : arguments.calls) {
    llvm::StringMap<std::pair<int64_t, int64_t>> sizes;
    parseSizes(call, sizes);
  }
  for (const std::string &shape : arguments.shapes)
    parseShape(shape, arguments.compile.shapes);
  for (const std::string &entry : arguments.afterPhase) {
    auto [phase, pass] = llvm::StringRef(entry).split(':');
    if (!llvm::is_contained(getPhaseNames(), phase) || pass.empty())
      throw CLI::ValidationError("--after-phase", "'" + entry + "' is not PHASE:PASS");
    arguments.compile.extraPasses.push_back({phase.str(), pass.str()});
  }
  if (!arguments.compile.stopAfter.empty())
    arguments.emit = "mlir";
  checkTargets(arguments.compile.targets);
  arguments.compile.weights = arguments.weights == "reference" ? WeightStorageKind::Reference
                              : arguments.weights == "none"    ? WeightStorageKind::None
                                                               : WeightStorageKind::Embed;
  if (arguments.weights == "reference" && arguments.emit != "lathe")
    throw CLI::ValidationError("--weights",
                               "reference needs an artifact beside the model, but --emit is " + arguments.emit);
  arguments.compile.pack = arguments.pack == "load" ? PackTime::Load : PackTime::Compile;
  if (arguments.pack == "load" && arguments.weights == "none")
    throw CLI::ValidationError("--pack", "load moves weights when they are loaded, but --weights=none leaves them out");
  if (arguments.pack == "load" && arguments.emit != "lathe" && arguments.emit != "obj")
    throw CLI::ValidationError("--pack", "load is about an artifact, but --emit is " + arguments.emit);
  if (arguments.output == "-" && (arguments.emit == "lathe" || arguments.emit == "obj"))
    throw CLI::ValidationError("--output", "'-' takes text, but --emit is " + arguments.emit + "; name a file");
  checkPlan(arguments);
  checkQuantization(arguments);
  checkRanks(arguments);
  checkTargetOptions(arguments);
  checkTokenBoundaries(arguments.compile.pipeline);
  checkReport(arguments);
}

/// "model.onnx", "model.onnx:12:3", "model.onnx: 'layers.3/attn'": where a diagnostic points to, names outermost first.
static std::string describeLocation(mlir::Location location) {
  if (auto file = llvm::dyn_cast<mlir::FileLineColLoc>(location)) {
    std::string text = file.getFilename().str();
    return file.getLine() ? text + ":" + std::to_string(file.getLine()) + ":" + std::to_string(file.getColumn()) : text;
  }
  if (auto name = llvm::dyn_cast<mlir::NameLoc>(location)) {
    std::string child = describeLocation(name.getChildLoc());
    return (child == "lathec" ? "" : child + ": ") + "'" + name.getName().str() + "'";
  }
  // Several operations became one: the last is what people see in the model's own graph.
  if (auto fused = llvm::dyn_cast<mlir::FusedLoc>(location); fused && !fused.getLocations().empty())
    return describeLocation(fused.getLocations().back());
  return "lathec";
}

static std::string formatDiagnostic(mlir::Diagnostic &diagnostic) {
  llvm::StringRef severity = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error     ? "error"
                             : diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning ? "warning"
                             : diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark  ? "remark"
                                                                                             : "note";
  std::string text = describeLocation(diagnostic.getLocation()) + ": " + severity.str() + ": " + diagnostic.str();
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    text += "\n" + formatDiagnostic(note);
  return text;
}

static EmitKind getEmitKind(llvm::StringRef name) {
  return llvm::StringSwitch<EmitKind>(name)
      .Case("obj", EmitKind::Object)
      .Case("cuda", EmitKind::Cuda)
      .Case("ptx", EmitKind::Ptx)
      .Case("mlir", EmitKind::Mlir)
      .Case("llvm", EmitKind::Llvm)
      .Default(EmitKind::Artifact);
}

/// Hands MLIR's own flags to LLVM's command line parser, which prints what is wrong with them.
static bool parseMlirFlags(const char *program, const std::vector<std::string> &flags) {
  std::vector<const char *> list = {program};
  for (const std::string &flag : flags)
    list.push_back(flag.c_str());
  return llvm::cl::ParseCommandLineOptions(int(list.size()), list.data(), "lathec\n", &llvm::errs());
}

/// Moves MLIR's own flags, which CLI11 does not know, to the list.
static std::vector<std::string> takeMlirFlags(int argc, char **argv, std::vector<std::string> &flags) {
  std::vector<std::string> rest;
  for (int i = argc - 1; i > 0; --i) // CLI11 takes them in reverse
    (llvm::StringRef(argv[i]).starts_with("--mlir-") ? flags : rest).push_back(argv[i]);
  std::reverse(flags.begin(), flags.end());
  return rest;
}

/// `option` is for the message. Prints what is wrong.
static bool checkReadable(llvm::StringRef option, llvm::StringRef path) {
  std::error_code error = llvm::sys::fs::access(path, llvm::sys::fs::AccessMode::Exist);
  if (!error && llvm::sys::fs::is_directory(path))
    error = std::make_error_code(std::errc::is_a_directory);
  if (error)
    llvm::errs() << "lathec: error: " << option << path << ": cannot be read: " << error.message() << "\n";
  return !error;
}

static bool checkWritable(llvm::StringRef option, llvm::StringRef path) {
  llvm::StringRef folder = llvm::sys::path::parent_path(path);
  bool isFolder = llvm::sys::fs::is_directory(path), there = folder.empty() || llvm::sys::fs::is_directory(folder);
  if (isFolder || !there) {
    llvm::errs() << "lathec: error: " << option << path << ": cannot be written: ";
    llvm::errs() << (isFolder ? "it is a folder" : ("there is no folder '" + folder + "'").str()) << "\n";
  }
  return !isFolder && there;
}

/// Files first, so that nobody waits for a compilation that cannot be written.
static bool checkFiles(const Arguments &arguments) {
  const CompileOptions &compile = arguments.compile;
  llvm::StringRef report = arguments.report;
  bool good = checkReadable("", compile.input) && (arguments.output == "-" || checkWritable("", arguments.output));
  good = good && (compile.tuned.empty() || checkReadable("--tuned: ", compile.tuned));
  good = good && (compile.tune.empty() || checkWritable("--tune: ", compile.tune));
  llvm::StringRef file = report.split(':').second;
  return good && (file.empty() || checkWritable("--report: ", file));
}

/// Prints what is wrong with --machine.
static bool chooseMachine(const Arguments &arguments, report::Machine &machine) {
  const std::string &target = arguments.compile.targets.front();
  std::string name = !arguments.machine.empty() ? arguments.machine : target != "cpu" ? target : "host";
  if (name == "host") {
    machine = report::measureHost();
    return true;
  }
  if (llvm::StringRef(name).starts_with("sm_")) {
    machine = *report::findGpu(name); // as checkReport has found
    return true;
  }
  std::string error = report::readMachine(name, machine);
  if (!error.empty())
    llvm::errs() << "lathec: error: --machine: " << error << "\n";
  return error.empty();
}

/// Prints what is wrong, if there is something.
static bool isDone(const std::string &error) {
  if (!error.empty())
    llvm::errs() << "lathec: error: " << error << "\n";
  return error.empty();
}

/// Adds the calls of all entries that have such sizes. Prints what is wrong with --call.
static bool addCalls(const nlohmann::ordered_json &manifest, llvm::StringRef text, std::vector<report::Call> &calls) {
  llvm::StringMap<std::pair<int64_t, int64_t>> sizes;
  parseSizes(text, sizes);
  size_t before = calls.size();
  for (size_t entry = 0; entry < manifest["entries"].size(); ++entry) {
    report::Call call{entry, {}};
    size_t known = 0;
    for (const auto &symbol : manifest["entries"][entry]["symbols"]) {
      auto size = sizes.find(symbol["name"].get<std::string>());
      known += size != sizes.end();
      call.Symbols.push_back(size != sizes.end() ? size->second.first : symbol["min"].get<int64_t>());
    }
    if (known == sizes.size() && report::findClone(manifest["entries"][entry], call.Symbols) >= 0)
      calls.push_back(call);
  }
  if (calls.size() == before)
    llvm::errs() << "lathec: error: --call: no entry takes the sizes '" << text << "'; the report without --call has "
                 << "their names and bounds\n";
  return calls.size() > before;
}

/// `report` is what the user asked for.
static bool writeQuantizationReport(llvm::StringRef report, const nlohmann::ordered_json &errors) {
  if (llvm::StringRef file = report.split(':').second; !file.empty())
    return isDone(report::writeQuantization(file.str(), errors));
  return isDone(writeOutput("-", [&](llvm::raw_ostream &stream) {
    stream << report::printQuantization(errors);
    return "";
  }));
}

static bool writeReport(Compilation &compilation, const Arguments &arguments, const report::Machine &machine) {
  if (arguments.report.empty())
    return true;
  if (arguments.report == "kernels")
    return isDone(writeOutput("-", [&](llvm::raw_ostream &stream) {
      compilation.report(stream);
      return "";
    }));
  auto manifest = compilation.describe();
  if (llvm::StringRef(arguments.report).starts_with("quantization"))
    return writeQuantizationReport(arguments.report, report::buildQuantization(manifest));
  std::vector<report::Call> calls;
  for (const std::string &sizes : arguments.calls)
    if (!addCalls(manifest, sizes, calls))
      return false;
  auto report = report::buildReport(manifest, machine, calls.empty() ? report::listCalls(manifest) : calls);
  if (arguments.report == "roofline")
    return isDone(writeOutput("-", [&](llvm::raw_ostream &stream) {
      stream << report.dump(1) << "\n";
      return "";
    }));
  return isDone(report::writeReport(arguments.report.substr(std::string("roofline:").size()), report));
}

/// Prints what is wrong, where no diagnostic has. Returns false.
static bool printFailure(llvm::Error error, Progress &progress) {
  if (std::string message = llvm::toString(std::move(error)); !message.empty())
    progress.print("lathec: " + message);
  return false;
}

/// Chooses formats for --max-size; false when that could not be.
static bool chooseFormats(mlir::MLIRContext &context, Arguments &arguments, QuantizationCheck *check,
                          Progress &progress) {
  CompileOptions &compile = arguments.compile;
  auto found = findFormats(context, compile, int64_t(*arguments.maxSize), check);
  if (!found)
    return printFailure(found.takeError(), progress);
  if (found->description["weights"].empty())
    compile.note(llvm::formatv("--max-size: the weights take {0} bytes as they are, so none is quantized for it",
                               found->description["bytes"].get<int64_t>())
                     .str());
  compile.pipeline.formatChoices = std::move(found->choices);
  compile.fit = std::move(found->description);
  return true;
}

/// Measures what quantizing costs; false when that could not be, or is too much.
static bool evaluateQuantization(Arguments &arguments, QuantizationCheck &check, Progress &progress) {
  const PipelineOptions &pipeline = arguments.compile.pipeline;
  auto found = check.compare(pipeline.quantize, pipeline.formatChoices,
                             pipeline.roundsRows() ? pipeline.activations : "", "evaluation, quantized");
  if (!found)
    return printFailure(found.takeError(), progress);
  arguments.compile.evaluation = *found;
  if (std::isinf(arguments.maxKl))
    return true;
  auto divergence = found->find("divergence");
  if (divergence == found->end()) {
    progress.print("lathec: --max-kl is about divergence along an output's last dimension, but no output has finite "
                   "rows of two or more elements; leave it out");
    return false;
  }
  double nats = divergence->is_number() ? divergence->get<double>() : INFINITY;
  if (nats <= arguments.maxKl)
    return true;
  progress.print(
      llvm::formatv("lathec: --quantize={0} moves the model by {1:f6} nats, but --max-kl allows {2:f6}; name a "
                    "finer recipe, keep the tensors that --report=quantization shows to lose most, or allow "
                    "more",
                    pipeline.quantize, nats, arguments.maxKl)
          .str());
  return false;
}

/// Writes how the model could be spread over a cluster.
static int writePlan(const Arguments &arguments) {
  if (!checkReadable("", arguments.compile.input) || !checkReadable("--cluster: ", arguments.cluster) ||
      !(arguments.output.empty() || arguments.output == "-" || checkWritable("", arguments.output)))
    return NotFound;
  Cluster cluster;
  if (std::string error = readCluster(arguments.cluster, cluster); !error.empty()) {
    llvm::errs() << "lathec: error: --cluster: " << error << "\n";
    return InvalidUsage;
  }
  llvm::Expected<nlohmann::ordered_json> plan = planCluster(arguments.compile, cluster);
  if (!plan) {
    llvm::errs() << "lathec: error: " << arguments.compile.input << ": " << llvm::toString(plan.takeError()) << "\n";
    return ModelFailed;
  }
  bool table = arguments.output.empty();
  bool written = isDone(writeOutput(table ? "-" : arguments.output, [&](llvm::raw_ostream &stream) {
    stream << (table ? printClusterPlan(*plan) : plan->dump(1) + "\n");
    return "";
  }));
  return written ? Success : NotFound;
}

static int compile(Arguments &arguments) {
  report::Machine machine;
  bool roofline = llvm::StringRef(arguments.report).starts_with("roofline");
  if (!checkFiles(arguments) || (roofline && !chooseMachine(arguments, machine)))
    return NotFound;
  Progress progress("lathec", arguments.progress == "always" || (arguments.progress == "auto" && !arguments.quiet &&
                                                                 llvm::sys::Process::StandardErrIsDisplayed()));
  arguments.compile.progress = [&](llvm::StringRef step) { progress.start(step.str()); };
  if (!arguments.quiet)
    arguments.compile.note = [&](llvm::StringRef text) { progress.print("lathec: " + text.str()); };
  arguments.compile.keepLlvmIr = arguments.emit == "llvm";
  arguments.compile.printOnly = arguments.emit == "cuda";

  mlir::DialectRegistry registry;
  lathe::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false); // people see the model's node, not our IR
  mlir::ScopedDiagnosticHandler diagnostics(
      &context, [&](mlir::Diagnostic &diagnostic) { progress.print(formatDiagnostic(diagnostic)); });
  std::optional<QuantizationCheck> check;
  if (!arguments.evaluate.empty())
    check.emplace(context, arguments.compile, arguments.evaluate);
  if (arguments.maxSize && !chooseFormats(context, arguments, check ? &*check : nullptr, progress))
    return ModelFailed;
  if (check && !evaluateQuantization(arguments, *check, progress))
    return ModelFailed;
  check.reset();
  Compilation compilation(context, arguments.compile);
  if (mlir::failed(compilation.run()))
    return ModelFailed;
  if (mlir::failed(compilation.emit(getEmitKind(arguments.emit), arguments.output)) ||
      !writeReport(compilation, arguments, machine))
    return NotFound;
  return Success;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  std::signal(SIGXFSZ, SIG_IGN); // a file that grows beyond the user's limit is an error, as a full disk is
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  lathe::registerPasses();

  Arguments arguments;
  CLI::App app("Compiles a model (ONNX or GGUF) ahead of time into one artifact that the thin runtime runs.", "lathec");
  declareOptions(app, arguments);
  std::vector<std::string> mlirFlags;
  try {
    app.parse(takeMlirFlags(argc, argv, mlirFlags));
    parseLists(arguments);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? Success : InvalidUsage;
  }
  mlirFlags.insert(mlirFlags.end(), arguments.mlirFlags.begin(), arguments.mlirFlags.end());
  if (!parseMlirFlags(argv[0], mlirFlags))
    return InvalidUsage;
  return arguments.planOnly ? writePlan(arguments) : compile(arguments);
}
