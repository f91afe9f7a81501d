// Sizes, places and axes that only the program knows: integers are computed as data, then read as sizes.
#ifndef LATHE_FRONTENDS_ONNX_OPS_DATASIZES_H
#define LATHE_FRONTENDS_ONNX_OPS_DATASIZES_H

#include "frontends/onnx/ops/Terms.h"

namespace lathe::onnx {

using SizeList = llvm::SmallVector<mlir::AffineExpr>;

/// As many elements as a dimension may have.
inline constexpr DimRange AnyDataSize = {0, MaximumDataSize};

// Lists: i64 tensors of rank 1 whose length is a number.
/// An input of integers of rank 0 or 1.
Term listInput(NodeImporter &node, size_t index);
Term listOf(NodeImporter &node, llvm::ArrayRef<int64_t> values);
/// Sizes as data.
Term listOf(NodeImporter &node, llvm::ArrayRef<mlir::AffineExpr> sizes);
/// `values` at the places of `axes` (negative ones count from the end), elsewhere the elements of `defaults`.
Term placeAtAxes(const Term &defaults, const Term &axes, const Term &values);
/// The axes that an input gives, or all of them; null where they are data.
std::optional<llvm::SmallVector<int64_t>> knownAxes(NodeImporter &node, size_t index, int64_t rank);

Term clamp(const Term &x, const Term &low, const Term &high);
/// All elements of a list combined, as a list of one.
Term fold(const Term &list, ReduceKind kind);
/// The largest value that a size can have, at most that of `AnyDataSize`.
int64_t largestOf(NodeImporter &node, mlir::AffineExpr size);

/// The elements of a list as sizes; one that is out of its range ends the call.
mlir::FailureOr<SizeList> readList(const Term &list, llvm::ArrayRef<DimRange> ranges, llvm::StringRef name);
mlir::FailureOr<SizeList> readList(const Term &list, DimRange range, llvm::StringRef name);
/// The same for parts of a dimension of size `whole`; where they are more or less together the call ends.
mlir::FailureOr<SizeList> readParts(const Term &list, mlir::AffineExpr whole, llvm::StringRef name);

/// ONNX's Reshape and Expand to a list.
Term reshapeToList(const Term &x, const Term &shape, bool keepZero, llvm::StringRef name);
Term expandToList(const Term &x, const Term &shape, llvm::StringRef name);

/// `make` for each choice of `axes.size(0)` among the axes from 0 to `rank` - 1 that `allowed` admits, in ascending
/// order; the program takes the one that the list `axes` names.
Term chooseAxes(const Term &axes, int64_t rank, llvm::function_ref<bool(int64_t)> allowed,
                llvm::function_ref<Term(llvm::ArrayRef<int64_t>)> make);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_DATASIZES_H
