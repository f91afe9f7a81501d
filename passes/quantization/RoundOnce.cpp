// See RoundOnce in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_ROUNDONCE
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static bool is16Bit(Type element) { return element.isF16() || element.isBF16(); }

/// The 16-bit type that all casts among the readers of `value` give; null when there is none, or two.
static Type findNarrowType(Value value) {
  Type found;
  for (Operation *user : value.getUsers()) {
    auto cast = dyn_cast<CastOp>(user);
    Type element = cast ? cast.getResult().getType().getElementType() : Type();
    if (!element || !is16Bit(element))
      continue;
    if (found && found != element)
      return {};
    found = element;
  }
  return found;
}

/// Why other readers of a value keep reading f32, or an empty string.
static StringRef findObstacle(Value value) {
  for (Operation *user : value.getUsers()) {
    if (user->getBlock() != value.getParentBlock())
      return "it is read within control flow";
    if (!isElementwise(user))
      return isa<func::ReturnOp>(user) ? "it is a result" : "a kernel that is no elementwise one reads it";
  }
  return "";
}

/// Rounds `value` to `element` behind the operation that makes it. Each reader that wants f32 widens it for itself.
static void roundBehind(Value value, Type element) {
  OpBuilder builder(value.getContext());
  builder.setInsertionPointAfterValue(value);
  auto type = cast<RankedTensorType>(value.getType());
  Value narrow = CastOp::create(builder, value.getLoc(), type.clone(element), value);
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    Operation *user = use.getOwner();
    if (user == narrow.getDefiningOp())
      continue;
    if (auto narrowing = dyn_cast<CastOp>(user); narrowing && narrowing.getResult().getType() == narrow.getType()) {
      narrowing.getResult().replaceAllUsesWith(narrow);
      narrowing.erase();
      continue;
    }
    builder.setInsertionPoint(user);
    use.set(CastOp::create(builder, value.getLoc(), type, narrow));
  }
}

static void roundForAll(Value value) {
  Type element = findNarrowType(value);
  if (!element || value.hasOneUse())
    return;
  auto options = remark::RemarkOpts::name("RoundOnce").category("quantization");
  if (StringRef obstacle = findObstacle(value); !obstacle.empty()) {
    remark::missed(value.getLoc(), options) << remark::add("a value is kept in f32 too: {0}", obstacle);
    return;
  }
  bool others = llvm::any_of(value.getUsers(), [&](Operation *user) {
    return !isa<CastOp>(user) || getElementTypeOrSelf(user->getResult(0)) != element;
  });
  if (others)
    remark::passed(value.getLoc(), options) << remark::add("a value is rounded for all of its readers");
  roundBehind(value, element);
}

/// Rounds what a max pool reads instead of what it gives, as far as all of its readers round that.
static void roundBefore(MaxPoolOp pool) {
  Type element = findNarrowType(pool.getResult());
  if (!element || !findObstacle(pool.getResult()).empty())
    return;
  roundBehind(pool.getResult(), element);
  auto narrowing = cast<CastOp>(*pool.getResult().getUsers().begin());
  OpBuilder builder(pool);
  Value input = CastOp::create(builder, pool.getLoc(), pool.getInput().getType().clone(element), pool.getInput());
  Value narrow = MaxPoolOp::create(builder, pool.getLoc(), narrowing.getResult().getType(), input, pool.getWindow(),
                                   pool.getStrides(), pool.getPads(), pool.getDilations());
  narrowing.getResult().replaceAllUsesWith(narrow);
  narrowing.erase();
  pool.erase();
}

