// See PartitionValues in Passes.td.
#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/sharding/ShardingRules.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_PARTITIONVALUES
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// Gives the values of one function the types that a rank has of them, along one axis.
class Partitioner {
public:
  Partitioner(func::FuncOp function, StringRef axis, int64_t ranks)
      : Function(function), Axis(axis), Ranks(ranks), Builder(function.getContext()) {}

  LogicalResult run();

private:
  LogicalResult partition(Operation *op, const ShardingRule &rule);
  LogicalResult findParts(Operation *op, const ShardingRule &rule, SmallVectorImpl<int64_t> &parts);
  void setOperands(Operation *op, const ShardingRule &rule, ArrayRef<int64_t> parts, bool takesPartials);
  void setResults(Operation *op, const ShardingRule &rule, ArrayRef<int64_t> parts);
  void setSizes(Operation *op);
  void maskRows(Operation *op, int64_t parts);
  Value renumber(Operation *before, Value numbers, int64_t count);
  void finish(func::ReturnOp op);

  Value complete(Value value);
  Value gather(Value value);
  Value takeShard(Value value, int64_t dim, int64_t parts);
  Value getFirst(Value numbers, int64_t count);
  Value getConstant(ArrayRef<int64_t> values, Type element, ArrayRef<int64_t> shape);
  /// The builder right behind what defines `value`, with its location.
  Location moveBehind(Value value);
  void report(Operation *collective, Value of);

  func::FuncOp Function;
  StringRef Axis;
  int64_t Ranks;
  OpBuilder Builder;
  llvm::DenseMap<Value, Sharding> Lies;         ///< how values lie that are not whole
  llvm::DenseMap<Value, PartialValue> Partials; ///< of those that are sums
  llvm::DenseMap<Value, Value> Whole;           ///< what values are when they are complete
  llvm::DenseMap<std::tuple<Value, int64_t, int64_t>, Value> Shards;
  llvm::DenseMap<std::pair<Value, int64_t>, Value> Renumbered;
};
} // namespace

Location Partitioner::moveBehind(Value value) {
  Builder.setInsertionPointAfterValue(value);
  return value.getLoc();
}

/// Says what ranks exchange, with the bytes of one row of symbols.
void Partitioner::report(Operation *collective, Value of) {
  auto type = cast<RankedTensorType>(of.getType());
  int64_t bytes = getElementBytes(type.getElementType());
  for (int64_t size : type.getShape())
    bytes *= ShapedType::isDynamic(size) ? 1 : size;
  remark::passed(collective->getLoc(), remark::RemarkOpts::name("PartitionValues").category("sharding")) << remark::add(
      "{0} of {1}: {2} bytes of each rank, times its open sizes", collective->getName().stripDialect(), type, bytes);
}

//===- Whole values -----------------------------------------------------------------------------------------------===//

/// The sum of a value that ranks have parts of.
Value Partitioner::complete(Value value) {
  if (Partials.lookup(value).kind == Partial::None)
    return value;
  Value &whole = Whole[value];
  if (!whole) {
    Location location = moveBehind(value);
    auto reduce = AllReduceOp::create(Builder, location, value.getType(), value, Axis);
    report(reduce, value);
    whole = reduce;
    if (Sharding sharding = Lies.lookup(value); sharding.isSplit())
      Lies[whole] = {sharding.dim, sharding.parts, Partial::None};
  }
  return whole;
}

/// The whole of a value that is split: the parts of all ranks, put side by side.
Value Partitioner::gather(Value value) {
  value = complete(value);
  Sharding sharding = Lies.lookup(value);
  if (!sharding.isSplit())
    return value;
  Value &whole = Whole[value];
  if (whole)
    return whole;
  Location location = moveBehind(value);
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<int64_t> shape(type.getShape());
  shape.insert(shape.begin(), Ranks);
  auto all = AllGatherOp::create(Builder, location, type.clone(shape), value, Axis);
  report(all, value);
  whole = all;
  if (sharding.dim > 0) {
    SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(1, int64_t(shape.size())));
    permutation.insert(permutation.begin() + sharding.dim, 0);
    SmallVector<int64_t> moved = llvm::map_to_vector(permutation, [&](int64_t from) { return shape[from]; });
    whole = TransposeOp::create(Builder, location, type.clone(moved), whole, permutation);
  }
  SmallVector<int64_t> sizes(type.getShape()), target;
  sizes[sharding.dim] *= Ranks;
  for (auto [dim, size] : llvm::enumerate(sizes))
    target.push_back(ShapedType::isDynamic(size) ? int64_t(dim) < sharding.dim ? 0 : -1 : size);
  whole = ReshapeOp::create(Builder, location, type.clone(sizes), whole, target);
  return whole;
}

