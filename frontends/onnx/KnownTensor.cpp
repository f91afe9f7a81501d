#include "frontends/onnx/KnownTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/CheckedArithmetic.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>
#include <cstring>

using namespace mlir;
using namespace lathe;
using namespace lathe::onnx;

static bool isFloatType(DataType type) { return type == DataType::Float || type == DataType::Double; }

bool lathe::onnx::isKnownType(DataType type) {
  switch (type) {
  case DataType::Bool:
  case DataType::Int8:
  case DataType::Int16:
  case DataType::Int32:
  case DataType::Int64:
  case DataType::Uint8:
  case DataType::Uint16:
  case DataType::Uint32:
  case DataType::Uint64:
  case DataType::Float:
  case DataType::Double:
    return true;
  default:
    return false;
  }
}

/// The integers that a type holds exactly and in a row.
static DimRange rangeOf(DataType type) {
  switch (type) {
  case DataType::Bool:
    return {0, 1};
  case DataType::Float:
    return {-(int64_t(1) << 24), int64_t(1) << 24};
  case DataType::Double:
    return {-(int64_t(1) << 53), int64_t(1) << 53};
  case DataType::Uint8:
  case DataType::Uint16:
  case DataType::Uint32:
    return {0, (int64_t(1) << dataTypeBits(type)) - 1};
  case DataType::Uint64:
    return {0, INT64_MAX};
  default:
    return {llvm::minIntN(dataTypeBits(type)), llvm::maxIntN(dataTypeBits(type))};
  }
}

std::optional<int64_t> Element::constantInt() const {
  if (auto value = dyn_cast_or_null<AffineConstantExpr>(numerator); value && denominator == 1)
    return value.getValue();
  return std::nullopt;
}

std::optional<double> Element::constant() const {
  if (!numerator)
    return number;
  if (auto value = dyn_cast<AffineConstantExpr>(numerator))
    return double(value.getValue()) / double(denominator);
  return std::nullopt;
}

bool KnownTensor::isConstant() const {
  return llvm::all_of(elements, [](const Element &each) { return each.constant().has_value(); });
}

Element ElementMath::integer(int64_t value) const { return {getAffineConstantExpr(value, context)}; }

Element ElementMath::number(DataType type, double value) const {
  if (type == DataType::Float)
    value = float(value);
  // Minus zero and what 64 bits do not hold stay numbers.
  if (value == std::trunc(value) && std::abs(value) < 0x1p53 && !(value == 0 && std::signbit(value)))
    return integer(int64_t(value));
  Element element;
  element.number = value;
  return element;
}

ElementMath::Result ElementMath::make(DataType type, AffineExpr numerator, int64_t denominator) const {
  numerator = normalizeDim(numerator);
  for (; denominator > 1; denominator /= 2) { // fractions come of floats, whose denominators are mostly powers of two
    AffineExpr half = denominator % 2 ? AffineExpr() : divideDimExactly(numerator, getAffineConstantExpr(2, context));
    if (!half)
      break;
    numerator = half;
  }
  if (AffineExpr whole = divideDimExactly(numerator, getAffineConstantExpr(denominator, context))) {
    numerator = whole;
    denominator = 1;
  }
  std::optional<DimRange> range = getDimRange(numerator, symbols);
  auto [low, high] = rangeOf(type);
  if (auto constant = dyn_cast<AffineConstantExpr>(numerator))
    range = {constant.getValue(), constant.getValue()};
  if (!range || range->first < low || range->second > high || denominator > high)
    return std::nullopt;
  return Element{numerator, denominator};
}

std::optional<Element> ElementMath::fraction(const Element &a) const {
  if (a.numerator)
    return a;
  int exponent = 0;
  double mantissa = std::frexp(a.number, &exponent);
  // number = mantissa * 2^exponent = (mantissa * 2^24) / 2^(24 - exponent)
  double scaled = mantissa * 0x1p24;
  int64_t numerator = int64_t(scaled);
  if (!std::isfinite(a.number) || scaled != double(numerator) || exponent > 24 || exponent < -6)
    return std::nullopt;
  return make(DataType::Double, getAffineConstantExpr(numerator, context), int64_t(1) << (24 - exponent));
}

/// Computes with two constants in their type. Fails for what C leaves undefined.
template <typename Function>
static std::optional<int64_t> computeInts(DataType type, const Element &a, const Element &b, Function function) {
  std::optional<int64_t> x = a.constantInt(), y = b.constantInt(), result;
  if (x && y)
    result = function(*x, *y);
  if (result && (*result < rangeOf(type).first || *result > rangeOf(type).second))
    return std::nullopt;
  return result;
}

ElementMath::Result ElementMath::add(DataType type, const Element &a, const Element &b) const {
  if (isFloatType(type) && a.constant() && b.constant())
    return number(type, *a.constant() + *b.constant());
  std::optional<Element> x = fraction(a), y = fraction(b);
  if (!x || !y)
    return std::nullopt;
  if (std::optional<int64_t> p = x->constantInt(), q = y->constantInt(); p && q && !llvm::checkedAdd(*p, *q))
    return std::nullopt;
  std::optional<int64_t> denominator = llvm::checkedMul(x->denominator, y->denominator);
  if (!denominator)
    return std::nullopt;
  return make(type, x->numerator * y->denominator + y->numerator * x->denominator, *denominator);
}

