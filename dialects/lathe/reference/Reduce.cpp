// The meaning of reduce, arg_max and arg_min: floats accumulate in f64, integers in 64 bits.
#include "dialects/lathe/reference/Evaluator.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

namespace {
/// The elements that meet in each result: those at Offsets from the first element of the result.
struct Reduction {
  Reduction(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes) {
    SmallVector<int64_t> strides(shape.size(), 1);
    for (size_t d = shape.size(); d-- > 1;)
      strides[d - 1] = strides[d] * shape[d];
    for (auto [d, size] : llvm::enumerate(shape)) {
      std::vector<int64_t> &list = llvm::is_contained(axes, int64_t(d)) ? Offsets : Starts;
      std::vector<int64_t> longer;
      for (int64_t offset : list)
        for (int64_t i = 0; i < size; ++i)
          longer.push_back(offset + i * strides[d]);
      list = std::move(longer);
    }
  }
  std::vector<int64_t> Starts = {0}, Offsets = {0};
};
} // namespace

static SmallVector<int64_t> getResultShape(ArrayRef<int64_t> shape, ArrayRef<int64_t> axes, bool keep) {
  SmallVector<int64_t> result;
  for (auto [d, size] : llvm::enumerate(shape))
    if (!llvm::is_contained(axes, int64_t(d)))
      result.push_back(size);
    else if (keep)
      result.push_back(1);
  return result;
}

static double reduceFloats(ReduceKind kind, const ReferenceValue &input, int64_t start, ArrayRef<int64_t> offsets) {
  double sum = 0, product = 1, largest = -INFINITY, smallest = INFINITY;
  for (int64_t offset : offsets) {
    double value = input.getFloat(start + offset);
    sum += value;
    product *= value;
    largest = value > largest || std::isnan(value) ? value : largest;
    smallest = value < smallest || std::isnan(value) ? value : smallest;
  }
  switch (kind) {
  case ReduceKind::Sum:
    return sum;
  case ReduceKind::Mean:
    return sum / double(offsets.size());
  case ReduceKind::Prod:
    return product;
  case ReduceKind::Max:
    return largest;
  case ReduceKind::Min:
    return smallest;
  default:
    llvm_unreachable("floats have no bits (reduce C3)");
  }
}

/// Signed or unsigned numbers of the type as `Int`.
template <typename Int>
static int64_t reduceIntegers(ReduceKind kind, const ReferenceValue &input, int64_t start, ArrayRef<int64_t> offsets) {
  unsigned width = input.getType().getIntOrFloatBitWidth();
  bool isSigned = std::is_signed_v<Int>;
  Int largest = isSigned ? Int(-1) << (width - 1) : 0;
  Int smallest = Int(~uint64_t(0) >> (64 - width + isSigned));
  uint64_t sum = 0, product = 1, both = ~uint64_t(0), either = 0;
  for (int64_t offset : offsets) {
    Int value = Int(input.getInt(start + offset));
    sum += uint64_t(value);
    product *= uint64_t(value);
    largest = std::max(largest, value);
    smallest = std::min(smallest, value);
    both &= uint64_t(value);
    either |= uint64_t(value);
  }
  switch (kind) {
  case ReduceKind::Sum:
    return sum;
  case ReduceKind::Mean:
    return offsets.empty() ? 0 : Int(sum) / Int(offsets.size());
  case ReduceKind::Prod:
    return product;
  case ReduceKind::Max:
    return largest;
  case ReduceKind::Min:
    return smallest;
  case ReduceKind::And:
    return width == 1 ? both & 1 : both;
  case ReduceKind::Or:
    return either;
  }
  llvm_unreachable("every kind has a case");
}

LogicalResult ReduceOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  const ReferenceValue &input = operands[0];
  Reduction reduction(input.getShape(), getAxes());
  ReferenceValue result = ReferenceValue::tensor(getEvaluatedElementType(getResult()),
                                                 getResultShape(input.getShape(), getAxes(), getKeep()));
  for (auto [i, start] : llvm::enumerate(reduction.Starts))
    if (isa<FloatType>(input.getType()))
      result.setFloat(i, reduceFloats(getKind(), input, start, reduction.Offsets));
    else if (input.getType().isUnsignedInteger() || input.getType().isInteger(1))
      result.setInt(i, reduceIntegers<uint64_t>(getKind(), input, start, reduction.Offsets));
    else
      result.setInt(i, reduceIntegers<int64_t>(getKind(), input, start, reduction.Offsets));
  results.push_back(std::move(result));
  return success();
}

/// True when element `a` of `input` comes before `b` in descending order; NaN is the first of all.
static bool isLarger(const ReferenceValue &input, int64_t a, int64_t b) {
  if (isa<FloatType>(input.getType()))
    return input.getFloat(a) > input.getFloat(b) || (std::isnan(input.getFloat(a)) && !std::isnan(input.getFloat(b)));
  if (input.getType().isUnsignedInteger())
    return uint64_t(input.getInt(a)) > uint64_t(input.getInt(b));
  return input.getInt(a) > input.getInt(b);
}
/// The same in ascending order.
static bool isSmaller(const ReferenceValue &input, int64_t a, int64_t b) {
  if (isa<FloatType>(input.getType()))
    return input.getFloat(a) < input.getFloat(b) || (std::isnan(input.getFloat(a)) && !std::isnan(input.getFloat(b)));
  return isLarger(input, b, a);
}

static ReferenceValue findBest(const ReferenceValue &input, int64_t axis, bool last, bool keep, Type type,
                               bool (*better)(const ReferenceValue &, int64_t, int64_t)) {
  Reduction reduction(input.getShape(), axis);
  ReferenceValue result = ReferenceValue::tensor(type, getResultShape(input.getShape(), axis, keep));
  for (auto [i, start] : llvm::enumerate(reduction.Starts)) {
    size_t best = 0;
    for (size_t j = 1; j < reduction.Offsets.size(); ++j) {
      int64_t held = start + reduction.Offsets[best], next = start + reduction.Offsets[j];
      if (better(input, next, held) || (last && !better(input, held, next)))
        best = j;
    }
    result.setInt(i, best);
  }
  return result;
}

LogicalResult ArgMaxOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  results.push_back(
      findBest(operands[0], getAxis(), getSelectLast(), getKeep(), getResult().getType().getElementType(), isLarger));
  return success();
}

LogicalResult ArgMinOp::evaluate(ArrayRef<ReferenceValue> operands, SmallVectorImpl<ReferenceValue> &results) {
  results.push_back(
      findBest(operands[0], getAxis(), getSelectLast(), getKeep(), getResult().getType().getElementType(), isSmaller));
  return success();
}
