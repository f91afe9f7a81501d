// See FormFusions in Passes.td.
#include "dialects/lathe/Collectives.h"
#include "dialects/lathe/LoopOps.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMFUSIONS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

// So many operations are computed again for each place they repeat to, rather than written and read.
static constexpr size_t MaxRepeated = 8;

static bool staysOutside(Operation *op) {
  return isa<WeightOp, WeightProgramOp, ConstantOp, ReshapeOp, ReadSizesOp, IfOp, LoopOp, FusionOp>(op) ||
         op->getNumRegions() > 0;
}

static ArrayRef<int64_t> getShape(Value value) { return cast<RankedTensorType>(value.getType()).getShape(); }

/// What `value` is a reshape of, or itself.
static Value skipReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value;
}

/// True when nothing but elementwise operations is in the group.
static bool isRootless(const OpGroup &group) { return llvm::all_of(group.ops, isElementwise); }

/// Operations that cost next to nothing beside a load.
static bool isCheap(Operation *op) {
  static constexpr StringRef cheap[] = {"abs", "add", "and", "cast",    "equal", "less", "less_equal", "maximum",
                                        "mul", "neg", "not", "minimum", "or",    "relu", "select",     "sub"};
  return llvm::is_contained(cheap, op->getName().stripDialect());
}

/// A cast of 16 bits to f32 that the one kernel that reads it makes as well: nothing is written in f32 for it.
static bool isWidening(Operation *op) {
  auto cast = dyn_cast<CastOp>(op);
  if (!cast || !cast->hasOneUse() || !isElementwise(*cast->user_begin()))
    return false;
  Type from = cast.getInput().getType().getElementType();
  return (from.isF16() || from.isBF16()) && cast.getResult().getType().getElementType().isF32();
}

/// Whether an operation's kernel is its loop. Products of integers have a template on CUDA.
static bool isLoop(Operation *op, bool cuda) { return isa<LoopOpInterface>(op) && !(cuda && isa<IntegerMatmulOp>(op)); }

namespace {
/// Forms the groups of one block.
class FusionBuilder {
public:
  FusionBuilder(Block &block, bool cuda) : Body(block), Cuda(cuda), Groups(block) {}
  void run();

private:
  /// Why `op` cannot be an epilogue of the group that makes `operand`, or an empty string when it can.
  StringRef findObstacle(Operation *op, Value operand, const OpGroup &group) const;
  OpGroup *findProducerGroup(Operation *op, StringRef &obstacle);
  OpGroup *findRotation(Operation *op);
  OpGroup *findNorm(Operation *op);
  bool feedsTemplate(OpGroup &producer, const OpGroup &group);
  void joinProducers(Operation *op, OpGroup &group);
  bool canRepeat(Operation *op, OpGroup &producer, OpGroup &group) const;
  void build(OpGroup &group);

  Block &Body;
  bool Cuda;
  OpGroups Groups;
};
} // namespace

StringRef FusionBuilder::findObstacle(Operation *op, Value operand, const OpGroup &group) const {
  if (getShape(operand) != getShape(op->getResult(0)))
    return "shapes differ";
  if (Cuda && llvm::any_of(operand.getUsers(), [&](Operation *user) { return user != op; }))
    return "the operand has other readers";
  if (llvm::any_of(group.ops, [&](Operation *member) { return isLoop(member, Cuda); }))
    return "its kernel is a loop that nothing fuses with";
  if (llvm::any_of(group.ops, isCollective))
    return "ranks exchange the operand as it is";
  if (Groups.arePartedBy(group.ops, op))
    return "what else it reads needs that kernel's result";
  return "";
}

static bool isBetter(const OpGroup &a, const OpGroup &b) {
  if (isRootless(a) != isRootless(b))
    return !isRootless(a);
  return b.ops.back()->isBeforeInBlock(a.ops.back());
}

/// The group that `op` may join as an epilogue: one that makes an operand, at most reshaped, of the shape of its
/// result. Of several, one with a root, or else the one that ends last.
OpGroup *FusionBuilder::findProducerGroup(Operation *op, StringRef &obstacle) {
  OpGroup *best = nullptr;
  for (Value operand : op->getOperands()) {
    Value source = Cuda ? operand : skipReshapes(operand);
    OpGroup *group = Groups.find(source.getDefiningOp());
    if (!group || !isa<RankedTensorType>(operand.getType()))
      continue;
    if (StringRef found = findObstacle(op, operand, *group); !found.empty())
      obstacle = found;
    else if (!best || isBetter(*group, *best))
      best = group;
  }
  return best;
}

/// The rotation of keys that `op`, which appends them to a cache, is to do on the way; null when others read them too.
OpGroup *FusionBuilder::findRotation(Operation *op) {
  auto append = dyn_cast<AppendKvOp>(op);
  auto rope = append ? append.getKey().getDefiningOp<RopeOp>() : RopeOp();
  OpGroup *group = rope && rope->hasOneUse() ? Groups.find(rope) : nullptr;
  return group && group->ops.size() == 1 && !Groups.arePartedBy(group->ops, op) ? group : nullptr;
}