ElementMath::Result ElementMath::sub(DataType type, const Element &a, const Element &b) const {
  if (isFloatType(type) && a.constant() && b.constant())
    return number(type, *a.constant() - *b.constant());
  Result negative = mul(isFloatType(type) ? type : DataType::Int64, b, integer(-1));
  return negative ? add(type, a, *negative) : std::nullopt;
}

ElementMath::Result ElementMath::mul(DataType type, const Element &a, const Element &b) const {
  if (isFloatType(type) && a.constant() && b.constant())
    return number(type, *a.constant() * *b.constant());
  std::optional<Element> x = fraction(a), y = fraction(b);
  if (!x || !y)
    return std::nullopt;
  if (std::optional<int64_t> p = x->constantInt(), q = y->constantInt(); p && q && !llvm::checkedMul(*p, *q))
    return std::nullopt;
  std::optional<int64_t> denominator = llvm::checkedMul(x->denominator, y->denominator);
  return denominator ? make(type, x->numerator * y->numerator, *denominator) : std::nullopt;
}

ElementMath::Result ElementMath::div(DataType type, const Element &a, const Element &b) const {
  if (isFloatType(type)) {
    if (a.constant() && b.constant())
      return number(type, *a.constant() / *b.constant());
    std::optional<Element> x = fraction(a), y = fraction(b);
    auto by = y ? dyn_cast<AffineConstantExpr>(y->numerator) : AffineConstantExpr();
    std::optional<int64_t> denominator;
    if (x && by && by.getValue() > 0)
      denominator = llvm::checkedMul(x->denominator, by.getValue());
    return denominator ? make(type, x->numerator * y->denominator, *denominator) : std::nullopt;
  }
  if (a.constantInt() && b.constantInt()) {
    std::optional<int64_t> quotient = computeInts(type, a, b, [](int64_t x, int64_t y) {
      return y == 0 || (y == -1 && x == INT64_MIN) ? std::nullopt : std::optional<int64_t>(x / y);
    });
    return quotient ? Result(integer(*quotient)) : std::nullopt;
  }
  if (AffineExpr exact = divideDimExactly(a.numerator, b.numerator))
    return make(type, exact, 1);
  // Toward zero is down where nothing is negative.
  std::optional<DimRange> dividend = getDimRange(a.numerator, symbols), divisor = getDimRange(b.numerator, symbols);
  if (!dividend || !divisor || dividend->first < 0 || divisor->first < 1)
    return std::nullopt;
  return make(type, a.numerator.floorDiv(b.numerator), 1);
}

ElementMath::Result ElementMath::mod(DataType type, const Element &a, const Element &b) const {
  if (isFloatType(type))
    return std::nullopt;
  if (a.constantInt() && b.constantInt()) {
    std::optional<int64_t> rest = computeInts(type, a, b, [](int64_t x, int64_t y) {
      if (y == 0 || y == -1)
        return y == 0 ? std::nullopt : std::optional<int64_t>(0);
      int64_t rest = x % y;
      return std::optional<int64_t>(rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest);
    });
    return rest ? Result(integer(*rest)) : std::nullopt;
  }
  if (divideDimExactly(a.numerator, b.numerator))
    return integer(0);
  std::optional<DimRange> divisor = getDimRange(b.numerator, symbols);
  return divisor && divisor->first > 0 ? make(type, a.numerator % b.numerator, 1) : std::nullopt;
}

AffineExpr ElementMath::difference(const Element &a, const Element &b) const {
  std::optional<Element> x = fraction(a), y = fraction(b);
  return x && y ? normalizeDim(x->numerator * y->denominator - y->numerator * x->denominator) : AffineExpr();
}

std::optional<bool> ElementMath::isEqual(const Element &a, const Element &b) const {
  if (a.constantInt() && b.constantInt())
    return *a.constantInt() == *b.constantInt();
  if (a.constant() && b.constant())
    return *a.constant() == *b.constant();
  AffineExpr delta = difference(a, b);
  std::optional<DimRange> range = delta ? getDimRange(delta, symbols) : std::nullopt;
  if (range && range->first == 0 && range->second == 0)
    return true;
  if (range && (range->first > 0 || range->second < 0))
    return false;
  return std::nullopt;
}

std::optional<bool> ElementMath::isLess(const Element &a, const Element &b) const {
  if (a.constantInt() && b.constantInt())
    return *a.constantInt() < *b.constantInt();
  if (a.constant() && b.constant())
    return *a.constant() < *b.constant();
  AffineExpr delta = difference(a, b);
  std::optional<DimRange> range = delta ? getDimRange(delta, symbols) : std::nullopt;
  if (range && (range->second < 0 || range->first >= 0))
    return range->second < 0;
  return std::nullopt;
}