//===- Parts of constants -----------------------------------------------------------------------------------------===//

Value Partitioner::takeShard(Value value, int64_t dim, int64_t parts) {
  Value &shard = Shards[{value, dim, parts}];
  if (!shard) {
    Location location = moveBehind(value);
    Type type = getLocalType(value.getType(), dim, parts);
    shard = TakeShardOp::create(Builder, location, type, value, dim, parts, Axis);
  }
  return shard;
}

Value Partitioner::getConstant(ArrayRef<int64_t> values, Type element, ArrayRef<int64_t> shape) {
  auto type = RankedTensorType::get(shape, element);
  SmallVector<Attribute> attributes =
      llvm::map_to_vector(values, [&](int64_t value) -> Attribute { return IntegerAttr::get(element, value); });
  return ConstantOp::create(Builder, Function.getLoc(), DenseElementsAttr::get(type, attributes));
}

/// The first of the `count` numbers that a rank has, as a tensor of one element of the type of `numbers`.
Value Partitioner::getFirst(Value numbers, int64_t count) {
  OpBuilder::InsertionGuard guard(Builder);
  Builder.setInsertionPointToStart(&Function.getBody().front());
  SmallVector<int64_t> firsts;
  for (int64_t rank = 0; rank < Ranks; ++rank)
    firsts.push_back(rank * count);
  return takeShard(getConstant(firsts, getElementTypeOrSelf(numbers), Ranks), 0, Ranks);
}

/// Numbers counted from the first of a rank, which has `count`: those of others are outside of 0 to `count`.
Value Partitioner::renumber(Operation *before, Value numbers, int64_t count) {
  Value &own = Renumbered[{numbers, count}];
  if (!own) {
    Value first = getFirst(numbers, count);
    Location location = moveBehind(numbers);
    // An argument is defined before the constants at the start of its block.
    if (isa<BlockArgument>(numbers))
      Builder.setInsertionPointAfterValue(first);
    own = SubOp::create(Builder, location, numbers.getType(), numbers, first);
  }
  return own;
}

//===- Operations -------------------------------------------------------------------------------------------------===//

/// Into how many parts each factor of `op` is cut, by how its operands and results lie.
LogicalResult Partitioner::findParts(Operation *op, const ShardingRule &rule, SmallVectorImpl<int64_t> &parts) {
  parts.assign(rule.factors.size(), 1);
  auto note = [&](int factor, int64_t count) -> LogicalResult {
    if (factor < 0)
      return op->emitOpError() << "is to have a part of a dimension that must be whole";
    if (parts[factor] != 1 && parts[factor] != count)
      return op->emitOpError() << "has dimensions in " << parts[factor] << " and in " << count
                               << " parts that are the same";
    parts[factor] = count;
    return success();
  };
  Sharding made;
  for (auto [result, dims] : llvm::zip_equal(op->getResults(), rule.results)) {
    made = getSharding(result, Axis);
    if (made.isSplit() && (made.dim >= int64_t(dims.size()) || failed(note(dims[made.dim], made.parts))))
      return failure();
  }
  for (auto [operand, dims] : llvm::zip_equal(op->getOperands(), rule.operands)) {
    Sharding lies = Lies.lookup(operand);
    if (!lies.isSplit())
      continue;
    int factor = dims[lies.dim];
    // What must be whole, or is not noted to be split, is gathered. Key heads are of no result.
    bool isKeyHead = rule.heads && factor == rule.heads->second && parts[rule.heads->first] > 1;
    if (factor >= 0 && (rule.factors[factor].kind != FactorKind::Map || parts[factor] > 1 || isKeyHead) &&
        failed(note(factor, lies.parts)))
      return failure();
  }
  for (auto [factor, count] : llvm::zip_equal(rule.factors, parts))
    if (made.partial == Partial::One && (factor.kind == FactorKind::Rows || factor.kind == FactorKind::Experts))
      count = Ranks;
  return success();
}

