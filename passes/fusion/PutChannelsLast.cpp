// See PutChannelsLast in Passes.td.
#include "dialects/lathe/LoopOps.h"
#include "dialects/lathe/Windows.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PUTCHANNELSLAST
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static constexpr std::array<int64_t, 4> ToLast = {0, 2, 3, 1}, ToFirst = {0, 3, 1, 2};

static bool isWeight(Value value) {
  return isa_and_nonnull<WeightOp, ConstantOp, WeightProgramOp>(value.getDefiningOp());
}

static RankedTensorType permute(RankedTensorType type, ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> shape;
  for (int64_t from : permutation)
    shape.push_back(type.getDimSize(from));
  return RankedTensorType::get(shape, type.getElementType());
}

static Value reshape(OpBuilder &builder, Location location, Value value, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, cast<RankedTensorType>(value.getType()).getElementType());
  return ReshapeOp::create(builder, location, type, value, shape);
}

/// The value with its dimensions permuted: a reshape where only dimensions of size 1 change places with others.
static Value transpose(OpBuilder &builder, Location location, Value value, ArrayRef<int64_t> permutation) {
  auto type = cast<RankedTensorType>(value.getType());
  RankedTensorType result = permute(type, permutation);
  SmallVector<int64_t> moved;
  for (int64_t from : permutation)
    if (type.getDimSize(from) != 1)
      moved.push_back(from);
  bool inOrder = llvm::is_sorted(moved) && llvm::all_of(ArrayRef(result.getShape()).drop_front(),
                                                        [](int64_t size) { return !ShapedType::isDynamic(size); });
  if (!inOrder)
    return TransposeOp::create(builder, location, result, value, permutation);
  SmallVector<int64_t> shape(result.getShape());
  shape[0] = 0; // the batch, which stays where it is
  return ReshapeOp::create(builder, location, result, value, shape);
}

namespace {
/// Rewrites one function. `Last` holds, for values with channels first, the same with channels last.
class ChannelsLastRewriter {
public:
  explicit ChannelsLastRewriter(bool cuda) : Cuda(cuda) {}
  /// Handles the next operation of the function, in order.
  void visit(Operation *op);
  /// Gives the readers that still want channels first a transpose, and erases what nobody reads.
  void finish();

private:
  Value getLast(OpBuilder &builder, Value value);
  Value rewrite(OpBuilder &builder, ConvOp conv);
  Value rewrite(OpBuilder &builder, MaxPoolOp pool);
  Value rewrite(OpBuilder &builder, PoolOp pool);
  Value rewriteElementwise(OpBuilder &builder, Operation *op);
  Value makePanelConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result);
  Value makeDepthwiseConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result);
  Value makeTileConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result);

  bool Cuda;
  llvm::MapVector<Value, Value> Last;
  llvm::DenseMap<Value, Value> Copies; ///< of values that no rewritten operation computes
};
} // namespace

Value ChannelsLastRewriter::getLast(OpBuilder &builder, Value value) {
  if (Value known = Last.lookup(value))
    return known;
  Value &copy = Copies[value];
  if (copy)
    return copy;
  auto cast = value.getDefiningOp<CastOp>();
  if (!Cuda || !cast || !cast->hasOneUse())
    return copy = transpose(builder, value.getLoc(), value, ToLast);
  // What is cast behind a transpose is cast in its kernel.
  copy = transpose(builder, value.getLoc(), cast.getInput(), ToLast);
  return copy = CastOp::create(builder, value.getLoc(), permute(cast.getResult().getType(), ToLast), copy);
}

/// Why a convolution keeps its layout, or an empty string.
static StringRef findObstacle(ConvOp conv, bool cuda) {
  RankedTensorType input = conv.getInput().getType(), filter = conv.getFilter().getType();
  if (!isWeight(conv.getFilter()) || !filter.hasStaticShape())
    return "its filter is no weight of known size";
  Type element = filter.getElementType();
  if (!cuda && !element.isF32())
    return "its filter is not f32";
  if (cuda && (!(element.isF16() || element.isBF16()) || input.getElementType() != element))
    return "its image and filter are not both f16 or bf16";
  if (cuda && conv.getGroups() != 1)
    return "it has groups, which fill no tiles";
  if (input.isDynamicDim(1))
    return "the number of its channels is unknown";
  return "";
}

