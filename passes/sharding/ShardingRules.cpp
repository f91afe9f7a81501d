#include "passes/sharding/ShardingRules.h"
#include "dialects/lathe/LoopOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace lathe;

ArrayRef<int64_t> lathe::getSplitShape(Value value) {
  if (auto state = dyn_cast<StateType>(value.getType()))
    return state.getShape();
  auto tensor = dyn_cast<RankedTensorType>(value.getType());
  return tensor ? tensor.getShape() : ArrayRef<int64_t>();
}

Type lathe::getLocalType(Type type, int64_t dim, int64_t parts) {
  if (auto state = dyn_cast<StateType>(type)) {
    SmallVector<int64_t> shape(state.getShape());
    shape[dim] /= parts;
    return StateType::get(type.getContext(), state.getKind(), shape, state.getElement(), state.getWindow());
  }
  auto tensor = cast<RankedTensorType>(type);
  SmallVector<int64_t> shape(tensor.getShape());
  shape[dim] /= parts;
  return tensor.clone(shape);
}

//===- Weights ----------------------------------------------------------------------------------------------------===//

bool lathe::isConstantLike(Value value) {
  SmallVector<Value> work = {value};
  llvm::SmallPtrSet<Operation *, 8> seen;
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    auto type = op ? dyn_cast<RankedTensorType>(op->getResult(0).getType()) : RankedTensorType();
    if (!type || !type.hasStaticShape() || op->getNumResults() != 1)
      return false;
    if (isa<WeightOp, ConstantOp, WeightProgramOp>(op) || !seen.insert(op).second)
      continue;
    if (op->getNumOperands() == 0 || op->getNumRegions() != 0 || !isa<ReferenceOpInterface>(op))
      return false;
    llvm::append_range(work, op->getOperands());
  }
  return true;
}

SmallVector<StringRef> lathe::getWeightNames(Value value) {
  SmallVector<StringRef> names;
  SmallVector<Value> work = {value};
  while (!work.empty()) {
    Operation *op = work.pop_back_val().getDefiningOp();
    if (!op)
      continue;
    if (auto weight = dyn_cast<WeightOp>(op))
      names.push_back(weight.getName());
    op->walk([&](WeightOp inner) {
      if (inner != op)
        names.push_back(inner.getName());
    });
    llvm::append_range(work, op->getOperands());
  }
  return names;
}

//===- Rules ------------------------------------------------------------------------------------------------------===//

namespace {
/// Fills in the rule of one operation.
class RuleBuilder {
public:
  explicit RuleBuilder(Operation *op) {
    for (Value operand : op->getOperands())
      Rule.operands.emplace_back(getSplitShape(operand).size(), ShardingRule::Whole);
    for (Value result : op->getResults())
      Rule.results.emplace_back(getSplitShape(result).size(), ShardingRule::Whole);
  }

  void build(Operation *op);
  ShardingRule Rule;

private:
  void mapElementwise(Operation *op);
  void mapAllBut(Operation *op, llvm::function_ref<bool(int64_t)> isWhole);
  void mapMatmul(Value lhs, Value rhs, bool transposed, int64_t unit);
  void mapExperts(ExpertMatmulOp op);
  void mapRows(Value table, size_t indexRank, int64_t axis);
  void mapReduce(ReduceOp op);
  void mapReshape(ReshapeOp op);
  void mapHeads(unsigned headDim, ArrayRef<unsigned> queries, ArrayRef<unsigned> keys);
  void mapAttention(AttentionOp op);
  void mapConv(ConvOp op);
  void mapIota(IotaOp op);
  void mapExpand(ExpandOp op);
  void mapSlice(SliceOp op);

  /// Gives dimension `from` of operand `operand` and `to` of the result one factor.
  void tie(unsigned operand, size_t from, size_t to, FactorKind kind = FactorKind::Map) {
    int factor = Rule.add(kind);
    Rule.operands[operand][from] = factor;
    Rule.results[0][to] = factor;
  }
};
} // namespace

/// Dimensions are aligned at the last one; those that repeat have no factor.
void RuleBuilder::mapElementwise(Operation *op) {
  ArrayRef<int64_t> result = getSplitShape(op->getResult(0));
  for (size_t d = 0; d < result.size(); ++d)
    Rule.results[0][d] = Rule.add();
  for (auto [operand, dims] : llvm::zip_equal(op->getOperands(), Rule.operands)) {
    ArrayRef<int64_t> shape = getSplitShape(operand);
    size_t shift = result.size() - shape.size();
    for (size_t d = 0; d < shape.size(); ++d)
      if (shape[d] != 1 || result[d + shift] == 1)
        dims[d] = Rule.results[0][d + shift];
  }
}

