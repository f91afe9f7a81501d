// Tensor entries on the fake GPU: the scale program of images/ScaleCuda.cpp.
#include "runtime/artifact/MadeUpWeights.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

using namespace lathe;

namespace {

class CudaRun : public test::FakeCuda {
protected:
  void SetUp() override {
    ASSERT_EQ(createDevice(device).message, "");
    program = test::load(test::writeTemporary(test::scaleSource("cuda")));
    session = test::openSession(program, device);
  }
  void TearDown() override {
    session.reset();
    program.reset();
    device.reset();
    FakeCuda::TearDown();
  }

  /// Runs with these tensors; outputs that are not given are not wanted.
  test::Outcome run(lathe_tensor input, std::vector<lathe_tensor> outputs, void *stream = nullptr) {
    lathe_run_options options = {sizeof(options), nullptr, &input, 1, outputs.data(), outputs.size(), stream};
    return test::outcome(lathe_session_run(session.get(), &options));
  }
  static lathe_tensor tensor(const char *name, void *data, size_t bytes, int64_t batch,
                             lathe_memory memory = LATHE_MEMORY_HOST) {
    return {name, data, bytes, LATHE_F32, memory, 2, {batch, 4}};
  }

  /// Runs with host tensors of `batch` rows, all of them `number`, and checks what comes.
  void runRows(int64_t batch, float number) {
    std::vector<float> x(size_t(batch) * 4, number), y(x.size());
    ASSERT_EQ(run(tensor("x", x.data(), x.size() * 4, batch), {tensor("y", y.data(), y.size() * 4, batch)}).message,
              "");
    for (size_t i = 0; i != y.size(); ++i)
      ASSERT_EQ(y[i], number * float(i % 4 + 1)) << batch;
  }

