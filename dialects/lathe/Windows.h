// Sliding windows over images: what convolution and pooling share.
#ifndef LATHE_DIALECTS_LATHE_WINDOWS_H
#define LATHE_DIALECTS_LATHE_WINDOWS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Operation.h"

namespace lathe {

/// Geometry of windows that slide over the last two dimensions of `[B, C, Y, X]`. `pads`: top, left, bottom, right.
struct Windows {
  std::array<int64_t, 2> size;
  llvm::ArrayRef<int64_t> strides, pads, dilations;

  /// Checks counts and signs; emits on `op`.
  llvm::LogicalResult verify(mlir::Operation *op) const;
  /// Checks the spatial sizes of `result`, from dimension `first` on, against those of `input`, where static; emits on
  /// `op`.
  llvm::LogicalResult verifyResult(mlir::Operation *op, mlir::RankedTensorType input, mlir::RankedTensorType result,
                                   int first = 2) const;

  /// Extent of a window, dilation included, along spatial dimension `d` (0 = y).
  int64_t extent(int d) const { return dilations[d] * (size[d] - 1) + 1; }
  int64_t resultSize(int d, int64_t input) const {
    return (input + pads[d] + pads[d + 2] - extent(d)) / strides[d] + 1;
  }
  mlir::AffineExpr resultDim(int d, mlir::AffineExpr input) const {
    return (input + (pads[d] + pads[d + 2] - extent(d))).floorDiv(strides[d]) + 1;
  }
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_WINDOWS_H
