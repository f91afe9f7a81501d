// Offsets for values that share one arena over time.
#ifndef LATHE_PASSES_PLANNING_ARENALAYOUT_H
#define LATHE_PASSES_PLANNING_ARENALAYOUT_H

#include "dialects/lathe/Bounds.h"

namespace lathe {

/// A value's size in bytes and the operations, counted from the start, between which it is needed (both included).
struct ArenaRequest {
  mlir::AffineExpr bytes;
  unsigned first, last;
};

struct ArenaLayout {
  llvm::SmallVector<mlir::AffineExpr> offsets; ///< in the order of the requests, multiples of 256
  mlir::AffineExpr bytes;                      ///< of the whole arena
};

/// Places values in slots that lie one behind the other. A value takes a free slot that is large enough for all values
/// of the symbols, or grows one that is smaller for all of them, or opens a new one. `requests` are in order of
/// `first`.
ArenaLayout layOutArena(llvm::ArrayRef<ArenaRequest> requests, const Bounds &bounds, mlir::MLIRContext *context);

} // namespace lathe

#endif // LATHE_PASSES_PLANNING_ARENALAYOUT_H