/// The first operand and all results have the same dimensions, some of which must be whole.
void RuleBuilder::mapAllBut(Operation *op, llvm::function_ref<bool(int64_t)> isWhole) {
  for (int64_t d = 0; d < int64_t(Rule.operands[0].size()); ++d) {
    if (isWhole(d))
      continue;
    int factor = Rule.add();
    Rule.operands[0][d] = factor;
    for (SmallVector<int> &result : Rule.results)
      result[d] = factor;
  }
}

void RuleBuilder::mapMatmul(Value lhs, Value rhs, bool transposed, int64_t unit) {
  ArrayRef<int64_t> left = getSplitShape(lhs), right = getSplitShape(rhs);
  SmallVector<int> &result = Rule.results[0], &leftDims = Rule.operands[0], &rightDims = Rule.operands[1];
  size_t batch = right.size() - 2;
  int sum = Rule.add(FactorKind::Sum, unit), column = Rule.add();
  leftDims.back() = sum;
  rightDims[batch + (transposed ? 1 : 0)] = sum;
  rightDims[batch + (transposed ? 0 : 1)] = column;
  result.back() = column;
  for (size_t fromEnd = 2; fromEnd <= result.size(); ++fromEnd) {
    int factor = Rule.add();
    result[result.size() - fromEnd] = factor;
    if (fromEnd <= left.size() && left[left.size() - fromEnd] != 1)
      leftDims[left.size() - fromEnd] = factor;
    if (fromEnd > 2 && fromEnd <= right.size() && right[right.size() - fromEnd] != 1)
      rightDims[right.size() - fromEnd] = factor;
  }
}

/// Where each of `count` columns chooses the matrix of its own number, as heads do that have one each, columns and
/// matrices are split together.
static bool countsColumns(Value experts, int64_t count) {
  auto iota = experts.getDefiningOp<IotaOp>();
  ArrayRef<int64_t> shape = getSplitShape(experts);
  return iota && iota.getAxis() == 1 && shape.size() == 2 && shape[1] == count;
}

void RuleBuilder::mapExperts(ExpertMatmulOp op) {
  if (getSplitShape(op.getWeights()).size() != 3)
    return;
  SmallVector<int> &input = Rule.operands[0], &weights = Rule.operands[1], &experts = Rule.operands[2];
  SmallVector<int> &result = Rule.results[0];
  int row = Rule.add(), sum = Rule.add(FactorKind::Sum), column = Rule.add(), choice = Rule.add();
  bool own = countsColumns(op.getExperts(), getSplitShape(op.getWeights())[0]);
  int matrix = own ? choice : Rule.add(FactorKind::Experts);
  bool oneRow = getSplitShape(op.getInput())[1] == 1 && getSplitShape(op.getExperts())[1] != 1;
  input = {row, oneRow ? ShardingRule::Whole : choice, sum};
  weights = {matrix, column, sum};
  experts = {row, choice};
  if (!own)
    experts.push_back(matrix);
  result = {row, choice, column};
}

/// Rows of `table`, an operand, along `axis`, by numbers of rank `indexRank`. Ranks may have some of the rows of
/// weights.
void RuleBuilder::mapRows(Value table, size_t indexRank, int64_t axis) {
  SmallVector<int> &from = Rule.operands[0], &indices = Rule.operands[1], &result = Rule.results[0];
  for (size_t d = 0; d < from.size(); ++d) {
    bool isAxis = int64_t(d) == axis;
    if (isAxis && !(isConstantLike(table) && axis == 0))
      continue;
    from[d] = Rule.add(isAxis ? FactorKind::Rows : FactorKind::Map);
    if (!isAxis)
      result[int64_t(d) < axis ? d : d + indexRank - 1] = from[d];
  }
  for (size_t d = 0; d < indexRank; ++d) {
    indices[d] = Rule.add();
    result[axis + d] = indices[d];
  }
}

void RuleBuilder::mapReduce(ReduceOp op) {
  size_t to = 0;
  for (size_t d = 0; d < Rule.operands[0].size(); ++d) {
    bool reduced = llvm::is_contained(op.getAxes(), int64_t(d));
    if (!reduced)
      tie(0, d, to);
    else if (op.getKind() == ReduceKind::Sum)
      Rule.operands[0][d] = Rule.add(FactorKind::Sum);
    to += !reduced || op.getKeep();
  }
}

