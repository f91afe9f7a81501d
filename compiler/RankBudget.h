// What each rank of a program needs and sends, from the plan alone.
#ifndef LATHE_COMPILER_RANKBUDGET_H
#define LATHE_COMPILER_RANKBUDGET_H

#include "dialects/plan/Plan.h"

namespace lathe {

/// Bytes, of one rank; on one device there is one.
struct RankBudget {
  int64_t ranks = 1;
  int64_t sharedWeights = 0, ownWeights = 0; ///< that all ranks have, and that this one has a part of
  int64_t workingMemory = 0;                 ///< the most that a call needs
  int64_t stateOfToken = 0;                  ///< of a KV cache, as it grows
  int64_t stateOfText = 0;                   ///< of the longest text
  int64_t collectives = 0;                   ///< of a step with the fewest tokens
  int64_t sentBytes = 0;                     ///< by a rank in that step, over rings

  /// What it cannot do without: weights, working memory, and the state of one text.
  int64_t getNeeded() const { return sharedWeights + ownWeights + workingMemory + stateOfText; }
  /// For people, in one sentence.
  std::string describe() const;
};

/// The budget of a planned module, over all of its entry points.
RankBudget computeRankBudget(mlir::ModuleOp plan);

} // namespace lathe

#endif // LATHE_COMPILER_RANKBUDGET_H
