#ifndef LATHE_RUNTIME_TEMPLATE_SORT_H
#define LATHE_RUNTIME_TEMPLATE_SORT_H

#include <algorithm>
#include <iterator>
#include <vector>

namespace lathe::templates {

/// Sorts and keeps the order of equals. Unlike the standard library's sorts it is safe with a `less` that contradicts
/// itself, as a template's values can (NaN), or that throws.
template <typename Item, typename Less> void stableSort(std::vector<Item> &items, Less less) {
  std::vector<Item> merged;
  for (size_t run = 1; run < items.size(); run *= 2) {
    merged.clear();
    for (size_t begin = 0; begin < items.size(); begin += 2 * run) {
      auto first = items.begin() + ptrdiff_t(begin);
      auto middle = items.begin() + ptrdiff_t(std::min(begin + run, items.size()));
      auto last = items.begin() + ptrdiff_t(std::min(begin + 2 * run, items.size()));
      std::merge(first, middle, middle, last, std::back_inserter(merged), less);
    }
    items.swap(merged);
  }
}

} // namespace lathe::templates

#endif // LATHE_RUNTIME_TEMPLATE_SORT_H
