#include "passes/sharding/DimensionClasses.h"
#include "dialects/lathe/LoopOps.h"

using namespace mlir;
using namespace lathe;

/// Operations that read all of a dimension, which is gathered for them: what callers see, and the choice of a token.
static bool gathers(Operation *op) { return isa<func::ReturnOp, ArgMaxOp, ArgMinOp>(op); }

DimensionClasses::Key DimensionClasses::makeKey(OpOperand &operand, int64_t dim) {
  if (isConstantLike(operand.get()))
    return {&operand, dim};
  return {operand.get().getAsOpaquePointer(), dim};
}

unsigned DimensionClasses::number(Key key, const DimensionMember &member) {
  auto [found, isNew] = Numbers.try_emplace(key, Members.size());
  if (isNew)
    Members.push_back(member);
  Members[found->second].unit = std::max(Members[found->second].unit, member.unit);
  return found->second;
}

std::optional<unsigned> DimensionClasses::find(OpOperand &operand, int64_t dim) const {
  auto found = Numbers.find(makeKey(operand, dim));
  return found == Numbers.end() ? std::nullopt : std::optional(Equal[found->second]);
}

DimensionClasses::DimensionClasses(func::FuncOp function) {
  for (Operation &op : function.getBody().front())
    if (op.getNumResults() != 1 || !isConstantLike(op.getResult(0)))
      addOperation(op);
  Equal.grow(Members.size());
  for (SplitOperation &split : Operations) {
    SmallVector<int64_t> first(split.rule.factors.size(), -1);
    auto join = [&](const SmallVector<int> &dims, llvm::function_ref<Key(int64_t)> makeKey) {
      for (auto [dim, factor] : llvm::enumerate(dims)) {
        if (factor < 0)
          continue;
        unsigned own = Numbers.lookup(makeKey(dim));
        if (first[factor] < 0)
          first[factor] = own;
        Equal.join(unsigned(first[factor]), own);
      }
    };
    for (auto [operand, dims] : llvm::zip_equal(split.op->getOpOperands(), split.rule.operands))
      join(dims, [&, &operand = operand](int64_t dim) { return this->makeKey(operand, dim); });
    for (auto [result, dims] : llvm::zip_equal(split.op->getResults(), split.rule.results))
      join(dims, [&, result = result](int64_t dim) { return Key(result.getAsOpaquePointer(), dim); });
    for (int64_t number : first) {
      assert(number >= 0 && "a factor has a dimension");
      split.classes.push_back(unsigned(number));
    }
  }
  Equal.compress();
  for (SplitOperation &split : Operations)
    for (unsigned &number : split.classes)
      number = Equal[number];
  fillClasses(function);
}

void DimensionClasses::addOperation(Operation &op) {
  SplitOperation split{&op, ShardingRule::of(&op), {}};
  auto add = [&](const SmallVector<int> &dims, Value value, OpOperand *use) {
    for (auto [dim, factor] : llvm::enumerate(dims)) {
      Key key = use ? makeKey(*use, dim) : Key(value.getAsOpaquePointer(), dim);
      bool constant = use && isConstantLike(value);
      int64_t unit = factor < 0 ? 1 : split.rule.factors[factor].unit;
      number(key, {value, constant ? use : nullptr, int64_t(dim), unit});
    }
  };
  for (auto [operand, dims] : llvm::zip_equal(op.getOpOperands(), split.rule.operands))
    add(dims, operand.get(), &operand);
  for (auto [result, dims] : llvm::zip_equal(op.getResults(), split.rule.results))
    add(dims, result, nullptr);
  Operations.push_back(std::move(split));
}

void DimensionClasses::block(Value value, StringRef why) {
  for (size_t dim = 0; dim < getSplitShape(value).size(); ++dim) {
    auto found = Numbers.find({value.getAsOpaquePointer(), int64_t(dim)});
    if (found != Numbers.end() && Classes[Equal[found->second]].obstacle.empty())
      Classes[Equal[found->second]].obstacle = why.str();
  }
}

