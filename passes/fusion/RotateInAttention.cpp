// See RotateInAttention in Passes.td.
#include "dialects/lathe/Bounds.h"
#include "dialects/lathe/SymbolicDims.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ROTATEINATTENTION
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

// What the kernel has room for: rows of a step, and how many dimensions it turns at a time.
static constexpr int64_t MaxRows = 8, Step = 16;

static Value skipCasts(Value value) {
  while (auto cast = value.getDefiningOp<CastOp>())
    value = cast.getInput();
  return value;
}

/// The attention of few rows that is all that a fusion computes, or null.
static PagedAttentionOp getAttention(FusionOp fusion) {
  KernelAttr kernel = fusion.getKernelAttr();
  auto variant = kernel ? kernel.getConfig().getAs<StringAttr>("variant") : StringAttr();
  SmallVector<Operation *> roots = getRoots(fusion);
  bool fewRows =
      kernel && kernel.getKernelTemplate() == "paged_attention" && variant && variant.getValue() == "few_rows";
  return fewRows && roots.size() == 1 ? dyn_cast<PagedAttentionOp>(roots[0]) : PagedAttentionOp();
}

/// The operation that makes what `fusion` has outside for an operand of its own; null when that is no fusion's.
template <class Op> static Op findProducer(FusionOp fusion, Value operand, FusionOp &producer) {
  auto argument = dyn_cast<BlockArgument>(operand);
  auto result = argument ? dyn_cast<OpResult>(fusion.getOperand(argument.getArgNumber())) : OpResult();
  producer = result ? dyn_cast<FusionOp>(result.getOwner()) : FusionOp();
  if (!producer || producer->getBlock() != fusion->getBlock())
    return {};
  Value yielded = producer.getBody().front().getTerminator()->getOperand(result.getResultNumber());
  return skipCasts(yielded).getDefiningOp<Op>();
}

namespace {
/// What may become one launch.
struct Candidate {
  FusionOp Rotation, Attention;
  RopeOp Query, Key;
  AppendKvOp Append;
  PagedAttentionOp Op;
};
} // namespace

/// Candidates have a launch with the rotations of both and the append in front of attention, and nothing else in it.
static bool findCandidate(FusionOp fusion, Candidate &candidate) {
  candidate.Attention = fusion;
  candidate.Op = getAttention(fusion);
  if (!candidate.Op)
    return false;
  FusionOp other;
  candidate.Query = findProducer<RopeOp>(fusion, candidate.Op.getQuery(), candidate.Rotation);
  candidate.Append = findProducer<AppendKvOp>(fusion, candidate.Op.getState(), other);
  if (!candidate.Query || !candidate.Append || other != candidate.Rotation)
    return false;
  candidate.Key = skipCasts(candidate.Append.getKey()).getDefiningOp<RopeOp>();
  return candidate.Key && getRoots(candidate.Rotation).size() == 3 && candidate.Rotation.getNumResults() == 2;
}

static StringRef findObstacle(Candidate candidate, int64_t maxRows) {
  auto elementOf = [](Value value) { return getElementTypeOrSelf(value.getType()); };
  RopeOp query = candidate.Query, key = candidate.Key;
  AppendKvOp append = candidate.Append;
  if (maxRows > MaxRows)
    return "there may be more than 8 rows";
  if (query->getAttrs() != key->getAttrs() || query.getPositions() != key.getPositions() ||
      query.getFactors() != key.getFactors())
    return "queries and keys are rotated differently";
  if (candidate.Op.getQuery().getType().getDimSize(2) != append.getKey().getType().getDimSize(2))
    return "keys begin with their values";
  if (query.getDimensions() % Step != 0)
    return "the rotated dimensions are no multiple of 16";
  if (elementOf(query.getInput()) != elementOf(key.getInput()) ||
      elementOf(query.getInput()) != elementOf(append.getValue()))
    return "queries, keys and values have different types";
  if (!isa<BlockArgument>(query.getInput()) || !isa<BlockArgument>(key.getInput()) ||
      !isa<BlockArgument>(append.getValue()))
    return "what is rotated is computed in the same launch";
  if (Type element = append.getState().getType().getElement(); !element.isF16() && !element.isBF16())
    return "the cache is not of 16-bit floats";
  if (append.getLayer() != candidate.Op.getLayer())
    return "it reads another layer than was appended to";
  for (OpResult result : candidate.Rotation.getResults()) {
    bool state = isa<StateType>(result.getType());
    bool others = llvm::any_of(result.getUsers(), [&](Operation *user) { return user != candidate.Attention; });
    if (state != others)
      return state ? "nobody else reads the cache" : "others read its queries too";
  }
  return "";
}

namespace {
struct RotateInAttention : lathe::impl::RotateInAttentionBase<RotateInAttention> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    FailureOr<SymbolicDims> dims = SymbolicDims::compute(getOperation());
    if (failed(dims))
      return signalPassFailure();
    Bounds bounds(dims->getSymbols());
    auto options = remark::RemarkOpts::name("RotateInAttention").category("fusion");
    SmallVector<Candidate> candidates;
    getOperation().walk([&](FusionOp fusion) {
      Candidate candidate;
      if (!findCandidate(fusion, candidate))
        return;
      int64_t maxRows = bounds.getRange((*dims)[fusion.getResult(0)][0]).second;
      if (StringRef obstacle = findObstacle(candidate, maxRows); !obstacle.empty())
        remark::missed(fusion.getLoc(), options)
            << remark::add("attention does not rotate its queries and keys itself: {0}", obstacle);
      else
        candidates.push_back(candidate);
    });
    for (Candidate &candidate : candidates) {
      KernelAttr kernel = candidate.Attention.getKernelAttr();
      FusionOp merged = mergeFusions({candidate.Rotation, candidate.Attention});
      merged.setKernelAttr(KernelAttr::get(&getContext(), kernel.getKernelTemplate(), kernel.getConfig(),
                                           kernel.getReason().str() + "; rotates its queries and keys"));
      remark::passed(merged.getLoc(), options) << remark::add("attention rotates its queries and keys itself");
    }
  }
};
} // namespace
