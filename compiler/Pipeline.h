// The phases of a compilation: which passes run, in which order, and what the IR may hold after each.
#ifndef LATHE_COMPILER_PIPELINE_H
#define LATHE_COMPILER_PIPELINE_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"
#include <functional>
#include <string>
#include <vector>

namespace lathe {

struct PipelineOptions {
  bool cuda = false;
  /// The recipe by which weights are quantized: a format, a recipe's name or the path of one. Empty: they are not.
  std::string quantize;
  /// NAME=FORMAT or NAME=keep: what was chosen for weights that the recipe leaves to a size.
  std::vector<std::string> formatChoices;
  /// f32, f16, bf16, tf32, int8 or fp8: what products read. Empty: f32 on the CPU, f16 on CUDA.
  std::string activations;
  /// Whether products with weights of f8E4M3FN round their rows as well, when the model runs. All else is as if
  /// `activations` were empty.
  bool roundsRows() const { return activations == "fp8"; }
  /// f32, f16 or bf16: what paged state holds. Empty: as activations, f32 with int8.
  std::string kv;
  /// On CUDA: the GPUs that the model is compiled for, whose times decide where it is cut into clones.
  std::vector<std::string> chips = {"sm_90a"};
  /// Largest token count of each clone of a language model but the last. Empty: chosen by what kernels are expected to
  /// take, on CUDA; or that of the CPU, which has other kernels from there on.
  std::vector<int64_t> tokenBoundaries;
  /// The same of a model of tensors, by its batch, on CUDA. Empty: chosen.
  std::vector<int64_t> batchBoundaries;
  /// On CUDA: the bits of a text's results depend on nothing beside it. All token counts have kernels that add in one
  /// order, whose tiles few tokens do not fill. On the CPU it is always so.
  bool batchInvariant = false;

  /// How many ranks share the model, each of which has a part of its weights; 1: one device.
  int64_t ranks = 1;
  /// What the user asks of weights by their names: PATTERN=DIMENSION or PATTERN=whole.
  std::vector<std::string> shardRules;

  /// Where models of texts are cut unless there is reason to cut them elsewhere.
  std::vector<int64_t> getTokenBoundaries() const;
  /// The same of models of tensors; empty where all batches have one clone.
  std::vector<int64_t> getBatchBoundaries() const;
};

struct Phase {
  llvm::StringLiteral name;
  std::function<void(mlir::OpPassManager &)> build;
};

/// Names of all phases in order: import, cleanup, quantize, shard, fuse, plan, codegen, artifact. The first and the
/// last two are not made of passes.
llvm::ArrayRef<llvm::StringLiteral> getPhaseNames();

/// The phases between import and codegen.
std::vector<Phase> buildPhases(const PipelineOptions &options);

/// Checks that the module holds only what is legal after `phase`; emits an error on everything else.
llvm::LogicalResult checkLegality(mlir::ModuleOp module, llvm::StringRef phase);

} // namespace lathe

#endif // LATHE_COMPILER_PIPELINE_H
