#include "runtime/tokenizer/Trie.h"

#include <algorithm>

namespace lathe::runtime {

Trie::Trie(std::vector<Entry> entries) {
  std::sort(entries.begin(), entries.end());
  // Nodes level by level: those of a node's strings lie side by side in the sorted list.
  struct Range {
    size_t begin, end;
    uint32_t node;
  };
  std::vector<Range> level = {{0, entries.size(), 0}};
  for (size_t depth = 0; !level.empty(); ++depth) {
    std::vector<Range> next;
    for (const Range &range : level) {
      size_t i = range.begin;
      for (; i != range.end && entries[i].first.size() == depth; ++i)
        if (depth != 0 && nodes[range.node].number < 0)
          nodes[range.node].number = entries[i].second;
      nodes[range.node].firstChild = uint32_t(nodes.size());
      while (i != range.end) {
        char byte = entries[i].first[depth];
        size_t end = i;
        while (end != range.end && entries[end].first[depth] == byte)
          ++end;
        next.push_back({i, end, uint32_t(nodes.size())});
        nodes.push_back({0, 0, uint8_t(byte), -1});
        ++nodes[range.node].childCount;
        i = end;
      }
    }
    level = std::move(next);
  }
}

uint32_t Trie::findChild(uint32_t node, uint8_t byte) const {
  auto begin = nodes.begin() + nodes[node].firstChild, end = begin + nodes[node].childCount;
  auto found =
      std::lower_bound(begin, end, byte, [](const Node &child, uint8_t wanted) { return child.byte < wanted; });
  return found != end && found->byte == byte ? uint32_t(found - nodes.begin()) : 0;
}

std::pair<size_t, int32_t> Trie::findLongest(std::string_view text) const {
  std::pair<size_t, int32_t> longest = {0, -1};
  visitPrefixes(text, [&](size_t length, int32_t number) { longest = {length, number}; });
  return longest;
}

} // namespace lathe::runtime
