// Small tensors whose elements are known while importing: constants, sizes of other tensors, and what is computed from
// both. Shape arithmetic of exporters is done here and costs nothing when the program runs.
#ifndef LATHE_FRONTENDS_ONNX_KNOWNTENSOR_H
#define LATHE_FRONTENDS_ONNX_KNOWNTENSOR_H

#include "dialects/lathe/DimArithmetic.h"
#include "frontends/onnx/OnnxReader.h"
#include "llvm/ADT/SmallVector.h"

namespace lathe::onnx {

/// One element: `numerator / denominator` over the entry's symbols, or, of float types alone, any other number.
struct Element {
  mlir::AffineExpr numerator; ///< null for `number`
  int64_t denominator = 1;
  double number = 0;

  bool isInteger() const { return numerator && denominator == 1; }
  /// The value, if it does not depend on a symbol. Integers beyond 2^53 round.
  std::optional<double> constant() const;
  std::optional<int64_t> constantInt() const;
};

struct KnownTensor {
  DataType type = DataType::Int64;
  llvm::SmallVector<int64_t> shape;
  std::vector<Element> elements; ///< row-major

  bool isConstant() const;
};

/// More elements than any shape or list of axes has; larger tensors are data.
inline constexpr int64_t MaximumKnownElements = 1024;

/// Integers, bool and the float types that are computed with in f32 and f64.
bool isKnownType(DataType type);

/// Computes with elements of one type. Results that cannot be told for every value of the symbols, or that a float
/// type would round, are nothing.
class ElementMath {
public:
  ElementMath(mlir::MLIRContext *context, llvm::ArrayRef<DimRange> symbols) : context(context), symbols(symbols) {}

  Element integer(int64_t value) const;
  /// `value` rounded to a float type.
  Element number(DataType type, double value) const;

  using Result = std::optional<Element>;
  Result add(DataType type, const Element &a, const Element &b) const;
  Result sub(DataType type, const Element &a, const Element &b) const;
  Result mul(DataType type, const Element &a, const Element &b) const;
  /// Of integers as ONNX and C divide: toward zero.
  Result div(DataType type, const Element &a, const Element &b) const;
  /// The remainder with the divisor's sign.
  Result mod(DataType type, const Element &a, const Element &b) const;
  Result min(DataType type, const Element &a, const Element &b) const;
  Result max(DataType type, const Element &a, const Element &b) const;
  Result floor(DataType type, const Element &a) const;
  Result ceil(DataType type, const Element &a) const;
  Result cast(DataType from, DataType to, const Element &a) const;
  /// Any function of numbers, for elements that are constants of a float type.
  Result apply(DataType type, const Element &a, double (*function)(double)) const;

  std::optional<bool> isEqual(const Element &a, const Element &b) const;
  std::optional<bool> isLess(const Element &a, const Element &b) const;

private:
  /// `numerator / denominator` if `type` holds it for every value of the symbols, without rounding.
  Result make(DataType type, mlir::AffineExpr numerator, int64_t denominator) const;
  /// `a - b` over a positive denominator, for their order.
  mlir::AffineExpr difference(const Element &a, const Element &b) const;
  /// `a` as a fraction, if it is one with a small denominator.
  std::optional<Element> fraction(const Element &a) const;

  mlir::MLIRContext *context;
  llvm::ArrayRef<DimRange> symbols;
};

/// The elements of a tensor of the model; nothing if they are too many or of another type.
std::optional<KnownTensor> readKnownTensor(const ElementMath &math, const Tensor &tensor,
                                           llvm::ArrayRef<uint8_t> bytes);
/// The bytes of a constant tensor, as raw_data has them.
std::string writeKnownTensor(const KnownTensor &tensor);

} // namespace lathe::onnx

#endif // LATHE_FRONTENDS_ONNX_KNOWNTENSOR_H
