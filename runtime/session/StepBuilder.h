#ifndef LATHE_RUNTIME_SESSION_STEPBUILDER_H
#define LATHE_RUNTIME_SESSION_STEPBUILDER_H

#include "runtime/session/PageGroups.h"

namespace lathe::runtime {

/// Where a language model's sizes stand among the entry's symbols.
struct ModelSymbols {
  explicit ModelSymbols(const Entry &entry);
  int tokens, sequences, offsets, pages, rows;
  int64_t vocabulary;
};

/// Tokens that one sequence may have.
int64_t greatestLength(const Entry &entry);

/// Refuses what this step's entry cannot do, and wrong counts, tokens, rows. Fills `parts`; changes nothing else.
/// `candidates` is what findCandidates gives.
void checkStep(const Entry &entry, const Entry *candidates, const lathe_step_options &options, int64_t longest,
               std::vector<StepPart> &parts);

/// The sizes that the step has before padding.
StepShape shapeOf(const Entry &entry, const lathe_step_options &options, const std::vector<StepPart> &parts);

/// Fills the arrays of `call` for `call.shape`. The sequences already have the pages that they grow into.
void fillStep(const lathe_step_options &options, const StateLimits &limits, const std::vector<StepPart> &parts,
              StepCall &call);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_STEPBUILDER_H
