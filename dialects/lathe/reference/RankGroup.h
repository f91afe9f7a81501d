// Ranks that evaluate one program, each on a thread of its own, and meet at its collectives.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_RANKGROUP_H
#define LATHE_DIALECTS_LATHE_REFERENCE_RANKGROUP_H

#include "dialects/lathe/Collectives.h"
#include "llvm/ADT/SmallSet.h"
#include <condition_variable>
#include <map>
#include <mutex>

namespace lathe {

/// What the ranks of one group of the grid give for their next collective. Each rank calls from one thread.
class RankGroup {
public:
  explicit RankGroup(Grid grid) : TheGrid(std::move(grid)) {}

  const Grid &getGrid() const { return TheGrid; }
  /// Gives `value` for `op` and waits for the other ranks that differ along the op's axis alone; returns the values of
  /// all in the order of the axis. Fails with a diagnostic on `op` when another rank of the group is at another
  /// operation or has another shape, and without one when another rank has failed or ended.
  llvm::FailureOr<std::vector<ReferenceValue>> exchange(mlir::Operation *op, int64_t rank, const ReferenceValue &value);
  /// Says that a rank gives nothing any more: who waits for it fails.
  void leave(int64_t rank);

private:
  /// A collective under way. It is over when all have taken what it gives.
  struct Meeting {
    mlir::Operation *op = nullptr;
    std::vector<std::optional<ReferenceValue>> values;
    size_t arrived = 0, taken = 0;
  };
  std::pair<unsigned, int64_t> getGroup(int64_t rank, llvm::StringRef axis) const;
  bool hasLost(int64_t rank, llvm::StringRef axis, const Meeting &meeting) const;

  Grid TheGrid;
  std::mutex Mutex;
  std::condition_variable Changed;
  std::map<std::pair<unsigned, int64_t>, Meeting> Meetings; ///< by axis and the least rank of the group
  llvm::SmallSet<int64_t, 8> Gone;
};

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_REFERENCE_RANKGROUP_H