/// [O, C / groups, I, J] -> [groups, O / groups, I * J * C / groups], packed.
Value ChannelsLastRewriter::makePanelConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result) {
  Location location = conv.getLoc();
  RankedTensorType filter = conv.getFilter().getType();
  int64_t groups = conv.getGroups(), outputs = filter.getDimSize(0) / groups;
  int64_t k = filter.getNumElements() / filter.getDimSize(0);
  Value rows = TransposeOp::create(builder, location, permute(filter, ToLast), conv.getFilter(), ToLast);
  rows = reshape(builder, location, rows, {groups, outputs, k});
  constexpr int64_t Columns = PackColumnsOp::Columns;
  auto type =
      RankedTensorType::get({groups, int64_t(llvm::divideCeil(outputs, Columns)), k, Columns}, filter.getElementType());
  Value panels = PackColumnsOp::create(builder, location, type, rows, /*transposed=*/true);
  return PanelConvOp::create(builder, location, result, input, panels, filter.getShape().take_back(2),
                             conv.getStrides(), conv.getPads(), conv.getDilations(), groups);
}

/// [O, C, I, J] -> [O, I * J * C] in tiles. Windows of one place are the rows of a product.
Value ChannelsLastRewriter::makeTileConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result) {
  Location location = conv.getLoc();
  RankedTensorType filter = conv.getFilter().getType();
  int64_t outputs = filter.getDimSize(0), k = filter.getNumElements() / outputs;
  Value rows = transpose(builder, location, conv.getFilter(), ToLast);
  rows = reshape(builder, location, rows, {outputs, k});
  constexpr int64_t Size = PackTilesOp::Size;
  auto type =
      RankedTensorType::get({int64_t(llvm::divideCeil(outputs, Size)), int64_t(llvm::divideCeil(k, Size)), Size, Size},
                            filter.getElementType());
  Value tiles = PackTilesOp::create(builder, location, type, rows);
  auto isAll = [](ArrayRef<int64_t> values, int64_t value) {
    return llvm::all_of(values, [&](int64_t v) { return v == value; });
  };
  if (isAll(filter.getShape().take_back(2), 1) && isAll(conv.getStrides(), 1) && isAll(conv.getPads(), 0))
    return TileMatmulOp::create(builder, location, result, input, tiles);
  return TileConvOp::create(builder, location, result, input, tiles, filter.getShape().take_back(2), conv.getStrides(),
                            conv.getPads(), conv.getDilations());
}

/// [C, 1, I, J] -> [I, J, C].
Value ChannelsLastRewriter::makeDepthwiseConv(OpBuilder &builder, ConvOp conv, Value input, RankedTensorType result) {
  Location location = conv.getLoc();
  RankedTensorType filter = conv.getFilter().getType();
  Value planes =
      reshape(builder, location, conv.getFilter(), {filter.getDimSize(0), filter.getDimSize(2), filter.getDimSize(3)});
  std::array<int64_t, 3> permutation = {1, 2, 0};
  planes = TransposeOp::create(builder, location, permute(cast<RankedTensorType>(planes.getType()), permutation),
                               planes, permutation);
  return DepthwiseConvOp::create(builder, location, result, input, planes, conv.getStrides(), conv.getPads(),
                                 conv.getDilations());
}

Value ChannelsLastRewriter::rewrite(OpBuilder &builder, ConvOp conv) {
  auto options = remark::RemarkOpts::name("PutChannelsLast").category("fusion");
  if (StringRef obstacle = findObstacle(conv, Cuda); !obstacle.empty()) {
    remark::missed(conv.getLoc(), options) << remark::add("a convolution keeps channels first: {0}", obstacle);
    return {};
  }
  remark::passed(conv.getLoc(), options) << remark::add("a convolution has channels last");
  Value input = getLast(builder, conv.getInput());
  RankedTensorType result = permute(conv.getResult().getType(), ToLast);
  if (Cuda)
    return makeTileConv(builder, conv, input, result);
  int64_t channels = conv.getInput().getType().getDimSize(1);
  bool depthwise = int64_t(conv.getGroups()) == channels && channels == conv.getFilter().getType().getDimSize(0);
  return depthwise && channels > 1 ? makeDepthwiseConv(builder, conv, input, result)
                                   : makePanelConv(builder, conv, input, result);
}

