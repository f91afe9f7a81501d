// Chooses a token from a row of logits. All functions are pure: with the same row, options and random number they give
// the same token on every machine, whatever else is going on. Sums are in double, in the order of the tokens' ids or of
// their logits; of equal logits the token with the lower id stands first.
//
// A token's order of steps: logit bias, penalties, mask, then top-k, typical, top-p, min-p (each over the probabilities
// of what the ones before it kept, at temperature 1), then temperature, then the choice.
#ifndef LATHE_RUNTIME_SAMPLING_SAMPLING_H
#define LATHE_RUNTIME_SAMPLING_SAMPLING_H

#include "runtime/include/lathe.h"

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace lathe::runtime {

struct SamplingOptions {
  float temperature = 1; ///< 0: the most likely token, whatever the filters say
  int32_t topK = 0;      ///< keep so many of the most likely tokens; 0: all
  float typicalP = 0;    ///< keep the tokens nearest to the expected surprise, up to this probability; 0 or 1: all
  float topP = 0;        ///< keep the most likely tokens, up to this probability; 0 or 1: all
  float minP = 0;        ///< keep tokens at least this times as likely as the most likely one; 0: all

  // Against tokens that are there already.
  float repeatPenalty = 1;    ///< positive logits are divided by it, others multiplied
  float presencePenalty = 0;  ///< taken off once
  float frequencyPenalty = 0; ///< taken off each time
};

/// What the sampler says. Throws Failure (LATHE_INVALID_ARGUMENT) with the first number that is out of its range.
SamplingOptions readSampler(const lathe_sampler &given);

/// Whether tokens that are there already count.
bool hasPenalties(const SamplingOptions &options);

/// Whether the choice needs no more of the logits than their `count` largest, which the sampler does not change.
bool needsCandidatesAlone(const SamplingOptions &options, int64_t count);

/// Throws Failure (LATHE_INVALID_ARGUMENT) with the first option that is out of its range, its value and the range.
void checkSamplingOptions(const SamplingOptions &options);

// Changes to a row, before anything is chosen.

/// Adds to the logits of tokens; ids outside of the row throw Failure (LATHE_INVALID_ARGUMENT).
void addBias(std::span<float> row, std::span<const std::pair<int32_t, float>> biases);
/// `recent` are the tokens that count, as often as they are there.
void penalize(std::span<float> row, std::span<const int32_t> recent, const SamplingOptions &options);
/// Takes out tokens whose bit (t % 32 of word t / 32) is not set.
void maskRow(std::span<float> row, std::span<const uint32_t> mask);

// Filters. Each leaves at least one token, if there is one.

struct Candidate {
  int32_t token;
  float logit;
};

/// Tokens that can be chosen at all, in the order of their ids: not those whose logit is NaN or -infinity.
std::vector<Candidate> candidatesOf(std::span<const float> row);
void keepTopK(std::vector<Candidate> &candidates, int32_t count);
void keepTypical(std::vector<Candidate> &candidates, float probability);
void keepTopP(std::vector<Candidate> &candidates, float probability);
void keepMinP(std::vector<Candidate> &candidates, float factor);

// The choice.

/// A number from 0 to below 1 that `seed` and `index`, say the position in the text, give: no state is kept.
double randomNumber(uint64_t seed, uint64_t index);

/// The token in whose part of the probabilities `random`, from 0 to below 1, lies. Throws Failure (LATHE_DEVICE_ERROR)
/// where there are no candidates.
int32_t chooseToken(std::vector<Candidate> candidates, float temperature, double random);

/// All filters and the choice, over the candidates of a row.
int32_t sampleCandidates(std::vector<Candidate> candidates, const SamplingOptions &options, double random);
/// All filters and the choice, over a row that was changed as wanted. Throws Failure (LATHE_DEVICE_ERROR) where no
/// token can be chosen.
int32_t sampleToken(std::span<const float> row, const SamplingOptions &options, double random);

/// Natural logarithms of the probabilities of `tokens` by the row alone, before bias, penalties and filters.
/// -infinity for what cannot be chosen; ids outside of the row throw Failure (LATHE_INVALID_ARGUMENT).
std::vector<float> logProbabilities(std::span<const float> row, std::span<const int32_t> tokens);
/// The `count` most likely tokens, most likely first; fewer if the row has fewer that can be chosen.
std::vector<int32_t> mostLikely(std::span<const float> row, size_t count);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SAMPLING_SAMPLING_H
