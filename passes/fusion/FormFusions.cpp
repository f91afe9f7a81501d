// See FormFusions in Passes.td.
#include "mlir/IR/IRMapping.h"
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

/// The group that `op` may join as an epilogue: one that ends in an operand which only `op` reads and which has the
/// shape of its result. Of several, the one that ends last, whose other inputs are then all there.
static Group *findProducerGroup(Operation *op, const llvm::DenseMap<Operation *, Group *> &groups) {
  Group *best = nullptr;
  auto result = cast<RankedTensorType>(op->getResult(0).getType());
  for (Value operand : op->getOperands()) {
    Operation *producer = operand.getDefiningOp();
    auto type = dyn_cast<RankedTensorType>(operand.getType());
    if (!producer || !type || type.getShape() != result.getShape() || !operand.hasOneUse())
      continue;
    auto group = groups.find(producer);
    if (group == groups.end() || group->second->ops.back() != producer || isa<AppendKvOp>(producer))
      continue;
    if (!best || best->ops.back()->isBeforeInBlock(producer))
      best = group->second;
  }
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
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
}

namespace {
struct FormFusions : lathe::impl::FormFusionsBase<FormFusions> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    std::vector<std::unique_ptr<Group>> groups;
    llvm::DenseMap<Operation *, Group *> groupOf;
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
