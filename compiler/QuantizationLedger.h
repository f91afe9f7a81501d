// What quantizing each weight of a model lost, gathered while weights are folded.
#ifndef LATHE_COMPILER_QUANTIZATIONLEDGER_H
#define LATHE_COMPILER_QUANTIZATIONLEDGER_H

#include "dialects/lathe/Lathe.h"
#include <deque>
#include <nlohmann/json.hpp>

namespace lathe {

/// Sums over values and what became of them.
struct QuantizationError {
  int64_t count = 0,
          notFinite = 0; ///< elements, and those that are not finite before or after, which nothing else counts
  double squaredErrors = 0, squaredValues = 0, largest = 0;

  void add(llvm::ArrayRef<float> before, llvm::ArrayRef<float> after);
  /// Adds what was counted of other elements.
  void add(const QuantizationError &other);
};

/// The ledger of one artifact. Weights, and the slices of a weight that ranks have, are folded in parallel: each writes
/// to a page of its own.
class QuantizationLedger {
public:
  class Page {
  public:
    /// Counts a piece of what `op` rounds.
    void add(QuantizeOp op, llvm::ArrayRef<float> before, llvm::ArrayRef<float> after);

  private:
    friend QuantizationLedger;
    llvm::SmallVector<std::pair<QuantizeOp, QuantizationError>, 1> Entries;
    const Page *Weight = this; // the page of the weight's first slice
  };

  /// A page for the next weight, or for one more slice of the weight whose first slice has the page `first`. It lives
  /// as long as the ledger.
  Page &addPage(const Page *first = nullptr) {
    Page &page = Pages.emplace_back();
    if (first)
      page.Weight = first;
    return page;
  }

  /// For each quantized tensor, once and in the order of pages: "name", "from", "format", "shape", "bits" of a weight,
  /// "mean_square" of the values, "mse", "max_error", and "relative_error", the root of mse / mean_square; with
  /// "not_finite" where there are such elements.
  nlohmann::ordered_json describe() const;

private:
  std::deque<Page> Pages;
};

} // namespace lathe

#endif // LATHE_COMPILER_QUANTIZATIONLEDGER_H
