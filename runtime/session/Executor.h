#ifndef LATHE_RUNTIME_SESSION_EXECUTOR_H
#define LATHE_RUNTIME_SESSION_EXECUTOR_H

#include "runtime/Program.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lathe::runtime {

/// Bytes of an output whose sizes depend on data.
inline constexpr uint64_t UnknownBytes = UINT64_MAX;

/// A call of a tensor entry whose inputs have been checked.
struct TensorCall {
  const Entry *entry;
  std::vector<int64_t> symbols;
  std::vector<const lathe_tensor *> inputs; ///< in the entry's order
  std::vector<lathe_tensor *> outputs;      ///< in the entry's order, null where not wanted
  /// Sizes of all outputs, row by row. One that depends on data is ~bound (HostAbi.h) until `bindOutput` is called.
  std::vector<int64_t> outputDims;
  std::vector<uint64_t> outputBytes; ///< what each output takes, wanted or not; UnknownBytes where data decides
  void *stream;
};

/// Sizes of a step.
struct StepShape {
  int64_t tokens, sequences, pages, rows;
};

/// The largest logits of the wanted rows of a step, in descending order, and their tokens: `[rows, count]`, in host
/// memory.
struct CandidateRows {
  int64_t count;
  std::vector<float> logits;
  std::vector<int64_t> tokens;
};

/// The arrays that a language model reads in one step, padded to `shape`.
struct StepCall {
  const Entry *entry;
  StepShape shape;
  std::vector<int64_t> symbols;
  std::vector<int32_t> tokens, positions, rowOffsets, lengths, blockTables, slots, rows;
  std::vector<int32_t> windowBlockTables, windowSlots; ///< of the states with a window
  int64_t wantedRows;        ///< the first rows of the result go to `logits`, the others are padding
  float *logits;             ///< may be null
  int32_t *sampledTokens;    ///< of the wanted rows, in host memory; may be null
  CandidateRows *candidates; ///< to be filled, with the entry that findCandidates gives; may be null
  lathe_memory logitsMemory;
  void *stream;

  /// The array that the entry's input of this role reads.
  const std::vector<int32_t> &array(const std::string &role) const;
};

/// Runs checked calls on one device: working memory, state pools, order of work. One call at a time.
class Executor {
public:
  virtual ~Executor() = default;
  virtual void run(TensorCall &call) = 0;
  /// The shape that a step is padded to; at least `needed`, and within the entry's bounds if `needed` is.
  virtual StepShape pad(const Entry &entry, const StepShape &needed) const = 0;
  virtual void step(const StepCall &call) = 0;
  virtual lathe_memory_info memory() const = 0;
  /// Copies a page in every state of `group`, an index in StateLimits, ordered before the next step on `stream`.
  virtual void copyPage(size_t group, int32_t target, int32_t source, void *stream) = 0;
};

/// States whose pages have the same numbers, as their layers see the same tokens.
struct PageGroup {
  int64_t window = 0;         ///< tokens that stay visible; 0: all
  std::vector<size_t> states; ///< indices in StateLimits
  int64_t pageBytes = 0;      ///< of one page in all of them
  int64_t mostPages = 0;      ///< that one text has at one time; 0: as many as it is long
  int64_t pages = 0;
};

/// What an executor makes room for.
struct StateLimits {
  std::vector<const State *> states; ///< paged, each name once
  std::vector<PageGroup> groups;
  int64_t textPages = 0;       ///< of the longest text that there is room for
  int64_t longest = INT64_MAX; ///< tokens of a text that the session is for, whether there is room for it or not
  int64_t maxSequences;

  /// Bytes of a state in all pages.
  int64_t bytesOf(size_t state) const;
  /// Bytes that a text of so many pages takes at most at one time.
  int64_t textBytes(int64_t textPages) const;
  /// The group of an entry's states with a window, or without; -1 if it has none.
  int groupFor(const Entry &entry, bool windowed) const;

  /// Index in `states` of the pool that an entry's state uses.
  size_t poolOf(const State &state) const;
};

class Group;

/// A processor that sessions share.
class Device {
public:
  virtual ~Device() = default;
  virtual const std::string &description() const = 0;
  /// The `target` that programs for this device have.
  virtual const char *target() const = 0;
  /// `group`: of a program for several ranks, else null.
  virtual std::unique_ptr<Executor> createExecutor(std::shared_ptr<const Program> program, const StateLimits &limits,
                                                   std::shared_ptr<Group> group) = 0;
};

/// Throws LATHE_UNSUPPORTED for a program that was compiled for another device.
void checkDevice(const Program &program, const Device &device);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_EXECUTOR_H
