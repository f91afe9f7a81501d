#include "runtime/cpu/DynamicPool.h"

#include "runtime/Failure.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <utility>

namespace lathe::runtime {

HostPages::HostPages(size_t wanted, const char *purpose) : bytes(wanted) {
  if (bytes == 0)
    return;
  void *mapping = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED)
    throw Failure(LATHE_OUT_OF_MEMORY, purpose, " needs ", bytes, " bytes, which the system does not give");
  memory = static_cast<unsigned char *>(mapping);
}

HostPages::~HostPages() {
  if (memory)
    munmap(memory, bytes);
}

void HostPages::preferLargePages() {
#ifdef MADV_HUGEPAGE
  if (memory)
    madvise(memory, bytes, MADV_HUGEPAGE); // a wish: a system without them gives others
#endif
}

HostPages::HostPages(HostPages &&other) noexcept
    : memory(std::exchange(other.memory, nullptr)), bytes(std::exchange(other.bytes, 0)) {}

HostPages &HostPages::operator=(HostPages &&other) noexcept {
  std::swap(memory, other.memory);
  std::swap(bytes, other.bytes);
  return *this;
}

unsigned char *DynamicPool::get(size_t slot, uint64_t bytes, uint64_t keep) {
  if (slot >= slots.size())
    slots.resize(slot + 1);
  HostPages &pages = slots[slot];
  if (pages.size() >= bytes && pages.data())
    return pages.data();
  // A value that grows in every round of a loop is moved a few times, not every time.
  size_t wanted = std::max<size_t>({size_t(bytes), pages.size() + pages.size() / 2, 4096});
  HostPages larger(wanted, "a value whose size depends on data");
  if (keep)
    std::memcpy(larger.data(), pages.data(), size_t(keep));
  pages = std::move(larger);
  ++grown;
  return pages.data();
}

uint64_t DynamicPool::bytes() const {
  uint64_t sum = 0;
  for (const HostPages &pages : slots)
    sum += pages.size();
  return sum;
}

} // namespace lathe::runtime
