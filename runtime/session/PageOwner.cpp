#include "runtime/session/PageOwner.h"

#include <cassert>
#include <cstring>

namespace lathe::runtime {

PagePool::PagePool(int64_t count) : pages(size_t(count)) {
  freePages.reserve(size_t(count));
  for (int64_t page = count; page-- != 0;)
    freePages.push_back(int32_t(page));
}

size_t PagePool::KeyHash::operator()(const PageKey &key) const {
  size_t hash; // any part of a hash is one
  std::memcpy(&hash, key.data(), sizeof(hash));
  return hash;
}

PageCounts PagePool::counts() const {
  int64_t total = int64_t(pages.size()), idle = int64_t(freePages.size() + cached.size());
  return {total, total - idle, shared, int64_t(cached.size())};
}

int32_t PagePool::acquire() {
  assert(available() > 0 && "the caller asks available() first");
  int32_t page;
  if (freePages.empty()) {
    page = cached.begin()->second;
    cached.erase(cached.begin());
    forget(page);
  } else {
    page = freePages.back();
    freePages.pop_back();
  }
  pages[size_t(page)].users = 1;
  return page;
}

void PagePool::addUser(Page &page) {
  if (++page.users == 2)
    ++shared;
}

void PagePool::share(int32_t page) {
  assert(users(page) > 0 && "only a used page can be shared");
  addUser(pages[size_t(page)]);
}

void PagePool::release(int32_t number) {
  Page &page = pages[size_t(number)];
  assert(page.users > 0 && "a page is released once by each user");
  --page.users;
  if (page.users == 1)
    --shared;
  if (page.users != 0)
    return;
  if (page.key)
    cached.emplace(page.released = releases++, number);
  else
    freePages.push_back(number);
}

void PagePool::keep(int32_t number, const PageKey &key) {
  Page &page = pages[size_t(number)];
  assert(page.users > 0 && !page.key && "a page is kept once, by one who uses it");
  if (kept.emplace(key, number).second)
    page.key = key;
}

int32_t PagePool::find(const PageKey &key) {
  auto found = kept.find(key);
  if (found == kept.end())
    return -1;
  Page &page = pages[size_t(found->second)];
  if (page.users == 0)
    cached.erase(page.released);
  addUser(page);
  return found->second;
}

void PagePool::forget(int32_t number) {
  Page &page = pages[size_t(number)];
  if (page.key)
    kept.erase(*page.key);
  page.key.reset();
}

} // namespace lathe::runtime
