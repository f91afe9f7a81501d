#ifndef LATHE_RUNTIME_SESSION_PAGEOWNER_H
#define LATHE_RUNTIME_SESSION_PAGEOWNER_H

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

namespace lathe::runtime {

/// Tokens a page holds.
inline constexpr int64_t PageTokens = 16;

/// What a full page holds, and what stands before it in its text: equal keys, equal contents. It is a cryptographic
/// hash, so that nobody can make up a text that another's page would be taken for.
using PageKey = std::array<unsigned char, 32>;

/// How many pages are in which condition; those that are neither used nor cached are free.
struct PageCounts {
  int64_t total = 0;
  int64_t used = 0;   ///< by one or more
  int64_t shared = 0; ///< of those, by more than one
  int64_t cached = 0; ///< used by nobody, but their contents can be found

  int64_t available() const { return total - used; }
};

/// Who says which pages are free. Pages are numbers: the memory behind a number is the executor's, and the same number
/// names one page in each state of a group (PageGroup).
class PageOwner {
public:
  virtual ~PageOwner() = default;
  virtual PageCounts counts() const = 0;
  int64_t total() const { return counts().total; }
  /// Pages that `acquire` can give: free ones and cached ones.
  int64_t available() const { return counts().available(); }
  /// A page with one user. The caller has asked `available`.
  virtual int32_t acquire() = 0;
  /// One more user of a page.
  virtual void share(int32_t page) = 0;
  /// One user fewer; the last one frees it. One that is kept stays cached until its memory is needed.
  virtual void release(int32_t page) = 0;
  virtual int32_t users(int32_t page) const = 0;

  /// Lets a used page, which is full, be found by what it holds. Nothing happens where another page holds the same.
  virtual void keep(int32_t page, const PageKey &key) = 0;
  /// Whether `find` would give a page.
  virtual bool has(const PageKey &key) const = 0;
  /// The page that holds this, with one more user; -1 if there is none.
  virtual int32_t find(const PageKey &key) = 0;
  /// The page is about to be written: what it holds cannot be found any more.
  virtual void forget(int32_t page) = 0;
};

/// Pages that are all of one device. Of the cached ones the one that was released first is given out first.
class PagePool : public PageOwner {
public:
  explicit PagePool(int64_t pages);
  PageCounts counts() const override;
  int32_t acquire() override;
  void share(int32_t page) override;
  void release(int32_t page) override;
  int32_t users(int32_t page) const override { return pages[size_t(page)].users; }
  void keep(int32_t page, const PageKey &key) override;
  bool has(const PageKey &key) const override { return kept.contains(key); }
  int32_t find(const PageKey &key) override;
  void forget(int32_t page) override;

private:
  struct Page {
    int32_t users = 0;
    uint64_t released = 0;      ///< of a cached page: its place in `cached`
    std::optional<PageKey> key; ///< of a page that can be found
  };
  struct KeyHash {
    size_t operator()(const PageKey &key) const;
  };

  void addUser(Page &page);

  std::vector<Page> pages;
  std::vector<int32_t> freePages; ///< the last one given back is the first one given out: it may still be in a cache
  std::unordered_map<PageKey, int32_t, KeyHash> kept;
  std::map<uint64_t, int32_t> cached; ///< in the order of their release
  uint64_t releases = 0;
  int64_t shared = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_PAGEOWNER_H
