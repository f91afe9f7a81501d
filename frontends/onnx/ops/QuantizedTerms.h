// What operators on quantized integers share, those of ONNX's own domain and those of onnxruntime's: codes with a scale
// and a zero, their products and sums, and rounding to codes again.
#ifndef LATHE_FRONTENDS_ONNX_OPS_QUANTIZEDTERMS_H
#define LATHE_FRONTENDS_ONNX_OPS_QUANTIZEDTERMS_H

#include "frontends/onnx/ops/WindowAttributes.h"

namespace lathe::onnx {

/// The least and the largest number of an integer type.
std::pair<double, double> getIntegerRange(mlir::Type type);
/// `rounded` + zero as an integer type, the nearest where it is out of range. An empty zero is 0.
Term saturate(const Term &rounded, const Term &zero, mlir::Type type);
/// A scale or zero point of rank 1 along `axis` of `like`; others broadcast as they are.
Term alongAxis(const Term &parameter, const Term &like, int64_t axis);

/// Input `index`, codes of 8 bits.
Term codesInput(NodeImporter &node, size_t index);
/// The zero of `codes` in input `index`, which may be absent; one number has no dimensions.
Term zeroInput(NodeImporter &node, size_t index, const Term &codes);
/// Input `index`, a scale, as f32; one number has no dimensions.
Term scaleInput(NodeImporter &node, size_t index);

/// Codes of 8 bits and the zero that is taken off before they are multiplied.
struct Codes {
  Term values, zero;
};
/// Inputs `index` and `zero`.
Codes readCodes(NodeImporter &node, size_t index, size_t zero);
/// The matrix product of any ranks, as NumPy's, in i32.
Term multiplyCodes(Codes a, Codes b);
/// A convolution with the node's attributes, in i32.
Term convolveCodes(NodeImporter &node, const Codes &image, const Codes &filter);

/// (codes - zero) * scale in f32: inputs `index` to `index` + 2, one scale for all.
Term dequantizeInput(NodeImporter &node, size_t index);
/// Sums of products times `factor` rounded to codes with the scale and the zero in inputs `index` and `index` + 1. They
/// are multiplied by factor / scale, as onnxruntime does.
Term requantize(const Term &sums, const Term &factor, size_t index);
/// The same of a convolution with the operands of QLinearConv, the bias, input 8, added.
Term requantizeConvolution(NodeImporter &node, const Codes &image, const Codes &filter);
/// Sets output 0 to f32 `values` rounded to codes with the scale and the zero in inputs `index` and `index` + 1.
/// Without a zero they are uint8 around 0.
mlir::LogicalResult quantizeOutput(NodeImporter &node, const Term &values, size_t index);

/// What DynamicQuantizeLinear makes of f32 values: uint8 that cover their range and 0.
struct DynamicCodes {
  Codes codes;
  Term scale;
};
DynamicCodes quantizeDynamically(const Term &x);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_OPS_QUANTIZEDTERMS_H
