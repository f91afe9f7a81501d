// `tokenizer.ggml.precompiled_charsmap`: SentencePiece's normalization as data. In this order (integers little-endian):
//   1. u32: bytes of the tree
//   2. the tree: u32 nodes of a double array. Bits 0 to 7 and 31 of a node are its label, bit 8 says that a value
//   follows,
//      bits 10 to 30 (times 256 where bit 9 is set) are the offset whose exclusive or with its place leads on; a value
//      is a node with the place of a text in bits 0 to 30
//   3. the texts that replace what was found, each ending with a zero
#ifndef LATHE_RUNTIME_TOKENIZER_CHARSMAP_H
#define LATHE_RUNTIME_TOKENIZER_CHARSMAP_H

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace lathe::runtime {

class Metadata;

/// Looks up which text stands for the beginning of another. Views into the metadata that it was made from.
class Charsmap {
public:
  /// No map, where the key is absent. Throws LATHE_CORRUPT where a size is wrong.
  explicit Charsmap(const Metadata &metadata);

  struct Match {
    size_t bytes = 0; ///< 0: nothing is replaced
    std::string_view replacement;
  };
  /// The longest beginning of `text` that has a replacement. What leads out of the map counts as not there.
  Match find(std::string_view text) const;

private:
  /// False where there is no such node.
  bool readNode(uint32_t at, uint32_t &node) const;

  std::string_view tree, texts;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_CHARSMAP_H
