// See RecognizeLayerNorm in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_RECOGNIZELAYERNORM
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// A layer norm, put together until `last`.
struct Norm {
  Operation *last;
  Value input;
  int64_t axis;
  double epsilon;
  Value scale, bias;
};
} // namespace

/// `shifted / sqrt(mean(shifted^2) + epsilon)` of `shifted = x - mean(x)`.
static std::optional<Norm> readNorm(Operation *op, Value shifted, const InverseRoot &root) {
  auto sub = shifted.getDefiningOp<SubOp>();
  auto variance = root.variance.getDefiningOp<ReduceOp>();
  if (!sub || !variance || getSquareRoot(variance.getInput()) != shifted || root.epsilon < 0)
    return std::nullopt;
  std::optional<int64_t> axis = getMeanAxis(sub.getRhs(), sub.getLhs()), other = getMeanAxis(variance.getResult(), {});
  if (!axis || axis != other) {
    if (sub.getRhs().getDefiningOp<ReduceOp>())
      refuse(op, "RecognizeLayerNorm", "the mean is not taken over the last dimensions");
    return std::nullopt;
  }
  return Norm{op, sub.getLhs(), *axis, root.epsilon, {}, {}};
}

/// `x * m + (bias - mean * m)` of `m = scale / sqrt(...)`, as tf2onnx writes it.
static std::optional<Norm> readSpreadOut(AddOp add) {
  for (auto [left, right] : {std::pair(add.getLhs(), add.getRhs()), std::pair(add.getRhs(), add.getLhs())}) {
    auto product = left.getDefiningOp<MulOp>();
    auto rest = right.getDefiningOp<SubOp>();
    auto shift = rest ? rest.getRhs().getDefiningOp<MulOp>() : MulOp();
    if (!product || !shift)
      continue;
    for (Value factor : product->getOperands()) {
      Value input = getOther(product, factor), mean = getOther(shift, factor);
      auto scaled = factor.getDefiningOp<MulOp>();
      if (!mean || !getMeanAxis(mean, input))
        continue;
      for (Value inverse : scaled ? SmallVector<Value>(scaled->getOperands()) : SmallVector<Value>{factor}) {
        std::optional<InverseRoot> root = readInverseRoot(inverse);
        auto variance = root ? root->variance.getDefiningOp<ReduceOp>() : ReduceOp();
        Value shifted = variance ? getSquareRoot(variance.getInput()) : Value();
        auto sub = shifted ? shifted.getDefiningOp<SubOp>() : SubOp();
        if (!sub || sub.getLhs() != input || sub.getRhs() != mean)
          continue;
        std::optional<Norm> norm = readNorm(add, shifted, *root);
        if (!norm)
          continue;
        norm->scale = scaled ? getOther(scaled, inverse) : Value();
        norm->bias = rest.getLhs();
        return norm;
      }
    }
  }
  return std::nullopt;
}

/// Takes in the scale and the bias behind a norm that nothing else reads.
static void absorb(Norm &norm, OpBuilder &builder) {
  auto type = cast<RankedTensorType>(norm.input.getType());
  auto take = [&](Operation *user, Value &operand) {
    if (!user || user->getResult(0).getType() != type)
      return;
    builder.setInsertionPoint(user);
    if (Value row = getRowShaped(builder, getOther(user, norm.last->getResult(0)), type, norm.axis)) {
      operand = row;
      norm.last = user;
    }
  };
  take(getOnlyUser<MulOp>(norm.last->getResult(0)), norm.scale);
  take(getOnlyUser<AddOp>(norm.last->getResult(0)), norm.bias);
}

static void rewrite(Operation *op) {
  std::optional<Norm> norm;
  for (const Standardized &each : readStandardized(op))
    if (!norm)
      norm = readNorm(op, each.dividend, each.root);
  OpBuilder builder(op);
  if (norm) {
    absorb(*norm, builder);
  } else if (auto add = dyn_cast<AddOp>(op)) {
    norm = readSpreadOut(add);
    if (!norm)
      return;
    auto type = cast<RankedTensorType>(norm->input.getType());
    for (Value *operand : {&norm->scale, &norm->bias})
      if (*operand && !(*operand = getRowShaped(builder, *operand, type, norm->axis)))
        return refuse(op, "RecognizeLayerNorm", "scale or bias are not one row");
  } else {
    return;
  }
  auto type = dyn_cast<RankedTensorType>(norm->input.getType());
  Type element = type.getElementType();
  if (!element.isF32() && !element.isF16() && !element.isBF16())
    return refuse(op, "RecognizeLayerNorm", "elements are not f32, f16 or bf16");
  if (norm->last->getResult(0).getType() != type)
    return;
  builder.setInsertionPoint(norm->last);
  Value result = LayerNormOp::create(builder, norm->last->getLoc(), type, norm->input, norm->scale, norm->bias,
                                     uint64_t(norm->axis), APFloat(float(norm->epsilon)));
  replaceWith(norm->last, result, "RecognizeLayerNorm",
              Twine("a layer norm of ") + std::to_string(type.getRank() - norm->axis) + " dimensions");
}

namespace {
struct RecognizeLayerNorm : lathe::impl::RecognizeLayerNormBase<RecognizeLayerNorm> {
  void runOnOperation() override { rewriteEach(getOperation(), rewrite); }
};
} // namespace
