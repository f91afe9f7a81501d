// When memory of a clone is in use.
#ifndef LATHE_DIALECTS_PLAN_LIFETIMES_H
#define LATHE_DIALECTS_PLAN_LIFETIMES_H

#include "dialects/plan/Plan.h"

namespace lathe::plan {

/// The part of a clone during which the memory of a `plan.buffer` or `plan.allocate` is in use. Operations are counted
/// in the order of the text; one with regions has a number where it begins and one where it ends. Memory that stands
/// outside of a loop and is used in it is in use from the loop's beginning to its end, as is memory that a round hands
/// on to the next one.
struct Lifetime {
  mlir::Operation *memory;
  unsigned first, last;
};

/// In the order of the text; memory that nobody uses is left out.
llvm::SmallVector<Lifetime> getLifetimes(CloneOp clone);

/// True when the two are never in use at the same time.
inline bool areApart(const Lifetime &a, const Lifetime &b) { return a.last < b.first || b.last < a.first; }

} // namespace lathe::plan

#endif // LATHE_DIALECTS_PLAN_LIFETIMES_H
