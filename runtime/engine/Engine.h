#ifndef LATHE_RUNTIME_ENGINE_ENGINE_H
#define LATHE_RUNTIME_ENGINE_ENGINE_H

#include "runtime/Failure.h"
#include "runtime/engine/Scheduler.h"

#include <mutex>
#include <optional>
#include <span>

namespace lathe::runtime {

/// Writes texts for many requests at one time, a batch a step: `Scheduler` says who takes part, `Session` runs it, and
/// each `Request` chooses its token. Every function may be called from any thread.
class Engine {
public:
  /// `tokenizer` may be null.
  Engine(std::shared_ptr<Session> session, const lathe_engine_options &options,
         std::shared_ptr<const Tokenizer> tokenizer);

  std::shared_ptr<Request> submit(const lathe_request_options &options);
  /// Runs one step; returns how many requests are not finished.
  size_t step();
  void cancel(Request &request);
  /// What the request has written since the last call goes to `taken`, and how it stands to `state`.
  void poll(Request &request, RequestOutput &taken, lathe_request_output &state);
  lathe_engine_info inspect();

private:
  SchedulerLimits schedulerLimits(const lathe_engine_options &options) const;
  std::shared_ptr<const GrammarTokens> grammarTokens();
  /// The arrays of a step.
  void fillStep(std::span<const StepShare> shares);
  /// Each share's request chooses its token.
  void settle(std::span<const StepShare> shares);
  /// Runs the model and lets requests choose, or says why nothing has changed. The lock is not held meanwhile.
  std::optional<Failure> run(std::span<const StepShare> shares, std::unique_lock<std::mutex> &lock);
  /// After they have failed together: fails those requests alone that make the model fail. Returns the failure if none
  /// of them has got on.
  std::optional<Failure> runEachAlone(std::span<const StepShare> shares, const Failure &together,
                                      std::unique_lock<std::mutex> &lock);

  std::shared_ptr<Session> session;
  std::shared_ptr<const Tokenizer> tokenizer;
  const Entry &entry;
  TextLimits textLimits;

  std::mutex stepMutex; ///< of one step at a time; taken before `mutex`

  std::mutex mutex; ///< guards all below; not held while the model runs
  std::shared_ptr<const GrammarTokens> madeGrammarTokens;
  bool isStepping = false;
  uint64_t steps = 0, computedTokens = 0;
  Scheduler scheduler;

  // Of the step in progress: its thread's alone.
  std::vector<SequenceState *> sequences;
  std::vector<int32_t> counts, tokens, rows;
  std::vector<float> logits;           ///< of the rows, or
  std::vector<int32_t> chosen;         ///< their tokens where the model or the session chooses them
  std::vector<lathe_sampler> samplers; ///< of the sequences where some of them are drawn
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_ENGINE_ENGINE_H
