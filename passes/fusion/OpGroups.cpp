#include "passes/fusion/OpGroups.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/Support/ErrorHandling.h"

using namespace mlir;
using namespace lathe;

/// The value that `op` replaces, or null: every other use of it comes before.
static Value getReplacedState(Operation *op) {
  if (auto append = dyn_cast<AppendKvOp>(op))
    return append.getState();
  auto fusion = dyn_cast<FusionOp>(op);
  if (!fusion)
    return {};
  for (AppendKvOp append : fusion.getBody().front().getOps<AppendKvOp>())
    if (auto argument = dyn_cast<BlockArgument>(append.getState()))
      return fusion.getOperand(argument.getArgNumber());
  return {};
}

llvm::SetVector<Operation *> lathe::getDependencies(Operation *op) {
  llvm::SetVector<Operation *> needed;
  Block *block = op->getBlock();
  auto insert = [&](Operation *other) {
    Operation *own = other ? block->findAncestorOpInBlock(*other) : nullptr;
    if (own && own != op)
      needed.insert(own);
  };
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands())
      insert(operand.getDefiningOp());
    if (Value state = inner == op || !inner->getParentOfType<FusionOp>() ? getReplacedState(inner) : Value())
      for (Operation *user : state.getUsers())
        insert(user);
  });
  return needed;
}

OpGroups::OpGroups(Block &block) {
  for (auto [i, op] : llvm::enumerate(block))
    Positions[&op] = i;
}

OpGroup *OpGroups::create(Operation *op) {
  OpGroup *group = Groups.emplace_back(std::make_unique<OpGroup>()).get();
  add(*group, op);
  return group;
}

void OpGroups::add(OpGroup &group, Operation *op) {
  group.ops.push_back(op);
  GroupOf[op] = &group;
}

void OpGroups::merge(OpGroup &into, OpGroup &from) {
  for (Operation *op : from.ops)
    add(into, op);
  from.ops.clear();
  llvm::sort(into.ops, [&](Operation *a, Operation *b) { return Positions.lookup(a) < Positions.lookup(b); });
}

/// Follows dependencies from `from`, whole groups at a time. Those between `from` and `to` directly count with
/// `ownEdges` alone.
bool OpGroups::reaches(ArrayRef<Operation *> from, ArrayRef<Operation *> to, bool ownEdges) const {
  unsigned first = ~0u;
  for (Operation *op : to)
    first = std::min(first, Positions.lookup(op));
  // Members of `from`, and the reshapes that they read: those can become part of either group. What else reads such a
  // reshape comes to it from outside, so that it is walked through once as a member and once as any other operation.
  llvm::DenseSet<Operation *> own(from.begin(), from.end()), wanted(to.begin(), to.end());
  using Visit = llvm::PointerIntPair<Operation *, 1, bool>;
  llvm::DenseSet<Visit> seen;
  SmallVector<Visit> work;
  auto visit = [&](Operation *op, bool asOwn) {
    if (seen.insert(Visit(op, asOwn)).second)
      work.push_back(Visit(op, asOwn));
  };
  for (Operation *op : from)
    visit(op, true);
  while (!work.empty()) {
    Visit current = work.pop_back_val();
    bool isOwn = current.getInt();
    for (Operation *needed : getDependencies(current.getPointer())) {
      if (wanted.contains(needed)) {
        if (!isOwn || ownEdges)
          return true;
        continue;
      }
      if (own.contains(needed))
        continue;
      if (isOwn && isa<ReshapeOp>(needed)) {
        visit(needed, true);
        continue;
      }
      OpGroup *group = find(needed);
      ArrayRef<Operation *> members = group ? ArrayRef<Operation *>(group->ops) : ArrayRef(needed);
      // What runs before all of `to` does not depend on it.
      if (llvm::all_of(members, [&](Operation *member) { return Positions.lookup(member) < first; }))
        continue;
      for (Operation *member : members)
        visit(member, false);
    }
  }
  return false;
}

bool OpGroups::arePartedBy(ArrayRef<Operation *> a, ArrayRef<Operation *> b) const {
  return reaches(a, b, /*ownEdges=*/false) || reaches(b, a, /*ownEdges=*/false);
}

bool OpGroups::dependsOn(ArrayRef<Operation *> a, ArrayRef<Operation *> b) const {
  return reaches(a, b, /*ownEdges=*/true);
}

SmallVector<OpGroup *> OpGroups::getAll() const {
  SmallVector<OpGroup *> all;
  for (const std::unique_ptr<OpGroup> &group : Groups)
    if (!group->ops.empty())
      all.push_back(group.get());
  llvm::sort(all,
             [&](OpGroup *a, OpGroup *b) { return Positions.lookup(a->ops.back()) < Positions.lookup(b->ops.back()); });
  return all;
}

