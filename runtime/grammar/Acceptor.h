#ifndef LATHE_RUNTIME_GRAMMAR_ACCEPTOR_H
#define LATHE_RUNTIME_GRAMMAR_ACCEPTOR_H

#include "runtime/grammar/Grammar.h"
#include "runtime/grammar/TokenTrie.h"

#include <array>
#include <span>
#include <unordered_map>

namespace lathe::runtime {

/// Follows a text through a grammar, byte by byte. A copy goes on by itself; it takes along where the text is, not the
/// tables below.
///
/// The text so far leaves open a set of stacks of what must follow. Stacks share their lower parts, equal sets are one
/// state, and the steps between states are kept: most bytes cost one look into a table. Tables that grow too large are
/// made anew from the states in use, so memory is bounded.
class Acceptor {
public:
  explicit Acceptor(std::shared_ptr<const Grammar> grammar);
  Acceptor(const Acceptor &other);
  Acceptor(Acceptor &&) = default;
  Acceptor &operator=(const Acceptor &other) { return *this = Acceptor(other); }
  Acceptor &operator=(Acceptor &&) = default;

  /// Takes more of the text. If the grammar does not allow it, returns false and changes nothing.
  /// Throws Failure (LATHE_OUT_OF_MEMORY) where more rules would be open at one time than is supported.
  bool accept(std::string_view bytes);
  /// Whether the text may end here.
  bool isComplete() const { return states[current].complete; }
  /// Whether it must, as nothing may follow.
  bool isFinished() const { return states[current].stacks.size() == size_t(isComplete()); }

  /// Sets bit t % 32 of word t / 32 for each token that may follow, and clears the others. `mask` has a word for every
  /// 32 tokens. Throws as accept does.
  void allowedTokens(const TokenTrie &trie, std::span<uint32_t> mask);

private:
  using StateId = uint32_t;
  static constexpr StateId Dead = 0, Unknown = UINT32_MAX;
  static constexpr size_t MaxStates = 4096, MaxNodes = 1 << 18, MaxStacks = 1 << 20;

  /// The top of a stack: an element that is to be matched, and what is below. Node 0 is the bottom.
  struct Node {
    uint32_t element, below;
  };
  struct State {
    std::vector<uint32_t> stacks; ///< nodes, ascending; 0: the text may end
    bool complete = false;
    std::unique_ptr<std::array<StateId, 256>> next; ///< by byte, filled in when it is asked for
  };
  struct StackHash {
    size_t operator()(const std::vector<uint32_t> &stacks) const;
  };

  StateId step(StateId state, uint8_t byte);
  StateId makeStep(StateId state, uint8_t byte);
  uint32_t node(uint32_t element, uint32_t below);
  /// The stack on which `element` follows: `below` itself where an alternative ends there.
  uint32_t behind(uint32_t element, uint32_t below);
  /// The state of all stacks that those in `pending` come to before the next byte.
  StateId close(std::vector<uint32_t> pending);
  StateId intern(std::vector<uint32_t> stacks);
  bool isFull() const { return states.size() >= MaxStates || nodes.size() >= MaxNodes || stackCount >= MaxStacks; }
  /// Forgets all but these states, the first of which is `current`, and what they need, and gives them their new
  /// numbers.
  void compact(std::span<StateId> used);
  void clear();
  /// The state of these stacks of `old`. `renamed` is for each old node its new one, or Unknown.
  StateId carry(const std::vector<Node> &old, const std::vector<uint32_t> &stacks, std::vector<uint32_t> &renamed);

  std::shared_ptr<const Grammar> grammar;
  StateId current;
  std::vector<Node> nodes;
  std::vector<uint32_t> visited; ///< by node: the last round of `close` that came by
  uint32_t round = 0;
  std::unordered_map<uint64_t, uint32_t> nodeIndex;
  std::vector<State> states;
  size_t stackCount = 0; ///< of all states
  std::unordered_map<std::vector<uint32_t>, StateId, StackHash> stateIndex;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_ACCEPTOR_H
