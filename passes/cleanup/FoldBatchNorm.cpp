// See FoldBatchNorm in Passes.td.
#include "passes/Passes.h"
#include "passes/cleanup/Matchers.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FOLDBATCHNORM
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// A convolution and the numbers for each channel that are added to it, or subtracted.
struct Shifted {
  ConvOp conv;
  SmallVector<std::pair<Value, bool>> shifts; ///< true: subtracted; the last one was applied first
};
} // namespace

/// One number for each channel of an image, or one for all: [C, 1, 1], [1, C, 1, 1], [1, 1, 1] and so on.
static bool isPerChannel(Value value, RankedTensorType images) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() > images.getRank() || type.getElementType() != images.getElementType())
    return false;
  int64_t offset = images.getRank() - type.getRank();
  for (auto [d, size] : llvm::enumerate(type.getShape()))
    if (size != 1 && (int64_t(d) + offset != 1 || size != images.getDimSize(1)))
      return false;
  return dependsOnWeightsAlone(value);
}

/// Follows `value` down to a convolution; nothing else reads what is between them.
static std::optional<Shifted> readShifted(Value value) {
  Shifted found;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  while (type && value.getType() == type && (found.shifts.empty() || value.hasOneUse())) {
    Operation *op = value.getDefiningOp();
    if (auto conv = dyn_cast_or_null<ConvOp>(op)) {
      found.conv = conv;
      return found;
    }
    if (!isa_and_nonnull<AddOp, SubOp>(op))
      return std::nullopt;
    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    if (isa<AddOp>(op) && isPerChannel(lhs, type))
      std::swap(lhs, rhs);
    if (!isPerChannel(rhs, type))
      return std::nullopt;
    found.shifts.push_back({rhs, isa<SubOp>(op)});
    value = lhs;
  }
  return std::nullopt;
}

/// The factors as [O, 1, 1, 1], to scale filters by.
static Value getFilterFactors(OpBuilder &builder, Value factors) {
  auto type = cast<RankedTensorType>(factors.getType());
  SmallVector<int64_t> shape = {type.getNumElements(), 1, 1, 1};
  return ReshapeOp::create(builder, factors.getLoc(), RankedTensorType::get(shape, type.getElementType()), factors,
                           shape);
}

template <typename Op> static Value apply(OpBuilder &builder, Location location, Value a, Value b) {
  auto left = cast<RankedTensorType>(a.getType()), right = cast<RankedTensorType>(b.getType());
  SmallVector<int64_t> shape(std::max(left.getRank(), right.getRank()), 1);
  for (RankedTensorType type : {left, right})
    for (auto [d, size] : llvm::enumerate(type.getShape()))
      if (size != 1)
        shape[shape.size() - type.getRank() + d] = size;
  return Op::create(builder, location, RankedTensorType::get(shape, left.getElementType()), a, b);
}

/// All shifts as one; null if there are none.
static Value addShifts(OpBuilder &builder, Location location, ArrayRef<std::pair<Value, bool>> shifts) {
  Value sum;
  for (auto [shift, subtracted] : llvm::reverse(shifts)) {
    if (!sum)
      sum = subtracted ? Value(NegOp::create(builder, location, shift.getType(), shift)) : shift;
    else
      sum = subtracted ? apply<SubOp>(builder, location, sum, shift) : apply<AddOp>(builder, location, sum, shift);
  }
  return sum;
}

static void rewrite(Operation *op) {
  if (!isa<MulOp, DivOp>(op))
    return;
  Value images = op->getOperand(0), factors = op->getOperand(1);
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (isa<MulOp>(op) && type && isPerChannel(images, type))
    std::swap(images, factors);
  if (!type || images.getType() != type || !images.hasOneUse() || !isPerChannel(factors, type))
    return;
  std::optional<Shifted> found = readShifted(images);
  if (!found)
    return;
  ConvOp conv = found->conv;
  if (!found->shifts.empty() && !conv->hasOneUse())
    return;
  RankedTensorType filter = conv.getFilter().getType();
  if (!dependsOnWeightsAlone(conv.getFilter()))
    return refuse(op, "FoldBatchNorm", "the filter is computed");
  if (filter.getElementType() != type.getElementType())
    return refuse(op, "FoldBatchNorm", "filter and result are of several types");
  OpBuilder builder(op);
  Location location = op->getLoc();
  bool divides = isa<DivOp>(op);
  auto scale = [&](Value value, Value by) {
    return divides ? apply<DivOp>(builder, location, value, by) : apply<MulOp>(builder, location, value, by);
  };
  Value filters = scale(conv.getFilter(), getFilterFactors(builder, factors));
  Value result = ConvOp::create(builder, conv.getLoc(), type, conv.getInput(), filters, conv.getStrides(),
                                conv.getPads(), conv.getDilations(), conv.getGroups());
  if (Value sum = addShifts(builder, location, found->shifts))
    result = AddOp::create(builder, location, type, result, scale(sum, factors));
  replaceWith(op, result, "FoldBatchNorm", "the filters of a convolution take in factors of its channels");
}

/// A number for each channel that is added after another becomes one with it.
static void joinShifts(Operation *op) {
  if (!isa<AddOp, SubOp>(op))
    return;
  std::optional<Shifted> found = readShifted(op->getResult(0));
  if (!found || found->shifts.size() < 2)
    return;
  OpBuilder builder(op);
  Value sum = addShifts(builder, op->getLoc(), found->shifts);
  Value result = AddOp::create(builder, op->getLoc(), op->getResult(0).getType(), found->conv.getResult(), sum);
  replaceWith(op, result, "FoldBatchNorm", "what is added to the channels of a convolution is added at once");
}

namespace {
struct FoldBatchNorm : lathe::impl::FoldBatchNormBase<FoldBatchNorm> {
  void runOnOperation() override {
    rewriteEach(getOperation(), rewrite);
    rewriteEach(getOperation(), joinShifts);
  }
};
} // namespace
