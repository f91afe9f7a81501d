#ifndef LATHE_RUNTIME_ENGINE_SCHEDULER_H
#define LATHE_RUNTIME_ENGINE_SCHEDULER_H

#include "runtime/engine/Request.h"
#include "runtime/session/Session.h"

#include <deque>

namespace lathe::runtime {

/// What one step and one engine may take.
struct SchedulerLimits {
  int64_t stepTokens, stepSequences, stepRows;
  int64_t running;      ///< requests that have a sequence
  bool sharesPrefixes;  ///< otherwise every request computes its whole text
  PageKey beginningKey; ///< what the key of a text's first page is made with
};

/// A request's part in a step.
struct StepShare {
  std::shared_ptr<Request> request;
  int64_t count; ///< tokens, the first pending ones
  bool wantsRow; ///< whether they are all that are pending, so that the next token can be chosen
};

/// Decides which requests take part in a step, and which have pages.
///
/// Requests are in the order in which they came; those running came before those waiting. A step has a token of every
/// text that is being written, then parts of what is pending of the others, then requests that begin. When pages run
/// out, the request that came last loses its own and waits again: no request takes pages from one that came before it,
/// so the first always gets on.
class Scheduler {
public:
  Scheduler(Session &session, const SchedulerLimits &limits) : session(session), limits(limits) {}
  ~Scheduler();

  /// May be called while a step runs.
  void add(std::shared_ptr<Request> request) { waiting.push_back(std::move(request)); }
  /// The next step; it is empty where nothing is to be done or nothing can.
  const std::vector<StepShare> &plan();
  /// After a step that was run as planned: lets the pages that are full now be found, and gives back those that nobody
  /// will see.
  void settle();
  /// Forgets finished requests and gives their pages back.
  void removeFinished();

  size_t runningCount() const { return running.size(); }
  size_t waitingCount() const { return waiting.size(); }
  uint64_t preemptionCount() const { return preemptions; }
  uint64_t sharedTokenCount() const { return sharedTokens; }

private:
  void schedule(bool writing);
  bool makeRoom(size_t index, int64_t count);
  void admit();
  bool begin(Request &request);
  bool isBeingComputed(Request &request, size_t page);
  void preemptLast();
  void close(Request &request);

  Session &session;
  const SchedulerLimits limits;
  std::deque<std::shared_ptr<Request>> waiting;
  std::vector<std::shared_ptr<Request>> running;
  std::vector<StepShare> shares;
  int64_t tokensLeft = 0, rowsLeft = 0;
  uint64_t preemptions = 0, sharedTokens = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_SCHEDULER_H
