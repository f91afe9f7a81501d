#include "tools/lathe/Divergence.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace lathe::tools {

double logSumExp(std::span<const float> logits) {
  double greatest = *std::max_element(logits.begin(), logits.end()), sum = 0;
  for (float logit : logits)
    sum += std::exp(double(logit) - greatest);
  return std::log(sum) + greatest;
}

void Divergence::add(std::span<const float> source, std::span<const float> model) {
  double sourceSum = logSumExp(source), modelSum = logSumExp(model), divergence = 0;
  for (size_t i = 0; i != source.size(); ++i) {
    double logP = double(source[i]) - sourceSum, p = std::exp(logP);
    if (p > 0) // what the source excludes adds nothing, whatever the model says of it
      divergence += p * (logP - (double(model[i]) - modelSum));
  }
  values.push_back(std::max(divergence, 0.0)); // equal distributions may round to a little less than 0
  if (std::isnan(divergence))
    values.back() = divergence;
  same += std::max_element(source.begin(), source.end()) - source.begin() ==
          std::max_element(model.begin(), model.end()) - model.begin();
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