/// Rounds what a norm reads instead of what it gives, where both have one reader.
template <typename Norm> static void roundBeforeNorm(Norm norm) {
  Value input = norm.getInput(), result = norm.getResult();
  auto narrowing = result.hasOneUse() ? dyn_cast<CastOp>(*result.getUsers().begin()) : CastOp();
  Operation *producer = input.getDefiningOp();
  if (!narrowing || !producer || producer->getBlock() != norm->getBlock() || isa<CastOp>(producer) ||
      !isElementwise(producer))
    return;
  Type element = narrowing.getResult().getType().getElementType();
  if (!is16Bit(element) || !getElementTypeOrSelf(input).isF32())
    return;
  auto options = remark::RemarkOpts::name("RoundOnce").category("quantization");
  if (!input.hasOneUse()) {
    remark::missed(norm.getLoc(), options) << remark::add("a norm reads f32: what it reads has other readers");
    return;
  }
  remark::passed(norm.getLoc(), options) << remark::add("a norm reads 16 bits");
  roundBehind(input, element);
  auto widening = norm.getInput().template getDefiningOp<CastOp>();
  norm.getInputMutable().set(widening.getInput());
  widening.erase();
  result.setType(narrowing.getResult().getType());
  narrowing.getResult().replaceAllUsesWith(result);
  narrowing.erase();
}

/// The convolution that `value` is made from element by element, or null.
static ConvOp findConvolution(Value value) {
  Operation *op = value.getDefiningOp();
  if (!op || isa<ConvOp>(op))
    return cast_or_null<ConvOp>(op);
  if (!isElementwise(op) || isa<CastOp>(op))
    return {};
  for (Value operand : op->getOperands())
    if (cast<RankedTensorType>(operand.getType()).getShape() == cast<RankedTensorType>(value.getType()).getShape())
      if (ConvOp conv = findConvolution(operand))
        return conv;
  return {};
}

/// Of two convolutions whose results meet in `op` the second one's kernel reads what the first has written.
static void roundMeeting(Operation *op) {
  if (op->getNumOperands() != 2)
    return;
  Value first = op->getOperand(0), second = op->getOperand(1);
  ConvOp a = findConvolution(first), b = findConvolution(second);
  if (!a || !b || a == b || a->getBlock() != b->getBlock() || first == second)
    return;
  Value earlier = a->isBeforeInBlock(b) ? first : second;
  Type element = a.getInput().getType().getElementType();
  if (earlier.hasOneUse() && is16Bit(element) && getElementTypeOrSelf(earlier).isF32())
    roundBehind(earlier, element);
}

namespace {
struct RoundOnce : lathe::impl::RoundOnceBase<RoundOnce> {
  void runOnOperation() override {
    auto kind = getOperation()->getAttrOfType<StringAttr>(EntryAttrName);
    if (getOperation().isDeclaration() || (kind && kind.getValue() != "tensor"))
      return;
    Block &body = getOperation().getBody().front();
    for (auto pool : llvm::make_early_inc_range(body.getOps<MaxPoolOp>()))
      if (pool.getResult().getType().getElementType().isF32())
        roundBefore(pool);
    SmallVector<Operation *> ops;
    for (Operation &op : body.without_terminator())
      ops.push_back(&op);
    // Casts of f32 have nothing to be rounded, and may be gone when their turn comes.
    llvm::DenseSet<Operation *> casts;
    for (Operation *op : ops) {
      if (casts.contains(op) || isa<WeightOp, ConstantOp, WeightProgramOp>(op))
        continue;
      for (Value result : op->getResults()) {
        auto type = dyn_cast<RankedTensorType>(result.getType());
        if (!type || !type.getElementType().isF32())
          continue;
        for (Operation *user : result.getUsers())
          if (isa<CastOp>(user))
            casts.insert(user);
        roundForAll(result);
      }
      if (!isa<CastOp>(op) && isElementwise(op))
        roundMeeting(op);
    }
    // A norm's cast goes, which may be the operation behind it.
    SmallVector<Operation *> norms;
    for (Operation &op : body)
      if (isa<LayerNormOp, RmsNormOp>(op))
        norms.push_back(&op);
    for (Operation *op : norms)
      llvm::TypeSwitch<Operation *>(op).Case<LayerNormOp, RmsNormOp>([](auto norm) { roundBeforeNorm(norm); });
  }
};
} // namespace
