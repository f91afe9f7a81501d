// Outputs whose size depends on data, and memory that a session keeps: the positive program of images/Positive.cpp.
#include "test/runtime/TestArtifact.h"

#include <gtest/gtest.h>

using namespace lathe;
using test::Outcome;

namespace {

class DataSizes : public testing::Test {
protected:
  Outcome run(bool shapesOnly = false) {
    input = {"x", x.data(), x.size() * sizeof(float), LATHE_F32, LATHE_MEMORY_HOST, 1, {int64_t(x.size())}};
    lathe_run_options options = {sizeof(options), nullptr, &input, 1, outputs, outputCount, nullptr};
    return test::outcome(shapesOnly ? lathe_session_shapes(session.get(), &options)
                                    : lathe_session_run(session.get(), &options));
  }

  lathe_memory_info memory() {
    lathe_memory_info info = {};
    info.struct_size = sizeof(info);
    test::succeed(lathe_session_memory(session.get(), &info));
    return info;
  }

  test::Program program = test::load(test::writeTemporary(test::positiveSource()));
  test::Device device = test::cpu(1);
  test::Session session = test::openSession(program, device);
  std::vector<float> x = {1, -1, 2, 0, 3};
  float y[8] = {};
  int64_t total = 0;
  lathe_tensor input = {};
  lathe_tensor outputs[2] = {{"y", y, sizeof(y), LATHE_F32, LATHE_MEMORY_HOST, 0, {}},
                             {"total", &total, sizeof(total), LATHE_I64, LATHE_MEMORY_HOST, 0, {}}};
  size_t outputCount = 2;
};

TEST_F(DataSizes, TheShapeIsWhatItTurnedOutToBe) {
  EXPECT_EQ(run().message, "");
  EXPECT_EQ(total, 3);
  EXPECT_EQ(outputs[0].rank, 1u);
  EXPECT_EQ(outputs[0].shape[0], 3);
  EXPECT_EQ(outputs[0].bytes, sizeof(y));
  EXPECT_EQ(y[2], 3);
  x = {-1};
  EXPECT_EQ(run().message, "");
  EXPECT_EQ(outputs[0].shape[0], 0);
}

TEST_F(DataSizes, ShapesGiveTheBound) {
  EXPECT_EQ(run(/*shapesOnly=*/true).message, "");
  EXPECT_EQ(outputs[0].shape[0], -1);
  EXPECT_EQ(outputs[0].bytes, 5 * sizeof(float));
  EXPECT_EQ(outputs[1].bytes, sizeof(int64_t));
}

TEST_F(DataSizes, TooFewBytes) {
  outputs[0].bytes = 11;
  Outcome result = run();
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_session_run: output 'y' has 11 bytes but its shape [3] needs 12");
  EXPECT_EQ(outputs[0].shape[0], 3);
}

TEST_F(DataSizes, MemoryOfTheSession) {
  outputs[0].data = outputs[1].data = nullptr;
  outputs[0].bytes = outputs[1].bytes = 0;
  EXPECT_EQ(run().message, "");
  ASSERT_NE(outputs[0].data, nullptr);
  EXPECT_EQ(outputs[0].bytes, 12u);
  EXPECT_EQ(static_cast<float *>(outputs[0].data)[1], 2);
  EXPECT_EQ(*static_cast<int64_t *>(outputs[1].data), 3);
}

TEST_F(DataSizes, NotWanted) {
  outputs[0] = outputs[1];
  outputCount = 1;
  EXPECT_EQ(run().message, "");
  EXPECT_EQ(total, 3);
}

TEST_F(DataSizes, NothingGrowsOnceSizesRepeat) {
  x.assign(5000, 1.0f);
  outputs[0].data = nullptr;
  ASSERT_EQ(run().message, "");
  lathe_memory_info before = memory();
  EXPECT_GE(before.pool_bytes, 2 * 5000 * sizeof(float));
  EXPECT_GT(before.growths, 0u);
  for (int64_t size : {5000, 10, 4999}) {
    x.assign(size_t(size), 1.0f);
    outputs[0].data = nullptr;
    ASSERT_EQ(run().message, "");
    EXPECT_EQ(outputs[0].shape[0], size);
    EXPECT_EQ(static_cast<float *>(outputs[0].data)[size - 1], 1.0f);
  }
  EXPECT_EQ(memory().growths, before.growths);
  EXPECT_EQ(memory().pool_bytes, before.pool_bytes);
}

TEST_F(DataSizes, DataThatTheModelDoesNotDefine) {
  x = {1, 99};
  Outcome result = run();
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_session_run: node 'gather_7': an index in the data is outside of its tensor");
  x = {55};
  result = run();
  EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
  EXPECT_EQ(result.message, "lathe_session_run: node 'slice_3': the data gives a size of 55, needed 0 to 16");
}

TEST_F(DataSizes, MemoryNeedsAStructSize) {
  lathe_memory_info info = {};
  EXPECT_EQ(test::outcome(lathe_session_memory(session.get(), &info)).code, LATHE_INVALID_ARGUMENT);
}

} // namespace
