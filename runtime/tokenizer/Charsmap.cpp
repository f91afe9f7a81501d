#include "runtime/tokenizer/Charsmap.h"

#include "runtime/tokenizer/Metadata.h"

#include <cstring>

namespace lathe::runtime {

Charsmap::Charsmap(const Metadata &metadata) {
  const char *key = "tokenizer.ggml.precompiled_charsmap";
  std::string_view bytes = metadata.bytes(key);
  if (bytes.empty())
    return;
  uint32_t treeBytes = 0;
  if (bytes.size() < sizeof(treeBytes))
    metadata.wrong(key, "has " + std::to_string(bytes.size()) + " bytes, at least 4 are needed");
  std::memcpy(&treeBytes, bytes.data(), sizeof(treeBytes));
  bytes.remove_prefix(sizeof(treeBytes));
  if (treeBytes % 4 != 0 || treeBytes > bytes.size())
    metadata.wrong(key, "says that its tree has " + std::to_string(treeBytes) + " bytes, a multiple of 4 up to the " +
                            std::to_string(bytes.size()) + " that follow is needed");
  tree = bytes.substr(0, treeBytes);
  texts = bytes.substr(treeBytes);
}

bool Charsmap::readNode(uint32_t at, uint32_t &node) const {
  if (at >= tree.size() / sizeof(node))
    return false;
  std::memcpy(&node, tree.data() + size_t(at) * sizeof(node), sizeof(node));
  return true;
}

Charsmap::Match Charsmap::find(std::string_view text) const {
  Match longest;
  uint32_t node, value;
  auto offset = [](uint32_t node) { return (node >> 10 & 0x1FFFFF) << (node >> 9 & 1) * 8; };
  if (!readNode(0, node))
    return longest;
  uint32_t at = offset(node);
  for (size_t i = 0; i != text.size() && text[i] != 0; ++i) {
    at ^= uint8_t(text[i]);
    if (!readNode(at, node) || (node & 0x800000FF) != uint8_t(text[i]))
      break;
    at ^= offset(node);
    if (!(node >> 8 & 1) || !readNode(at, value))
      continue;
    size_t place = value & 0x7FFFFFFF, end = place < texts.size() ? texts.find('\0', place) : std::string_view::npos;
    if (end != std::string_view::npos)
      longest = {i + 1, texts.substr(place, end - place)};
  }
  return longest;
}

} // namespace lathe::runtime
