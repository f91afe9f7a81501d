#include "runtime/engine/Request.h"

#include "runtime/Failure.h"
#include "runtime/artifact/Sha256.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace lathe::runtime {

/// The tokens that end a request where its grammar allows it to end.
static std::vector<int32_t> endsOf(const RequestOptions &options, const GrammarTokens &tokens) {
  std::vector<int32_t> ends = options.stopTokens;
  if (!options.ignoresEnd)
    ends.insert(ends.end(), tokens.ends.begin(), tokens.ends.end());
  return ends;
}

Request::Request(RequestOptions given, std::shared_ptr<const Tokenizer> tokens,
                 std::shared_ptr<const GrammarTokens> grammarTokens)
    : options(std::move(given)), tokenizer(std::move(tokens)), known(options.prompt) {
  if (tokenizer)
    stream.emplace(tokenizer, options.prompt, options.keepsSpecial, options.grammar != nullptr, options.stopStrings);
  if (options.grammar)
    guide.emplace(grammarTokens, options.grammar, endsOf(options, *grammarTokens));
}

std::span<const PageKey> Request::pageKeys(const PageKey &start) {
  while ((keys.size() + 1) * size_t(PageTokens) <= known.size()) {
    // What stands before the page, and the page.
    Sha256 hash;
    const PageKey &before = keys.empty() ? start : keys.back();
    hash.update(before.data(), before.size());
    hash.update(&known[keys.size() * size_t(PageTokens)], size_t(PageTokens) * sizeof(int32_t));
    keys.push_back(hash.finish());
  }
  return keys;
}

void Request::describe(std::span<const float> row, int32_t token) {
  if (options.wantsLogProbabilities)
    output.logProbabilities.push_back(logProbabilities(row, std::span(&token, 1)).front());
  if (options.wantsLogits)
    output.logits.insert(output.logits.end(), row.begin(), row.end());
  if (options.topTokens == 0)
    return;
  std::vector<int32_t> top = mostLikely(row, size_t(options.topTokens));
  std::vector<float> logs = logProbabilities(row, top);
  top.resize(size_t(options.topTokens), -1);
  logs.resize(size_t(options.topTokens), -std::numeric_limits<float>::infinity());
  output.topTokens.insert(output.topTokens.end(), top.begin(), top.end());
  output.topLogProbabilities.insert(output.topLogProbabilities.end(), logs.begin(), logs.end());
}

int32_t Request::choose(std::span<float> row, std::span<const uint32_t> allowed) const {
  const SamplingOptions &sampling = options.sampling;
  addBias(row, options.logitBiases);
  if (hasPenalties(sampling)) {
    std::span<const int32_t> recent = known;
    size_t count = size_t(options.penaltyTokens);
    penalize(row, count == 0 || count > recent.size() ? recent : recent.last(count), sampling);
  }
  if (guide)
    maskRow(row, allowed);
  // The number depends on the seed and the place in the text alone.
  return sampleToken(row, sampling, randomNumber(options.seed, known.size()));
}

bool Request::ends(int32_t token) const {
  auto &stops = options.stopTokens;
  return std::find(stops.begin(), stops.end(), token) != stops.end() ||
         (tokenizer && !options.ignoresEnd && token < tokenizer->size() && tokenizer->endsText(token));
}

void Request::take(int32_t token) {
  known.push_back(token);
  output.tokens.push_back(token);
  if (ends(token))
    return finish(LATHE_FINISH_STOP_TOKEN);
  if (guide)
    guide->accept(token);
  if (stream && stream->push(token, output.text)) {
    stream.reset(); // what follows is not text any more
    return finish(LATHE_FINISH_STOP_STRING);
  }
  if (guide && guide->isFinished())
    return finish(LATHE_FINISH_GRAMMAR);
  if (int64_t(known.size() - options.prompt.size()) == options.maxTokens)
    finish(LATHE_FINISH_LENGTH);
}

void Request::advance(std::span<float> row) {
  try {
    std::span<const uint32_t> allowed;
    if (guide) {
      allowed = guide->allowed(int64_t(row.size()));
      if (allowed.empty() && guide->isComplete())
        return finish(LATHE_FINISH_GRAMMAR);
      if (allowed.empty())
        throw Failure(LATHE_INVALID_ARGUMENT, "none of the model's tokens can go on as the grammar asks");
    }
    std::vector<float> own;
    if (options.wantsLogProbabilities || options.wantsLogits || options.topTokens != 0)
      own.assign(row.begin(), row.end());
    int32_t token = choose(row, allowed);
    if (!own.empty())
      describe(own, token);
    take(token);
  } catch (const Failure &problem) {
    fail(problem.code(), problem.message());
  }
}

bool Request::needsLogits() const {
  return hasPenalties(options.sampling) || !options.logitBiases.empty() || guide || options.wantsLogProbabilities ||
         options.wantsLogits || options.topTokens != 0;
}

bool Request::takesLikeliest() const { return options.sampling.temperature == 0 && !needsLogits(); }

bool Request::takesCandidates(int64_t count) const {
  return needsCandidatesAlone(options.sampling, count) && !needsLogits();
}

lathe_sampler Request::sampler() const {
  const SamplingOptions &sampling = options.sampling;
  lathe_sampler sampler{};
  sampler.struct_size = sizeof(sampler);
  sampler.temperature = sampling.temperature;
  sampler.top_p = sampling.topP;
  sampler.min_p = sampling.minP;
  sampler.top_k = sampling.topK;
  sampler.typical_p = sampling.typicalP;
  sampler.seed = options.seed;
  return sampler;
}

void Request::advance(int32_t chosen) {
  try {
    take(chosen);
  } catch (const Failure &problem) {
    fail(problem.code(), problem.message());
  }
}

void Request::finish(lathe_finish why) {
  if (isFinished())
    return;
  reason = why;
  if (stream && stream->finish(output.text) && reason == LATHE_FINISH_LENGTH)
    reason = LATHE_FINISH_STOP_STRING;
}

void Request::fail(lathe_code code, const std::string &message) {
  if (isFinished())
    return;
  failureCode = code;
  failure = message;
  finish(LATHE_FINISH_FAILED);
}

} // namespace lathe::runtime