void Partitioner::setOperands(Operation *op, const ShardingRule &rule, ArrayRef<int64_t> parts, bool takesPartials) {
  for (auto [operand, dims] : llvm::zip_equal(op->getOpOperands(), rule.operands)) {
    Value value = operand.get();
    if (isConstantLike(value)) {
      for (size_t dim = 0; dim < getSplitShape(operand.get()).size(); ++dim)
        if (int factor = dims[dim]; factor >= 0 && parts[factor] > 1)
          value = takeShard(value, dim, parts[factor]);
      operand.set(value);
      continue;
    }
    if (!takesPartials)
      value = complete(value);
    Sharding lies = Lies.lookup(value);
    int factor = lies.isSplit() ? dims[lies.dim] : ShardingRule::Unread;
    bool fits = factor == ShardingRule::Unread || (factor >= 0 && parts[factor] == lies.parts);
    operand.set(fits || isa<StateType>(value.getType()) ? value : gather(value));
  }
}

void Partitioner::setResults(Operation *op, const ShardingRule &rule, ArrayRef<int64_t> parts) {
  for (auto [result, dims] : llvm::zip_equal(op->getResults(), rule.results))
    for (auto [dim, factor] : llvm::enumerate(dims))
      if (factor >= 0 && parts[factor] > 1) {
        Lies[result] = {int64_t(dim), parts[factor], Partial::None};
        result.setType(getLocalType(result.getType(), dim, parts[factor]));
      }
}

/// Attributes that give the result's sizes.
void Partitioner::setSizes(Operation *op) {
  if (op->getNumResults() != 1)
    return;
  Sharding lies = Lies.lookup(op->getResult(0));
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!lies.isSplit() || !type)
    return;
  int64_t size = type.getDimSize(lies.dim);
  if (auto reshape = dyn_cast<ReshapeOp>(op)) {
    SmallVector<int64_t> shape(reshape.getShape());
    if (shape[lies.dim] > 0)
      shape[lies.dim] = size;
    reshape.setShape(shape);
    return;
  }
  auto sizes = op->getAttrOfType<AffineMapAttr>("sizes");
  if (!sizes)
    return;
  SmallVector<AffineExpr> results(sizes.getValue().getResults());
  if (isa<AffineConstantExpr>(results[lies.dim]))
    results[lies.dim] = getAffineConstantExpr(size, op->getContext());
  op->setAttr("sizes",
              AffineMapAttr::get(AffineMap::get(0, sizes.getValue().getNumSymbols(), results, op->getContext())));
}

/// Rows of a table of which a rank has some: numbers of others read any row, which becomes 0.
void Partitioner::maskRows(Operation *op, int64_t parts) {
  Value numbers = op->getOperand(1);
  int64_t all = getSplitShape(op->getOperand(0))[0] * parts, count = all / parts;
  Location location = op->getLoc();
  Builder.setInsertionPoint(op);
  Type element = getElementTypeOrSelf(numbers);
  auto type = cast<RankedTensorType>(numbers.getType());
  if (isa<GatherAlongOp>(op)) { // there a number below 0 counts from the end
    Value zero = getConstant(0, element, {}), size = getConstant(all, element, {});
    Value negative = LessOp::create(Builder, location, type.clone(Builder.getI1Type()), numbers, zero);
    Value raised = AddOp::create(Builder, location, type, numbers, size);
    numbers = SelectOp::create(Builder, location, type, negative, raised, numbers);
  }
  Value first = getFirst(numbers, count);
  Value own = SubOp::create(Builder, location, type, numbers, first);
  Value last = getConstant(count - 1, element, {}), zero = getConstant(0, element, {});
  Value inside = MinimumOp::create(Builder, location, type, own, last);
  inside = MaximumOp::create(Builder, location, type, inside, zero);
  Value isOwn = EqualOp::create(Builder, location, type.clone(Builder.getI1Type()), own, inside);
  op->setOperand(1, inside);

  auto rows = cast<RankedTensorType>(op->getResult(0).getType());
  SmallVector<int64_t> sizes(rows.getRank(), 1), shape(rows.getRank(), 1);
  for (int64_t d = 0; d < type.getRank(); ++d) {
    sizes[d] = type.getDimSize(d);
    shape[d] = ShapedType::isDynamic(sizes[d]) ? 0 : sizes[d];
  }
  Builder.setInsertionPointAfter(op);
  Value mask = ReshapeOp::create(Builder, location, RankedTensorType::get(sizes, Builder.getI1Type()), isOwn, shape);
  auto none = RankedTensorType::get({}, rows.getElementType());
  Value zeros = ConstantOp::create(Builder, location, cast<ElementsAttr>(Builder.getZeroAttr(none)));
  auto masked = SelectOp::create(Builder, location, rows, mask, op->getResult(0), zeros);
  op->getResult(0).replaceAllUsesExcept(masked, masked);
  Partials[masked] = Partials.lookup(op->getResult(0));
  Partials.erase(op->getResult(0));
  if (Sharding lies = Lies.lookup(op->getResult(0)); lies.isSplit())
    Lies[masked] = lies;
}

