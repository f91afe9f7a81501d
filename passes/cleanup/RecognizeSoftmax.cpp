// See RecognizeSoftmax in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZESOFTMAX
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// What a reduction of `kind` of `value` along one dimension reads, and the dimension; nothing for other values.
static std::optional<int64_t> getReducedAxis(Value value, ReduceKind kind, Value input) {
  auto reduce = value.getDefiningOp<ReduceOp>();
  if (!reduce || reduce.getKind() != kind || !reduce.getKeep() || reduce.getInput() != input ||
      reduce.getAxes().size() != 1)
    return std::nullopt;
  return reduce.getAxes()[0];
}

static void rewrite(Operation *op) {
  auto div = dyn_cast<DivOp>(op);
  auto exp = div ? div.getLhs().getDefiningOp<ExpOp>() : ExpOp();
  std::optional<int64_t> axis = exp ? getReducedAxis(div.getRhs(), ReduceKind::Sum, exp) : std::nullopt;
  if (!axis)
    return;
  auto type = cast<RankedTensorType>(exp.getResult().getType());
  Value input = exp.getInput();
  // The largest element, taken away first, does not change the result.
  if (auto sub = input.getDefiningOp<SubOp>();
      sub && getReducedAxis(sub.getRhs(), ReduceKind::Max, sub.getLhs()) == axis)
    input = sub.getLhs();
  if (*axis != type.getRank() - 1)
    return refuse(op, "RecognizeSoftmax", "the sum is not taken over the last dimension");
  if (Type e = type.getElementType(); !e.isF32() && !e.isF16() && !e.isBF16())
    return refuse(op, "RecognizeSoftmax", "elements are not f32, f16 or bf16");
  if (input.getType() != type || div.getResult().getType() != type)
    return;
  OpBuilder builder(op);
  replaceWith(op, SoftmaxOp::create(builder, op->getLoc(), type, input), "RecognizeSoftmax", "a softmax");
}

namespace {
struct RecognizeSoftmax : lathe::impl::RecognizeSoftmaxBase<RecognizeSoftmax> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
