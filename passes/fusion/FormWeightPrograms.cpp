// See FormWeightPrograms in Passes.td.
#include "mlir/IR/IRMapping.h"
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_FORMWEIGHTPROGRAMS
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

static bool isWeight(Value value) {
  return isa_and_nonnull<WeightOp, ConstantOp, WeightProgramOp>(value.getDefiningOp());
}

static bool readsWeightsAlone(Operation *op) {
  if (op->getNumResults() != 1 || op->getNumOperands() == 0 || op->getNumRegions() != 0 ||
      !isa<ReferenceOpInterface>(op))
    return false;
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  return type && type.hasStaticShape() && llvm::all_of(op->getOperands(), isWeight);
}

/// The name of the program: its first weight's, and what is done to it.
static std::string nameProgram(Operation *op) {
  Operation *source = op->getOperand(0).getDefiningOp();
  std::string name = "constant";
  if (auto weight = dyn_cast<WeightOp>(source))
    name = weight.getName().str();
  else if (auto program = dyn_cast<WeightProgramOp>(source))
    name = program.getName().str();
  return name + ":" + op->getName().stripDialect().str();
}

/// Clones the producer of `value` into the region: a weight as it is, a program as the operations it holds.
static void cloneProducer(OpBuilder &builder, Value value, IRMapping &map) {
  if (map.contains(value))
    return;
  auto program = value.getDefiningOp<WeightProgramOp>();
  if (!program) {
    builder.clone(*value.getDefiningOp(), map);
    return;
  }
  for (Operation &op : program.getBody().front().without_terminator())
    builder.clone(op, map);
  map.map(value, map.lookup(program.getBody().front().getTerminator()->getOperand(0)));
}

/// What branches and loops do to weights alone is done outside of them.
static void formProgram(func::FuncOp function, Operation *op) {
  OpBuilder builder(function.getBody().front().findAncestorOpInBlock(*op));
  auto program = WeightProgramOp::create(builder, op->getLoc(), op->getResult(0).getType(), nameProgram(op));
  builder.createBlock(&program.getBody());
  IRMapping map;
  for (Value operand : op->getOperands())
    cloneProducer(builder, operand, map);
  Operation *inner = builder.clone(*op, map);
  YieldOp::create(builder, op->getLoc(), inner->getResults());
  op->getResult(0).replaceAllUsesWith(program.getResult());
  op->erase();
}

namespace {
struct FormWeightPrograms : lathe::impl::FormWeightProgramsBase<FormWeightPrograms> {
  void runOnOperation() override {
    if (getOperation().isDeclaration())
      return;
    SmallVector<Operation *> ops;
    getOperation().getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      ops.push_back(op);
      return isa<WeightProgramOp, FusionOp>(op) ? WalkResult::skip() : WalkResult::advance();
    });
    for (Operation *&op : ops)
      if (readsWeightsAlone(op)) {
        formProgram(getOperation(), op);
        op = nullptr;
      }
    for (Operation *op : llvm::reverse(ops))
      if (op && isa<WeightOp, ConstantOp, WeightProgramOp>(op) && op->use_empty())
        op->erase();
    for (auto program : llvm::make_early_inc_range(getOperation().getBody().front().getOps<WeightProgramOp>()))
      if (program->use_empty())
        program.erase();
  }
};
} // namespace
