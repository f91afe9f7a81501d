#ifndef LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H
#define LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H

#include "runtime/parallel/Group.h"
#include "runtime/session/Executor.h"

#include <span>

namespace lathe::runtime {

/// Rank 0's executor: tells the other ranks of every call, as the first collective of it, and makes it. What fails in a
/// call breaks the group, as the others may be in another place of it.
class LeadingExecutor : public Executor {
public:
  LeadingExecutor(std::shared_ptr<Group> group, std::shared_ptr<const Program> program,
                  std::unique_ptr<Executor> executor);
  /// Lets the others go.
  ~LeadingExecutor() override;

  void run(TensorCall &call) override;
  StepShape pad(const Entry &entry, const StepShape &needed) const override { return executor->pad(entry, needed); }
  void step(const StepCall &call) override;
  lathe_memory_info memory() const override { return executor->memory(); }
  /// The others copy theirs when they hear of the step.
  void copyPage(size_t group, int32_t target, int32_t source, void *stream) override;

private:
  template <typename Body> void together(Body body);

  std::shared_ptr<Group> group;
  std::shared_ptr<const Program> program;
  std::unique_ptr<Executor> executor;
  std::vector<int32_t> copies; ///< group, target and source of pages, since the last step
  std::vector<unsigned char> payload;
  uint64_t calls = 0;
};

/// What the other ranks do: makes each call that rank 0 tells of, until it lets them go. Throws what fails, and breaks
/// the group then.
void followCalls(Group &group, const Program &program, Executor &executor);

/// Throws LATHE_INVALID_ARGUMENT on all ranks, unless all of them call it with the same bytes. `what` they are is for
/// the message.
void requireSame(Group &group, std::span<const unsigned char, 32> digest, const char *what);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H
