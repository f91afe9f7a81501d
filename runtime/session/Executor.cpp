#include "runtime/session/Executor.h"

#include <algorithm>
#include <cassert>

namespace lathe::runtime {

const std::vector<int32_t> &StepCall::array(const std::string &role) const {
  static constexpr std::pair<const char *, std::vector<int32_t> StepCall::*> Arrays[] = {
      {"tokens", &StepCall::tokens},   {"positions", &StepCall::positions},      {"row_offsets", &StepCall::rowOffsets},
      {"lengths", &StepCall::lengths}, {"block_tables", &StepCall::blockTables}, {"slots", &StepCall::slots},
      {"rows", &StepCall::rows}};
  auto found = std::find_if(std::begin(Arrays), std::end(Arrays), [&](auto &each) { return role == each.first; });
  assert(found != std::end(Arrays) && "the manifest's check admits these roles alone");
  return this->*found->second;
}

size_t StateLimits::poolOf(const State &state) const {
  auto found = std::find_if(states.begin(), states.end(), [&](const State *pool) { return pool->name == state.name; });
  assert(found != states.end() && "the session collected the states of all entries");
  return size_t(found - states.begin());
}

} // namespace lathe::runtime
