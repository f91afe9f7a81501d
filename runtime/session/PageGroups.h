#ifndef LATHE_RUNTIME_SESSION_PAGEGROUPS_H
#define LATHE_RUNTIME_SESSION_PAGEGROUPS_H

#include "runtime/session/Executor.h"
#include "runtime/session/PageOwner.h"

#include <functional>
#include <memory>
#include <span>

namespace lathe::runtime {

/// In place of a page that was given back.
inline constexpr int32_t NoPage = -1;

/// What a sequence has in one group.
struct PageList {
  std::vector<int32_t> pages; ///< one for every 16 tokens
  size_t first = 0;           ///< those before it were given back
};

/// The pages and the length of one sequence.
struct SequenceState {
  std::vector<PageList> groups; ///< as in StateLimits; none before it is opened
  int64_t length = 0;
  size_t keptPages = 0;  ///< that were let be found (PageGroups::settle)
  uint64_t lastStep = 0; ///< number of the last step that named it: finds repeats
};

/// One sequence's share of a step.
struct StepPart {
  SequenceState *sequence;
  int64_t count; ///< new tokens
};

/// The pages of all groups, counted and in bytes.
struct PageUse {
  PageCounts pages, bytes;
};

/// The pages of a session and what its sequences have of them, a pool for each group. Sequences share pages until one
/// of them writes; where layers see a window of tokens alone, pages before it are given back.
class PageGroups {
public:
  /// Copies page `source` of a group to page `target`.
  using CopyPage = std::function<void(size_t group, int32_t target, int32_t source)>;

  explicit PageGroups(std::span<const PageGroup> groups);

  /// Makes a new sequence share all pages of `source`.
  void open(const SequenceState &source, SequenceState &sequence);
  /// Gives back the pages that are not needed for the sequence's length.
  void trim(SequenceState &sequence);
  /// Whether a sequence still has what its layers see at this length.
  bool reaches(const SequenceState &sequence, int64_t length) const;
  /// Whether there are pages for all of these, if each came in steps as large as the model was compiled for.
  bool hasRoom(std::span<const StepPart> parts) const;
  /// Gives each sequence the pages that it grows into and a copy of a shared last page of its own, or throws
  /// LATHE_OUT_OF_MEMORY and changes nothing.
  void reserve(std::span<const StepPart> parts, const CopyPage &copyPage);
  /// After a step: lets full pages be found under `keys`, of the text's pages from the beginning, and gives back those
  /// that no layer will see again. `keys` may be empty.
  void settle(SequenceState &sequence, std::span<const PageKey> keys);
  /// Gives an empty, open sequence the pages that are found for `keys`, and as many tokens as they hold, but at most
  /// `most`. Returns how many tokens that are.
  int64_t adopt(SequenceState &sequence, std::span<const PageKey> keys, int64_t most);

  PageUse use() const;

private:
  int64_t needed(size_t group, const StepPart &part) const;
  bool sharesTail(size_t group, const SequenceState &sequence) const;
  /// The first page that the next token of a text of this length may see.
  size_t firstSeen(size_t group, int64_t length) const;

  std::vector<PageGroup> groups;
  std::vector<std::unique_ptr<PageOwner>> pools;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_PAGEGROUPS_H