LogicalResult Partitioner::partition(Operation *op, const ShardingRule &rule) {
  SmallVector<int64_t> parts;
  if (failed(findParts(op, rule, parts)))
    return failure();
  PartialValue own;
  int64_t rows = 1, experts = 1;
  for (auto [factor, count] : llvm::zip_equal(rule.factors, parts)) {
    if (count == 1 || factor.kind == FactorKind::Map)
      continue;
    own = {factor.kind == FactorKind::Sum ? Partial::Sum : Partial::One, op};
    if (factor.kind == FactorKind::Rows)
      rows = count;
    if (factor.kind == FactorKind::Experts) {
      experts = count;
      own.support = cast<ExpertMatmulOp>(op).getExperts().getAsOpaquePointer();
    }
  }
  SmallVector<PartialValue> operands =
      llvm::map_to_vector(op->getOperands(), [&](Value operand) { return Partials.lookup(operand); });
  std::optional<PartialValue> combined = combinePartials(op, operands, own);
  setOperands(op, rule, parts, combined.has_value());
  setResults(op, rule, parts);
  PartialValue made = combined.value_or(own);
  if (made.kind != Partial::None)
    Partials[op->getResult(0)] = made;
  setSizes(op);
  if (auto product = dyn_cast<ExpertMatmulOp>(op); product && experts > 1)
    product.getExpertsMutable().assign(
        renumber(op, product.getExperts(), product.getWeights().getType().getDimSize(0)));
  if (rows > 1)
    maskRows(op, rows);
  return success();
}

/// Callers see whole values, but a state is what one rank keeps.
void Partitioner::finish(func::ReturnOp op) {
  for (OpOperand &operand : op->getOpOperands())
    if (!isa<StateType>(operand.get().getType()))
      operand.set(gather(operand.get()));
  Function.setType(
      FunctionType::get(Function.getContext(), Function.getBody().front().getArgumentTypes(), op.getOperandTypes()));
}

LogicalResult Partitioner::run() {
  // Rules follow from types as they are before any of them changes.
  std::vector<std::pair<Operation *, ShardingRule>> ops;
  for (Operation &op : Function.getBody().front())
    if (op.getNumResults() != 1 || !isConstantLike(op.getResult(0)))
      ops.push_back({&op, ShardingRule::of(&op)});
  for (BlockArgument argument : Function.getArguments()) {
    Sharding lies = getSharding(argument, Axis);
    if (!lies.isSplit())
      continue;
    if (!isa<StateType>(argument.getType()))
      return Function.emitOpError() << "argument " << argument.getArgNumber()
                                    << " is to be split, but callers give every rank the whole of it";
    Lies[argument] = lies;
    argument.setType(getLocalType(argument.getType(), lies.dim, lies.parts));
  }
  for (auto &[op, rule] : ops) {
    if (auto result = dyn_cast<func::ReturnOp>(op))
      finish(result);
    else if (failed(partition(op, rule)))
      return failure();
  }
  removeShardings(Function);
  for (auto &[op, rule] : ops)
    removeShardings(op);
  return success();
}

namespace {
struct PartitionValues : lathe::impl::PartitionValuesBase<PartitionValues> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(verifyGrid(module)))
      return signalPassFailure();
    Grid grid = Grid::of(module);
    for (auto function : module.getOps<func::FuncOp>())
      for (const GridAxis &axis : grid.getAxes())
        if (!function.isDeclaration() && axis.size > 1 && failed(Partitioner(function, axis.name, axis.size).run()))
          return signalPassFailure();
  }
};
} // namespace
