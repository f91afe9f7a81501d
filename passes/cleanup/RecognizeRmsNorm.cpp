// See RecognizeRmsNorm in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZERMSNORM
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// Epsilon, when `each` divides a row by its root mean square.
static std::optional<double> readNorm(Operation *op, const Standardized &each) {
  auto mean = each.root.variance.getDefiningOp<ReduceOp>();
  if (!mean || mean.getKind() != ReduceKind::Mean || getSquareRoot(mean.getInput()) != each.dividend)
    return std::nullopt;
  auto type = cast<RankedTensorType>(each.dividend.getType());
  StringRef obstacle;
  if (getMeanAxis(mean.getResult(), {}) != type.getRank() - 1)
    obstacle = "the mean is not taken over the last dimension alone";
  else if (type.isDynamicDim(type.getRank() - 1))
    obstacle = "the length of a row is not known";
  else if (!(each.root.epsilon > 0))
    obstacle = "nothing is added to the mean";
  else if (Type e = type.getElementType(); !e.isF32() && !e.isF16() && !e.isBF16())
    obstacle = "elements are not f32, f16 or bf16";
  if (obstacle.empty())
    return each.root.epsilon;
  refuse(op, "RecognizeRmsNorm", obstacle);
  return std::nullopt;
}

static void rewrite(Operation *op) {
  for (const Standardized &each : readStandardized(op)) {
    std::optional<double> epsilon = readNorm(op, each);
    if (!epsilon)
      continue;
    Value input = each.dividend;
    Operation *last = op;
    // Rows that were widened for this alone are read as they are.
    auto widened = input.getDefiningOp<CastOp>();
    auto narrowed = getOnlyUser<CastOp>(op->getResult(0));
    if (widened && narrowed && widened.getInput().getType() == narrowed.getResult().getType() &&
        isa<FloatType>(widened.getInput().getType().getElementType())) {
      input = widened.getInput();
      last = narrowed;
    }
    auto type = cast<RankedTensorType>(input.getType());
    if (last->getResult(0).getType() != type)
      continue;
    OpBuilder builder(last);
    Value weight;
    if (auto mul = getOnlyUser<MulOp>(last->getResult(0)); mul && mul.getResult().getType() == type) {
      builder.setInsertionPoint(mul);
      weight = getRowShaped(builder, getOther(mul, last->getResult(0)), type, type.getRank() - 1);
      last = weight ? mul : last;
    }
    builder.setInsertionPoint(last);
    if (!weight) {
      auto row = RankedTensorType::get(type.getShape().take_back(), type.getElementType());
      Attribute one = builder.getFloatAttr(type.getElementType(), 1.0);
      weight = ConstantOp::create(builder, op->getLoc(), row, DenseElementsAttr::get(row, one));
    }
    Value result = RmsNormOp::create(builder, last->getLoc(), type, input, weight, APFloat(float(*epsilon)));
    return replaceWith(last, result, "RecognizeRmsNorm",
                       Twine("an RMS norm of rows of ") + std::to_string(type.getShape().back()));
  }
}

namespace {
struct RecognizeRmsNorm : lathe::impl::RecognizeRmsNormBase<RecognizeRmsNorm> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
