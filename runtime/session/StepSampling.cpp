#include "runtime/session/StepSampling.h"

#include "runtime/Failure.h"

#include <cmath>

namespace lathe::runtime {

const Entry *findCandidates(const Manifest &manifest, const Entry &model) {
  const Value *logits = model.output("logits");
  for (const Entry &entry : manifest.entries)
    if (entry.kind == LATHE_ENTRY_TENSOR && entry.inputs.size() == 1 && entry.inputs[0].role == "logits" &&
        entry.inputs[0].sizes[1] == logits->sizes[1])
      return &entry;
  return nullptr;
}

int64_t countCandidates(const Entry *candidates) { return candidates ? candidates->outputs[0].sizes[1] : 0; }

std::vector<SamplingOptions> readSamplers(const lathe_step_options &options, size_t sequences, int64_t count) {
  std::vector<SamplingOptions> samplers;
  if (!options.samplers)
    return samplers;
  if (!options.sampled_tokens)
    throw Failure(LATHE_INVALID_ARGUMENT, "samplers are set but sampled_tokens, which takes what they draw, is NULL");
  for (size_t i = 0; i != sequences; ++i) {
    const SamplingOptions &sampler = samplers.emplace_back(readSampler(options.samplers[i]));
    if (hasPenalties(sampler))
      throw Failure(
          LATHE_INVALID_ARGUMENT, "samplers[", i,
          "] has penalties, which change logits that stay on the device; take the logits and choose from them");
    if (!needsCandidatesAlone(sampler, count))
      throw Failure(LATHE_INVALID_ARGUMENT, "samplers[", i, "] has top_k ", sampler.topK, ", but the device gives the ",
                    count, " largest logits of a row; set top_k from 1 to ", count,
                    " or temperature 0, or take the logits and choose from them");
  }
  return samplers;
}

/// Those of a row that are numbers and can be chosen.
static std::vector<Candidate> readRow(const CandidateRows &rows, size_t row) {
  std::vector<Candidate> candidates;
  for (size_t i = row * size_t(rows.count); i != (row + 1) * size_t(rows.count); ++i)
    if (rows.logits[i] > -INFINITY)
      candidates.push_back({int32_t(rows.tokens[i]), rows.logits[i]});
  return candidates;
}

void drawTokens(const lathe_step_options &options, const std::vector<SamplingOptions> &samplers,
                const std::vector<StepPart> &parts, const StepCall &call) {
  for (size_t row = 0; row != size_t(call.wantedRows); ++row) {
    size_t part = 0;
    while (call.rows[row] >= call.rowOffsets[part + 1])
      ++part;
    int64_t length = parts[part].sequence->length + (call.rows[row] - call.rowOffsets[part]) + 1;
    double random = randomNumber(options.samplers[part].seed, uint64_t(length));
    options.sampled_tokens[row] = sampleCandidates(readRow(*call.candidates, row), samplers[part], random);
  }
}

} // namespace lathe::runtime