/// The name of the node that `op` came from, or of the operation.
static std::string describe(Operation *op) {
  std::string name = ("'" + op->getName().getStringRef() + "'").str();
  if (auto location = dyn_cast<NameLoc>(op->getLoc()))
    name += (" '" + location.getName().getValue() + "'").str();
  return name;
}

/// Dimensions without a factor must be whole, but those of size 1 are no obstacle.
void DimensionClasses::blockWhole(const SplitOperation &split) {
  auto visit = [&](const SmallVector<int> &dims, Value value, OpOperand *use) {
    ArrayRef<int64_t> shape = getSplitShape(value);
    for (auto [dim, factor] : llvm::enumerate(dims)) {
      if (factor != ShardingRule::Whole || dim >= shape.size() || shape[dim] == 1)
        continue;
      Key key = use ? makeKey(*use, dim) : Key(value.getAsOpaquePointer(), dim);
      DimensionClass &own = Classes[Equal[Numbers.lookup(key)]];
      if (use && gathers(split.op)) {
        if (!isa<StateType>(value.getType()))
          own.exchangedBytes += shape[dim] * int64_t(sizeof(float));
      } else if (own.obstacle.empty()) {
        own.obstacle = (use ? "read whole by " : "made whole by ") + describe(split.op);
      }
    }
  };
  for (auto [operand, dims] : llvm::zip_equal(split.op->getOpOperands(), split.rule.operands))
    visit(dims, operand.get(), &operand);
  for (auto [result, dims] : llvm::zip_equal(split.op->getResults(), split.rule.results))
    visit(dims, result, nullptr);
}

/// What ranks would add up: one row of the results of sums, symbols counted as 1.
void DimensionClasses::countExchange(const SplitOperation &split) {
  for (auto [factor, own] : llvm::zip_equal(split.rule.factors, split.classes)) {
    DimensionClass &known = Classes[own];
    known.hasExperts |= factor.kind == FactorKind::Experts;
    if (factor.kind == FactorKind::Map)
      continue;
    int64_t elements = 1;
    for (int64_t size : getSplitShape(split.op->getResult(0)))
      elements *= ShapedType::isDynamic(size) ? 1 : size;
    known.exchangedBytes += elements * int64_t(sizeof(float));
  }
}

void DimensionClasses::fillClasses(func::FuncOp function) {
  Classes.resize(Equal.getNumClasses());
  for (auto [number, member] : llvm::enumerate(Members)) {
    DimensionClass &own = Classes[Equal[number]];
    own.members.push_back(member);
    ArrayRef<int64_t> shape = getSplitShape(member.value);
    if (size_t(member.dim) < shape.size() && ShapedType::isDynamic(shape[member.dim]) && own.obstacle.empty())
      own.obstacle = "has no fixed size";
    if (member.use)
      own.weightBytes += *getTensorBytes(cast<RankedTensorType>(member.value.getType()));
  }
  for (BlockArgument argument : function.getArguments())
    if (!isa<StateType>(argument.getType()))
      block(argument, "is of an input");
  for (const SplitOperation &split : Operations) {
    blockWhole(split);
    countExchange(split);
    for (Region &region : split.op->getRegions())
      region.walk([&](Operation *inner) {
        for (Value operand : inner->getOperands())
          block(operand, "is read in a branch or a loop");
      });
    // What is added to products of experts would be added for those of other ranks as well.
    if (auto along = dyn_cast<GatherAlongOp>(split.op))
      for (Operation *user : along.getIndices().getUsers())
        if (auto product = dyn_cast<ExpertMatmulOp>(user))
          if (auto found = Numbers.find(
                  {along.getIndices().getAsOpaquePointer(), int64_t(getSplitShape(along.getIndices()).size())});
              found != Numbers.end())
            Classes[Equal[found->second]].obstacle = "has biases, which experts of other ranks would have too";
    if (split.rule.heads)
      if (auto [head, key] = *split.rule.heads; split.classes[head] != split.classes[key])
        for (auto [value, dims] : llvm::zip_equal(split.op->getOperands(), split.rule.operands))
          if (auto *found = llvm::find(dims, key); found != dims.end()) {
            Classes[split.classes[head]].keyHeads.push_back(
                {split.classes[key], getSplitShape(value)[found - dims.begin()]});
            break;
          }
  }
}
