// See LaunchTogether in Passes.td.
#include "dialects/lathe/Collectives.h"
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_LAUNCHTOGETHER
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

// Kernels further apart than so many others stay apart: results would take up memory for longer.
static constexpr unsigned MaxDistance = 8;

/// The template of a kernel that may be launched with others on CUDA, or an empty string.
static StringRef getCudaTemplate(ArrayRef<Operation *> roots) {
  // Keys are rotated on their way into the cache.
  bool appends = roots.size() == 2 && isa<RopeOp>(roots[0]) && isa<AppendKvOp>(roots[1]);
  if (!appends && (roots.size() != 1 || !isa<MatmulOp, RopeOp, TileMatmulOp>(roots[0])))
    return "";
  return roots[0]->getName().getStringRef();
}

/// The template of a kernel that may be launched with others, or an empty string.
static StringRef getTemplate(FusionOp fusion, bool cuda) {
  SmallVector<Operation *> roots = getRoots(fusion);
  if (cuda)
    return getCudaTemplate(roots);
  bool movesState = llvm::any_of(fusion.getOperandTypes(), llvm::IsaPred<StateType>);
  if (roots.empty() || movesState || llvm::any_of(roots, llvm::IsaPred<LoopOpInterface>) ||
      llvm::any_of(roots, isCollective))
    return "";
  return roots.front()->getName().getStringRef();
}

static bool isWeight(Value value) {
  return isa_and_nonnull<WeightOp, ConstantOp, WeightProgramOp>(value.getDefiningOp());
}

/// The value outside of the fusion that the left operand of its product is; null without one.
static Value getLhs(FusionOp fusion) {
  Operation *root = getRoots(fusion).front();
  bool product = isa<MatmulOp, TileMatmulOp>(root);
  auto argument = product ? dyn_cast<BlockArgument>(root->getOperand(0)) : BlockArgument();
  return argument ? fusion.getOperand(argument.getArgNumber()) : Value();
}

static bool readsBlocks(TileMatmulOp product) {
  return isa<GgufTilesType>(cast<RankedTensorType>(product.getRhs().getType()).getElementType());
}

/// True when products may be parts of one CUDA kernel, whose tiles have the same rows.
static bool haveOneGeometry(FusionOp a, FusionOp b) {
  auto first = dyn_cast<MatmulOp>(getRoots(a).front()), second = dyn_cast<MatmulOp>(getRoots(b).front());
  if (auto product = dyn_cast<TileMatmulOp>(getRoots(a).front()))
    return getLhs(a) == getLhs(b) && readsBlocks(product) == readsBlocks(cast<TileMatmulOp>(getRoots(b).front()));
  return !first || (getLhs(a) == getLhs(b) && first.getTransposeRhs() == second.getTransposeRhs());
}

/// True when a kernel of `group` reads a tensor that `fusion` reads as well, and that is computed.
static bool sharesOperand(FusionOp fusion, const OpGroup &group, bool cuda) {
  if (cuda && !haveOneGeometry(fusion, cast<FusionOp>(group.ops.front())))
    return false;
  return llvm::any_of(fusion.getOperands(), [&](Value operand) {
    return isa<RankedTensorType>(operand.getType()) && !isWeight(operand) &&
           llvm::any_of(group.ops, [&](Operation *other) { return llvm::is_contained(other->getOperands(), operand); });
  });
}

namespace {
/// Forms the groups of one block.
class LaunchGrouper {
public:
  LaunchGrouper(Block &block, bool cuda) : Body(block), Cuda(cuda), Groups(block) {}
  void run();

private:
  void visit(FusionOp fusion);
  StringRef findObstacle(FusionOp fusion, const OpGroup &group) const;

  Block &Body;
  bool Cuda;
  OpGroups Groups;
  llvm::StringMap<SmallVector<OpGroup *>> ByTemplate;
  llvm::DenseMap<Operation *, unsigned> Numbers; ///< of fusions, in order
};
} // namespace

/// Why `fusion` cannot be launched with `group`, or an empty string.
StringRef LaunchGrouper::findObstacle(FusionOp fusion, const OpGroup &group) const {
  if (Numbers.lookup(fusion) - Numbers.lookup(group.ops.front()) > MaxDistance)
    return "it is far behind another that reads the same";
  if (Groups.dependsOn({fusion}, group.ops) || Groups.dependsOn(group.ops, {fusion}))
    return "it needs what another that reads the same computes";
  return "";
}

void LaunchGrouper::visit(FusionOp fusion) {
  Numbers[fusion] = Numbers.size();
  StringRef name = getTemplate(fusion, Cuda);
  if (name.empty())
    return;
  for (OpGroup *group : ByTemplate[name]) {
    if (!sharesOperand(fusion, *group, Cuda))
      continue;
    StringRef obstacle = findObstacle(fusion, *group);
    if (obstacle.empty())
      return Groups.add(*group, fusion);
    remark::missed(fusion.getLoc(), remark::RemarkOpts::name("LaunchTogether").category("fusion"))
        << remark::add("'{0}' is a launch of its own: {1}", name, obstacle);
  }
  ByTemplate[name].push_back(Groups.create(fusion));
}

void LaunchGrouper::run() {
  for (FusionOp fusion : Body.getOps<FusionOp>())
    visit(fusion);
  for (OpGroup *group : Groups.getAll()) {
    if (group->ops.size() == 1)
      continue;
    size_t count = group->ops.size();
    FusionOp merged = mergeFusions(llvm::map_to_vector(group->ops, [](Operation *op) { return cast<FusionOp>(op); }));
    remark::passed(merged.getLoc(), remark::RemarkOpts::name("LaunchTogether").category("fusion"))
        << remark::add("{0} kernels became one launch", count);
  }
  sortBlock(Body);
}

namespace {
struct LaunchTogether : lathe::impl::LaunchTogetherBase<LaunchTogether> {
  using LaunchTogetherBase::LaunchTogetherBase;

  void runOnOperation() override {
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    SmallVector<Block *> blocks;
    getOperation().getBody().walk<WalkOrder::PreOrder>([&](Block *block) {
      if (!isa<FusionOp, WeightProgramOp>(block->getParentOp()))
        blocks.push_back(block);
    });
    for (Block *block : blocks)
      LaunchGrouper(*block, target == "cuda").run();
  }
};
} // namespace