ElementMath::Result ElementMath::min(DataType, const Element &a, const Element &b) const {
  if ((a.constant() && std::isnan(*a.constant())) || (b.constant() && std::isnan(*b.constant())))
    return std::nullopt;
  if (std::optional<bool> less = isLess(a, b))
    return *less ? a : b;
  std::optional<bool> greater = isLess(b, a);
  return greater ? Result(*greater ? b : a) : std::nullopt;
}

ElementMath::Result ElementMath::max(DataType type, const Element &a, const Element &b) const {
  if ((a.constant() && std::isnan(*a.constant())) || (b.constant() && std::isnan(*b.constant())))
    return std::nullopt;
  if (std::optional<bool> less = isLess(a, b))
    return *less ? b : a;
  std::optional<bool> greater = isLess(b, a);
  return greater ? Result(*greater ? a : b) : std::nullopt;
}

ElementMath::Result ElementMath::floor(DataType type, const Element &a) const {
  if (a.isInteger())
    return a;
  if (a.constant())
    return number(type, std::floor(*a.constant()));
  return make(type, a.numerator.floorDiv(a.denominator), 1);
}

ElementMath::Result ElementMath::ceil(DataType type, const Element &a) const {
  if (a.isInteger())
    return a;
  if (a.constant())
    return number(type, std::ceil(*a.constant()));
  return make(type, (a.numerator + (a.denominator - 1)).floorDiv(a.denominator), 1);
}

ElementMath::Result ElementMath::apply(DataType type, const Element &a, double (*function)(double)) const {
  return a.constant() && isFloatType(type) ? Result(number(type, function(*a.constant()))) : std::nullopt;
}

ElementMath::Result ElementMath::cast(DataType from, DataType to, const Element &a) const {
  if (to == DataType::Bool) {
    std::optional<bool> zero = isEqual(a, integer(0));
    return zero ? Result(integer(!*zero)) : std::nullopt;
  }
  if (isFloatType(to)) {
    if (std::optional<double> value = a.constant(); value && std::abs(*value) < 0x1p53)
      return number(to, *value);
    return a.numerator ? make(to, a.numerator, a.denominator) : std::nullopt;
  }
  if (!isFloatType(from))
    return make(to, a.numerator, 1);
  if (std::optional<double> value = a.constant()) // toward zero; beyond 2^53 it is the target's choice
    return std::abs(*value) < 0x1p53 ? make(to, getAffineConstantExpr(int64_t(*value), context), 1) : std::nullopt;
  std::optional<DimRange> range = getDimRange(a.numerator, symbols);
  return range && range->first >= 0 ? make(to, a.numerator.floorDiv(a.denominator), 1) : std::nullopt;
}

template <typename T> static T load(const uint8_t *bytes) {
  T value;
  memcpy(&value, bytes, sizeof(T));
  return value;
}

static Element readElement(const ElementMath &math, DataType type, const uint8_t *bytes) {
  switch (type) {
  case DataType::Float:
    return math.number(type, load<float>(bytes));
  case DataType::Double:
    return math.number(type, load<double>(bytes));
  case DataType::Bool:
    return math.integer(*bytes != 0);
  case DataType::Int8:
    return math.integer(load<int8_t>(bytes));
  case DataType::Int16:
    return math.integer(load<int16_t>(bytes));
  case DataType::Int32:
    return math.integer(load<int32_t>(bytes));
  case DataType::Uint8:
    return math.integer(*bytes);
  case DataType::Uint16:
    return math.integer(load<uint16_t>(bytes));
  case DataType::Uint32:
    return math.integer(load<uint32_t>(bytes));
  default:
    return math.integer(load<int64_t>(bytes));
  }
}

std::optional<KnownTensor> lathe::onnx::readKnownTensor(const ElementMath &math, const Tensor &tensor,
                                                        ArrayRef<uint8_t> bytes) {
  unsigned width = dataTypeBits(tensor.type) / 8;
  if (!isKnownType(tensor.type) || bytes.size() > MaximumKnownElements * width)
    return std::nullopt;
  KnownTensor known{tensor.type, SmallVector<int64_t>(tensor.dims.begin(), tensor.dims.end()), {}};
  for (size_t at = 0; at < bytes.size(); at += width) {
    // The upper half of uint64 has no place among sizes.
    if (tensor.type == DataType::Uint64 && load<int64_t>(&bytes[at]) < 0)
      return std::nullopt;
    known.elements.push_back(readElement(math, tensor.type, &bytes[at]));
  }
  return known;
}

std::string lathe::onnx::writeKnownTensor(const KnownTensor &tensor) {
  std::string data;
  auto append = [&](const void *bytes, size_t count) { data.append(static_cast<const char *>(bytes), count); };
  for (const Element &element : tensor.elements) {
    if (tensor.type == DataType::Double) {
      double value = *element.constant();
      append(&value, sizeof(value));
    } else if (tensor.type == DataType::Float) {
      auto value = float(*element.constant());
      append(&value, sizeof(value));
    } else {
      int64_t value = *element.constantInt();
      append(&value, dataTypeBits(tensor.type) / 8); // little-endian: the low bytes come first
    }
  }
  return data;
}
