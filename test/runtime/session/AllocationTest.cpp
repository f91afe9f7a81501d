// After the first call of a shape, a call on the CPU allocates nothing. Every allocation of C++ in this program, the
// runtime's included, goes through the operator below. Working memory comes from mmap and is kept, so it is not
// counted.
#include "test/runtime/ToyReference.h"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>

// Sanitizers define these operators themselves; what is counted does not depend on them.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define LATHE_SANITIZED
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define LATHE_SANITIZED
#endif

static std::atomic<int64_t> allocations{0};

#ifndef LATHE_SANITIZED
void *operator new(size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
#define SKIP_WITHOUT_COUNTING()
#else
#define SKIP_WITHOUT_COUNTING() GTEST_SKIP() << "the sanitizer owns operator new"
#endif

using namespace lathe;

namespace {

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
