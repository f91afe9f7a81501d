#include "runtime/grammar/TokenTrie.h"

#include <algorithm>
#include <utility>

namespace lathe::runtime {

TokenTrie::TokenTrie(std::span<const std::string_view> pieces) {
  constexpr size_t Most = UINT16_MAX;
  std::vector<int32_t> order;
  for (size_t token = 0; token != pieces.size(); ++token)
    if (!pieces[token].empty() && pieces[token].size() <= MaxPieceBytes)
      order.push_back(int32_t(token));
  std::sort(order.begin(), order.end(), [&](int32_t left, int32_t right) {
    return std::pair(pieces[size_t(left)], left) < std::pair(pieces[size_t(right)], right);
  });
  std::vector<uint32_t> way; ///< the nodes of the last piece
  std::string_view last;
  for (int32_t token : order) {
    std::string_view piece = pieces[size_t(token)];
    size_t same = size_t(std::mismatch(piece.begin(), piece.end(), last.begin(), last.end()).first - piece.begin());
    for (; way.size() > same; way.pop_back())
      all[way.back()].end = uint32_t(all.size());
    for (size_t i = same; i != piece.size(); ++i) {
      way.push_back(uint32_t(all.size()));
      all.push_back({0, uint32_t(ids.size()), uint16_t(i + 1), 0, uint8_t(piece[i])});
    }
    if (all[way.back()].count != Most) {
      ids.push_back(token);
      ++all[way.back()].count;
    }
    last = piece;
  }
  for (uint32_t node : way)
    all[node].end = uint32_t(all.size());
}

} // namespace lathe::runtime
