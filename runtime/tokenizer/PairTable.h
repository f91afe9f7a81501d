#ifndef LATHE_RUNTIME_TOKENIZER_PAIRTABLE_H
#define LATHE_RUNTIME_TOKENIZER_PAIRTABLE_H

#include <bit>
#include <cstdint>
#include <vector>

namespace lathe::runtime {

/// What two neighbouring tokens become, and how early.
struct Merge {
  int32_t left, right;
  int32_t rank; ///< lower ones first
  int32_t result;
};

/// Merges by their two tokens. Hundreds of thousands are looked up for every text: open addressing, one array.
class PairTable {
public:
  explicit PairTable(size_t count) : slots(std::bit_ceil(count * 2 + 1), {-1, -1, 0, 0}) {}

  /// Of merges of the same tokens the first counts.
  void insert(const Merge &merge) {
    size_t at = findSlot(merge.left, merge.right);
    if (slots[at].left < 0)
      slots[at] = merge;
  }

  /// Null if the two do not merge.
  const Merge *find(int32_t left, int32_t right) const {
    const Merge &slot = slots[findSlot(left, right)];
    return slot.left < 0 ? nullptr : &slot;
  }

private:
  size_t findSlot(int32_t left, int32_t right) const {
    uint64_t key = uint64_t(uint32_t(left)) << 32 | uint32_t(right);
    size_t at = size_t(key * 0x9E3779B97F4A7C15 >> 20) & (slots.size() - 1);
    while (slots[at].left >= 0 && (slots[at].left != left || slots[at].right != right))
      at = (at + 1) & (slots.size() - 1);
    return at;
  }

  std::vector<Merge> slots; ///< half of them empty, with `left` -1
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_TOKENIZER_PAIRTABLE_H
