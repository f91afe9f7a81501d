// See FormFusions in Passes.td.
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMFUSIONS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static bool staysOutside(Operation *op) { return isa<WeightOp, WeightProgramOp, ConstantOp, ReshapeOp>(op); }

namespace {
/// Operations that become one fusion, in program order.
struct Group {
  SmallVector<Operation *> ops;
};
} // namespace

using Groups = llvm::DenseMap<Operation *, Group *>;

/// True when an operation from `begin` up to `end` replaces a state that `group` reads.
static bool replacesState(const Group &group, Operation *begin, Operation *end) {
  auto readsState = [](Operation *op) { return llvm::any_of(op->getOperandTypes(), llvm::IsaPred<StateType>); };
  if (llvm::none_of(group.ops, readsState))
    return false;
  return llvm::any_of(llvm::make_range(begin->getIterator(), end->getIterator()), llvm::IsaPred<AppendKvOp>);
}

/// Why `op` cannot join the group that ends in the producer of `operand`, or an empty string when it can.
static StringRef findObstacle(Operation *op, Value operand, const Group &group) {
  auto type = cast<RankedTensorType>(operand.getType());
  if (type.getShape() != cast<RankedTensorType>(op->getResult(0).getType()).getShape())
    return "shapes differ";
  if (llvm::any_of(operand.getUsers(), [&](Operation *user) { return user != op; }))
    return "the operand has other readers";
  if (replacesState(group, operand.getDefiningOp(), op))
    return "a state that the kernel reads is replaced in between";
  if (isa<LoopOpInterface>(operand.getDefiningOp()))
    return "its kernel is a loop that nothing fuses with";
  return "";
}

/// The group that `op` may join as an epilogue: one that ends in an operand which only `op` reads and which has the
/// shape of its result. Of several, the one that ends last.
static Group *findProducerGroup(Operation *op, const Groups &groups) {
  Group *best = nullptr;
  StringRef obstacle;
  for (Value operand : op->getOperands()) {
    Group *group = groups.lookup(operand.getDefiningOp());
    if (!group || !isa<RankedTensorType>(operand.getType()))
      continue;
    if (StringRef found = findObstacle(op, operand, *group); !found.empty())
      obstacle = found;
    else if (!best || best->ops.back()->isBeforeInBlock(group->ops.back()))
      best = group;
  }
  if (!best && !obstacle.empty())
    remark::missed(op->getLoc(), remark::RemarkOpts::name("FormFusions").category("fusion"))
        << remark::add("'{0}' starts a kernel of its own: {1}", op->getName(), obstacle);
  return best;
}

/// Replaces a group by a fusion where its last operation stands.
static void buildFusion(const Group &group) {
  Operation *last = group.ops.back();
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  llvm::SetVector<Value> inputs;
  for (Operation *op : group.ops)
    for (Value operand : op->getOperands())
      if (!members.contains(operand.getDefiningOp()))
        inputs.insert(operand);
  SmallVector<Location> locations = llvm::map_to_vector(group.ops, [](Operation *op) { return op->getLoc(); });

  OpBuilder builder(last);
  auto fusion = FusionOp::create(builder, builder.getFusedLoc(locations), last->getResultTypes(), inputs.getArrayRef(),
                                 KernelAttr());
  SmallVector<Location> argumentLocations = llvm::map_to_vector(inputs, [](Value input) { return input.getLoc(); });
  Block *body =
      builder.createBlock(&fusion.getBody(), {}, TypeRange(ValueRange(inputs.getArrayRef())), argumentLocations);
  IRMapping map;
  map.map(inputs.getArrayRef(), body->getArguments());
  for (Operation *op : group.ops)
    builder.clone(*op, map);
  YieldOp::create(builder, last->getLoc(),
                  llvm::map_to_vector(last->getResults(), [&](Value result) { return map.lookup(result); }));
  last->replaceAllUsesWith(fusion.getOutputs());
  if (group.ops.size() > 1)
    remark::passed(fusion.getLoc(), remark::RemarkOpts::name("FormFusions").category("fusion"))
        << remark::add("{0} operations became one kernel", group.ops.size());
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}

namespace {
struct FormFusions : lathe::impl::FormFusionsBase<FormFusions> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    std::vector<std::unique_ptr<Group>> groups;
    Groups groupOf;
    for (Operation &op : getOperation().getBody().front().without_terminator()) {
      if (staysOutside(&op) || isa<FusionOp>(op))
        continue;
      Group *group = isElementwise(&op) ? findProducerGroup(&op, groupOf) : nullptr;
      if (!group)
        group = groups.emplace_back(std::make_unique<Group>()).get();
      group->ops.push_back(&op);
      groupOf[&op] = group;
    }
    for (const std::unique_ptr<Group> &group : groups)
      buildFusion(*group);
  }
};
} // namespace
