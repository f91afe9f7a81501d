#include "passes/planning/ArenaLayout.h"

using namespace mlir;
using namespace lathe;

namespace {
struct Slot {
  AffineExpr bytes;
  unsigned busyUntil;
};
} // namespace

/// The free slot that wastes least: one that fits, else one to grow. Null when none will do.
static Slot *findSlot(MutableArrayRef<Slot> slots, const ArenaRequest &request, AffineExpr bytes,
                      const Bounds &bounds) {
  Slot *best = nullptr, *smaller = nullptr;
  for (Slot &slot : slots) {
    if (slot.busyUntil >= request.first)
      continue;
    if (bounds.isNeverNegative(slot.bytes - bytes)) {
      if (!best || bounds.isNeverNegative(best->bytes - slot.bytes))
        best = &slot;
    } else if (bounds.isNeverNegative(bytes - slot.bytes)) {
      if (!smaller || bounds.isNeverNegative(slot.bytes - smaller->bytes))
        smaller = &slot;
    }
  }
  return best ? best : smaller;
}

ArenaLayout lathe::layOutArena(ArrayRef<ArenaRequest> requests, const Bounds &bounds, MLIRContext *context) {
  SmallVector<Slot> slots;
  SmallVector<unsigned> slotOf;
  for (const ArenaRequest &request : requests) {
    AffineExpr bytes = request.bytes.ceilDiv(256) * 256;
    Slot *slot = findSlot(slots, request, bytes, bounds);
    if (!slot)
      slot = &slots.emplace_back(Slot{bytes, 0});
    else if (!bounds.isNeverNegative(slot->bytes - bytes))
      slot->bytes = bytes;
    slot->busyUntil = request.last;
    slotOf.push_back(slot - slots.begin());
  }
  ArenaLayout layout;
  SmallVector<AffineExpr> offsets;
  layout.bytes = getAffineConstantExpr(0, context);
  for (const Slot &slot : slots) {
    offsets.push_back(layout.bytes);
    layout.bytes = layout.bytes + slot.bytes;
  }
  for (unsigned slot : slotOf)
    layout.offsets.push_back(offsets[slot]);
  return layout;
}
