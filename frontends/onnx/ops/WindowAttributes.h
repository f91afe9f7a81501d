// The attributes of convolutions and pooling: windows that slide over the dimensions behind the first two.
#ifndef LATHE_FRONTENDS_ONNX_OPS_WINDOWATTRIBUTES_H
#define LATHE_FRONTENDS_ONNX_OPS_WINDOWATTRIBUTES_H

#include "frontends/onnx/ops/Terms.h"

namespace lathe::onnx {

struct WindowAttributes {
  llvm::SmallVector<int64_t> size, strides, dilations;
  llvm::SmallVector<int64_t> low, high; ///< pads in front and behind
  bool ceiling = false;

  int64_t rank() const { return size.size(); }
  int64_t extent(int64_t d) const { return dilations[d] * (size[d] - 1) + 1; }
  /// The pads as ONNX has them: all in front, then all behind.
  llvm::SmallVector<int64_t> pads() const;
  /// Sizes of the result behind the first two, from the dimensions of the input. Fails where `ceiling` needs a number.
  mlir::FailureOr<llvm::SmallVector<mlir::AffineExpr>> resultSizes(NodeImporter &node,
                                                                   llvm::ArrayRef<mlir::AffineExpr> dims) const;
};

/// Reads 'strides', 'dilations', 'kernel_shape', 'pads' and 'auto_pad'. `size` is the window where no attribute gives
/// it.
mlir::FailureOr<WindowAttributes> getWindows(NodeImporter &node, const Term &x, llvm::ArrayRef<int64_t> size);
/// The same for a filter, which decides the window.
mlir::FailureOr<WindowAttributes> getFilterWindows(NodeImporter &node, const Term &x, const Term &filter);
/// Positive numbers, one for each of `count` dimensions.
mlir::FailureOr<llvm::SmallVector<int64_t>> getPositive(NodeImporter &node, llvm::StringRef name, size_t count,
                                                        std::optional<llvm::ArrayRef<int64_t>> otherwise);
/// What version `version` of AveragePool makes of `x`, with the node's attributes.
Term averagePool(const Term &x, int64_t version);
/// A convolution, by the fast operation where it takes rank and type.
Term convolve(const Term &x, const Term &filter, const WindowAttributes &windows, int64_t groups);
/// `x` with input `index`, a number for each channel, added to it if the node has one.
Term addBias(const Term &x, size_t index);
/// A convolution of any rank and type.
Term convNd(const Term &x, const Term &filter, const WindowAttributes &windows, int64_t groups);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_WINDOWATTRIBUTES_H
