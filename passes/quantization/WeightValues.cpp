#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace lathe;

/// Calls `visit` with each operation that `value` is computed by, itself first, until it returns false; a value without
/// one, an argument, ends it too. Returns whether all were visited.
static bool visitProducers(Value value, llvm::function_ref<bool(Operation *)> visit) {
  llvm::SetVector<Operation *> producers;
  auto add = [&](Value operand) {
    return operand.getDefiningOp() && (producers.insert(operand.getDefiningOp()), true);
  };
  if (!add(value))
    return false;
  for (size_t i = 0; i < producers.size(); ++i) {
    Operation *op = producers[i];
    if (!visit(op) || !llvm::all_of(op->getOperands(), add))
      return false;
  }
  return true;
}

bool lathe::isOfModel(Value value) {
  return visitProducers(value, [](Operation *op) {
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    return type && type.hasStaticShape() && op->getNumResults() == 1 && op->getNumRegions() == 0 &&
           isa<ReferenceOpInterface>(op);
  });
}

bool lathe::isOfWeightsAlone(Value value) { return isOfModel(value) && findSourceWeight(value); }

WeightOp lathe::findSourceWeight(Value value) {
  WeightOp found;
  visitProducers(value, [&](Operation *op) {
    found = dyn_cast<WeightOp>(op);
    return !found;
  });
  return found;
}

void lathe::widenGather(GatherOp gather) {
  auto type = gather.getResult().getType();
  if (type.getElementType().isF32())
    return;
  OpBuilder builder(gather->getContext());
  builder.setInsertionPointAfter(gather);
  gather.getResult().setType(type.clone(builder.getF32Type()));
  Value narrow = CastOp::create(builder, gather.getLoc(), type, gather.getResult());
  gather.getResult().replaceAllUsesExcept(narrow, narrow.getDefiningOp());
}

void lathe::eraseUnused(ValueRange values) {
  llvm::SetVector<Operation *> pending;
  auto add = [&](ValueRange made) {
    for (Value value : made)
      if (Operation *op = value.getDefiningOp())
        pending.insert(op);
  };
  add(values);
  while (!pending.empty()) {
    Operation *op = pending.pop_back_val();
    if (!op->use_empty())
      continue;
    add(op->getOperands());
    op->erase();
  }
}
