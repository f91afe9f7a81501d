#include "tools/lathe/Divergence.h"

#include "tools/lathe/RowSums.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace lathe::tools {

/// Calls `body(row)` for each row.
template <typename Body> static void forEachRow(runtime::ThreadPool &pool, size_t rows, Body body) {
  pool.run(
      int64_t(rows),
      [](void *argument, int64_t begin, int64_t end) {
        for (int64_t row = begin; row != end; ++row)
          (*static_cast<Body *>(argument))(size_t(row));
      },
      &body);
}

std::vector<double> logSumExp(runtime::ThreadPool &pool, const LogitRows &logits) {
  std::vector<double> sums(logits.rows);
  forEachRow(pool, logits.rows, [&](size_t row) {
    const float *values = logits.row(row);
    float greatest = greatestOf(values, logits.width);
    sums[row] = std::log(sumExp(values, logits.width, greatest)) + double(greatest);
  });
  return sums;
}

std::vector<RowDivergence> compareRows(runtime::ThreadPool &pool, const LogitRows &source, const LogitRows &model) {
  std::vector<RowDivergence> found(source.rows);
  forEachRow(pool, source.rows, [&](size_t row) {
    const float *p = source.row(row), *q = model.row(row);
    float topP = greatestOf(p, source.width), topQ = greatestOf(q, model.width);
    bool sameTop = std::find(p, p + source.width, topP) - p == std::find(q, q + model.width, topQ) - q;
    WeightedSums sums = sumDifferences(p, q, source.width, topP, topQ);
    double logP = std::log(sums.source), logQ = std::log(sums.model);
    double divergence = sums.difference / sums.source - logP + logQ;
    // Equal distributions may round to a little less than 0; what is not a number stays so.
    found[row] = {logP + double(topP), logQ + double(topQ), divergence < 0 ? 0 : divergence, sameTop};
  });
  return found;
}

void Divergence::add(const RowDivergence &row) {
  values.push_back(row.divergence);
  same += row.sameTop;
}

double Divergence::mean() const { return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size()); }

double Divergence::quantile(double share) const {
  std::vector<double> sorted = values;
  size_t place = std::min(sorted.size() - 1, size_t(share * double(sorted.size())));
  std::nth_element(sorted.begin(), sorted.begin() + std::ptrdiff_t(place), sorted.end());
  return sorted[place];
}

std::array<double, 2> bootstrapInterval(const std::vector<double> &values) {
  constexpr size_t Block = 64, Draws = 2000;
  size_t blocks = (values.size() + Block - 1) / Block;
  // Sums of the values before each, so that a block costs two loads.
  std::vector<double> before(values.size() + 1, 0.0);
  std::partial_sum(values.begin(), values.end(), before.begin() + 1);
  size_t length = std::min(Block, values.size()), begins = values.size() - length + 1;
  std::mt19937_64 random(1);
  std::vector<double> means(Draws);
  for (double &mean : means) {
    double sum = 0;
    for (size_t i = 0; i != blocks; ++i) {
      size_t begin = size_t(random() % begins);
      sum += before[begin + length] - before[begin];
    }
    mean = sum / double(blocks * length);
  }
  std::sort(means.begin(), means.end());
  return {means[Draws / 40], means[Draws - 1 - Draws / 40]};
}

} // namespace lathe::tools
