#ifndef LATHE_RUNTIME_SESSION_STEPBUILDER_H
#define LATHE_RUNTIME_SESSION_STEPBUILDER_H

#include "runtime/session/Executor.h"
#include "runtime/session/PageOwner.h"

namespace lathe::runtime {

/// The pages and the length of one sequence.
struct SequenceState {
  std::vector<int32_t> pages;
  int64_t length = 0;
  uint64_t lastStep = 0; ///< number of the last step that named it: finds repeats
};

/// Where a language model's sizes stand among the entry's symbols.
struct ModelSymbols {
  explicit ModelSymbols(const Entry &entry);
  int tokens, sequences, offsets, pages, rows;
  int64_t vocabulary;
};

/// Tokens that one sequence may have.
int64_t greatestLength(const Entry &entry);

/// One sequence's share of a step.
struct StepPart {
  SequenceState *sequence;
  int64_t count; ///< new tokens
};

/// Refuses what this step's entry cannot do, and wrong counts, tokens, rows. Fills `parts`; changes nothing else.
void checkStep(const Entry &entry, const lathe_step_options &options, std::vector<StepPart> &parts);

/// The sizes that the step has before padding.
StepShape shapeOf(const Entry &entry, const lathe_step_options &options, const std::vector<StepPart> &parts);

/// Fills the arrays of `call` for `call.shape`. The sequences already have the pages that they grow into.
void fillStep(const lathe_step_options &options, const std::vector<StepPart> &parts, StepCall &call);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_STEPBUILDER_H
