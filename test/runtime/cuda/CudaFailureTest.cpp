// Every call of every driver function fails once: the failure comes out as a status that names the call, nothing leaks,
// and a sequence keeps its length.
#include "test/runtime/ToyReference.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

using namespace lathe;
using test::Outcome;
using test::Step;

namespace {

/// Functions whose failure stops a call.
const char *const Stopping[] = {"cuInit",
                                "cuDeviceGetCount",
                                "cuDeviceGet",
                                "cuDeviceGetName",
                                "cuDeviceGetAttribute",
                                "cuDevicePrimaryCtxRetain",
                                "cuCtxPushCurrent",
                                "cuMemGetInfo",
                                "cuMemAlloc",
                                "cuMemAllocAsync",
                                "cuMemAllocHost",
                                "cuMemcpyHtoDAsync",
                                "cuMemcpyDtoHAsync",
                                "cuMemcpyDtoDAsync",
                                "cuMemsetD8Async",
                                "cuModuleLoadDataEx",
                                "cuModuleGetFunction",
                                "cuFuncSetAttribute",
                                "cuFuncLoad",
                                "cuLaunchKernelEx",
                                "cuStreamCreate",
                                "cuStreamSynchronize",
                                "cuStreamWaitEvent",
                                "cuStreamBeginCapture",
                                "cuStreamEndCapture",
                                "cuEventCreate",
                                "cuEventRecord",
                                "cuEventSynchronize",
                                "cuGraphInstantiate",
                                "cuGraphLaunch"};

/// Functions that give something back: their failure is passed over, and what they did not free is lost.
const char *const Releasing[] = {"cuMemFree",       "cuMemFreeAsync",           "cuMemFreeHost",  "cuModuleUnload",
                                 "cuStreamDestroy", "cuEventDestroy",           "cuGraphDestroy", "cuGraphExecDestroy",
                                 "cuCtxPopCurrent", "cuDevicePrimaryCtxRelease"};

class CudaFailure : public test::FakeCuda, public testing::WithParamInterface<const char *> {
protected:
  /// From no device to a decoded token, on the session's stream and on another; the first failure, or none.
  Outcome scenario() {
    test::Device device;
    if (Outcome result = createDevice(device); result.code)
      return result;
    test::Program program = test::load(path);
    lathe_session_options options = {sizeof(options), 0, 2, 0, 0, nullptr};
    lathe_session *raw = nullptr;
    if (Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), &options, &raw)); result.code)
      return result;
    test::Session session(raw);
    test::Sequence sequence = test::openSequence(session);
    lathe_sequence *forked = nullptr;
    Outcome first = step(session, sequence, test::someText(5), 5);
    test::succeed(lathe_sequence_fork(sequence.get(), &forked));
    test::Sequence copy(forked);
    if (first.code)
      return first;
    if (Outcome result = step(session, sequence, {1}, 6); result.code) // copies the shared page
      return result;
    return step(session, sequence, test::someText(40), 46); // needs more working memory than the first
  }

  Outcome step(const test::Session &session, const test::Sequence &sequence, const std::vector<int32_t> &text,
               int64_t after) {
    Step step;
    step.add(sequence, text);
    step.chosenRows = true;
    for (int32_t row = 0; row != int32_t(text.size()); ++row)
      step.rows.push_back(row);
    Outcome result = step.run(session);
    EXPECT_EQ(lathe_sequence_length(sequence.get()), result.code ? after - int64_t(text.size()) : after);
    return result;
  }

  std::string path = test::writeTemporary(test::toySource("cuda"));
};

class StoppingFailure : public CudaFailure {};

TEST_P(StoppingFailure, EndsTheCallAndLeaksNothing) {
  const std::string name = GetParam();
  ASSERT_EQ(scenario().message, "");
  int count = calls(name.c_str());
  // The scenario stays on one stream.
  ASSERT_TRUE(count > 0 || name == "cuStreamWaitEvent") << "the scenario never calls it";
  for (int nth = 1; nth <= count; ++nth) {
    reset();
    failCall(name.c_str(), nth, name == "cuMemAlloc" ? 2 : 719);
    Outcome result = scenario();
    // Waiting and popping for a teardown passes failures over.
    if (result.code == 0) {
      EXPECT_TRUE(name == "cuStreamSynchronize" || name == "cuCtxPushCurrent") << name << " number " << nth;
    } else {
      EXPECT_EQ(result.code, name == "cuMemAlloc" ? LATHE_OUT_OF_MEMORY : LATHE_DEVICE_ERROR) << result.message;
      EXPECT_NE(result.message.find(name), std::string::npos) << name << " number " << nth << ": " << result.message;
    }
    // Without a context the teardown could free nothing.
    bool lost = name == "cuCtxPushCurrent" && result.code == 0;
    if (!lost) {
      EXPECT_EQ(violations(), "") << name << " number " << nth;
      EXPECT_EQ(alive(), 0u) << name << " number " << nth;
    }
    EXPECT_EQ(contextDepth(), 0u) << name << " number " << nth;
  }
  reset();
}

INSTANTIATE_TEST_SUITE_P(Calls, StoppingFailure, testing::ValuesIn(Stopping),
                         [](const auto &info) { return std::string(info.param); });

class ReleasingFailure : public CudaFailure {};

TEST_P(ReleasingFailure, IsPassedOver) {
  const std::string name = GetParam();
  ASSERT_EQ(scenario().message, "");
  int count = calls(name.c_str());
  ASSERT_GT(count, 0) << "the scenario never calls it";
  for (int nth = 1; nth <= count; ++nth) {
    reset();
    failCall(name.c_str(), nth, 719);
    Outcome result = scenario();
    EXPECT_TRUE(result.code == 0 || name == "cuMemFreeAsync") << result.message;
  }
  reset();
}

INSTANTIATE_TEST_SUITE_P(Calls, ReleasingFailure, testing::ValuesIn(Releasing),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
