// See CheckCollectives in Passes.td.
#include "dialects/lathe/Collectives.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_CHECKCOLLECTIVES
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

namespace {
/// Follows what differs between ranks through one function. A value differs when what it is computed from does, and
/// when the branch or the round that it is of does; what ranks gather or add up is the same on all of a group.
class RankVariance {
public:
  explicit RankVariance(func::FuncOp function) : Function(function), GridOfAll(Grid::of(function)) {}

  LogicalResult check();

private:
  bool differs(Value value) const { return Differing.contains(value); }
  bool anyDiffers(ValueRange values) const {
    return llvm::any_of(values, [&](Value value) { return differs(value); });
  }
  LogicalResult visitBlock(Block &block);
  LogicalResult visit(Operation *op);
  LogicalResult visitIf(IfOp op);
  LogicalResult visitLoop(LoopOp op);
  LogicalResult checkCollective(Operation *op);
  LogicalResult checkRegion(Operation *op, StringRef what, ValueRange decides);
  void note(Value value, bool differing) {
    if (differing)
      Differing.insert(value);
  }

  func::FuncOp Function;
  Grid GridOfAll;
  llvm::DenseSet<Value> Differing;
};
} // namespace

/// Sizes that data gives are sizes of another rank's data where they differ.
LogicalResult RankVariance::checkCollective(Operation *op) {
  if (!GridOfAll.find(getCollectiveAxis(op)))
    return op->emitOpError() << "is along '" << getCollectiveAxis(op) << "', but the module has no grid with that axis";
  SmallVector<Value> work(op->getOperands());
  llvm::DenseSet<Value> seen;
  while (!work.empty()) {
    Value value = work.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    Operation *maker = value.getDefiningOp();
    if (isa_and_nonnull<ReadSizesOp>(maker) && anyDiffers(maker->getOperands()))
      return op->emitOpError() << "has a size that data of one rank gives, so that ranks would exchange tensors of "
                                  "different shapes; all-gather the data before its sizes are read";
    auto type = dyn_cast<RankedTensorType>(value.getType());
    if (maker && (!type || !type.hasStaticShape()))
      llvm::append_range(work, maker->getOperands());
  }
  return success();
}

/// What some ranks run and others do not holds no collective.
LogicalResult RankVariance::checkRegion(Operation *op, StringRef what, ValueRange decides) {
  if (!anyDiffers(decides))
    return success();
  Operation *found = nullptr;
  op->walk([&](Operation *inner) {
    if (isCollective(inner))
      found = inner;
  });
  if (!found)
    return success();
  InFlightDiagnostic error = found->emitOpError()
                             << "stands in a " << what << " that some ranks run and others do not, as what decides "
                             << "differs between them: they would wait for each other forever";
  error.attachNote(op->getLoc()) << "the " << what;
  return error;
}

LogicalResult RankVariance::visitIf(IfOp op) {
  if (failed(checkRegion(op, "branch", op.getCondition())))
    return failure();
  for (Region *region : op.getRegions()) {
    if (failed(visitBlock(region->front())))
      return failure();
    for (auto [result, value] : llvm::zip_equal(op.getResults(), region->front().getTerminator()->getOperands()))
      note(result, differs(value) || differs(op.getCondition()));
  }
  return success();
}

/// Carried values are followed until no further one differs.
LogicalResult RankVariance::visitLoop(LoopOp op) {
  Block &body = op.getBody().front();
  SmallVector<Value> decides;
  for (Value value : {op.getTrip(), op.getCondition()})
    if (value)
      decides.push_back(value);
  unsigned first = op->getNumOperands() - (body.getNumArguments() - 1);
  for (auto [argument, operand] :
       llvm::zip_equal(body.getArguments().drop_front(), op->getOperands().drop_front(first)))
    note(argument, differs(operand));
  for (size_t before = ~size_t(0); before != Differing.size();) {
    before = Differing.size();
    if (failed(visitBlock(body)))
      return failure();
    ValueRange yielded = body.getTerminator()->getOperands();
    if (op.getCondition()) {
      if (differs(yielded.front()))
        decides.push_back(yielded.front());
      yielded = yielded.drop_front();
    }
    for (auto [argument, value] : llvm::zip(op.getCarriedArguments(), yielded))
      note(argument, differs(value));
    for (auto [result, value] : llvm::zip_equal(op.getResults(), yielded))
      note(result, differs(value) || anyDiffers(decides));
  }
  return checkRegion(op, "loop", decides);
}

LogicalResult RankVariance::visit(Operation *op) {
  if (auto branch = dyn_cast<IfOp>(op))
    return visitIf(branch);
  if (auto loop = dyn_cast<LoopOp>(op))
    return visitLoop(loop);
  if (isCollective(op) && failed(checkCollective(op)))
    return failure();
  bool differing = anyDiffers(op->getOperands()) || isa<TakeShardOp>(op);
  if (isa<AllReduceOp, AllGatherOp>(op))
    differing = GridOfAll.getAxes().size() > 1 && differing; // the same along one axis, perhaps not along others
  else if (isa<ReduceScatterOp>(op))
    differing = true;
  for (Value result : op->getResults())
    note(result, differing);
  return success();
}

LogicalResult RankVariance::visitBlock(Block &block) {
  for (Operation &op : block.without_terminator())
    if (failed(visit(&op)))
      return failure();
  return success();
}

LogicalResult RankVariance::check() {
  Block &body = Function.getBody().front();
  // A state differs when what some call appends to it does: what a call returns is what the next one gets.
  SmallVector<Value> before, after;
  llvm::copy_if(body.getArguments(), std::back_inserter(before),
                [](Value value) { return isa<StateType>(value.getType()); });
  llvm::copy_if(body.getTerminator()->getOperands(), std::back_inserter(after),
                [](Value value) { return isa<StateType>(value.getType()); });
  for (size_t known = ~size_t(0); known != Differing.size();) {
    known = Differing.size();
    if (failed(visitBlock(body)))
      return failure();
    for (auto [argument, result] : llvm::zip(before, after))
      note(argument, differs(result));
  }
  if (GridOfAll.getAxes().size() > 1)
    return success();
  for (OpOperand &operand : body.getTerminator()->getOpOperands())
    if (!isa<StateType>(operand.get().getType()) && differs(operand.get()))
      return Function.emitOpError() << "result " << operand.getOperandNumber()
                                    << " differs between ranks, needed a value that all have";
  return success();
}

namespace {
struct CheckCollectives : lathe::impl::CheckCollectivesBase<CheckCollectives> {
  void runOnOperation() override {
    if (failed(verifyGrid(getOperation())))
      return signalPassFailure();
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isDeclaration() && failed(RankVariance(function).check()))
        signalPassFailure();
    markAllAnalysesPreserved();
  }
};
} // namespace
