// See QuantizeWeights in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/quantization/QuantizationRecipe.h"
#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_QUANTIZEWEIGHTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// A weight as products read it, and the operands that do.
struct Candidate {
  Value values;            ///< floats or blocks, before casts that lose nothing
  bool transposed = false; ///< rows of the blocks are its columns
  WeightOp source;
  SmallVector<OpOperand *> uses;

  SmallVector<int64_t> getShape() const {
    SmallVector<int64_t> shape(cast<RankedTensorType>(values.getType()).getShape());
    if (transposed)
      std::swap(shape[0], shape[1]);
    return shape;
  }
};
} // namespace

/// The operand that holds weights of an operation that reads blocks; null for any other operation.
static OpOperand *findWeightOperand(Operation *op) {
  if (isa<MatmulOp, ExpertMatmulOp>(op))
    return &op->getOpOperand(1);
  return isa<GatherOp>(op) ? &op->getOpOperand(0) : nullptr;
}

/// What `value` was before casts to a wider float or from blocks, which lose nothing.
static Value skipWidening(Value value) {
  while (auto op = value.getDefiningOp<CastOp>()) {
    Type from = op.getInput().getType().getElementType(), to = op.getResult().getType().getElementType();
    bool narrow = from.isF16() || from.isBF16() || isa<QuantizedTypeInterface>(from);
    if (from != to && !(to.isF32() && narrow))
      break;
    value = op.getInput();
  }
  return value;
}

/// Why the weights of an operation are not quantized, or an empty string.
static StringRef findObstacle(const OpOperand &use) {
  auto type = cast<RankedTensorType>(use.get().getType());
  bool isExpert = isa<ExpertMatmulOp>(use.getOwner());
  if (!isOfWeightsAlone(use.get()))
    return "it is not made of weights alone";
  if (type.getRank() != (isExpert ? 3 : 2))
    return "it is not one matrix";
  return "";
}

/// A product of a float tensor reads rhs as [K, N]; blocks run along K, the last dimension.
static Candidate describe(OpOperand &use) {
  auto matmul = dyn_cast<MatmulOp>(use.getOwner());
  Candidate candidate{skipWidening(use.get()), matmul && !matmul.getTransposeRhs(), findSourceWeight(use.get()), {}};
  if (auto transpose = candidate.values.getDefiningOp<TransposeOp>();
      candidate.transposed && transpose && transpose.getPermutation() == ArrayRef<int64_t>{1, 0}) {
    candidate.values = skipWidening(transpose.getInput());
    candidate.transposed = false;
  }
  return candidate;
}

/// The blocks of a candidate, behind what makes its values.
static Value quantize(const Candidate &candidate, QuantizedTypeInterface blocks) {
  Value values = candidate.values;
  OpBuilder builder(values.getContext());
  builder.setInsertionPointAfterValue(values);
  auto type = cast<RankedTensorType>(values.getType());
  if (isa<QuantizedTypeInterface>(type.getElementType())) {
    type = type.clone(builder.getF32Type());
    values = CastOp::create(builder, values.getLoc(), type, values);
  }
  SmallVector<int64_t> shape = candidate.getShape();
  if (candidate.transposed)
    values = TransposeOp::create(builder, values.getLoc(), type.clone(shape), values, ArrayRef<int64_t>{1, 0});
  return QuantizeOp::create(builder, values.getLoc(), RankedTensorType::get(shape, blocks), values);
}

/// A gather from blocks gives f32.
static void widenGather(GatherOp gather) {
  auto type = gather.getResult().getType();
  if (type.getElementType().isF32())
    return;
  OpBuilder builder(gather->getContext());
  builder.setInsertionPointAfter(gather);
  gather.getResult().setType(type.clone(builder.getF32Type()));
  Value narrow = CastOp::create(builder, gather.getLoc(), type, gather.getResult());
  gather.getResult().replaceAllUsesExcept(narrow, narrow.getDefiningOp());
}