FusionOp lathe::buildFusion(const OpGroup &group, ArrayRef<Operation *> clones) {
  llvm::SmallPtrSet<Operation *, 8> members(group.ops.begin(), group.ops.end());
  SmallVector<Operation *> body(clones);
  llvm::append_range(body, group.ops);
  llvm::sort(body, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  llvm::SmallPtrSet<Operation *, 8> computed(body.begin(), body.end());
  llvm::SetVector<Value> inputs;
  SmallVector<Value> outputs;
  for (Operation *op : body)
    for (Value operand : op->getOperands())
      if (!computed.contains(operand.getDefiningOp()))
        inputs.insert(operand);
  for (Operation *op : group.ops)
    for (Value result : op->getResults())
      if (result.use_empty() ? op == group.ops.back() : llvm::any_of(result.getUsers(), [&](Operation *user) {
            return !members.contains(user);
          }))
        outputs.push_back(result);
  SmallVector<Location> locations = llvm::map_to_vector(group.ops, [](Operation *op) { return op->getLoc(); });

  Operation *last = group.ops.back();
  OpBuilder builder(last);
  auto fusion = FusionOp::create(builder, builder.getFusedLoc(locations), TypeRange(ValueRange(outputs)),
                                 inputs.getArrayRef(), KernelAttr());
  SmallVector<Location> argumentLocations = llvm::map_to_vector(inputs, [](Value input) { return input.getLoc(); });
  Block *region =
      builder.createBlock(&fusion.getBody(), {}, TypeRange(ValueRange(inputs.getArrayRef())), argumentLocations);
  IRMapping map;
  map.map(inputs.getArrayRef(), region->getArguments());
  for (Operation *op : body)
    builder.clone(*op, map);
  YieldOp::create(builder, last->getLoc(),
                  llvm::map_to_vector(outputs, [&](Value output) { return map.lookup(output); }));
  for (auto [output, result] : llvm::zip_equal(outputs, fusion.getOutputs()))
    output.replaceUsesWithIf(result, [&](OpOperand &use) { return !members.contains(use.getOwner()); });
  for (Operation *op : llvm::reverse(group.ops))
    op->erase();
  return fusion;
}

/// What `fusion` has of `fusions`' results is not an operand of the merged one, but computed in it.
static void collectOperands(FusionOp fusion, const llvm::SmallPtrSetImpl<Operation *> &fusions,
                            llvm::SetVector<Value> &operands) {
  for (Value operand : fusion.getOperands())
    if (!fusions.contains(operand.getDefiningOp()))
      operands.insert(operand);
}

FusionOp lathe::mergeFusions(ArrayRef<FusionOp> fusions) {
  llvm::SmallPtrSet<Operation *, 4> members(fusions.begin(), fusions.end());
  llvm::SetVector<Value> operands;
  SmallVector<Value> outputs;
  SmallVector<Location> locations;
  for (FusionOp fusion : fusions) {
    collectOperands(fusion, members, operands);
    locations.push_back(fusion.getLoc());
    for (Value result : fusion.getResults())
      if (result.use_empty() ||
          llvm::any_of(result.getUsers(), [&](Operation *user) { return !members.contains(user); }))
        outputs.push_back(result);
  }
  OpBuilder builder(fusions.back());
  auto merged = FusionOp::create(builder, builder.getFusedLoc(locations), TypeRange(ValueRange(outputs)),
                                 operands.getArrayRef(), KernelAttr());
  SmallVector<Location> argumentLocations = llvm::map_to_vector(operands, [](Value value) { return value.getLoc(); });
  Block *region =
      builder.createBlock(&merged.getBody(), {}, TypeRange(ValueRange(operands.getArrayRef())), argumentLocations);
  IRMapping map; // of the operands and results of `fusions`, and of what their regions hold
  map.map(operands.getArrayRef(), region->getArguments());
  for (FusionOp fusion : fusions) {
    Block &body = fusion.getBody().front();
    for (auto [argument, operand] : llvm::zip_equal(body.getArguments(), fusion.getOperands()))
      map.map(argument, map.lookup(operand));
    for (Operation &op : body.without_terminator())
      builder.clone(op, map);
    for (auto [result, yielded] : llvm::zip_equal(fusion.getResults(), body.getTerminator()->getOperands()))
      map.map(result, map.lookup(yielded));
  }
  YieldOp::create(builder, merged.getLoc(),
                  llvm::map_to_vector(outputs, [&](Value output) { return map.lookup(output); }));
  for (auto [output, result] : llvm::zip_equal(outputs, merged.getOutputs()))
    output.replaceAllUsesExcept(result, members);
  for (FusionOp fusion : llvm::reverse(fusions))
    fusion.erase();
  return merged;
}

SmallVector<Operation *> lathe::getRoots(FusionOp fusion) {
  SmallVector<Operation *> roots;
  for (Operation &op : fusion.getBody().front().without_terminator())
    if (!isElementwise(&op) && !isa<ReshapeOp, TransposeOp>(op))
      roots.push_back(&op);
  return roots;
}

void lathe::sortBlock(Block &block) {
  SmallVector<Operation *> order;
  for (Operation &op : block.without_terminator())
    order.push_back(&op);
  // Depth first with a stack of its own: chains of a large model are longer than a call stack.
  llvm::DenseSet<Operation *> placed, expanded;
  Operation *end = block.getTerminator();
  for (Operation *root : order) {
    SmallVector<Operation *> stack{root};
    while (!stack.empty()) {
      Operation *op = stack.back();
      if (placed.contains(op)) {
        stack.pop_back();
        continue;
      }
      size_t depth = stack.size();
      for (Operation *needed : getDependencies(op))
        if (!placed.contains(needed))
          stack.push_back(needed);
      if (stack.size() > depth) {
        bool first = expanded.insert(op).second;
        if (!first)
          llvm::report_fatal_error("two operations of a block need each other");
        continue;
      }
      op->moveBefore(end);
      placed.insert(op);
      stack.pop_back();
    }
  }
}
