#include "runtime/session/PageGroups.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace lathe::runtime {

static size_t pagesOf(int64_t tokens) { return size_t((tokens + PageTokens - 1) / PageTokens); }

PageGroups::PageGroups(std::span<const PageGroup> given) : groups(given.begin(), given.end()) {
  for (const PageGroup &group : groups)
    pools.push_back(std::make_unique<PagePool>(group.pages));
}

size_t PageGroups::firstSeen(size_t group, int64_t length) const {
  int64_t window = groups[group].window;
  return window ? size_t(std::max<int64_t>(length - window + 1, 0) / PageTokens) : 0;
}

void PageGroups::open(const SequenceState &source, SequenceState &sequence) {
  sequence = source;
  sequence.lastStep = 0;
  sequence.groups.resize(groups.size());
  for (size_t group = 0; group != groups.size(); ++group)
    for (int32_t page : sequence.groups[group].pages)
      if (page != NoPage)
        pools[group]->share(page);
}

void PageGroups::trim(SequenceState &sequence) {
  size_t left = pagesOf(sequence.length);
  for (size_t group = 0; group != sequence.groups.size(); ++group) {
    PageList &list = sequence.groups[group];
    for (; list.pages.size() > left; list.pages.pop_back())
      if (list.pages.back() != NoPage)
        pools[group]->release(list.pages.back());
    list.first = std::min(list.first, left);
  }
  sequence.keptPages = std::min(sequence.keptPages, size_t(sequence.length / PageTokens));
}

bool PageGroups::reaches(const SequenceState &sequence, int64_t length) const {
  for (size_t group = 0; group != groups.size(); ++group)
    if (length != 0 && sequence.groups[group].first > firstSeen(group, length))
      return false;
  return true;
}

/// Whether the next token is written into a page that others have too.
bool PageGroups::sharesTail(size_t group, const SequenceState &sequence) const {
  if (sequence.length % PageTokens == 0)
    return false;
  return pools[group]->users(sequence.groups[group].pages[size_t(sequence.length / PageTokens)]) > 1;
}

int64_t PageGroups::needed(size_t group, const StepPart &part) const {
  const PageList &list = part.sequence->groups[group];
  int64_t pages = int64_t(pagesOf(part.sequence->length + part.count) - list.pages.size());
  if (groups[group].mostPages) // the others are given back on the way
    pages = std::min(pages, std::max<int64_t>(groups[group].mostPages - int64_t(list.pages.size() - list.first), 1));
  return pages + sharesTail(group, *part.sequence);
}

bool PageGroups::hasRoom(std::span<const StepPart> parts) const {
  for (size_t group = 0; group != groups.size(); ++group) {
    int64_t pages = 0;
    for (const StepPart &part : parts)
      pages += needed(group, part);
    if (pages > pools[group]->available())
      return false;
  }
  return true;
}

void PageGroups::reserve(std::span<const StepPart> parts, const CopyPage &copyPage) {
  for (size_t group = 0; group != groups.size(); ++group) {
    int64_t pages = 0;
    for (const StepPart &part : parts)
      pages += needed(group, part);
    const PageOwner &pool = *pools[group];
    if (pages > pool.available())
      throw Failure(LATHE_OUT_OF_MEMORY, "the step needs ", pages, " pages but ", pool.available(), " of ",
                    pool.total(), " are free; release or truncate sequences, or raise kv_cache_bytes");
  }
  for (size_t group = 0; group != groups.size(); ++group)
    for (const StepPart &part : parts) {
      SequenceState &sequence = *part.sequence;
      PageOwner &pool = *pools[group];
      std::vector<int32_t> &pages = sequence.groups[group].pages;
      size_t after = pagesOf(sequence.length + part.count), tail = size_t(sequence.length / PageTokens);
      pages.reserve(after);
      if (sharesTail(group, sequence)) {
        int32_t page = pool.acquire();
        pool.release(pages[tail]);
        copyPage(group, page, std::exchange(pages[tail], page));
      } else if (sequence.length % PageTokens != 0) {
        pool.forget(pages[tail]);
      }
      while (pages.size() < after)
        pages.push_back(pool.acquire());
    }
}

void PageGroups::settle(SequenceState &sequence, std::span<const PageKey> keys) {
  size_t full = size_t(sequence.length / PageTokens);
  for (size_t group = 0; group != groups.size(); ++group) {
    PageList &list = sequence.groups[group];
    for (size_t page = std::max(sequence.keptPages, list.first); page < std::min(full, keys.size()); ++page)
      pools[group]->keep(list.pages[page], keys[page]);
    // One more stays, so that a few of the last tokens can be taken back.
    for (; list.first + 1 < firstSeen(group, sequence.length); ++list.first)
      pools[group]->release(std::exchange(list.pages[list.first], NoPage));
  }
  sequence.keptPages = full;
}

int64_t PageGroups::adopt(SequenceState &sequence, std::span<const PageKey> keys, int64_t most) {
  assert(sequence.length == 0 && "only an empty sequence can adopt pages");
  // The longest beginning of which each group has what the next token sees. `known[g]`: pages in a row up to here.
  size_t best = 0;
  std::vector<size_t> known(groups.size(), 0);
  for (size_t page = 0; page < std::min(keys.size(), pagesOf(most)); ++page) {
    int64_t length = std::min(int64_t(page + 1) * PageTokens, most);
    bool isWhole = true;
    for (size_t group = 0; group != groups.size(); ++group) {
      known[group] = pools[group]->has(keys[page]) ? known[group] + 1 : 0;
      isWhole &= known[group] >= page + 1 - firstSeen(group, length);
    }
    if (isWhole)
      best = page + 1;
  }
  sequence.length = std::min(int64_t(best) * PageTokens, most);
  for (size_t group = 0; group != groups.size(); ++group) {
    PageList &list = sequence.groups[group];
    list.pages.assign(best, NoPage);
    list.first = std::min(firstSeen(group, sequence.length), best);
    for (size_t page = list.first; page != best; ++page)
      list.pages[page] = pools[group]->find(keys[page]);
  }
  sequence.keptPages = size_t(sequence.length / PageTokens);
  return sequence.length;
}

PageUse PageGroups::use() const {
  PageUse sum;
  for (size_t group = 0; group != groups.size(); ++group) {
    PageCounts counts = pools[group]->counts();
    for (int64_t PageCounts::*field :
         {&PageCounts::total, &PageCounts::used, &PageCounts::shared, &PageCounts::cached}) {
      sum.pages.*field += counts.*field;
      sum.bytes.*field += counts.*field * groups[group].pageBytes;
    }
  }
  return sum;
}

} // namespace lathe::runtime
