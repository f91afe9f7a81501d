#ifndef LATHE_RUNTIME_CPU_DYNAMICPOOL_H
#define LATHE_RUNTIME_CPU_DYNAMICPOOL_H

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lathe::runtime {

/// Zeroed memory from the system, aligned to pages, given to it when it is first touched.
class HostPages {
public:
  HostPages() = default;
  explicit HostPages(size_t bytes, const char *purpose);
  ~HostPages();
  HostPages(HostPages &&other) noexcept;
  HostPages &operator=(HostPages &&other) noexcept;

  /// For memory that is used as a whole: asks for pages of 2 MiB, at whose ends what the processor fetches ahead stops
  /// less often than at those of 4 KiB.
  void preferLargePages();

  unsigned char *data() const { return memory; }
  size_t size() const { return bytes; }

private:
  unsigned char *memory = nullptr;
  size_t bytes = 0;
};

/// Memory in numbered slots, each as large as the largest value that was ever put there.
class DynamicPool {
public:
  /// At least `bytes` for a slot, never null, the first `keep` of which hold what the slot held. Throws
  /// LATHE_OUT_OF_MEMORY.
  unsigned char *get(size_t slot, uint64_t bytes, uint64_t keep = 0);

  uint64_t bytes() const;
  /// How often a slot was enlarged.
  uint64_t growths() const { return grown; }

private:
  std::vector<HostPages> slots;
  uint64_t grown = 0;
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_CPU_DYNAMICPOOL_H