/// Equal sizes from the left, then from the right, are the same dimensions. Of what is between, the first of each side
/// are cut at the same places.
void RuleBuilder::mapReshape(ReshapeOp op) {
  ArrayRef<int64_t> from = op.getInput().getType().getShape(), to = op.getResult().getType().getShape();
  size_t first = 0, fromEnd = from.size(), toEnd = to.size();
  auto isSame = [&](size_t i, size_t j) {
    return ShapedType::isDynamic(from[i]) ? i == j && op.getShape()[j] == 0 : from[i] == to[j];
  };
  while (first < fromEnd && first < toEnd && isSame(first, first)) {
    tie(0, first, first);
    ++first;
  }
  while (fromEnd > first && toEnd > first && !ShapedType::isDynamic(from[fromEnd - 1]) &&
         from[fromEnd - 1] == to[toEnd - 1]) {
    --fromEnd, --toEnd;
    tie(0, fromEnd, toEnd);
  }
  if (first < fromEnd && first < toEnd && !ShapedType::isDynamic(from[first]) && !ShapedType::isDynamic(to[first]))
    tie(0, first, first);
}

/// `queries` and `keys` are operands; heads are dimension `headDim` of both, and of the result.
void RuleBuilder::mapHeads(unsigned headDim, ArrayRef<unsigned> queries, ArrayRef<unsigned> keys) {
  int head = Rule.add(), keyHead = Rule.add();
  for (unsigned operand : queries)
    Rule.operands[operand][headDim] = head;
  for (unsigned operand : keys)
    Rule.operands[operand][headDim] = keyHead;
  Rule.results[0][headDim] = head;
  Rule.heads = {head, keyHead};
}

void RuleBuilder::mapAttention(AttentionOp op) {
  mapHeads(op.getHeadDim(), {0}, {1, 2});
  int batch = Rule.add();
  for (unsigned operand = 0; operand < 3; ++operand)
    Rule.operands[operand][0] = batch;
  Rule.results[0][0] = batch;
  if (!op.getMask())
    return;
  ArrayRef<int64_t> mask = op.getMask().getType().getShape();
  if (mask[0] != 1)
    Rule.operands[3][0] = batch;
  if (mask[1] != 1)
    Rule.operands[3][1] = Rule.heads->first;
}

void RuleBuilder::mapConv(ConvOp op) {
  tie(0, 0, 0);
  if (op.getGroups() != 1)
    return;
  int channel = Rule.add(FactorKind::Sum), output = Rule.add();
  Rule.operands[0][1] = channel;
  Rule.operands[1][1] = channel;
  Rule.operands[1][0] = output;
  Rule.results[0][1] = output;
}

/// A part of a count starts at 0 again, which fits where matrices are split with it. Operands give sizes alone.
void RuleBuilder::mapIota(IotaOp op) {
  unsigned symbol = 0;
  for (SmallVector<int> &dims : Rule.operands)
    for (int &factor : dims)
      if (!op.getSizes().isFunctionOfSymbol(symbol++))
        factor = ShardingRule::Unread;
  for (size_t d = 0; d < Rule.results[0].size(); ++d) {
    bool counted = d == op.getAxis();
    if (!counted || llvm::all_of(op.getResult().getUsers(), [&](Operation *user) {
          auto product = dyn_cast<ExpertMatmulOp>(user);
          return product && countsColumns(op.getResult(), getSplitShape(product.getWeights())[0]);
        }))
      Rule.results[0][d] = Rule.add();
  }
}

void RuleBuilder::mapExpand(ExpandOp op) {
  ArrayRef<int64_t> from = getSplitShape(op.getInput()), to = getSplitShape(op.getResult());
  for (size_t d = 0; d < from.size(); ++d)
    if (size_t at = d + to.size() - from.size(); from[d] == to[at] && !ShapedType::isDynamic(from[d]))
      tie(0, d, at);
}

void RuleBuilder::mapSlice(SliceOp op) {
  ArrayRef<int64_t> from = getSplitShape(op.getInput()), to = getSplitShape(op.getResult());
  for (size_t d = 0; d < from.size(); ++d) {
    auto start = dyn_cast<AffineConstantExpr>(op.getStarts().getResult(d));
    if (start && start.getValue() == 0 && op.getSteps()[d] == 1 && from[d] == to[d] && !ShapedType::isDynamic(from[d]))
      tie(0, d, d);
  }
}

