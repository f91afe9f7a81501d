// See RecognizeSilu in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZESILU
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// x of `x * sigmoid(x)`; null for other products.
static Value readProduct(MulOp mul) {
  for (Value operand : mul->getOperands())
    if (auto sigmoid = operand.getDefiningOp<SigmoidOp>())
      if (Value other = getOther(mul, operand); other == sigmoid.getInput())
        return other;
  return Value();
}

/// x of `x / (1 + e^-x)`; null for other quotients.
static Value readQuotient(DivOp div) {
  auto add = div.getRhs().getDefiningOp<AddOp>();
  if (!add)
    return Value();
  for (Value operand : add->getOperands()) {
    auto exp = operand.getDefiningOp<ExpOp>();
    auto neg = exp ? exp.getInput().getDefiningOp<NegOp>() : NegOp();
    if (neg && neg.getInput() == div.getLhs() && isScalar(getOther(add, operand), 1))
      return neg.getInput();
  }
  return Value();
}

static void rewrite(Operation *op) {
  Value input;
  if (auto mul = dyn_cast<MulOp>(op))
    input = readProduct(mul);
  else if (auto div = dyn_cast<DivOp>(op))
    input = readQuotient(div);
  if (!input || input.getType() != op->getResult(0).getType())
    return;
  OpBuilder builder(op);
  replaceWith(op, SiluOp::create(builder, op->getLoc(), input.getType(), input), "RecognizeSilu", "a silu");
}

namespace {
struct RecognizeSilu : lathe::impl::RecognizeSiluBase<RecognizeSilu> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
