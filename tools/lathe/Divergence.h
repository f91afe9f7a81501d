#ifndef LATHE_TOOLS_LATHE_DIVERGENCE_H
#define LATHE_TOOLS_LATHE_DIVERGENCE_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lathe::tools {

/// How far a model's distributions are from those of its source, in nats: KL(source || model), the sum over all
/// outcomes of p * (log p - log q) (Kullback and Leibler 1951).
class Divergence {
public:
  /// One row of logits of each, of the same length.
  void add(std::span<const float> source, std::span<const float> model);

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

/// log of the sum of exp over a row.
double logSumExp(std::span<const float> logits);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_DIVERGENCE_H
