#include "compiler/QuantizationLedger.h"
#include "compiler/Manifest.h"
#include "passes/quantization/WeightValues.h"
#include "llvm/ADT/MapVector.h"
#include <cmath>
#include <set>

using namespace mlir;
using namespace lathe;

void QuantizationError::add(ArrayRef<float> before, ArrayRef<float> after) {
  for (auto [value, rounded] : llvm::zip_equal(before, after)) {
    double error = double(rounded) - double(value);
    ++count;
    if (!std::isfinite(error)) {
      ++notFinite;
      continue;
    }
    squaredErrors += error * error;
    squaredValues += double(value) * double(value);
    largest = std::max(largest, std::fabs(error));
  }
}

void QuantizationError::add(const QuantizationError &other) {
  count += other.count;
  notFinite += other.notFinite;
  squaredErrors += other.squaredErrors;
  squaredValues += other.squaredValues;
  largest = std::max(largest, other.largest);
}

void QuantizationLedger::Page::add(QuantizeOp op, ArrayRef<float> before, ArrayRef<float> after) {
  auto entry = llvm::find_if(Entries, [&](const auto &known) { return known.first == op; });
  if (entry == Entries.end())
    entry = &Entries.emplace_back(op, QuantizationError());
  entry->second.add(before, after);
}

static nlohmann::ordered_json describeEntry(QuantizeOp op, const QuantizationError &error) {
  RankedTensorType type = op.getResult().getType();
  WeightOp source = findSourceWeight(op.getInput());
  double bits = 8.0 * double(*getTensorBytes(type)) / double(type.getNumElements());
  double finite = double(std::max<int64_t>(error.count - error.notFinite, 1));
  nlohmann::ordered_json json = {
      {"name", source.getName().str()},
      {"from", getElementName(source.getResult().getType().getElementType())},
      {"format", getElementName(type.getElementType())},
      {"shape", type.getShape().vec()},
      {"bits", bits},
      {"mean_square", error.squaredValues / finite},
      {"mse", error.squaredErrors / finite},
      {"max_error", error.largest},
      {"relative_error", error.squaredValues > 0 ? std::sqrt(error.squaredErrors / error.squaredValues) : 0.0}};
  if (error.notFinite)
    json["not_finite"] = error.notFinite;
  return json;
}

nlohmann::ordered_json QuantizationLedger::describe() const {
  auto list = nlohmann::ordered_json::array();
  // One tensor may be the end of two programs, as blocks and as tiles of them.
  std::set<std::tuple<std::string, std::string, std::vector<int64_t>>> known;
  llvm::MapVector<std::pair<const Page *, Operation *>, QuantizationError> errors;
  for (const Page &page : Pages)
    for (auto [op, error] : page.Entries)
      errors[{page.Weight, op.getOperation()}].add(error);
  for (const auto &[key, error] : errors) {
    if (error.count == 0) // a tensor without elements has no means
      continue;
    nlohmann::ordered_json entry = describeEntry(cast<QuantizeOp>(key.second), error);
    if (known.emplace(entry["name"], entry["format"], entry["shape"]).second)
      list.push_back(std::move(entry));
  }
  return list;
}
