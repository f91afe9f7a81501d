// See JoinProducts in Passes.td.
#include "mlir/IR/Remarks.h"
#include "passes/Passes.h"
#include "passes/fusion/OpGroups.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_JOINPRODUCTS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The only product of a fusion that has no other root, or null.
static Operation *getProduct(FusionOp fusion) {
  SmallVector<Operation *> roots = getRoots(fusion);
  return roots.size() == 1 && isa<Int8MatmulOp, MatmulOp, PanelMatmulOp, TileMatmulOp>(roots[0]) ? roots[0] : nullptr;
}

/// The value outside of the fusion that an operand of `op` is, or null when the fusion computes it.
static Value getOutside(FusionOp fusion, Operation *op, unsigned operand) {
  auto argument = dyn_cast<BlockArgument>(op->getOperand(operand));
  return argument ? fusion.getOperand(argument.getArgNumber()) : Value();
}

static bool isF32(Value value) { return cast<RankedTensorType>(value.getType()).getElementType().isF32(); }

/// True when `fusion` reads `value` only where it computes the same element of a result of its product's shape.
static bool readsInPlace(FusionOp fusion, Value value, Operation *product) {
  ArrayRef<int64_t> shape = cast<RankedTensorType>(product->getResult(0).getType()).getShape();
  for (auto [operand, argument] : llvm::zip_equal(fusion.getOperands(), fusion.getBody().getArguments()))
    if (operand == value)
      for (Operation *user : argument.getUsers())
        if (!isElementwise(user) || cast<RankedTensorType>(user->getResult(0).getType()).getShape() != shape ||
            cast<RankedTensorType>(value.getType()).getShape() != shape)
          return false;
  return true;
}

/// True when one template computes products with weights of these types.
static bool haveOneTemplate(Value a, Value b, bool cuda) {
  return cuda ? a.getType() == b.getType() : isF32(a) == isF32(b);
}

/// Why the kernel of `first` cannot be part of that of `second`, or an empty string.
static StringRef findObstacle(FusionOp first, Operation *a, FusionOp second, Operation *b, bool cuda) {
  if (first.getNumResults() != 1 || !llvm::all_of(first->getUsers(), [&](Operation *user) { return user == second; }))
    return "others read the first of them too";
  if (a->getName() != b->getName() || a->getAttrs() != b->getAttrs() ||
      a->getResult(0).getType() != b->getResult(0).getType() ||
      cast<ShapedType>(a->getOperand(1).getType()).getShape() !=
          cast<ShapedType>(b->getOperand(1).getType()).getShape() ||
      !haveOneTemplate(a->getOperand(1), b->getOperand(1), cuda))
    return "they have different shapes or weights of different kinds";
  // On the CPU the first product waits in the memory of the result.
  if (!cuda && (second.getNumResults() != 1 || !isF32(second.getResult(0)) || !isF32(b->getResult(0)) ||
                second.getResult(0).getType() != b->getResult(0).getType()))
    return "there is not one result of their shape in f32";
  if (!readsInPlace(second, first.getResult(0), b))
    return "one is read at other places than the other";
  return "";
}

/// Joins `fusion` with the kernel of a product that it reads: both are replaced.
static void join(FusionOp fusion, bool cuda) {
  auto options = remark::RemarkOpts::name("JoinProducts").category("fusion");
  Operation *product = getProduct(fusion);
  Value lhs = product ? getOutside(fusion, product, 0) : Value();
  if (!lhs)
    return;
  for (Value operand : fusion.getOperands()) {
    auto first = operand.getDefiningOp<FusionOp>();
    Operation *other = first && first->getBlock() == fusion->getBlock() ? getProduct(first) : nullptr;
    if (!other || operand == lhs || getOutside(first, other, 0) != lhs)
      continue;
    if (StringRef obstacle = findObstacle(first, other, fusion, product, cuda); !obstacle.empty()) {
      remark::missed(fusion.getLoc(), options)
          << remark::add("two products of one operand stay two kernels: {0}", obstacle);
      continue;
    }
    FusionOp merged = mergeFusions({first, fusion});
    remark::passed(merged.getLoc(), options) << remark::add("two products of one operand became one kernel");
    return;
  }
}

namespace {
struct JoinProducts : lathe::impl::JoinProductsBase<JoinProducts> {
  using JoinProductsBase::JoinProductsBase;

  void runOnOperation() override {
    if (target != "cpu" && target != "cuda") {
      getOperation().emitError() << "target is '" << target << "', needed cpu or cuda";
      return signalPassFailure();
    }
    SmallVector<FusionOp> fusions;
    getOperation().walk([&](FusionOp fusion) { fusions.push_back(fusion); });
    // What is erased comes before what is left to see.
    for (FusionOp fusion : fusions)
      join(fusion, target == "cuda");
  }
};
} // namespace
