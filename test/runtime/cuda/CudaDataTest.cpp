// What data decides, on the fake GPU: sizes that the host reads, memory of the session, faults that kernels report. The
// positive program of images/PositiveCuda.cpp.
#include "runtime/Failure.h"
#include "runtime/api/Handles.h"
#include "runtime/cuda/CudaDevice.h"
#include "runtime/cuda/DataMemory.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

using namespace lathe;

namespace {

class CudaData : public test::FakeCuda {
protected:
  void SetUp() override {
    ASSERT_EQ(createDevice(device).message, "");
    program = test::load(test::writeTemporary(test::positiveSource("cuda")));
    session = test::openSession(program, device);
  }
  void TearDown() override {
    session.reset();
    program.reset();
    device.reset();
    FakeCuda::TearDown();
  }

  test::Outcome run(void *stream = nullptr) {
    lathe_tensor input = {"x", x.data(),           x.size() * sizeof(float), LATHE_F32, LATHE_MEMORY_HOST,
                          1,   {int64_t(x.size())}};
    lathe_run_options options = {sizeof(options), nullptr, &input, 1, outputs.data(), outputs.size(), stream};
    return test::outcome(lathe_session_run(session.get(), &options));
  }
  lathe_memory_info memory() {
    lathe_memory_info info = {};
    info.struct_size = sizeof(info);
    test::succeed(lathe_session_memory(session.get(), &info));
    return info;
  }

  test::Device device;
  test::Program program;
  test::Session session;
  std::vector<float> x = {1, -1, 2, 0, 3};
  float y[16] = {};
  int64_t total = 0;
  std::vector<lathe_tensor> outputs = {{"y", y, sizeof(y), LATHE_F32, LATHE_MEMORY_HOST, 0, {}},
                                       {"total", &total, sizeof(total), LATHE_I64, LATHE_MEMORY_HOST, 0, {}}};
};

TEST_F(CudaData, TheHostReadsTheSize) {
  ASSERT_EQ(run().message, "");
  EXPECT_EQ(total, 3);
  EXPECT_EQ(outputs[0].shape[0], 3);
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 2);
  EXPECT_EQ(y[2], 3);
  x = {-1};
  ASSERT_EQ(run().message, "");
  EXPECT_EQ(total, 0);
  EXPECT_EQ(outputs[0].shape[0], 0);
}

TEST_F(CudaData, MemoryOfTheSession) {
  outputs[0].data = outputs[1].data = nullptr;
  outputs[0].bytes = outputs[1].bytes = 0;
  ASSERT_EQ(run().message, "");
  ASSERT_NE(outputs[0].data, nullptr);
  EXPECT_EQ(outputs[0].bytes, 12u);
  EXPECT_EQ(static_cast<float *>(outputs[0].data)[2], 3);
  EXPECT_EQ(*static_cast<int64_t *>(outputs[1].data), 3);
  outputs[0].data = nullptr;
  outputs[0].memory = LATHE_MEMORY_DEVICE;
  ASSERT_EQ(run().message, "");
  EXPECT_EQ(static_cast<float *>(outputs[0].data)[2], 3); // the fake's device memory is the host's
}

TEST_F(CudaData, TooFewBytes) {
  outputs[0].bytes = 8;
  EXPECT_EQ(run().message, "lathe_session_run: output 'y' has 8 bytes but its shape [3] needs 12");
}

TEST_F(CudaData, NotWanted) {
  outputs.erase(outputs.begin());
  ASSERT_EQ(run().message, "");
  EXPECT_EQ(total, 3);
}

TEST_F(CudaData, NothingGrowsOnceSizesRepeat) {
  x.assign(16, 1.0f);
  ASSERT_EQ(run().message, "");
  lathe_memory_info before = memory();
  EXPECT_GT(before.pool_bytes, 0u);
  int allocations = calls("cuMemAllocAsync");
  x.assign(9, 2.0f);
  ASSERT_EQ(run().message, "");
  EXPECT_EQ(memory().growths, before.growths);
  EXPECT_EQ(calls("cuMemAllocAsync"), allocations);
}

TEST_F(CudaData, ASizeOutsideOfItsBounds) {
  x.assign(17, 1.0f);
  test::Outcome result = run();
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_session_run: node 'slice_3': the data gives a size of 17, needed 0 to 16");
}

TEST_F(CudaData, AFaultOfAKernelEndsItsCallAlone) {
  x = {1, 99};
  test::Outcome result = run();
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_session_run: node 'gather_7': an index in the data is outside of its tensor");
  x = {1, 98};
  EXPECT_EQ(run().message, "");
  EXPECT_EQ(total, 2);
}

TEST_F(CudaData, ACallThatDataDecidesIsNotRecorded) {
  for (float last : {3.0f, 0.0f, 5.0f}) {
    x.back() = last;
    ASSERT_EQ(run().message, "");
    EXPECT_EQ(total, last > 0 ? 3 : 2);
  }
  EXPECT_EQ(calls("cuStreamBeginCapture"), 0);
}

TEST_F(CudaData, MemoryThatTheDriverDoesNotGive) {
  failCall("cuMemAllocAsync", 2, 2); // the first is the workspace
  test::Outcome result = run();
  EXPECT_EQ(result.code, LATHE_OUT_OF_MEMORY);
  EXPECT_EQ(result.message, "lathe_session_run: cuMemAllocAsync for 4096 bytes of a value whose size depends on data: "
                            "CUDA_ERROR_OUT_OF_MEMORY (text of the fake driver)");
  EXPECT_EQ(run().message, "");
}

TEST_F(CudaData, AValueThatCannotMoveIsFreed) {
  auto gpu = std::static_pointer_cast<runtime::cuda::CudaDevice>(device->object);
  runtime::cuda::ContextScope scope(*gpu);
  runtime::cuda::Stream stream = nullptr;
  gpu->driver(gpu->driver.streamCreate, &stream, 0u);
  runtime::cuda::DevicePool pool(gpu->driver);
  size_t before = alive();
  pool.get(0, 100, 0, stream);
  failCall("cuMemcpyDtoDAsync", 1, 719);
  try {
    pool.get(0, 100000, 100, stream);
    FAIL() << "the copy was refused";
  } catch (const runtime::Failure &failure) {
    EXPECT_NE(failure.message().find("cuMemcpyDtoDAsync"), std::string::npos) << failure.message();
  }
  pool.release(stream);
  gpu->driver(gpu->driver.streamSynchronize, stream);
  EXPECT_EQ(alive(), before);
  gpu->driver(gpu->driver.streamDestroy, stream);
}

} // namespace
