#ifndef LATHE_RUNTIME_SESSION_SESSION_H
#define LATHE_RUNTIME_SESSION_SESSION_H

#include "runtime/parallel/Group.h"
#include "runtime/session/Embedding.h"
#include "runtime/session/Executor.h"
#include "runtime/session/PageOwner.h"
#include "runtime/session/StepBuilder.h"

#include <memory>
#include <mutex>
#include <optional>
#include <span>

namespace lathe::runtime {

/// A program on a device: checks calls, owns pages and sequences, and has the executor run what is left. Every public
/// function may be called from any thread.
class Session {
public:
  /// `group` is that of the options, or null.
  Session(std::shared_ptr<const Program> program, std::shared_ptr<Device> device, std::shared_ptr<Group> group,
          const lathe_session_options &options);

  void shapes(const lathe_run_options &options);
  void run(const lathe_run_options &options);
  void embed(const lathe_embed_options &options);
  lathe_memory_info memory() const;
  /// `stateOf` gives the state behind a handle, null for one that is not this session's.
  void step(const lathe_step_options &options, SequenceState *(*stateOf)(const Session &, lathe_sequence *));

  /// Makes `sequence`, which is new, share all pages of `source`.
  void openSequence(const SequenceState &source, SequenceState &sequence);
  void closeSequence(SequenceState &sequence);
  void truncate(SequenceState &sequence, int64_t length);
  int64_t length(const SequenceState &sequence) const;

  // For schedulers above.

  /// The same for sequences without handles, which stand in for those of the options; `settle` them afterwards.
  void step(const lathe_step_options &options, std::span<SequenceState *const> sequences);
  /// The entry of this name, or with null the only one of this kind.
  const Entry &entryFor(const char *name, lathe_entry_kind kind) const;
  /// How many of a row's logits a step of the model can give to samplers; 0: none.
  int64_t candidateCount(const Entry &model) const;
  /// Sequences that can be open at one time.
  int64_t sequenceCapacity() const { return limits.maxSequences; }
  /// Sequences that can be opened beside those that are.
  int64_t sequencesLeft() const;
  /// What there is room for, and in which groups.
  const StateLimits &stateLimits() const { return limits; }
  PageUse pageUse() const;
  /// What PageGroups says, in its words.
  bool hasRoom(std::span<const StepPart> wanted) const;
  int64_t adopt(SequenceState &sequence, std::span<const PageKey> keys, int64_t most);
  void settle(SequenceState &sequence, std::span<const PageKey> keys);

private:
  void addPart(SequenceState *sequence);
  void runParts(const lathe_step_options &options);

  std::shared_ptr<const Program> program;
  std::shared_ptr<Device> device;
  std::shared_ptr<Group> group; ///< null: this process alone runs the program
  StateLimits limits;
  std::optional<PageGroups> pages;
  std::unique_ptr<Executor> executor;

  mutable std::mutex mutex; ///< guards all below and every SequenceState
  int64_t openSequences = 0;
  uint64_t steps = 0;
  TensorCall tensorCall{};
  EmbedCall embedCall;
  StepCall stepCall{};
  CandidateRows candidateRows;
  std::vector<StepPart> parts;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_SESSION_H
