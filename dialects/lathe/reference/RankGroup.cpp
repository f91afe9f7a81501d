#include "dialects/lathe/reference/RankGroup.h"
#include "dialects/lathe/reference/Evaluator.h"

using namespace mlir;
using namespace lathe;

/// The ranks between neighbours along an axis.
static int64_t getStride(const Grid &grid, unsigned axis) {
  int64_t stride = 1;
  for (const GridAxis &behind : grid.getAxes().drop_front(axis + 1))
    stride *= behind.size;
  return stride;
}

std::pair<unsigned, int64_t> RankGroup::getGroup(int64_t rank, StringRef axis) const {
  unsigned index = *TheGrid.find(axis);
  return {index, rank - TheGrid.getCoordinate(rank, axis) * getStride(TheGrid, index)};
}

/// True when a rank that has not arrived never will.
bool RankGroup::hasLost(int64_t rank, StringRef axis, const Meeting &meeting) const {
  auto [index, first] = getGroup(rank, axis);
  for (auto [coordinate, value] : llvm::enumerate(meeting.values))
    if (!value && Gone.contains(first + int64_t(coordinate) * getStride(TheGrid, index)))
      return true;
  return false;
}

FailureOr<std::vector<ReferenceValue>> RankGroup::exchange(Operation *op, int64_t rank, const ReferenceValue &value) {
  StringRef axis = getCollectiveAxis(op);
  std::unique_lock lock(Mutex);
  Meeting &meeting = Meetings[getGroup(rank, axis)];
  Changed.wait(lock, [&] { return meeting.taken == 0; }); // the one before is over
  if (meeting.arrived == 0) {
    meeting.op = op;
    meeting.values.assign(TheGrid.getSize(axis), std::nullopt);
  }
  for (const std::optional<ReferenceValue> &other : meeting.values)
    if (meeting.op != op || (other && other->getShape() != value.getShape()))
      return op->emitOpError() << "is reached by rank " << rank << " with " << formatShape(value.getShape())
                               << " while another rank of its group is at " << meeting.op->getName() << " with "
                               << (other ? formatShape(other->getShape()) : std::string("other values"));
  meeting.values[TheGrid.getCoordinate(rank, axis)] = value;
  ++meeting.arrived;
  Changed.notify_all();
  Changed.wait(lock, [&] { return meeting.arrived == meeting.values.size() || hasLost(rank, axis, meeting); });
  if (meeting.arrived != meeting.values.size())
    return failure();
  std::vector<ReferenceValue> values;
  for (const std::optional<ReferenceValue> &given : meeting.values)
    values.push_back(*given);
  if (++meeting.taken == values.size()) {
    meeting = {};
    Changed.notify_all();
  }
  return values;
}

void RankGroup::leave(int64_t rank) {
  std::lock_guard lock(Mutex);
  Gone.insert(rank);
  Changed.notify_all();
}