/// Erases what makes `value` as far as nobody reads it.
static void eraseUnused(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || !op->use_empty())
    return;
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  for (Value operand : operands)
    eraseUnused(operand);
}

static void replaceUses(Candidate &candidate, Value blocks) {
  for (OpOperand *use : candidate.uses) {
    Value before = use->get();
    use->set(blocks);
    if (auto matmul = dyn_cast<MatmulOp>(use->getOwner()))
      matmul.setTransposeRhs(true);
    else if (auto gather = dyn_cast<GatherOp>(use->getOwner()))
      widenGather(gather);
    eraseUnused(before);
  }
}

static std::vector<Candidate> findCandidates(ModuleOp module) {
  auto options = remark::RemarkOpts::name("QuantizeWeights").category("quantization");
  llvm::MapVector<std::pair<Value, unsigned>, Candidate> found; // by values, and whether they are transposed
  module.walk([&](Operation *op) {
    OpOperand *use = findWeightOperand(op);
    if (!use)
      return;
    if (StringRef obstacle = findObstacle(*use); !obstacle.empty()) {
      remark::missed(op->getLoc(), options) << remark::add("an operand is not quantized: {0}", obstacle);
      return;
    }
    Candidate candidate = describe(*use);
    Candidate &known = found.try_emplace({candidate.values, candidate.transposed}, candidate).first->second;
    known.uses.push_back(use);
  });
  std::vector<Candidate> candidates;
  for (auto &[key, candidate] : found)
    candidates.push_back(std::move(candidate));
  return candidates;
}

static void applyFormat(Candidate &candidate, const ChosenFormat &chosen) {
  auto options = remark::RemarkOpts::name("QuantizeWeights").category("quantization");
  Location location = candidate.values.getLoc();
  StringRef name = candidate.source.getName();
  SmallVector<int64_t> shape = candidate.getShape();
  if (!chosen.fallbackFrom.empty())
    remark::missed(location, options) << remark::add(
        "'{0}' has rows of {1}, which hold no whole blocks of {2}: {3}", name, shape.back(), chosen.fallbackFrom,
        chosen.format.empty() ? "it is kept" : "it becomes " + chosen.format);
  if (chosen.format.empty())
    return;
  QuantizedTypeInterface blocks = findQuantizedType(location.getContext(), chosen.format, shape);
  Type before = getElementTypeOrSelf(candidate.values.getType());
  if (before == blocks && !candidate.transposed)
    return;
  remark::passed(location, options) << remark::add("'{0}' becomes {1} from {2}", name, chosen.format, before);
  replaceUses(candidate, quantize(candidate, blocks));
}

namespace {
struct QuantizeWeights : lathe::impl::QuantizeWeightsBase<QuantizeWeights> {
  using QuantizeWeightsBase::QuantizeWeightsBase;

  void runOnOperation() override {
    auto fail = [&](llvm::Error error) {
      emitError(UnknownLoc::get(&getContext())) << llvm::toString(std::move(error));
      signalPassFailure();
    };
    llvm::Expected<QuantizationRecipe> read = QuantizationRecipe::read(recipe);
    if (!read)
      return fail(read.takeError());
    std::vector<Candidate> candidates = findCandidates(getOperation());
    std::vector<QuantizableWeight> weights;
    for (Candidate &candidate : candidates)
      weights.push_back({candidate.source.getName().str(), candidate.getShape()});
    llvm::Expected<std::vector<ChosenFormat>> formats = read->choose(&getContext(), weights);
    if (!formats)
      return fail(formats.takeError());
    if (llvm::all_of(*formats, [](const ChosenFormat &chosen) { return chosen.format.empty(); }))
      return fail(llvm::createStringError(
          "recipe '" + recipe + "' quantizes none of the " + std::to_string(weights.size()) +
          " weights that products and gathers read; --remarks=quantization says why, another recipe may fit"));
    for (auto [candidate, chosen] : llvm::zip_equal(candidates, *formats))
      applyFormat(candidate, chosen);
  }
};
} // namespace
