// Compiles a model for CUDA and prints what comes out: for tests, and for taking a kernel apart.
//
//   cuda-print FILE.mlir|FILE.gguf|FILE.onnx [--emit=plan,source,launches,kernels,ptx,cubin,host]
//              [--ptx=compute_80]
//
// A module that holds functions goes through the phases before code generation, one that holds a plan does not.
#include "compiler/Dialects.h"
#include "compiler/targets/cuda/CudaTarget.h"
#include "test/compiler/targets/cuda/ModelFile.h"
#include <CLI/CLI.hpp>

using namespace mlir;
using namespace lathe;

namespace {
struct Options {
  std::string File, Ptx = "compute_80";
  std::vector<std::string> Emit = {"source"};
  PipelineOptions Pipeline;
  CudaTargetOptions Target;
};
} // namespace

static void print(const Options &options, ModuleOp module, const CudaCode &code) {
  unsigned target = findPtxTarget(options.Ptx);
  const CudaText &text = code.Texts[target];
  for (const std::string &part : options.Emit) {
    if (part == "plan")
      llvm::outs() << module;
    else if (part == "source")
      llvm::outs() << text.Source;
    else if (part == "launches")
      llvm::outs() << text.Launches;
    else if (part == "host")
      llvm::outs() << code.HostImages.front().LlvmIr;
    else if (part == "cubin")
      for (const CudaBinary &cubin : code.Cubins)
        llvm::outs() << llvm::join(cubin.Modules, "");
    else if (part == "kernels")
      for (const CudaKernel &kernel : code.Kernels) {
        const CudaVariant &variant = kernel.Variants[target];
        llvm::outs() << kernel.Name << ": " << variant.Config << "; " << variant.Registers << " registers, "
                     << variant.SharedBytes << " bytes shared, " << variant.StackBytes << " bytes of stack; "
                     << kernel.Reason << '\n';
      }
    else if (part == "ptx")
      llvm::outs() << llvm::join(text.Ptx, "");
  }
}

int main(int argc, char **argv) {
  Options options;
  CLI::App app("Compiles a model for CUDA and prints what comes out");
  app.add_option("file", options.File)->required();
  app.add_option("--emit", options.Emit)
      ->delimiter(',')
      ->check(CLI::IsMember({"plan", "source", "launches", "kernels", "ptx", "cubin", "host"}));
  app.add_option("--ptx", options.Ptx, "of which target the source, launches, kernels and PTX are")
      ->check(CLI::IsMember({"compute_80", "sm_90a"}));
  app.add_option("--cuda-path", options.Target.CudaPath);
  app.add_option("--chips", options.Target.Chips)->delimiter(',');
  app.add_option("--activations", options.Pipeline.activations);
  app.add_option("--kv", options.Pipeline.kv);
  app.add_flag("--batch-invariant", options.Pipeline.batchInvariant);
  CLI11_PARSE(app, argc, argv);
  options.Pipeline.cuda = true;
  if (!options.Pipeline.batchInvariant) { // the same clones whatever the model is, so that all kernels are seen
    options.Pipeline.tokenBoundaries = {1, 8, 64, 256};
    options.Pipeline.batchBoundaries = {1, 8};
  }
  options.Target.Host.KeepLlvmIr = true;

  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  context.loadAllAvailableDialects();
  llvm::SourceMgr sources;
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = test::readModel(options.File, context, sources);
  if (!module)
    return 1;
  bool planned = !module->getOps<plan::ProgramOp>().empty();
  if (!planned && failed(test::runPhases(*module, options.Pipeline, "cleanup", "")))
    return 1;
  // Without a library: what is printed alone.
  bool textAlone = llvm::all_of(
      options.Emit, [](StringRef part) { return part == "plan" || part == "source" || part == "launches"; });
  FailureOr<CudaCode> code = textAlone ? printCuda(*module) : compileCuda(*module, options.Target);
  if (failed(code))
    return 1;
  print(options, *module, *code);
  return 0;
}
