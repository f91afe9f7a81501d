#ifndef LATHE_RUNTIME_SESSION_PAGEOWNER_H
#define LATHE_RUNTIME_SESSION_PAGEOWNER_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe::runtime {

/// Tokens a page holds, in every paged state.
inline constexpr int64_t PageTokens = 16;

/// Who says which pages are free. Pages are numbers: the memory behind a number is the executor's, and the same number
/// names one page in each of the session's paged states.
class PageOwner {
public:
  virtual ~PageOwner() = default;
  virtual int64_t total() const = 0;
  virtual int64_t available() const = 0;
  /// A page with one user. The caller has asked `available`.
  virtual int32_t acquire() = 0;
  /// One more user of a page.
  virtual void share(int32_t page) = 0;
  /// One user fewer; the last one frees it.
  virtual void release(int32_t page) = 0;
  virtual int32_t users(int32_t page) const = 0;
};

/// Pages that are all of one device.
class PagePool : public PageOwner {
public:
  explicit PagePool(int64_t pages);
  int64_t total() const override { return int64_t(counts.size()); }
  int64_t available() const override { return int64_t(freePages.size()); }
  int32_t acquire() override;
  void share(int32_t page) override;
  void release(int32_t page) override;
  int32_t users(int32_t page) const override { return counts[page]; }

private:
  std::vector<int32_t> counts;
  std::vector<int32_t> freePages; ///< the last one given back is the first one given out: it may still be in a cache
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_PAGEOWNER_H
