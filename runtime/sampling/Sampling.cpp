#include "runtime/sampling/Sampling.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

namespace lathe::runtime {

SamplingOptions readSampler(const lathe_sampler &given) {
  SamplingOptions options;
  options.temperature = given.temperature;
  options.topK = given.top_k;
  options.typicalP = given.typical_p;
  options.topP = given.top_p;
  options.minP = given.min_p;
  options.repeatPenalty = given.repeat_penalty == 0 ? 1 : given.repeat_penalty;
  options.presencePenalty = given.presence_penalty;
  options.frequencyPenalty = given.frequency_penalty;
  checkSamplingOptions(options);
  if (given.penalty_tokens < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "penalty_tokens is ", given.penalty_tokens, " but must be at least 0");
  return options;
}

bool hasPenalties(const SamplingOptions &options) {
  return options.repeatPenalty != 1 || options.presencePenalty != 0 || options.frequencyPenalty != 0;
}

bool needsCandidatesAlone(const SamplingOptions &options, int64_t count) {
  return !hasPenalties(options) && (options.temperature == 0 || (options.topK > 0 && options.topK <= count));
}

void checkSamplingOptions(const SamplingOptions &options) {
  constexpr float Most = std::numeric_limits<float>::max();
  const struct {
    const char *name;
    float value, least, most;
  } ranges[] = {{"temperature", options.temperature, 0, Most},
                {"top_p", options.topP, 0, 1},
                {"min_p", options.minP, 0, 1},
                {"typical_p", options.typicalP, 0, 1},
                {"repeat_penalty", options.repeatPenalty, std::numeric_limits<float>::min(), Most},
                {"presence_penalty", options.presencePenalty, -Most, Most},
                {"frequency_penalty", options.frequencyPenalty, -Most, Most}};
  for (auto &range : ranges)
    if (!(range.value >= range.least && range.value <= range.most)) // NaN is in no range
      throw Failure(LATHE_INVALID_ARGUMENT, range.name, " is ", range.value, " but must be from ", range.least, " to ",
                    range.most);
  if (options.topK < 0)
    throw Failure(LATHE_INVALID_ARGUMENT, "top_k is ", options.topK, " but must be at least 0");
}

static void requireToken(std::span<const float> row, int32_t token) {
  if (token < 0 || size_t(token) >= row.size())
    throw Failure(LATHE_INVALID_ARGUMENT, "token ", token, " is not in the vocabulary, which has ", row.size());
}

void addBias(std::span<float> row, std::span<const std::pair<int32_t, float>> biases) {
  for (auto [token, bias] : biases) {
    requireToken(row, token);
    row[size_t(token)] += bias;
  }
}

void penalize(std::span<float> row, std::span<const int32_t> recent, const SamplingOptions &options) {
  std::unordered_map<int32_t, int32_t> counts;
  for (int32_t token : recent) {
    requireToken(row, token);
    ++counts[token];
  }
  for (auto [token, count] : counts) {
    float &logit = row[size_t(token)];
    logit = logit > 0 ? logit / options.repeatPenalty : logit * options.repeatPenalty;
    logit -= options.presencePenalty + float(count) * options.frequencyPenalty;
  }
}

void maskRow(std::span<float> row, std::span<const uint32_t> mask) {
  for (size_t token = 0; token != row.size(); ++token)
    if (token / 32 >= mask.size() || !(mask[token / 32] >> (token % 32) & 1))
      row[token] = -std::numeric_limits<float>::infinity();
}

double randomNumber(uint64_t seed, uint64_t index) {
  // SplitMix64 of both: each bit of either changes about half of the result's.
  auto mix = [](uint64_t value) {
    value += 0x9e3779b97f4a7c15;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9;
    value = (value ^ value >> 27) * 0x94d049bb133111eb;
    return value ^ value >> 31;
  };
  return double(mix(mix(seed) ^ index) >> 11) * 0x1p-53;
}

[[noreturn]] static void failToChoose() {
  throw Failure(LATHE_DEVICE_ERROR, "no token can be chosen: all logits are NaN or -infinity");
}

/// The first of the greatest logits.
static int32_t mostLikelyToken(std::span<const float> row) {
  float greatest = -std::numeric_limits<float>::infinity();
  size_t best = row.size();
  for (size_t token = 0; token != row.size(); ++token)
    if (row[token] > greatest) { // NaN is never greater
      greatest = row[token];
      best = token;
    }
  if (best == row.size())
    failToChoose();
  return int32_t(best);
}

int32_t chooseToken(std::vector<Candidate> candidates, float temperature, double random) {
  if (candidates.empty())
    failToChoose();
  auto likelier = [](const Candidate &left, const Candidate &right) {
    return left.logit > right.logit || (left.logit == right.logit && left.token < right.token);
  };
  Candidate best = *std::min_element(candidates.begin(), candidates.end(), likelier);
  // Beside an infinite logit nothing else has a chance.
  if (temperature == 0 || std::isinf(best.logit))
    return best.token;
  std::sort(candidates.begin(), candidates.end(), [](auto &left, auto &right) { return left.token < right.token; });
  std::vector<double> sums;
  double total = 0;
  for (const Candidate &candidate : candidates)
    sums.push_back(total += std::exp((double(candidate.logit) - best.logit) / temperature));
  size_t chosen = size_t(std::upper_bound(sums.begin(), sums.end(), random * total) - sums.begin());
  return candidates[std::min(chosen, candidates.size() - 1)].token;
}

int32_t sampleToken(std::span<const float> row, const SamplingOptions &options, double random) {
  if (options.temperature == 0)
    return mostLikelyToken(row);
  return sampleCandidates(candidatesOf(row), options, random);
}

int32_t sampleCandidates(std::vector<Candidate> candidates, const SamplingOptions &options, double random) {
  if (options.temperature == 0)
    return chooseToken(std::move(candidates), 0, random);
  keepTopK(candidates, options.topK);
  keepTypical(candidates, options.typicalP);
  keepTopP(candidates, options.topP);
  keepMinP(candidates, options.minP);
  return chooseToken(std::move(candidates), options.temperature, random);
}

std::vector<float> logProbabilities(std::span<const float> row, std::span<const int32_t> tokens) {
  double greatest = -std::numeric_limits<double>::infinity(), total = 0;
  for (float logit : row)
    greatest = logit > greatest ? logit : greatest; // NaN is never greater
  // Of infinite logits each has the same part, and the others none.
  auto relative = [&](float logit) { return double(logit) == greatest ? 0.0 : double(logit) - greatest; };
  for (float logit : row)
    if (!std::isnan(logit))
      total += std::exp(relative(logit));
  std::vector<float> result;
  for (int32_t token : tokens) {
    requireToken(row, token);
    float logit = row[size_t(token)];
    bool possible = !std::isnan(logit) && logit != -std::numeric_limits<float>::infinity();
    result.push_back(possible ? float(relative(logit) - std::log(total)) : -std::numeric_limits<float>::infinity());
  }
  return result;
}

std::vector<int32_t> mostLikely(std::span<const float> row, size_t count) {
  std::vector<Candidate> candidates = candidatesOf(row);
  keepTopK(candidates, int32_t(std::min<size_t>(count, std::numeric_limits<int32_t>::max())));
  std::sort(candidates.begin(), candidates.end(), [](const Candidate &left, const Candidate &right) {
    return left.logit > right.logit || (left.logit == right.logit && left.token < right.token);
  });
  std::vector<int32_t> tokens;
  for (size_t i = 0; i != std::min(count, candidates.size()); ++i)
    tokens.push_back(candidates[i].token);
  return tokens;
}

} // namespace lathe::runtime