  test::Device device;
  test::Program program;
  test::Session session;
};

TEST_F(CudaRun, HostTensorsOfEverySize) {
  for (int64_t batch : {1, 64, 2}) {
    std::vector<float> x(size_t(batch) * 4), y(x.size()), total(static_cast<size_t>(batch));
    for (size_t i = 0; i != x.size(); ++i)
      x[i] = float(i);
    ASSERT_EQ(run(tensor("x", x.data(), x.size() * 4, batch),
                  {tensor("total", total.data(), total.size() * 4, batch), tensor("y", y.data(), y.size() * 4, batch)})
                  .message,
              "");
    for (size_t i = 0; i != x.size(); ++i)
      ASSERT_EQ(y[i], float(i) * float(i % 4 + 1)) << batch;
    EXPECT_EQ(total.back(), float(40 * (batch - 1) + 20));
  }
}

TEST_F(CudaRun, OutputThatNobodyWants) {
  float x[4] = {1, 1, 1, 1}, total = 0;
  ASSERT_EQ(run(tensor("x", x, sizeof(x), 1), {tensor("total", &total, sizeof(total), 1)}).message, "");
  EXPECT_EQ(total, 10);
}

TEST_F(CudaRun, NothingIsAllocatedOnceTheSessionIsThere) {
  int allocations = calls("cuMemAlloc") + calls("cuMemAllocAsync");
  for (int64_t batch : {1, 64, 2, 64, 2, 64})
    runRows(batch, float(batch));
  EXPECT_EQ(calls("cuMemAlloc") + calls("cuMemAllocAsync"), allocations);
  lathe_memory_info info = {sizeof(info), 0, 0, 0, 0};
  ASSERT_EQ(test::outcome(lathe_session_memory(session.get(), &info)).message, "");
  EXPECT_EQ(info.growths, 0u);
}

TEST_F(CudaRun, CallsThatComeAgainAreReplayed) {
  runRows(3, 1);
  EXPECT_EQ(calls("cuGraphLaunch"), 0);
  runRows(3, 2); // recorded, and launched from the graph
  EXPECT_EQ(calls("cuGraphLaunch"), 1);
  int launches = calls("cuLaunchKernelEx");
  runRows(3, 3);
  EXPECT_EQ(calls("cuGraphLaunch"), 2);
  EXPECT_EQ(calls("cuLaunchKernelEx"), launches);
  runRows(4, 4); // other sizes are another call
  EXPECT_EQ(calls("cuGraphLaunch"), 2);
}

TEST_F(CudaRun, MoreCallsThanAreRecorded) {
  size_t before = alive();
  for (int round = 0; round != 3; ++round)
    for (int64_t batch = 1; batch != 21; ++batch) {
      runRows(batch, float(round));
      runRows(batch, float(batch));
    }
  EXPECT_EQ(alive(), before + 16);
  EXPECT_EQ(calls("cuGraphLaunch"), 60);
}

TEST_F(CudaRun, AFailedRecordingIsTriedAgain) {
  runRows(3, 1);
  failCall("cuGraphInstantiate", 1, 2);
  float x[12] = {}, y[12];
  EXPECT_EQ(run(tensor("x", x, sizeof(x), 3), {tensor("y", y, sizeof(y), 3)}).message,
            "lathe_session_run: cuGraphInstantiateWithFlags for entry 'forward': CUDA_ERROR_OUT_OF_MEMORY (text of the "
            "fake driver)");
  failCall("cuLaunchKernelEx", 1, 719);
  EXPECT_EQ(run(tensor("x", x, sizeof(x), 3), {tensor("y", y, sizeof(y), 3)}).message,
            "lathe_session_run: cuLaunchKernelEx for kernel 'lathe_scale', grid 3 x 1 x 1, block 4 x 1 x 1, 0 bytes "
            "shared: error 719");
  runRows(3, 2);
  EXPECT_EQ(calls("cuGraphLaunch"), 1);
}

TEST_F(CudaRun, DeviceTensorsReturnAtOnce) {
  // The fake keeps device memory where the test can reach it.
  int number = 0;
  void *context = nullptr, *stream = nullptr;
  function<int(int *, int)>("cuDeviceGet")(&number, 0);
  function<int(void **, int)>("cuDevicePrimaryCtxRetain")(&context, number);
  function<int(void *)>("cuCtxPushCurrent_v2")(context);
  unsigned long long memory = 0;
  function<int(unsigned long long *, size_t)>("cuMemAlloc_v2")(&memory, 64);
  function<int(void **, unsigned)>("cuStreamCreate")(&stream, 1);
  auto *values = reinterpret_cast<float *>(memory);
  for (int i = 0; i != 4; ++i)
    values[i] = 2;
  int waits = calls("cuStreamSynchronize");
  ASSERT_EQ(run(tensor("x", values, 16, 1, LATHE_MEMORY_DEVICE), {tensor("y", values + 4, 16, 1, LATHE_MEMORY_DEVICE)},
                stream)
                .message,
            "");
  EXPECT_EQ(calls("cuStreamSynchronize"), waits);
  values[0] = 3; // the work has not begun: nothing has waited for it
  function<int(void *)>("cuStreamSynchronize")(stream);
  EXPECT_EQ(values[4], 3);
  EXPECT_EQ(values[7], 8);
  function<int(void *)>("cuStreamDestroy_v2")(stream);
  function<int(unsigned long long)>("cuMemFree_v2")(memory);
  function<int(void **)>("cuCtxPopCurrent_v2")(&context);
  function<int(int)>("cuDevicePrimaryCtxRelease_v2")(number);
}

TEST_F(CudaRun, AFailedLaunchIsNamed) {
  failCall("cuLaunchKernelEx", 1, 719);
  float x[4] = {}, total = 0;
  EXPECT_EQ(run(tensor("x", x, sizeof(x), 1), {tensor("total", &total, sizeof(total), 1)}).message,
            "lathe_session_run: cuLaunchKernelEx for kernel 'lathe_scale', grid 1 x 1 x 1, block 4 x 1 x 1, 0 bytes "
            "shared: error 719");
  EXPECT_EQ(run(tensor("x", x, sizeof(x), 1), {tensor("total", &total, sizeof(total), 1)}).message, "");
}

/// What the scale program is launched with.
const unsigned char *launchedWeights = nullptr;

TEST_F(CudaRun, WeightsThatAreLeftOutAreMadeUpOverAndOver) {
  session.reset();
  program.reset();
  device.reset();
  reset(9, 0, 64 << 20);
  ASSERT_EQ(createDevice(device).message, "");
  std::vector<unsigned char> expected = runtime::makeUpBytes("f32");
  size_t period = expected.size();
  artifact::ArtifactSource source = test::scaleSource("cuda");
  source.weights.clear();
  uint64_t offset = 0;
  for (size_t bytes : {size_t(256), 2 * period + 512, period, period / 2, 5 * period + 256}) {
    source.weights.push_back({"at " + std::to_string(offset),
                              "f32",
                              {int64_t(bytes / 4)},
                              offset,
                              bytes,
                              nullptr,
                              artifact::WeightPlace::None});
    offset += bytes;
  }
  program = test::load(test::writeTemporary(source));
  lathe_session_options options = {sizeof(options), 0, 1, 1, 0, nullptr};
  lathe_session *created = nullptr;
  ASSERT_EQ(test::outcome(lathe_session_create(program.get(), device.get(), &options, &created)).message, "");
  session.reset(created);
  function<decltype(fakeCudaRegister)>("fakeCudaRegister")("lathe_scale", "ppppi", [](const FakeLaunch &launch) {
    launchedWeights = reinterpret_cast<unsigned char *>(launch.arguments[1]);
  });
  float x[4] = {}, y[4] = {};
  ASSERT_EQ(run(tensor("x", x, sizeof(x), 1), {tensor("y", y, sizeof(y), 1)}).message, "");
  for (const artifact::WeightSource &weight : source.weights)
    for (size_t i = 0; i != weight.bytes; ++i)
      ASSERT_EQ(launchedWeights[weight.offset + i], expected[i % period]) << weight.name << ": " << i;
}

} // namespace
