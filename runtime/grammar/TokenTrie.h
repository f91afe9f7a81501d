#ifndef LATHE_RUNTIME_GRAMMAR_TOKENTRIE_H
#define LATHE_RUNTIME_GRAMMAR_TOKENTRIE_H

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lathe::runtime {

/// The bytes of a vocabulary's tokens as a tree, laid out so that a walk that skips subtrees only goes forward. Made
/// once for a vocabulary, used by any number of acceptors.
class TokenTrie {
public:
  static constexpr size_t MaxPieceBytes = 1024;

  struct Node {
    uint32_t end;   ///< the node behind this one's subtree; the one behind this is its first child, if it has any
    uint32_t token; ///< where its tokens begin
    uint16_t depth; ///< bytes up to here, this one's included
    uint16_t count; ///< tokens that end here
    uint8_t byte;
  };

  /// `pieces[t]` are the bytes of token t. Those that are empty, as of tokens that stand for no text, are left out, and
  /// so are pieces of more than MaxPieceBytes and those past the 65535th of equal pieces.
  explicit TokenTrie(std::span<const std::string_view> pieces);

  /// In the order of a walk from the root, which is not among them.
  std::span<const Node> nodes() const { return all; }
  std::span<const int32_t> tokens(const Node &node) const {
    return std::span<const int32_t>(ids).subspan(node.token, node.count);
  }

private:
  std::vector<Node> all;
  std::vector<int32_t> ids;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_GRAMMAR_TOKENTRIE_H
