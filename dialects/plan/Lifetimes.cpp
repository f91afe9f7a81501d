#include "dialects/plan/Lifetimes.h"

using namespace mlir;
using namespace lathe;
using namespace lathe::plan;

namespace {
/// The numbers of a clone's operations, and what becomes of each piece of memory.
class LifetimeFinder {
public:
  explicit LifetimeFinder(CloneOp clone) { number(clone.getBody().front()); }

  std::optional<Lifetime> find(Operation *memory);

private:
  void number(Block &block);
  void extend(Lifetime &lifetime, Operation *op);
  void follow(OpOperand &use, SmallVectorImpl<Value> &next);

  llvm::DenseMap<Operation *, std::pair<unsigned, unsigned>> Places;
  unsigned Next = 0;
};
} // namespace

void LifetimeFinder::number(Block &block) {
  for (Operation &op : block) {
    unsigned begin = Next++;
    for (Region &region : op.getRegions())
      if (isa<plan::IfOp, plan::LoopOp>(op))
        number(region.front());
    Places[&op] = {begin, op.getNumRegions() ? Next++ : begin};
  }
}

/// `op` uses the memory: in every round of the loops that it stands in and the memory does not.
void LifetimeFinder::extend(Lifetime &lifetime, Operation *op) {
  Operation *whole = op;
  for (auto loop = op->getParentOfType<plan::LoopOp>(); loop; loop = loop->getParentOfType<plan::LoopOp>())
    if (!loop->isAncestor(lifetime.memory))
      whole = loop;
  auto [begin, end] = Places[whole];
  lifetime.first = std::min(lifetime.first, begin);
  lifetime.last = std::max(lifetime.last, end);
}

/// Adds the values that hold the same address because of `use`.
void LifetimeFinder::follow(OpOperand &use, SmallVectorImpl<Value> &next) {
  Operation *owner = use.getOwner();
  if (auto view = dyn_cast<ViewOp>(owner))
    next.push_back(view.getResult());
  auto loop = dyn_cast<plan::LoopOp>(owner);
  unsigned index = use.getOperandNumber();
  if (loop) {
    if (loop.getCarried().empty() || index < loop.getCarried().getBeginOperandIndex())
      return;
    index -= loop.getCarried().getBeginOperandIndex();
  } else if (isa<plan::YieldOp>(owner)) {
    loop = dyn_cast<plan::LoopOp>(owner->getParentOp());
    if (!loop) {
      next.push_back(owner->getParentOp()->getResult(index));
      return;
    }
    if (loop.getCondition() && index-- == 0)
      return;
  }
  if (loop) {
    next.push_back(loop.getBody().getArgument(index));
    next.push_back(loop.getResult(index));
  }
}

std::optional<Lifetime> LifetimeFinder::find(Operation *memory) {
  Lifetime lifetime{memory, ~0u, 0};
  SmallVector<Value> values = {memory->getResult(0)};
  llvm::SmallPtrSet<Value, 8> seen;
  bool used = false;
  while (!values.empty()) {
    Value value = values.pop_back_val();
    if (!seen.insert(value).second)
      continue;
    for (OpOperand &use : value.getUses()) {
      used = true;
      extend(lifetime, use.getOwner());
      // What a round hands on is still read in the next one.
      if (auto loop = dyn_cast<plan::LoopOp>(use.getOwner()->getParentOp()); loop && isa<plan::YieldOp>(use.getOwner()))
        extend(lifetime, loop);
      follow(use, values);
    }
  }
  if (!used)
    return std::nullopt;
  if (isa<AllocateOp>(memory))
    extend(lifetime, memory);
  return lifetime;
}

SmallVector<Lifetime> plan::getLifetimes(CloneOp clone) {
  LifetimeFinder finder(clone);
  SmallVector<Lifetime> lifetimes;
  clone.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
    if (isa<LaunchOp>(op))
      return WalkResult::skip();
    if (isa<BufferOp, AllocateOp>(op))
      if (std::optional<Lifetime> lifetime = finder.find(op))
        lifetimes.push_back(*lifetime);
    return WalkResult::advance();
  });
  return lifetimes;
}
