#ifndef LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H
#define LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H

#include "runtime/parallel/Group.h"
#include "runtime/session/Executor.h"

namespace lathe::runtime {

/// Throws LATHE_INVALID_ARGUMENT unless the program was compiled for as many ranks as are in the group; null: none.
void checkRanks(const Program &program, const Group *group);

/// Rank 0's executor of one session: opens it on all ranks, tells them of every call, as the first collective of it,
/// and makes it. What fails in a call breaks the group, as the others may be in another place of it.
class LeadingExecutor : public Executor {
public:
  /// Throws LATHE_INVALID_ARGUMENT on all ranks, unless all of them have this program.
  LeadingExecutor(std::shared_ptr<Group> group, std::shared_ptr<const Program> program, Device &device,
                  const lathe_session_options &options);
  /// Closes the session on the others.
  ~LeadingExecutor() override;

  void run(TensorCall &call) override;
  StepShape pad(const Entry &entry, const StepShape &needed) const override { return executor->pad(entry, needed); }
  void step(const StepCall &call) override;
  lathe_memory_info memory() const override { return executor->memory(); }
  /// The others copy theirs when they hear of the step.
  void copyPage(size_t group, int32_t target, int32_t source, void *stream) override;

private:
  std::shared_ptr<Group> group;
  std::shared_ptr<const Program> program;
  std::unique_ptr<Executor> executor;
  uint32_t session;
  std::vector<int32_t> copies; ///< group, target and source of pages, since the last step
  std::vector<unsigned char> payload;
  uint64_t calls = 0;
};

/// What the other ranks do: opens each session that rank 0 opens and makes each call that it tells of, until
/// `endCalls`. Throws what fails, and breaks the group then.
void followCalls(const std::shared_ptr<Group> &group, const std::shared_ptr<const Program> &program, Device &device);

/// Rank 0 lets the others go.
void endCalls(Group &group);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_PARALLEL_SHAREDCALLS_H
