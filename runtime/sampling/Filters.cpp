#include "runtime/sampling/Sampling.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace lathe::runtime {

std::vector<Candidate> candidatesOf(std::span<const float> row) {
  std::vector<Candidate> candidates;
  candidates.reserve(row.size());
  for (size_t token = 0; token != row.size(); ++token)
    if (row[token] > -std::numeric_limits<float>::infinity()) // nor NaN
      candidates.push_back({int32_t(token), row[token]});
  return candidates;
}

/// By logit, then by id.
static bool likelier(const Candidate &left, const Candidate &right) {
  return left.logit > right.logit || (left.logit == right.logit && left.token < right.token);
}

void keepTopK(std::vector<Candidate> &candidates, int32_t count) {
  if (count <= 0 || size_t(count) >= candidates.size())
    return;
  std::nth_element(candidates.begin(), candidates.begin() + count, candidates.end(), likelier);
  candidates.resize(size_t(count));
}

static float greatestLogit(const std::vector<Candidate> &candidates) {
  return std::min_element(candidates.begin(), candidates.end(), likelier)->logit;
}

/// The probabilities of all, which are put in the order of their ids first, so that the sum has one order.
static std::vector<double> probabilitiesOf(std::vector<Candidate> &candidates) {
  auto byToken = [](const Candidate &left, const Candidate &right) { return left.token < right.token; };
  if (!std::is_sorted(candidates.begin(), candidates.end(), byToken))
    std::sort(candidates.begin(), candidates.end(), byToken);
  float greatest = greatestLogit(candidates);
  std::vector<double> probabilities;
  double total = 0;
  for (const Candidate &candidate : candidates) {
    // Of infinite logits each has the same part, and the others none.
    bool first = candidate.logit == greatest;
    probabilities.push_back(first ? 1 : std::exp(double(candidate.logit) - greatest));
    total += probabilities.back();
  }
  for (double &probability : probabilities)
    probability /= total;
  return probabilities;
}

/// Keeps the first candidates in the order of `before` until their probabilities reach `wanted`. Only as many are
/// sorted as are needed, in pieces that grow: a few of a large vocabulary are enough as a rule.
template <typename Before>
static void keepUpTo(std::vector<Candidate> &candidates, const std::vector<double> &probabilities, double wanted,
                     Before before) {
  std::vector<size_t> order(candidates.size());
  for (size_t i = 0; i != order.size(); ++i)
    order[i] = i;
  double sum = 0;
  size_t kept = 0;
  for (size_t piece = 64; kept != order.size() && (kept == 0 || sum < wanted); piece *= 8) {
    auto begin = order.begin() + ptrdiff_t(kept);
    auto end = begin + ptrdiff_t(std::min(piece, order.size() - kept));
    if (end != order.end())
      std::nth_element(begin, end, order.end(), before);
    std::sort(begin, end, before);
    for (; begin != end && (kept == 0 || sum < wanted); ++begin, ++kept)
      sum += probabilities[*begin];
  }
  std::vector<Candidate> chosen;
  for (size_t i = 0; i != kept; ++i)
    chosen.push_back(candidates[order[i]]);
  candidates = std::move(chosen);
}

void keepTopP(std::vector<Candidate> &candidates, float probability) {
  if (probability <= 0 || probability >= 1 || candidates.empty())
    return;
  std::vector<double> probabilities = probabilitiesOf(candidates);
  keepUpTo(candidates, probabilities, probability,
           [&](size_t left, size_t right) { return likelier(candidates[left], candidates[right]); });
}

void keepTypical(std::vector<Candidate> &candidates, float probability) {
  if (probability <= 0 || probability >= 1 || candidates.empty())
    return;
  std::vector<double> probabilities = probabilitiesOf(candidates), distances;
  double entropy = 0;
  for (double p : probabilities)
    entropy -= p > 0 ? p * std::log(p) : 0;
  for (double p : probabilities)
    distances.push_back(p > 0 ? std::fabs(-std::log(p) - entropy) : std::numeric_limits<double>::infinity());
  // `candidates` are in the order of their ids: the lower index is the lower id.
  keepUpTo(candidates, probabilities, probability, [&](size_t left, size_t right) {
    return distances[left] < distances[right] || (distances[left] == distances[right] && left < right);
  });
}

void keepMinP(std::vector<Candidate> &candidates, float factor) {
  if (factor <= 0 || candidates.empty())
    return;
  // p >= factor * greatest p, without the sum that both have in common.
  float greatest = greatestLogit(candidates);
  double least = std::log(double(factor));
  std::erase_if(candidates, [&](const Candidate &candidate) {
    return candidate.logit != greatest && double(candidate.logit) - greatest < least;
  });
}

} // namespace lathe::runtime
