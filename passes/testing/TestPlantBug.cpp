// See TestPlantBug in Passes.td.
#include "passes/Passes.h"

using namespace mlir;

namespace lathe {
#define GEN_PASS_DEF_TESTPLANTBUG
#include "passes/Passes.h.inc"
} // namespace lathe

using namespace lathe;

/// The first operation of type `Op` that `alter` accepts.
template <typename Op> static bool alterFirst(ModuleOp module, llvm::function_ref<bool(Op)> alter) {
  return module.walk([&](Op op) { return alter(op) ? WalkResult::interrupt() : WalkResult::advance(); })
      .wasInterrupted();
}

static bool scaleConstant(ConstantOp constant) {
  auto value = dyn_cast<DenseFPElementsAttr>(constant.getValue());
  if (!value)
    return false;
  auto scale = [](const APFloat &element) {
    APFloat factor(1.01);
    bool losesInfo;
    factor.convert(element.getSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return (element * factor).bitcastToAPInt();
  };
  constant.setValueAttr(value.mapValues(value.getElementType(), scale));
  return true;
}

static bool raiseEpsilon(RmsNormOp norm) {
  norm.setEpsilon(APFloat(norm.getEpsilon().convertToFloat() + 0.01f));
  return true;
}

static bool swapOperands(SubOp sub) {
  if (sub.getLhs().getType() != sub.getRhs().getType())
    return false;
  sub->setOperands({sub.getRhs(), sub.getLhs()});
  return true;
}

static bool raiseBase(RopeOp rope) {
  rope.setBase(APFloat(rope.getBase().convertToFloat() * 1.5f));
  return true;
}

/// Inside of a kernel alone: an operation whose result has the type of an operand gives way to that operand.
static bool dropEpilogue(YieldOp yield) {
  if (!yield->getParentOp()->hasTrait<KernelRegion>() || yield.getNumOperands() == 0)
    return false;
  Operation *last = yield.getOperand(0).getDefiningOp();
  if (!last || !isElementwise(last) || last->getOperand(0).getType() != last->getResult(0).getType())
    return false;
  last->getResult(0).replaceAllUsesWith(last->getOperand(0));
  last->erase();
  return true;
}

static bool exchangeLaunches(plan::LaunchOp second) {
  auto first = dyn_cast_or_null<plan::LaunchOp>(second->getPrevNode());
  if (!first || llvm::none_of(first.getOutputs(), [&](Value v) { return llvm::is_contained(second.getInputs(), v); }))
    return false;
  second->moveBefore(first);
  return true;
}

namespace {
struct TestPlantBug : lathe::impl::TestPlantBugBase<TestPlantBug> {
  using TestPlantBugBase::TestPlantBugBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    std::pair<StringRef, std::function<bool()>> kinds[] = {
        {"scale", [&] { return alterFirst<ConstantOp>(module, scaleConstant); }},
        {"epsilon", [&] { return alterFirst<RmsNormOp>(module, raiseEpsilon); }},
        {"swap", [&] { return alterFirst<SubOp>(module, swapOperands); }},
        {"rope", [&] { return alterFirst<RopeOp>(module, raiseBase); }},
        {"epilogue", [&] { return alterFirst<YieldOp>(module, dropEpilogue); }},
        {"order", [&] { return alterFirst<plan::LaunchOp>(module, exchangeLaunches); }},
    };
    for (auto &[name, plant] : kinds)
      if ((kind == name || kind == "any") && plant())
        return;
    module.emitError() << "nothing of kind '" << kind
                       << "' to alter; needed an operation of kind scale, epsilon, swap, "
                       << "rope, epilogue or order (or any of them)";
    signalPassFailure();
  }
};
} // namespace
