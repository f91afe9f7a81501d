#ifndef LATHE_TOOLS_LATHE_ROWSUMS_H
#define LATHE_TOOLS_LATHE_ROWSUMS_H

#include <cstddef>

namespace lathe::tools {

/// The greatest number of a row, -infinity where it has none.
float greatestOf(const float *values, size_t count);

/// The sum of exp(values[i] - greatest). In doubles, each exp within 1e-14 of itself, added up in one order: the same
/// bits on every processor.
double sumExp(const float *values, size_t count, float greatest);

struct WeightedSums {
  double source, model; ///< of exp(p[i] - greatest of p), and of q
  double difference;    ///< of exp(p[i] - greatest of p) * ((p[i] - greatest of p) - (q[i] - greatest of q))
};

/// Sums over two rows of logits, with the same accuracy. Where exp of p is 0, `difference` gets nothing.
WeightedSums sumDifferences(const float *p, const float *q, size_t count, float greatestP, float greatestQ);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_ROWSUMS_H
