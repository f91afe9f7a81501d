// The part of a weight program that only moves elements, as one copy: what the runtime can do when it loads an
// artifact (`lathec --pack=load`).
#ifndef LATHE_COMPILER_WEIGHTMOVES_H
#define LATHE_COMPILER_WEIGHTMOVES_H

#include "compiler/artifact/ArtifactWriter.h"
#include "dialects/lathe/Lathe.h"

namespace lathe {

/// A value as a copy of another in another order.
struct WeightMove {
  mlir::Value source;
  artifact::Packing packing; ///< its `from` is not set
};

/// How `value`, which a weight program computes, is copied from the value that stands before its last transposes,
/// reshapes and packing into panels, as far back as one copy can go; blocks in panels from the blocks. Nothing when
/// none of these is its last operation, or its elements are no whole bytes.
std::optional<WeightMove> findMove(mlir::Value value);

} // namespace lathe

#endif // LATHE_COMPILER_WEIGHTMOVES_H
