// Runs passes on IR in text form: the tool of the lit tests, and for taking a compilation apart.
#include "compiler/Dialects.h"
#include "compiler/Pipeline.h"
#include "compiler/Verify.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

namespace {
/// Runs last, for --legal-after.
struct CheckLegality : PassWrapper<CheckLegality, OperationPass<ModuleOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(CheckLegality)
  explicit CheckLegality(std::string phase) : Phase(std::move(phase)) {}
  StringRef getName() const override { return "CheckLegality"; }
  void runOnOperation() override {
    if (failed(lathe::checkLegality(getOperation(), Phase)))
      signalPassFailure();
  }
  std::string Phase;
};
} // namespace

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::opt<bool> verify("verify-numerics", llvm::cl::desc("Evaluate entry points before and after every pass, and "
                                                               "report the pass that changed their numbers"));
  llvm::cl::opt<std::string> legalAfter("legal-after", llvm::cl::value_desc("phase"),
                                        llvm::cl::desc("Refuse operations that may not stand after this phase"));
  DialectRegistry registry;
  lathe::registerDialects(registry);
  registry.insert<tensor::TensorDialect>(); // Tests show that it is refused where it would cut blocks.
  lathe::registerPasses();
  auto [input, output] = registerAndParseCLIOptions(argc, argv, "lathe optimizer\n", registry);

  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  std::vector<std::unique_ptr<lathe::NumericsCheck>> checks; // One for each module of a split input.
  config.setPassPipelineSetupFn([&, parsed = config](PassManager &pm) {
    if (failed(parsed.setupPassPipeline(pm)))
      return failure();
    if (!legalAfter.empty())
      pm.addPass(std::make_unique<CheckLegality>(legalAfter));
    if (verify)
      checks.emplace_back(std::make_unique<lathe::NumericsCheck>())->addTo(pm, "lathe-opt");
    return success();
  });

  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> source = openInputFile(input, &error);
  std::unique_ptr<llvm::ToolOutputFile> target = source ? openOutputFile(output, &error) : nullptr;
  if (!target) {
    llvm::errs() << error << "\n";
    return 1;
  }
  bool passed = succeeded(MlirOptMain(target->os(), std::move(source), registry, config));
  for (const auto &check : checks)
    passed &= config.shouldVerifyDiagnostics() || succeeded(check->getStatus());
  if (passed)
    target->keep();
  return passed ? 0 : 1;
}
