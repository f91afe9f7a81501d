#include "dialects/plan/Lifetimes.h"
#include "mlir/IR/Remarks.h"
#include "passes/planning/ArenaLayout.h"
#include "passes/planning/CloneBuilder.h"

using namespace mlir;
using namespace lathe;

static void placeBuffers(plan::CloneOp clone, ArrayRef<plan::Lifetime> lifetimes, StringRef name) {
  SmallVector<ArenaRequest> requests;
  SmallVector<plan::BufferOp> buffers;
  for (const plan::Lifetime &lifetime : lifetimes)
    if (auto buffer = dyn_cast<plan::BufferOp>(lifetime.memory)) {
      buffers.push_back(buffer);
      requests.push_back({buffer.getBytes().getResult(0), lifetime.first, lifetime.last});
    }
  SmallVector<SymbolAttr> symbols = clone.getAllSymbols();
  Bounds bounds(symbols);
  ArenaLayout layout = layOutArena(requests, bounds, clone.getContext());
  auto toMap = [&](AffineExpr expression) { return AffineMap::get(0, symbols.size(), expression); };
  for (auto [buffer, offset] : llvm::zip_equal(buffers, layout.offsets))
    buffer.setOffset(toMap(offset));
  clone.setArena(toMap(layout.bytes));
  int64_t total = 0;
  for (const ArenaRequest &request : requests)
    total += bounds.getRange(request.bytes).second;
  remark::passed(clone.getLoc(), remark::RemarkOpts::name("PlanMemory").category("memory"))
      << remark::add("'{0}' needs an arena of at most {1} bytes for {2} values of at most {3} bytes in all", name,
                     bounds.getRange(layout.bytes).second, requests.size(), total);
}

/// Allocations that keep what another wrote have its slot; those of a loop's rounds two. Of the rest each takes the
/// first slot that is free.
static void placeAllocations(plan::CloneOp clone, ArrayRef<plan::Lifetime> lifetimes) {
  struct Group {
    int64_t number; // its slot so far
    unsigned first, last;
    int64_t slots;
    SmallVector<plan::AllocateOp> allocations;
  };
  llvm::MapVector<int64_t, Group> groups;
  for (const plan::Lifetime &lifetime : lifetimes)
    if (auto allocation = dyn_cast<plan::AllocateOp>(lifetime.memory)) {
      Group &group =
          groups.try_emplace(allocation.getSlot(), Group{int64_t(allocation.getSlot()), ~0u, 0, 1, {}}).first->second;
      group.first = std::min(group.first, lifetime.first);
      group.last = std::max(group.last, lifetime.last);
      group.slots = std::max(group.slots, allocation.getNumSlots());
      group.allocations.push_back(allocation);
    }
  SmallVector<Group> ordered;
  for (auto &pair : groups)
    ordered.push_back(pair.second);
  llvm::sort(ordered, [](const Group &a, const Group &b) {
    return std::pair(a.first, a.number) < std::pair(b.first, b.number);
  });
  SmallVector<unsigned> freeFrom; // of each slot: the first place where it may be used again
  for (Group &group : ordered) {
    size_t slot = 0;
    auto isFree = [&](size_t s) { return s >= freeFrom.size() || freeFrom[s] <= group.first; };
    while (!isFree(slot) || (group.slots == 2 && !isFree(slot + 1)))
      ++slot;
    for (int64_t i = 0; i < group.slots; ++i) {
      if (slot + i == freeFrom.size())
        freeFrom.push_back(0);
      freeFrom[slot + i] = group.last + 1;
    }
    for (plan::AllocateOp allocation : group.allocations)
      allocation.setSlot(slot);
  }
  if (!groups.empty())
    remark::passed(clone.getLoc(), remark::RemarkOpts::name("PlanMemory").category("memory")) << remark::add(
        "{0} values have sizes that depend on data; they share {1} slots", groups.size(), freeFrom.size());
}

void lathe::placeMemory(plan::CloneOp clone, StringRef name) {
  SmallVector<plan::Lifetime> lifetimes = plan::getLifetimes(clone);
  llvm::DenseMap<Operation *, size_t> numbers;
  for (const plan::Lifetime &lifetime : lifetimes)
    numbers.try_emplace(lifetime.memory, numbers.size());
  llvm::sort(lifetimes, [&](const plan::Lifetime &a, const plan::Lifetime &b) {
    return std::pair(a.first, numbers[a.memory]) < std::pair(b.first, numbers[b.memory]);
  });
  placeBuffers(clone, lifetimes, name);
  placeAllocations(clone, lifetimes);
}
