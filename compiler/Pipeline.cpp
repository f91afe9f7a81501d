// The only file that orders passes.
#include "compiler/Pipeline.h"
#include "compiler/targets/cuda/Passes.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;
using namespace lathe;

ArrayRef<llvm::StringLiteral> lathe::getPhaseNames() {
  static constexpr llvm::StringLiteral names[] = {"import", "cleanup", "quantize", "shard",
                                                  "fuse",   "plan",    "codegen",  "artifact"};
  return names;
}

std::vector<int64_t> PipelineOptions::getTokenBoundaries() const {
  if (!tokenBoundaries.empty())
    return tokenBoundaries;
  if (cuda && batchInvariant)
    return {64, 256}; // other tiles, which add in the same order
  // On a GPU one token, a few, and more are three kinds of product; beyond 256 tiles are other ones.
  return cuda ? std::vector<int64_t>{1, 8, 64, 256} : std::vector<int64_t>{8};
}

std::vector<int64_t> PipelineOptions::getBatchBoundaries() const {
  if (!cuda || batchInvariant || !batchBoundaries.empty())
    return batchBoundaries;
  return {1, 8}; // one picture or text fills a GPU in other ways than many do
}

static ChooseCloneRangesOptions getCloneOptions(const PipelineOptions &options) {
  ChooseCloneRangesOptions clone;
  clone.chips.assign(options.chips.begin(), options.chips.end());
  clone.batchInvariant = options.batchInvariant;
  clone.tf32 = options.activations == "tf32";
  clone.texts = options.tokenBoundaries.empty();
  clone.tensors = options.batchBoundaries.empty() && !options.batchInvariant;
  return clone;
}

std::vector<Phase> lathe::buildPhases(const PipelineOptions &options) {
  return {
      {"cleanup",
       [](OpPassManager &pm) {
         pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
         pm.addNestedPass<func::FuncOp>(createFoldConstants());
         pm.addNestedPass<func::FuncOp>(createCSEPass());
         pm.addNestedPass<func::FuncOp>(createFoldTransposes());
         pm.addNestedPass<func::FuncOp>(createFoldBatchNorm());
         pm.addNestedPass<func::FuncOp>(createRecognizeLayerNorm());
         pm.addNestedPass<func::FuncOp>(createRecognizeRmsNorm());
         pm.addNestedPass<func::FuncOp>(createRecognizeSoftmax());
         pm.addNestedPass<func::FuncOp>(createRecognizeGelu());
         pm.addNestedPass<func::FuncOp>(createRecognizeSilu());
         pm.addNestedPass<func::FuncOp>(createRecognizeRope());
         pm.addNestedPass<func::FuncOp>(createRecognizeAttention());
         pm.addNestedPass<func::FuncOp>(createFoldTransposes()); // those around attention
         pm.addNestedPass<func::FuncOp>(createCanonicalizerPass());
         pm.addNestedPass<func::FuncOp>(createCSEPass());
       }},
      {"quantize",
       [options](OpPassManager &pm) {
         std::string activations = options.activations;
         if (activations.empty() || options.roundsRows() || (activations == "int8" && options.cuda))
           activations = options.cuda ? "f16" : "f32";
         pm.addNestedPass<func::FuncOp>(createExpandFakeQuantize());
         if (!options.quantize.empty()) {
           QuantizeWeightsOptions quantize;
           quantize.recipe = options.quantize;
           quantize.choices.assign(options.formatChoices.begin(), options.formatChoices.end());
           pm.addPass(createQuantizeWeights(quantize));
         }
         pm.addPass(createReadBlocks());
         if (options.roundsRows())
           pm.addPass(createRoundRows());
         if (options.activations == "int8")
           pm.addPass(createMultiplyCodes({options.cuda ? "cuda" : "cpu"}));
         pm.addPass(createNarrowProducts({activations, options.kv}));
         pm.addNestedPass<func::FuncOp>(createCSEPass());
         if (options.cuda)
           pm.addNestedPass<func::FuncOp>(createRoundOnce());
       }},
      {"shard",
       [options](OpPassManager &pm) {
         if (options.ranks == 1)
           return;
         PropagateShardingsOptions shardings;
         shardings.ranks = options.ranks;
         shardings.rules.assign(options.shardRules.begin(), options.shardRules.end());
         pm.addPass(createPropagateShardings(shardings));
         pm.addPass(createPartitionValues());
         pm.addPass(createCheckCollectives());
       }},
      {"fuse",
       [options](OpPassManager &pm) {
         if (options.cuda) {
           pm.addNestedPass<func::FuncOp>(createRegroupBlocks());
           pm.addPass(createChooseCloneRanges(getCloneOptions(options)));
         }
         CloneByTokenCountOptions clone;
         std::vector<int64_t> boundaries = options.getTokenBoundaries();
         clone.boundaries.assign(boundaries.begin(), boundaries.end());
         std::vector<int64_t> batches = options.getBatchBoundaries();
         clone.batches.assign(batches.begin(), batches.end());
         pm.addPass(createCloneByTokenCount(clone));
         pm.addNestedPass<func::FuncOp>(createFormWeightPrograms());
         std::string target = options.cuda ? "cuda" : "cpu";
         pm.addNestedPass<func::FuncOp>(createPutChannelsLast({target}));
         bool tf32 = options.cuda && options.activations == "tf32";
         pm.addNestedPass<func::FuncOp>(createPackProducts({target, tf32}));
         pm.addNestedPass<func::FuncOp>(createFormWeightPrograms());
         // In each call: what they become has no room in the artifact. Their products add in another order.
         if (options.cuda && !options.batchInvariant) {
           UnpackBlocksOptions unpack;
           unpack.chips.assign(options.chips.begin(), options.chips.end());
           pm.addNestedPass<func::FuncOp>(createUnpackBlocks(unpack));
         }
         pm.addNestedPass<func::FuncOp>(createFormFusions({target}));
         pm.addNestedPass<func::FuncOp>(createJoinProducts({target}));
         pm.addNestedPass<func::FuncOp>(createLaunchTogether({target}));
         pm.addNestedPass<func::FuncOp>(createChooseKernels({target, options.cuda && options.batchInvariant, tf32}));
         if (options.cuda && !options.batchInvariant) {
           pm.addNestedPass<func::FuncOp>(createNormalizeInProducts());
           pm.addNestedPass<func::FuncOp>(createRotateInAttention());
         }
       }},
      {"plan", [](OpPassManager &pm) { pm.addPass(createPlanMemory()); }},
  };
}

