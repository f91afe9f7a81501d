// One compilation, from model file to artifact.
#ifndef LATHE_COMPILER_COMPILER_H
#define LATHE_COMPILER_COMPILER_H

#include "compiler/Manifest.h"
#include "compiler/Pipeline.h"
#include "compiler/Verify.h"
#include "compiler/targets/HostImage.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace lathe {

/// When weights are brought into the form that kernels read: by the compiler, or by the runtime when it loads them.
enum class PackTime { Compile, Load };

/// Whether the artifact holds the weights, names their place in the model's files, or leaves them out for a benchmark.
enum class WeightStorageKind { Embed, Reference, None };

struct CompileOptions {
  std::string input; ///< an ONNX or GGUF file, or IR in text form (.mlir)
  /// "cpu", or CUDA architectures as "sm_90a", each once. Reports are about the first.
  std::vector<std::string> targets = {"cpu"};
  WeightStorageKind weights = WeightStorageKind::Embed;
  PackTime pack = PackTime::Compile;
  std::string cudaPath; ///< where NVRTC and nvJitLink are; empty: the usual places
  std::string tuned;    ///< a file of what kernels take on a GPU; empty: predictions choose
  std::string tune;     ///< the file to write after measuring kernels on the GPU of this machine; empty: none
  PipelineOptions pipeline;
  llvm::StringMap<std::pair<int64_t, int64_t>> dims;
  llvm::StringMap<llvm::SmallVector<int64_t>> shapes;
  int64_t contextLength = 0;
  /// A language model is compiled as an encoder: hidden states instead of logits.
  bool embeddings = false;
  std::string stopAfter;  ///< a phase name, or empty
  std::string dumpPhases; ///< a folder, or empty
  /// What a device has, in bytes; a plan that needs more is refused. 0: not said.
  int64_t memoryPerDevice = 0;
  bool verify = false;
  bool keepLlvmIr = false;
  /// Code is for the processor of this machine alone, where the artifact is to run once.
  bool onlyThisHost = false;
  nlohmann::ordered_json evaluation; ///< what quantizing costs the model, for the manifest; null: not measured
  nlohmann::ordered_json fit;        ///< how formats were chosen for a size, for the manifest; null: they were not
  bool printOnly = false;            ///< kernels of GPUs are printed, which takes no library, and not compiled
  /// Which remarks of passes to show, as a regular expression over their categories; empty: none.
  std::string remarks;
  /// Developer's: passes by name that run at the end of a phase.
  std::vector<std::pair<std::string, std::string>> extraPasses;
  /// Called with what the user should know: defaults that were taken, what is under way.
  std::function<void(llvm::StringRef)> note = [](llvm::StringRef) {};
  /// Called with the name of each step when it begins.
  std::function<void(llvm::StringRef)> progress = [](llvm::StringRef) {};
};

enum class EmitKind { Artifact, Object, Cuda, Ptx, Mlir, Llvm };

class Compilation {
public:
  Compilation(mlir::MLIRContext &context, CompileOptions options);

  /// Runs every phase up to `stopAfter`, or up to code generation. Problems are diagnostics.
  llvm::LogicalResult run();
  /// Writes what `run` made. Fails with a diagnostic.
  llvm::LogicalResult emit(EmitKind kind, llvm::StringRef path);
  /// Lines for people: kernels, why they were chosen, memory.
  void report(llvm::raw_ostream &stream);
  /// The manifest of the compiled model, without its weights. What quantizing lost is in it once `emit` has written
  /// them.
  nlohmann::ordered_json describe();

  mlir::ModuleOp getModule() { return *Module; }

private:
  llvm::LogicalResult importModel();
  void noteIdleOptions(llvm::StringRef format);
  llvm::LogicalResult runPhase(const Phase &phase);
  llvm::LogicalResult finishPhase(llvm::StringRef phase);
  llvm::LogicalResult checkBudget();
  llvm::LogicalResult generateCode();
  llvm::LogicalResult generateCudaCode();
  llvm::LogicalResult readTuned(CudaTargetOptions &options);
  llvm::LogicalResult tune(CudaTargetOptions &options);
  llvm::LogicalResult verifyNative();
  /// Returns "" or what went wrong.
  std::string printModule(llvm::StringRef path);
  llvm::LogicalResult writeArtifactFile(llvm::StringRef path);
  llvm::LogicalResult writeObjectFiles(llvm::StringRef path);
  void addErrors(nlohmann::ordered_json &manifest);
  llvm::StringRef getTarget() const { return Options.targets.front(); }
  bool isCuda() const { return getTarget() != "cpu"; }

  mlir::MLIRContext &Context;
  CompileOptions Options;
  mlir::DefaultTimingManager Timing; ///< prints on destruction what MLIR's timing flags ask for
  mlir::TimingScope Total;
  mlir::OwningOpRef<mlir::ModuleOp> Module;
  std::optional<NumericsCheck> Numerics; ///< with `verify`
  std::vector<HostImage> Images;
  CudaCode Cuda;             ///< its host images are `Images`
  QuantizationLedger Ledger; ///< filled when the artifact is written
};

} // namespace lathe

#endif // LATHE_COMPILER_COMPILER_H
