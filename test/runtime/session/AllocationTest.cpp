// After the first call of a shape, a call on the CPU allocates nothing. The functions below stand before the C
// library's for everything in this program, the runtime included: what C++ allocates comes from them as well.
#include "test/runtime/ToyReference.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// Sanitizers define these functions themselves; what is counted does not depend on them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATHE_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATHE_SANITIZED
#endif

static std::atomic<int64_t> allocations{0};

#if defined(__GLIBC__) && !defined(LATHE_SANITIZED)
extern "C" {
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

void *malloc(size_t bytes) {
  ++allocations;
  return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
  ++allocations;
  return __libc_calloc(count, bytes);
}
void *realloc(void *memory, size_t bytes) {
  ++allocations;
  return __libc_realloc(memory, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  ++allocations;
  return __libc_memalign(alignment, bytes);
}
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
  ++allocations;
  *memory = __libc_memalign(alignment, bytes);
  return *memory ? 0 : ENOMEM;
}
void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  ++allocations;
  return reinterpret_cast<void *>(syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}
}
#define SKIP_WITHOUT_COUNTING()
#else
#define SKIP_WITHOUT_COUNTING() GTEST_SKIP() << "the sanitizer, or another C library, owns malloc"
#endif

using namespace lathe;

namespace {

TEST(Allocation, IsCounted) {
  SKIP_WITHOUT_COUNTING();
  int64_t before = allocations;
  void *volatile memory = std::malloc(100);
  EXPECT_EQ(allocations - before, 1);
  std::free(memory);
  test::Program program = test::load(test::writeTemporary(test::scaleSource()));
  test::Session session = test::openSession(program, test::cpu(1));
  EXPECT_GT(allocations - before, 10); // of the runtime
}

TEST(Allocation, NoneInAWarmRun) {
  SKIP_WITHOUT_COUNTING();
  test::Program program = test::load(test::writeTemporary(test::scaleSource()));
  test::Session session = test::openSession(program, test::cpu(2));
  float x[8] = {}, total[2], y[8];
  lathe_tensor input = {"x", x, sizeof(x), LATHE_F32, LATHE_MEMORY_HOST, 2, {2, 4}};
  lathe_tensor outputs[] = {{"total", total, sizeof(total), LATHE_F32, LATHE_MEMORY_HOST, 0, {}},
                            {"y", y, sizeof(y), LATHE_F32, LATHE_MEMORY_HOST, 0, {}}};
  lathe_run_options options = {sizeof(options), nullptr, &input, 1, outputs, 2, nullptr};
  test::succeed(lathe_session_run(session.get(), &options));
  int64_t before = allocations;
  for (int i = 0; i != 10; ++i)
    if (lathe_status status = lathe_session_run(session.get(), &options))
      test::succeed(status);
  EXPECT_EQ(allocations - before, 0);
}

TEST(Allocation, NoneInAWarmStep) {
  SKIP_WITHOUT_COUNTING();
  test::Program program = test::load(test::writeTemporary(test::toySource()));
  test::Session session = test::openSession(program, test::cpu(2));
  test::Sequence sequence = test::openSequence(session);
  test::advance(session, sequence, test::someText(17)); // the second page's 15 free slots are enough for the test
  test::Step step;
  step.add(sequence, {1});
  lathe_step_options options = step.options();
  test::succeed(lathe_session_step(session.get(), &options));
  int64_t before = allocations;
  for (int i = 0; i != 10; ++i)
    if (lathe_status status = lathe_session_step(session.get(), &options))
      test::succeed(status);
  EXPECT_EQ(allocations - before, 0);
}

} // namespace