namespace {
/// What may stand after a phase: full operation names, or "dialect.*".
struct LegalityRule {
  llvm::StringLiteral phase;
  llvm::SmallVector<llvm::StringLiteral, 12> legal;
};
} // namespace

static ArrayRef<LegalityRule> getRules() {
  // Before fusion: a model in named operations. After: kernels, what they read, and addresses. After planning: memory.
  static const llvm::SmallVector<llvm::StringLiteral, 12> model = {"builtin.module", "func.*", "lathe.*", "scf.*",
                                                                   "arith.*"};
  static const LegalityRule rules[] = {
      {"import", model},
      {"cleanup", model},
      {"quantize", model},
      {"shard", model},
      {"fuse",
       {"builtin.module", "func.func", "func.return", "lathe.weight", "lathe.weight_program", "lathe.constant",
        "lathe.reshape", "lathe.fusion", "lathe.read_sizes", "lathe.if", "lathe.loop", "lathe.yield"}},
      {"plan", {"builtin.module", "plan.*"}},
  };
  return rules;
}

static bool isListed(Operation *op, ArrayRef<llvm::StringLiteral> legal) {
  StringRef name = op->getName().getStringRef();
  return llvm::any_of(
      legal, [&](StringRef entry) { return entry.consume_back("*") ? name.starts_with(entry) : name == entry; });
}

/// Bodies of kernels and weight programs hold `lathe` operations whatever the phase.
static bool isLegal(Operation *op, const LegalityRule &rule) {
  if (isa_and_nonnull<FusionOp, WeightProgramOp, plan::LaunchOp, plan::DataOp>(op->getParentOp()))
    return isListed(op, {"lathe.*"});
  return isListed(op, rule.legal);
}

/// Quantized blocks may be seen by our own operations alone: others would cut through the middle of a block.
static LogicalResult checkQuantized(Operation *op) {
  if (isa_and_nonnull<LatheDialect, plan::PlanDialect>(op->getDialect()) || isa<func::FuncOp, func::ReturnOp>(op))
    return success();
  auto isQuantized = [](Type type) {
    auto shaped = dyn_cast<ShapedType>(type);
    return shaped && isa<QuantizedTypeInterface>(shaped.getElementType());
  };
  if (llvm::any_of(op->getOperandTypes(), isQuantized) || llvm::any_of(op->getResultTypes(), isQuantized))
    return op->emitOpError() << "touches quantized blocks, which only 'lathe' operations may read";
  return success();
}

LogicalResult lathe::checkLegality(ModuleOp module, StringRef phase) {
  const LegalityRule *rule = llvm::find_if(getRules(), [&](const LegalityRule &r) { return r.phase == phase; });
  if (rule == getRules().end())
    return success();
  bool legal = true;
  module->walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (failed(checkQuantized(op)))
      legal = false;
    if (isLegal(op, *rule))
      return WalkResult::advance();
    legal = false;
    op->emitOpError() << "is not legal after phase '" << phase << "'";
    return WalkResult::skip();
  });
  return success(legal);
}
