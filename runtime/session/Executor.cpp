#include "runtime/session/Executor.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cassert>

namespace lathe::runtime {

void checkDevice(const Program &program, const Device &device) {
  if (program.manifest.target != device.target())
    throw Failure(LATHE_UNSUPPORTED, program.artifact.where(), ": compiled for '", program.manifest.target,
                  "' but the device is '", device.target(), "'; create that device or compile for this one");
}

const std::vector<int32_t> &StepCall::array(const std::string &role) const {
  static constexpr std::pair<const char *, std::vector<int32_t> StepCall::*> Arrays[] = {
      {"tokens", &StepCall::tokens},
      {"positions", &StepCall::positions},
      {"row_offsets", &StepCall::rowOffsets},
      {"lengths", &StepCall::lengths},
      {"block_tables", &StepCall::blockTables},
      {"slots", &StepCall::slots},
      {"rows", &StepCall::rows},
      {"window_block_tables", &StepCall::windowBlockTables},
      {"window_slots", &StepCall::windowSlots}};
  auto found = std::find_if(std::begin(Arrays), std::end(Arrays), [&](auto &each) { return role == each.first; });
  assert(found != std::end(Arrays) && "the manifest's check admits these roles alone");
  return this->*found->second;
}

size_t StateLimits::poolOf(const State &state) const {
  auto found = std::find_if(states.begin(), states.end(), [&](const State *pool) { return pool->name == state.name; });
  assert(found != states.end() && "the session collected the states of all entries");
  return size_t(found - states.begin());
}

int64_t StateLimits::bytesOf(size_t state) const {
  for (const PageGroup &group : groups)
    if (group.window == states[state]->window)
      return group.pages * states[state]->pageBytes;
  return 0;
}

int64_t StateLimits::textBytes(int64_t length) const {
  int64_t bytes = 0;
  for (const PageGroup &group : groups)
    bytes += group.pageBytes * (group.mostPages ? std::min(length, group.mostPages) : length);
  return bytes;
}

int StateLimits::groupFor(const Entry &entry, bool windowed) const {
  for (const State &state : entry.states)
    for (size_t group = 0; group != groups.size(); ++group)
      if ((state.window != 0) == windowed && groups[group].window == state.window)
        return int(group);
  return -1;
}

} // namespace lathe::runtime