void RuleBuilder::build(Operation *op) {
  if (isElementwise(op))
    return mapElementwise(op);
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](MatmulOp o) { mapMatmul(o.getLhs(), o.getRhs(), o.getTransposeRhs(), 1); })
      .Case([&](Int8MatmulOp o) { mapMatmul(o.getLhs(), o.getRhs(), true, Int8MatmulOp::Group); })
      .Case([&](ExpertMatmulOp o) { mapExperts(o); })
      .Case([&](GatherOp o) { mapRows(o.getTable(), 1, 0); })
      .Case([&](GatherAlongOp o) { mapRows(o.getInput(), getSplitShape(o.getIndices()).size(), o.getAxis()); })
      .Case([&](ReduceOp o) { mapReduce(o); })
      .Case([&](ReshapeOp o) { mapReshape(o); })
      .Case([&](TransposeOp o) {
        for (auto [to, from] : llvm::enumerate(o.getPermutation()))
          tie(0, from, to);
      })
      .Case<RmsNormOp, SoftmaxOp>(
          [&](Operation *o) { mapAllBut(o, [&](int64_t d) { return d + 1 == int64_t(Rule.operands[0].size()); }); })
      .Case([&](LayerNormOp o) { mapAllBut(o, [&](int64_t d) { return d >= int64_t(o.getAxis()); }); })
      .Case([&](TopKOp o) { mapAllBut(o, [&](int64_t d) { return d == int64_t(o.getAxis()); }); })
      .Case([&](RopeOp o) { mapAllBut(o, [](int64_t d) { return d != 1; }); })
      .Case([&](ConcatOp o) {
        for (int64_t d = 0; d < int64_t(Rule.results[0].size()); ++d)
          if (d != int64_t(o.getAxis())) {
            Rule.results[0][d] = Rule.add();
            for (SmallVector<int> &dims : Rule.operands)
              dims[d] = Rule.results[0][d];
          }
      })
      .Case([&](SliceOp o) { mapSlice(o); })
      .Case([&](ExpandOp o) { mapExpand(o); })
      .Case([&](IotaOp o) { mapIota(o); })
      .Case([&](AppendKvOp) {
        int head = Rule.add();
        for (unsigned operand : {0, 1, 2})
          Rule.operands[operand][1] = head;
        Rule.results[0][1] = head;
      })
      .Case([&](PagedAttentionOp o) {
        mapHeads(1, {0}, {1});
        if (o.getSinks())
          Rule.operands[5][0] = Rule.heads->first;
      })
      .Case([&](RaggedAttentionOp) { mapHeads(1, {0}, {1, 2}); })
      .Case([&](AttentionOp o) { mapAttention(o); })
      .Case([&](ConvOp o) { mapConv(o); })
      .Case([&](MaxPoolOp o) { mapAllBut(o, [](int64_t d) { return d > 1; }); });
}

ShardingRule ShardingRule::of(Operation *op) {
  RuleBuilder builder(op);
  if (op->getNumRegions() == 0)
    builder.build(op);
  return std::move(builder.Rule);
}

//===- Values that ranks have parts of ----------------------------------------------------------------------------===//

/// Elementwise operations of one operand that give 0 for 0.
static bool keepsZero(Operation *op) {
  static constexpr StringRef names[] = {"abs",  "ceil",  "erf",  "floor", "gelu", "gelu_tanh", "neg",
                                        "relu", "round", "sign", "silu",  "sin",  "sqrt",      "tanh"};
  return op->getNumOperands() == 1 && llvm::is_contained(names, op->getName().stripDialect());
}

static std::optional<PartialValue> combineProduct(ArrayRef<PartialValue> operands, bool onlyFirst) {
  bool first = operands[0].kind != Partial::None, second = operands[1].kind != Partial::None;
  if (first && second) {
    bool same = operands[0].kind == Partial::One && operands[1].kind == Partial::One &&
                operands[0].support == operands[1].support;
    return same && !onlyFirst ? std::optional(operands[0]) : std::nullopt;
  }
  if (second && onlyFirst)
    return std::nullopt;
  return first ? operands[0] : operands[1];
}

std::optional<PartialValue> lathe::combinePartials(Operation *op, ArrayRef<PartialValue> operands, PartialValue own) {
  if (llvm::all_of(operands, [](const PartialValue &value) { return value.kind == Partial::None; }))
    return own;
  if (auto product = dyn_cast<ExpertMatmulOp>(op)) {
    // Rows of 0 for the experts of others, which give 0 once more.
    bool same = operands[0].kind == Partial::One && own.kind == Partial::One && operands[0].support == own.support;
    return same ? std::optional(own) : std::nullopt;
  }
  if (own.kind != Partial::None)
    return std::nullopt;
  if (isa<MulOp>(op))
    return combineProduct(operands, /*onlyFirst=*/false);
  if (isa<DivOp>(op))
    return combineProduct(operands, /*onlyFirst=*/true);
  if (isa<AddOp, SubOp>(op)) {
    if (operands[0].kind == Partial::None || operands[1].kind == Partial::None)
      return std::nullopt;
    bool same = operands[0].kind == Partial::One && operands[1].kind == Partial::One &&
                operands[0].support == operands[1].support;
    return same ? operands[0] : PartialValue{Partial::Sum, nullptr};
  }
  if (keepsZero(op) && operands[0].kind == Partial::One)
    return operands[0];
  if (isa<NegOp, ReshapeOp, TransposeOp, SliceOp, ExpandOp>(op))
    return operands[0];
  if (auto reduce = dyn_cast<ReduceOp>(op); reduce && reduce.getKind() == ReduceKind::Sum)
    return PartialValue{Partial::Sum, nullptr};
  return std::nullopt;
}
