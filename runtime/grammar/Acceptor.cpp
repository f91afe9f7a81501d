#include "runtime/grammar/Acceptor.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <utility>

namespace lathe::runtime {

using Kind = GrammarElement::Kind;

size_t Acceptor::StackHash::operator()(const std::vector<uint32_t> &stacks) const {
  uint64_t hash = 0xcbf29ce484222325;
  for (uint32_t stack : stacks)
    hash = (hash ^ stack) * 0x100000001b3;
  return hash ^ hash >> 29;
}

Acceptor::Acceptor(std::shared_ptr<const Grammar> given) : grammar(std::move(given)) {
  clear();
  std::vector<uint32_t> start;
  for (uint32_t alternative : grammar->rules[grammar->root].alternatives)
    start.push_back(node(alternative, 0));
  current = close(std::move(start));
}

void Acceptor::clear() {
  nodes.assign(1, {});
  visited.assign(1, 0);
  round = 0;
  nodeIndex.clear();
  states.clear();
  stackCount = 0;
  states.emplace_back();
  stateIndex.clear();
  stateIndex.emplace(std::vector<uint32_t>(), Dead);
}

uint32_t Acceptor::node(uint32_t element, uint32_t below) {
  auto [found, added] = nodeIndex.emplace(uint64_t(element) << 32 | below, uint32_t(nodes.size()));
  if (added) {
    // Twice the limit is never needed for one step, unless the grammar leaves open far too much at one time.
    if (nodes.size() >= 2 * MaxNodes)
      throw Failure(LATHE_OUT_OF_MEMORY, "the text leaves more than ", MaxNodes,
                    " parts of the grammar open at one time; make the grammar less ambiguous, or nest less");
    nodes.push_back({element, below});
    visited.push_back(0);
  }
  return found->second;
}

uint32_t Acceptor::behind(uint32_t element, uint32_t below) {
  return grammar->elements[element].kind == Kind::End ? below : node(element, below);
}

Acceptor::StateId Acceptor::close(std::vector<uint32_t> pending) {
  ++round;
  std::vector<uint32_t> stacks;
  while (!pending.empty()) {
    uint32_t top = pending.back();
    pending.pop_back();
    if (std::exchange(visited[top], round) == round)
      continue;
    auto [element, below] = nodes[top];
    if (top == 0 || grammar->elements[element].kind == Kind::Bytes) {
      stacks.push_back(top);
    } else if (grammar->elements[element].kind == Kind::End) {
      pending.push_back(below);
    } else {
      // With nothing behind the call there is nothing to come back to: repetition needs no deeper stack.
      uint32_t back = behind(element + 1, below);
      for (uint32_t alternative : grammar->rules[grammar->elements[element].value].alternatives)
        pending.push_back(behind(alternative, back));
    }
  }
  std::sort(stacks.begin(), stacks.end());
  return intern(std::move(stacks));
}

Acceptor::StateId Acceptor::intern(std::vector<uint32_t> stacks) {
  auto [found, added] = stateIndex.emplace(stacks, StateId(states.size()));
  if (added) {
    State &state = states.emplace_back();
    state.complete = !stacks.empty() && stacks.front() == 0;
    stackCount += stacks.size();
    state.stacks = std::move(stacks);
  }
  return found->second;
}

Acceptor::StateId Acceptor::makeStep(StateId state, uint8_t byte) {
  std::vector<uint32_t> pending;
  for (uint32_t top : states[state].stacks) {
    if (top == 0)
      continue;
    auto [element, below] = nodes[top];
    if (grammar->byteSets[grammar->elements[element].value][byte])
      pending.push_back(behind(element + 1, below));
  }
  StateId next = pending.empty() ? Dead : close(std::move(pending));
  auto &table = states[state].next;
  if (!table) {
    table = std::make_unique<std::array<StateId, 256>>();
    table->fill(Unknown);
  }
  return (*table)[byte] = next;
}

Acceptor::StateId Acceptor::step(StateId state, uint8_t byte) {
  const auto &table = states[state].next;
  StateId next = table ? (*table)[byte] : Unknown;
  return next == Unknown ? makeStep(state, byte) : next;
}

Acceptor::StateId Acceptor::carry(const std::vector<Node> &old, const std::vector<uint32_t> &oldStacks,
                                  std::vector<uint32_t> &renamed) {
  std::vector<uint32_t> stacks, path;
  for (uint32_t top : oldStacks) {
    for (uint32_t at = top; renamed[at] == Unknown; at = old[at].below)
      path.push_back(at);
    for (; !path.empty(); path.pop_back())
      renamed[path.back()] = node(old[path.back()].element, renamed[old[path.back()].below]);
    stacks.push_back(renamed[top]);
  }
  std::sort(stacks.begin(), stacks.end());
  return intern(std::move(stacks));
}

Acceptor::Acceptor(const Acceptor &other) : grammar(other.grammar) {
  clear();
  std::vector<uint32_t> renamed(other.nodes.size(), Unknown);
  renamed[0] = 0;
  current = carry(other.nodes, other.states[other.current].stacks, renamed);
}

void Acceptor::compact(std::span<StateId> used) {
  std::vector<Node> oldNodes = std::move(nodes);
  std::vector<State> oldStates = std::move(states);
  clear();
  std::vector<uint32_t> renamed(oldNodes.size(), Unknown);
  renamed[0] = 0;
  for (StateId &id : used)
    id = carry(oldNodes, oldStates[id].stacks, renamed);
  current = used[0];
  if (nodes.size() > MaxNodes / 2 || stackCount > MaxStacks / 2)
    throw Failure(LATHE_OUT_OF_MEMORY, "the text leaves more than ", MaxNodes / 2,
                  " parts of the grammar open at one time; make the grammar less ambiguous, or nest less");
}

bool Acceptor::accept(std::string_view bytes) {
  StateId used[2] = {current, current}; // before and behind the bytes so far
  for (char byte : bytes) {
    if (isFull())
      compact(used);
    used[1] = step(used[1], uint8_t(byte));
    if (used[1] == Dead)
      return false;
  }
  current = used[1];
  return true;
}

void Acceptor::allowedTokens(const TokenTrie &trie, std::span<uint32_t> mask) {
  std::fill(mask.begin(), mask.end(), 0);
  // The states behind the bytes on the way to the current node; the first is `current`.
  std::vector<StateId> way = {current};
  std::span<const TokenTrie::Node> all = trie.nodes();
  for (size_t at = 0; at != all.size();) {
    const TokenTrie::Node &entry = all[at];
    way.resize(entry.depth);
    if (isFull())
      compact(way);
    StateId next = step(way.back(), entry.byte);
    if (next == Dead) {
      at = entry.end;
      continue;
    }
    for (int32_t token : trie.tokens(entry))
      mask[size_t(token) / 32] |= 1u << (token % 32);
    way.push_back(next);
    ++at;
  }
}

} // namespace lathe::runtime
