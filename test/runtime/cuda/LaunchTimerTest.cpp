// Launch times on the fake GPU, where each launch and each copy takes a millisecond.
#include "runtime/cuda/LaunchTimer.h"
#include "runtime/api/Handles.h"
#include "test/runtime/ToyReference.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

using namespace lathe;
using runtime::cuda::CudaDevice;
using runtime::cuda::LaunchTimer;
using runtime::cuda::TimedCall;
using runtime::cuda::TimedLaunch;

namespace {

class LaunchTimes : public test::FakeCuda {
protected:
  void SetUp() override {
    ASSERT_EQ(createDevice(device).message, "");
    program = test::load(test::writeTemporary(test::toySource("cuda")));
    session = test::openSession(program, device, 4);
    gpu = std::static_pointer_cast<CudaDevice>(device->object);
    timer = std::make_unique<LaunchTimer>(gpu);
    gpu->timer = timer.get();
  }
  void TearDown() override {
    timer.reset();
    gpu.reset();
    session.reset();
    program.reset();
    device.reset();
    FakeCuda::TearDown();
  }

  test::Device device;
  test::Program program;
  test::Session session;
  std::shared_ptr<CudaDevice> gpu;
  std::unique_ptr<LaunchTimer> timer;
};

TEST_F(LaunchTimes, EveryLaunchOfPromptsAndSteps) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = test::someText(20);
  EXPECT_EQ(test::advance(session, sequence, text), test::toyLogits(text));
  text.push_back(3);
  EXPECT_EQ(test::advance(session, sequence, {3}), test::toyLogits(text));
  ASSERT_EQ(timer->calls.size(), 2u);
  for (const TimedCall &call : timer->calls) {
    ASSERT_EQ(call.launches.size(), 3u); // a copy, writing, attending
    for (const TimedLaunch &launch : call.launches)
      EXPECT_DOUBLE_EQ(launch.seconds, 1e-3);
    EXPECT_EQ(call.launches[0].kernel, TimedLaunch::Copy);
    EXPECT_EQ(call.launches[1].kernel, 0);
    EXPECT_EQ(call.launches[2].kernel, 1);
  }
  EXPECT_NE(timer->calls[0].symbols, timer->calls[1].symbols);
}

TEST_F(LaunchTimes, NoneAfterwards) {
  gpu->timer = nullptr;
  test::Sequence sequence = test::openSequence(session);
  EXPECT_EQ(test::advance(session, sequence, {3}), test::toyLogits({3}));
  EXPECT_TRUE(timer->calls.empty());
  EXPECT_EQ(calls("cuEventRecordWithFlags"), 0);
}

TEST_F(LaunchTimes, AFailureLeavesNoCapture) {
  test::Sequence sequence = test::openSequence(session);
  for (const char *name : {"cuEventCreate", "cuEventRecordWithFlags", "cuLaunchKernelEx", "cuStreamEndCapture",
                           "cuGraphInstantiate", "cuGraphLaunch", "cuEventElapsedTime"}) {
    failCall(name, 1, 999);
    test::Step step;
    step.add(sequence, {2});
    EXPECT_EQ(step.run(session).code, LATHE_DEVICE_ERROR) << name;
    EXPECT_TRUE(timer->calls.empty()) << name;
  }
}

} // namespace
