#ifndef LATHE_RUNTIME_SESSION_SESSION_H
#define LATHE_RUNTIME_SESSION_SESSION_H

#include "runtime/session/Executor.h"
#include "runtime/session/PageOwner.h"
#include "runtime/session/StepBuilder.h"

#include <memory>
#include <mutex>
#include <span>

namespace lathe::runtime {

/// A program on a device: checks calls, owns pages and sequences, and has the executor run what is left. Every public
/// function may be called from any thread.
class Session {
public:
  Session(std::shared_ptr<const Program> program, std::shared_ptr<Device> device, const lathe_session_options &options);

  void shapes(const lathe_run_options &options);
  void run(const lathe_run_options &options);
  lathe_memory_info memory() const;
  /// `stateOf` gives the state behind a handle, null for one that is not this session's.
  void step(const lathe_step_options &options, SequenceState *(*stateOf)(const Session &, lathe_sequence *));

  /// Makes `sequence`, which is new, share all pages of `source`.
  void openSequence(const SequenceState &source, SequenceState &sequence);
  void closeSequence(SequenceState &sequence);
  void truncate(SequenceState &sequence, int64_t length);
  int64_t length(const SequenceState &sequence) const;

  // For schedulers above.

  /// The same for sequences without handles, which stand in for those of the options.
  void step(const lathe_step_options &options, std::span<SequenceState *const> sequences);
  /// The entry of this name, or with null the only one of this kind.
  const Entry &entryFor(const char *name, lathe_entry_kind kind) const;
  /// Sequences that can be open at one time.
  int64_t sequenceCapacity() const { return maxSequences; }
  /// Sequences that can be opened beside those that are.
  int64_t sequencesLeft() const;
  /// Bytes of a page in all states together.
  int64_t pageBytes() const { return bytesOfPage; }
  PageCounts pageCounts() const;
  /// Pages that must be available for `sequence` to get `count` more tokens.
  int64_t pagesFor(const SequenceState &sequence, int64_t count) const;
  /// Gives an empty, open sequence the pages that are found for `keys`, one for each full page of its text from the
  /// beginning, and as many tokens as they hold, but at most `most`. Returns how many tokens that are.
  int64_t adoptPrefix(SequenceState &sequence, std::span<const PageKey> keys, int64_t most);
  /// Lets a full page of a sequence be found under `key`.
  void keepPage(const SequenceState &sequence, size_t index, const PageKey &key);

private:
  void collectStates(const lathe_session_options &options);
  void addPart(SequenceState *sequence);
  void runParts(const lathe_step_options &options);
  /// Gives every sequence the pages that it grows into and a private copy of a shared last page, or throws
  /// LATHE_OUT_OF_MEMORY and changes nothing.
  void reservePages(void *stream);
  void trim(SequenceState &sequence);

  std::shared_ptr<const Program> program;
  std::shared_ptr<Device> device;
  int64_t maxSequences;
  StateLimits limits;
  int64_t bytesOfPage = 0;
  std::unique_ptr<PageOwner> pages;
  std::unique_ptr<Executor> executor;

  mutable std::mutex mutex; ///< guards all below and every SequenceState
  int64_t openSequences = 0;
  uint64_t steps = 0;
  TensorCall tensorCall{};
  StepCall stepCall{};
  std::vector<StepPart> parts;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_SESSION_H