Value ChannelsLastRewriter::rewrite(OpBuilder &builder, MaxPoolOp pool) {
  Value input = Last.lookup(pool.getInput());
  if (!input)
    return {};
  return ChannelMaxPoolOp::create(builder, pool.getLoc(), permute(pool.getResult().getType(), ToLast), input,
                                  pool.getWindow(), pool.getStrides(), pool.getPads(), pool.getDilations());
}

/// The mean of whole images, which on CUDA is a reduction over neighbouring channels.
Value ChannelsLastRewriter::rewrite(OpBuilder &builder, PoolOp pool) {
  Value input = Last.lookup(pool.getInput());
  auto result = dyn_cast<RankedTensorType>(pool.getResult().getType());
  if (!Cuda || !input || !result || pool.getKind() != "average")
    return {};
  ArrayRef<int64_t> image = cast<RankedTensorType>(input.getType()).getShape().slice(1, 2);
  auto isZero = [](int64_t value) { return value == 0; };
  if (pool.getWindow() != image || result.getShape().take_back(2) != ArrayRef<int64_t>{1, 1} ||
      !llvm::all_of(pool.getPads(), isZero) || !llvm::all_of(pool.getPadEnd(), isZero) ||
      !llvm::all_of(pool.getDilations(), [](int64_t value) { return value == 1; }))
    return {};
  return ReduceOp::create(builder, pool.getLoc(), permute(result, ToLast), ReduceKind::Mean, input,
                          ArrayRef<int64_t>{1, 2}, /*keep=*/true);
}

/// An elementwise operation one of whose operands has channels last.
Value ChannelsLastRewriter::rewriteElementwise(OpBuilder &builder, Operation *op) {
  auto result = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!result || result.getRank() != 4 ||
      llvm::none_of(op->getOperands(), [&](Value operand) { return Last.contains(operand); }))
    return {};
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    auto type = cast<RankedTensorType>(operand.getType());
    if (type.getRank() == 0) {
      operands.push_back(operand);
      continue;
    }
    if (type.getRank() < 4) {
      if (!type.hasStaticShape())
        return {};
      SmallVector<int64_t> shape(4 - type.getRank(), 1);
      llvm::append_range(shape, type.getShape());
      operand = reshape(builder, op->getLoc(), operand, shape);
    }
    operands.push_back(getLast(builder, operand));
  }
  OperationState state(op->getLoc(), op->getName(), operands, permute(result, ToLast), op->getAttrs());
  return builder.create(state)->getResult(0);
}

void ChannelsLastRewriter::visit(Operation *op) {
  OpBuilder builder(op);
  builder.setInsertionPointAfter(op);
  Value last;
  if (auto conv = dyn_cast<ConvOp>(op))
    last = rewrite(builder, conv);
  else if (auto pool = dyn_cast<MaxPoolOp>(op))
    last = rewrite(builder, pool);
  else if (auto pool = dyn_cast<PoolOp>(op))
    last = rewrite(builder, pool);
  else if (isElementwise(op))
    last = rewriteElementwise(builder, op);
  if (last)
    Last[op->getResult(0)] = last;
}

void ChannelsLastRewriter::finish() {
  for (auto &[first, last] : llvm::reverse(Last)) {
    Operation *op = first.getDefiningOp();
    if (!first.use_empty()) {
      OpBuilder builder(last.getContext());
      builder.setInsertionPointAfterValue(last);
      Value back = transpose(builder, first.getLoc(), last, ToFirst);
      first.replaceAllUsesWith(back);
    }
    op->erase();
  }
  for (auto &[value, copy] : Copies)
    if (Operation *op = value.getDefiningOp(); op && isa<CastOp>(op) && op->use_empty())
      op->erase();
}

namespace {
struct PutChannelsLast : lathe::impl::PutChannelsLastBase<PutChannelsLast> {
  using PutChannelsLastBase::PutChannelsLastBase;

  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    ChannelsLastRewriter rewriter(target == "cuda");
    SmallVector<Operation *> ops;
    for (Operation &op : getOperation().getBody().front().without_terminator())
      ops.push_back(&op);
    for (Operation *op : ops)
      rewriter.visit(op);
    rewriter.finish();
  }
};
} // namespace
