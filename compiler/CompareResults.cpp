#include "compiler/CompareResults.h"
#include "dialects/lathe/Lathe.h"
#include "dialects/lathe/reference/Evaluator.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace lathe;

/// Elements as doubles: a state's are its whole pool.
static std::vector<double> getElements(const ReferenceValue &value) {
  auto state = dyn_cast<StateType>(value.getType());
  Type type = state ? state.getElement() : value.getType();
  if (!isa<IntegerType>(type))
    return loadElements(type, value.getBytes());
  std::vector<double> elements;
  ReferenceValue flat =
      ReferenceValue::borrowed(type, {int64_t(value.getBytes().size()) / getElementBytes(type)}, value.getBytes());
  for (int64_t i = 0, n = flat.getNumElements(); i < n; ++i)
    elements.push_back(double(flat.getInt(i)));
  return elements;
}

static std::string formatPlace(const ReferenceValue &value, int64_t index) {
  SmallVector<int64_t> place;
  for (int64_t size : llvm::reverse(value.getShape())) {
    place.insert(place.begin(), index % size);
    index /= size;
  }
  return place.empty() ? "element " + std::to_string(index) : formatShape(place);
}

static std::string formatNumber(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.6g", value);
  return text;
}

namespace {
struct Difference {
  double largest = 0, magnitude = 1, squares = 0, expectedSquares = 0;
  int64_t index = -1; ///< of the largest difference
};
} // namespace

static Difference measure(ArrayRef<double> expected, ArrayRef<double> found) {
  Difference all;
  for (size_t i = 0; i < expected.size(); ++i) {
    double e = expected[i], f = found[i];
    if (e == f || (std::isnan(e) && std::isnan(f)))
      continue;
    double difference = std::isfinite(e) && std::isfinite(f) ? std::abs(e - f) : HUGE_VAL;
    if (difference > all.largest) {
      all.largest = difference;
      all.index = i;
    }
    all.squares += difference * difference;
  }
  for (double e : expected)
    if (std::isfinite(e)) {
      all.magnitude = std::max(all.magnitude, std::abs(e));
      all.expectedSquares += e * e;
    }
  return all;
}

std::string lathe::compareResults(const ReferenceValue &expected, const ReferenceValue &found,
                                  const Tolerance &tolerance) {
  if (expected.getType() != found.getType())
    return llvm::formatv("has type {0}, needed {1}", found.getType(), expected.getType());
  if (expected.getShape() != found.getShape() || expected.getBytes().size() != found.getBytes().size())
    return llvm::formatv("has shape {0} in {1} bytes, needed {2} in {3}", formatShape(found.getShape()),
                         found.getBytes().size(), formatShape(expected.getShape()), expected.getBytes().size());
  std::vector<double> wanted = getElements(expected), got = getElements(found);
  Difference difference = measure(wanted, got);
  bool floats = isa<StateType>(expected.getType()) || isa<FloatType>(expected.getType());
  double allowed = floats ? tolerance.MaxAbsolute * difference.magnitude : 0;
  double allowedSquares = tolerance.RelativeRms * tolerance.RelativeRms * difference.expectedSquares;
  // A single step of the last digit must not fail a result that is almost all zeros.
  bool closeOverall = difference.squares <= allowedSquares || difference.largest <= 1e-7;
  if (difference.index < 0 || (difference.largest <= allowed && floats && closeOverall))
    return "";
  return "differs by " + formatNumber(difference.largest) + " at " + formatPlace(expected, difference.index) +
         ": found " + formatNumber(got[difference.index]) + ", needed " + formatNumber(wanted[difference.index]) +
         " (allowed " + formatNumber(allowed) + ", or a root mean square of " +
         formatNumber(std::sqrt(allowedSquares / std::max<size_t>(1, wanted.size()))) + " where it is " +
         formatNumber(std::sqrt(difference.squares / std::max<size_t>(1, wanted.size()))) + ")";
}
