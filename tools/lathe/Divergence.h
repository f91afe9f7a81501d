#ifndef LATHE_TOOLS_LATHE_DIVERGENCE_H
#define LATHE_TOOLS_LATHE_DIVERGENCE_H

#include "runtime/cpu/ThreadPool.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe::tools {

/// Rows of logits: [rows, width], one behind the other.
struct LogitRows {
  const float *data = nullptr;
  size_t rows = 0, width = 0;

  const float *row(size_t index) const { return data + index * width; }
};

/// log of the sum of exp over each row. Rows are shared out to the pool's threads, whose number changes no bit.
std::vector<double> logSumExp(runtime::ThreadPool &pool, const LogitRows &logits);

/// What one row of a model's logits is beside that of its source.
struct RowDivergence {
  double sourceSum, modelSum; ///< log of the sum of exp
  double divergence;          ///< in nats: KL(source || model)
  bool sameTop;               ///< the greatest logit has one place in both, the first one of equals
};

/// KL(source || model), the sum over all outcomes of p * (log p - log q) (Kullback and Leibler 1951), of each row. What
/// the source excludes adds nothing, whatever the model says of it; logits that are not finite otherwise make the sums
/// or the divergence so. Rows are shared out to the pool's threads, whose number changes no bit.
std::vector<RowDivergence> compareRows(runtime::ThreadPool &pool, const LogitRows &source, const LogitRows &model);

/// How far a model's distributions are from those of its source.
class Divergence {
public:
  void add(const RowDivergence &row);

  size_t rows() const { return values.size(); }
  double mean() const;
  /// The value that this share of the rows, from 0 to 1, is not above.
  double quantile(double share) const;
  /// The share of the rows whose greatest logit has one place in both.
  double sameTop() const { return double(same) / double(values.size()); }
  /// Of each row, in the order of add().
  const std::vector<double> &all() const { return values; }

private:
  std::vector<double> values;
  size_t same = 0;
};

/// The middle 95 % of the means that come of drawing as many values again and again, blocks of 64 that follow each
/// other at a time, because neighbours depend on each other (a block bootstrap: Künsch 1989). Always the same for the
/// same values. Of paired differences it is the paired bootstrap.
std::array<double, 2> bootstrapInterval(const std::vector<double> &values);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_DIVERGENCE_H
