#ifndef LATHE_RUNTIME_TOKENIZER_TRIE_H
#define LATHE_RUNTIME_TOKENIZER_TRIE_H

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace lathe::runtime {

/// Byte strings with a number each, for finding those that begin at a place in a text.
class Trie {
public:
  using Entry = std::pair<std::string_view, int32_t>;

  Trie() = default;
  /// Of equal strings the one with the lowest number counts; the empty string is left out. Needs memory for the bytes
  /// of all strings.
  explicit Trie(std::vector<Entry> entries);

  /// Calls `visit(length, number)` for each string that `text` begins with, shortest first.
  template <typename Visit> void visitPrefixes(std::string_view text, Visit visit) const {
    uint32_t node = 0;
    for (size_t i = 0; i != text.size() && (node = findChild(node, uint8_t(text[i]))) != 0; ++i)
      if (nodes[node].number >= 0)
        visit(i + 1, nodes[node].number);
  }

  /// Length and number of the longest string that `text` begins with; {0, -1} if there is none.
  std::pair<size_t, int32_t> findLongest(std::string_view text) const;

private:
  struct Node {
    uint32_t firstChild = 0;
    uint16_t childCount = 0;
    uint8_t byte = 0;
    int32_t number = -1;
  };

  /// 0 if there is none: the root is nobody's child.
  uint32_t findChild(uint32_t node, uint8_t byte) const;

  std::vector<Node> nodes = std::vector<Node>(1); ///< children of a node side by side, ascending by byte
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_TRIE_H
