// Tokens that are drawn from the largest logits of a step's rows, where whole rows stay on the device.
#ifndef LATHE_RUNTIME_SESSION_STEPSAMPLING_H
#define LATHE_RUNTIME_SESSION_STEPSAMPLING_H

#include "runtime/sampling/Sampling.h"
#include "runtime/session/PageGroups.h"

namespace lathe::runtime {

/// The entry that finds the largest logits of the model's rows, `[rows, count]` and their tokens; null where the model
/// has none. It is of kind tensor, and its input has the role `logits`.
const Entry *findCandidates(const Manifest &manifest, const Entry &model);
int64_t countCandidates(const Entry *candidates); ///< 0 without

/// What the samplers of the step's sequences say. Throws Failure (LATHE_INVALID_ARGUMENT) where one needs more than
/// `count` logits a row, or where nobody takes the tokens.
std::vector<SamplingOptions> readSamplers(const lathe_step_options &options, size_t sequences, int64_t count);

/// Draws `options.sampled_tokens`. The random number of a row depends on its sequence's seed and the tokens up to it.
void drawTokens(const lathe_step_options &options, const std::vector<SamplingOptions> &samplers,
                const std::vector<StepPart> &parts, const StepCall &call);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_STEPSAMPLING_H