/// The norm whose result nobody reads but `op`, which rounds it: what is rounded is not written before.
OpGroup *FusionBuilder::findNorm(Operation *op) {
  auto rounding = dyn_cast<RoundRowsOp>(op);
  auto norm = rounding ? rounding.getInput().getDefiningOp<RmsNormOp>() : RmsNormOp();
  if (!norm || !norm->hasOneUse() ||
      !isa_and_nonnull<WeightOp, ConstantOp, WeightProgramOp>(norm.getWeight().getDefiningOp()))
    return nullptr;
  OpGroup *group = Groups.find(norm);
  return group->ops.size() == 1 && !Groups.arePartedBy(group->ops, op) ? group : nullptr;
}

/// True when `producer`, which nobody but `op` reads, may be computed once for each place that it is read at.
bool FusionBuilder::canRepeat(Operation *op, OpGroup &producer, OpGroup &group) const {
  if (producer.ops.size() > MaxRepeated || !llvm::all_of(producer.ops, isCheap))
    return false;
  for (Operation *member : producer.ops)
    for (Operation *user : member->getUsers())
      if (user != op && Groups.find(user) != &producer)
        return false;
  return !Groups.arePartedBy(producer.ops, group.ops);
}

/// True when a template of `group` reads what `producer` makes: templates read memory, not values of their own launch.
bool FusionBuilder::feedsTemplate(OpGroup &producer, const OpGroup &group) {
  return llvm::any_of(group.ops, [&](Operation *member) {
    return !isElementwise(member) && !isa<TransposeOp>(member) &&
           llvm::any_of(member->getOperands(),
                        [&](Value operand) { return Groups.find(skipReshapes(operand).getDefiningOp()) == &producer; });
  });
}

/// Takes in what makes the other operands of `op`, a member of `group`, if those are elementwise; for CUDA casts alone,
/// which nobody else reads.
void FusionBuilder::joinProducers(Operation *op, OpGroup &group) {
  for (Value operand : op->getOperands()) {
    OpGroup *producer = Groups.find((Cuda ? operand : skipReshapes(operand)).getDefiningOp());
    if (!producer || producer == &group || !isRootless(*producer) || feedsTemplate(*producer, group))
      continue;
    if (Cuda && !(operand.hasOneUse() && llvm::all_of(producer->ops, llvm::IsaPred<CastOp>)))
      continue;
    bool sameShape = isElementwise(op) && getShape(operand) == getShape(op->getResult(0));
    if (sameShape ? !Groups.arePartedBy(producer->ops, group.ops) : canRepeat(op, *producer, group))
      Groups.merge(group, *producer);
  }
}

/// Reshapes between members become part of the kernel: they change no element's place.
void FusionBuilder::build(OpGroup &group) {
  SmallVector<Operation *> clones;
  for (size_t i = 0; i < group.ops.size(); ++i)
    for (Value operand : group.ops[i]->getOperands()) {
      auto reshape = operand.getDefiningOp<ReshapeOp>();
      if (!reshape || Groups.find(skipReshapes(operand).getDefiningOp()) != &group ||
          llvm::is_contained(group.ops, reshape) || llvm::is_contained(clones, reshape))
        continue;
      bool isInner = llvm::all_of(reshape->getUsers(), [&](Operation *user) { return Groups.find(user) == &group; });
      if (isInner)
        Groups.add(group, reshape);
      else
        clones.push_back(reshape);
      i = size_t(-1); // a reshape of a reshape: look at all again
      break;
    }
  llvm::sort(group.ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
  size_t count = group.ops.size();
  FusionOp fusion = buildFusion(group, clones);
  if (count == 1)
    return;
  std::string results =
      fusion.getNumResults() == 1 ? "" : llvm::formatv(" with {0} results", fusion.getNumResults()).str();
  remark::passed(fusion.getLoc(), remark::RemarkOpts::name("FormFusions").category("fusion"))
      << remark::add("{0} operations became one kernel{1}", count, results);
}

void FusionBuilder::run() {
  for (Operation &op : Body.without_terminator()) {
    if (staysOutside(&op))
      continue;
    StringRef obstacle;
    OpGroup *group = Cuda && isWidening(&op)        ? nullptr
                     : isElementwise(&op)           ? findProducerGroup(&op, obstacle)
                     : Cuda && isa<RoundRowsOp>(op) ? findNorm(&op)
                     : Cuda                         ? findRotation(&op)
                                                    : nullptr;
    if (group)
      Groups.add(*group, &op);
    else
      group = Groups.create(&op);
    if (isElementwise(&op) || (!Cuda && isa<TransposeOp>(op)))
      joinProducers(&op, *group);
    if (group->ops.size() == 1 && !obstacle.empty())
      remark::missed(op.getLoc(), remark::RemarkOpts::name("FormFusions").category("fusion"))
          << remark::add("'{0}' starts a kernel of its own: {1}", op.getName(), obstacle);
  }
  for (OpGroup *group : Groups.getAll())
    build(*group);
  sortBlock(Body);
}

namespace {
struct FormFusions : lathe::impl::FormFusionsBase<FormFusions> {
  using FormFusionsBase::FormFusionsBase;

  void runOnOperation() override {
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    // A kernel does not reach into a branch or a loop.
    SmallVector<Block *> blocks;
    getOperation().getBody().walk<WalkOrder::PreOrder>([&](Block *block) {
      if (!isa<FusionOp, WeightProgramOp>(block->getParentOp()))
        blocks.push_back(block);
    });
    for (Block *block : blocks)
      FusionBuilder(*block, target == "cuda").run();
  }
};
} // namespace
