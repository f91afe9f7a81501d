#include "runtime/session/PageOwner.h"

#include <cassert>

namespace lathe::runtime {

PagePool::PagePool(int64_t pages) : counts(size_t(pages), 0) {
  freePages.reserve(size_t(pages));
  for (int64_t page = pages; page-- != 0;)
    freePages.push_back(int32_t(page));
}

int32_t PagePool::acquire() {
  assert(!freePages.empty() && "the caller asks available() first");
  int32_t page = freePages.back();
  freePages.pop_back();
  counts[page] = 1;
  return page;
}

void PagePool::share(int32_t page) {
  assert(counts[page] > 0 && "only a used page can be shared");
  ++counts[page];
}

void PagePool::release(int32_t page) {
  assert(counts[page] > 0 && "a page is released once by each user");
  if (--counts[page] == 0)
    freePages.push_back(page);
}

} // namespace lathe::runtime
