// The compiler's command.
#include "compiler/Compiler.h"
#include "compiler/Dialects.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/Regex.h"
#include <CLI/CLI.hpp>

using namespace lathe;

// Exit codes, documented in --help.
enum ExitCode { Success = 0, CompileFailed = 1, BadUsage = 2 };

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

namespace {
struct Arguments {
  CompileOptions compile;
  std::string output, emit = "lathe";
  std::vector<std::string> dims, shapes, afterPhase, mlirFlags;
  bool report = false, quiet = false;
};
} // namespace

static void declareOptions(CLI::App &app, Arguments &arguments) {
  CompileOptions &compile = arguments.compile;
  std::vector<std::string> phases;
  for (llvm::StringRef name : getPhaseNames())
    phases.push_back(name.str());
  app.add_option("model", compile.input, "the model: .onnx, .gguf, or IR as .mlir")->required();
  app.add_option("-o,--output", arguments.output, "what to write ('-': standard output, for text)")->required();
  app.add_option("--target", compile.target, "cpu, or a CUDA architecture such as sm_90a")
      ->check(CLI::Validator(
          [](std::string &text) {
            return text == "cpu" || llvm::StringRef(text).starts_with("sm_")
                       ? std::string()
                       : "target is '" + text + "', needed cpu or sm_NN, sm_90a for instance";
          },
          "TARGET"))
      ->capture_default_str();
  app.add_option("--emit", arguments.emit,
                 "lathe: the artifact; obj: an object and a header to link; cuda, ptx, mlir, llvm: parts, as text")
      ->check(CLI::IsMember({"lathe", "obj", "cuda", "ptx", "mlir", "llvm"}))
      ->capture_default_str();
  app.add_option("--dim", arguments.dims, "bounds of a dynamic size: NAME=MIN..MAX, or NAME=SIZE to fix it");
  app.add_option("--shape", arguments.shapes, "fixed sizes of an ONNX input: NAME=1x3x224x224, '?' keeps a size");
  app.add_option("--context", compile.contextLength, "tokens that a sequence may hold; 0: what the model says")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--activations", compile.pipeline.activations,
                 "what products read: f32 (default on the CPU), f16 (default on CUDA), bf16")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  app.add_option("--kv", compile.pipeline.kv, "what the KV cache holds; default: as --activations")
      ->check(CLI::IsMember({"f32", "f16", "bf16"}));
  app.add_option("--token-boundaries", compile.pipeline.tokenBoundaries,
                 "largest token count of each clone of a language model but the last, ascending")
      ->delimiter(',')
      ->capture_default_str();
  app.add_option("--cuda-path", compile.cudaPath, "where NVRTC and nvJitLink are, if not in a usual place");
  app.add_flag("--verify", compile.verify, "run the model before and after each pass and name the one that changes it");
  app.add_flag("--report", arguments.report, "print the kernels, why they were chosen, and memory");
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
                 "for developers: PHASE:PASS runs a registered pass at the end of a phase");
  app.add_option("--mlir", arguments.mlirFlags, "for developers: a flag of MLIR's, --mlir=-mlir-timing for instance");
  app.footer("Exit codes: 0 done, 1 the model could not be compiled, 2 the command line is wrong.");
  app.set_version_flag("--version", "lathec " LATHE_VERSION);
}

static void parseLists(Arguments &arguments) {
  for (const std::string &dim : arguments.dims)
    parseDim(dim, arguments.compile.dims);
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
  if ((arguments.emit == "ptx" || arguments.emit == "cuda") && arguments.compile.target == "cpu")
    throw CLI::ValidationError("--emit", arguments.emit + " needs a CUDA target; add --target=sm_90a");
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

static void printDiagnostic(mlir::Diagnostic &diagnostic) {
  llvm::StringRef severity = diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error     ? "error"
                             : diagnostic.getSeverity() == mlir::DiagnosticSeverity::Warning ? "warning"
                             : diagnostic.getSeverity() == mlir::DiagnosticSeverity::Remark  ? "remark"
                                                                                             : "note";
  llvm::errs() << describeLocation(diagnostic.getLocation()) << ": " << severity << ": " << diagnostic.str() << "\n";
  for (mlir::Diagnostic &note : diagnostic.getNotes())
    printDiagnostic(note);
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

/// Hands MLIR's own flags to LLVM's command line parser.
static void parseMlirFlags(const char *program, const std::vector<std::string> &flags) {
  std::vector<const char *> list = {program};
  for (const std::string &flag : flags)
    list.push_back(flag.c_str());
  llvm::cl::ParseCommandLineOptions(list.size(), list.data(), "lathec\n");
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  lathe::registerPasses();

  Arguments arguments;
  CLI::App app("Compiles a model (ONNX or GGUF) ahead of time into one artifact that the thin runtime runs.", "lathec");
  declareOptions(app, arguments);
  try {
    app.parse(argc, argv);
    parseLists(arguments);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? Success : BadUsage;
  }
  parseMlirFlags(argv[0], arguments.mlirFlags);

  mlir::DialectRegistry registry;
  lathe::registerDialects(registry);
  mlir::MLIRContext context(registry);
  context.printOpOnDiagnostic(false); // people see the model's node, not our IR
  mlir::ScopedDiagnosticHandler diagnostics(&context, printDiagnostic);
  if (!arguments.quiet)
    arguments.compile.note = [](llvm::StringRef text) { llvm::errs() << "lathec: " << text << "\n"; };
  arguments.compile.keepLlvmIr = arguments.emit == "llvm";

  Compilation compilation(context, arguments.compile);
  if (mlir::failed(compilation.run()) || mlir::failed(compilation.emit(getEmitKind(arguments.emit), arguments.output)))
    return CompileFailed;
  if (arguments.report)
    compilation.report(llvm::outs());
  return Success;
}
