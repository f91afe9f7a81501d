// Tensor entries on the CPU: the scale program of images/Scale.cpp.
#include "test/runtime/TestArtifact.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>
#include <thread>

using namespace lathe;
using test::Outcome;

namespace {

lathe_tensor tensor(const char *name, std::vector<float> &values, std::vector<int64_t> shape) {
  lathe_tensor result = {};
  result.name = name;
  result.data = values.data();
  result.bytes = values.size() * sizeof(float);
  result.type = LATHE_F32;
  result.rank = shape.size();
  std::copy(shape.begin(), shape.end(), result.shape);
  return result;
}

/// A call with a batch of `size`, and what it must give.
struct Call {
  explicit Call(int64_t size) : x(size_t(size) * 4), y(x.size()), total(size_t(size)) {
    for (size_t i = 0; i != x.size(); ++i)
      x[i] = float(int(i % 11) - 5) * 0.1f;
    inputs = {tensor("x", x, {size, 4})};
    outputs = {tensor("total", total, {}), tensor("y", y, {})};
  }

  lathe_run_options options() {
    lathe_run_options result = {};
    result.struct_size = sizeof(result);
    result.inputs = inputs.data();
    result.input_count = inputs.size();
    result.outputs = outputs.data();
    result.output_count = outputs.size();
    return result;
  }

  Outcome run(const test::Session &session) {
    lathe_run_options read = options();
    return test::outcome(lathe_session_run(session.get(), &read));
  }

  bool correct() const {
    for (size_t row = 0; row != total.size(); ++row) {
      float sum = 0;
      for (size_t i = 0; i != 4; ++i) {
        float product = x[row * 4 + i] * float(i + 1);
        sum += product;
        if (y[row * 4 + i] != tanhf(product))
          return false;
      }
      if (total[row] != sum)
        return false;
    }
    return true;
  }

  std::vector<float> x, y, total;
  std::vector<lathe_tensor> inputs, outputs;
};

class Run : public testing::Test {
protected:
  test::Program program = test::load(test::writeTemporary(test::scaleSource()));
  test::Device device = test::cpu(3);
  test::Session session = test::openSession(program, device);

  void expectRefused(Call &call, const std::string &text) {
    Outcome result = call.run(session);
    EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
    EXPECT_NE(result.message.find(text), std::string::npos) << result.message;
  }
};

TEST_F(Run, EverySize) {
  for (int64_t size : {1, 2, 5, 64, 3}) {
    Call call(size);
    EXPECT_EQ(call.run(session).message, "");
    EXPECT_TRUE(call.correct()) << size;
    EXPECT_EQ(call.outputs[1].rank, 2u);
    EXPECT_EQ(call.outputs[1].shape[0], size);
    EXPECT_EQ(call.outputs[1].shape[1], 4);
  }
}

TEST_F(Run, ShapesWithoutData) {
  Call call(5);
  call.inputs[0].data = nullptr;
  call.inputs[0].bytes = 0;
  lathe_run_options options = call.options();
  ASSERT_EQ(test::outcome(lathe_session_shapes(session.get(), &options)).message, "");
  EXPECT_EQ(call.outputs[0].bytes, 20u);
  EXPECT_EQ(call.outputs[0].rank, 1u);
  EXPECT_EQ(call.outputs[1].bytes, 80u);
  EXPECT_EQ(call.outputs[1].type, LATHE_F32);
}

TEST_F(Run, OneOutputOnly) {
  Call call(5);
  call.outputs.pop_back();
  std::vector<float> before = call.y;
  EXPECT_EQ(call.run(session).message, "");
  EXPECT_EQ(call.y, before);
  EXPECT_EQ(call.total[1], call.x[4] + call.x[5] * 2 + call.x[6] * 3 + call.x[7] * 4);
}

TEST_F(Run, CodeOfAKernelStopsTheCall) {
  Call call(13);
  Outcome result = call.run(session);
  EXPECT_EQ(result.code, LATHE_DEVICE_ERROR);
  EXPECT_EQ(result.message, "lathe_session_run: entry 'forward' stopped with code 7");
}

TEST_F(Run, BatchOutOfBounds) {
  Call call(65);
  expectRefused(call, "input 'x' has 65 for 'batch' but the model was compiled for 1 to 64");
}

TEST_F(Run, WrongShape) {
  Call call(4);
  call.inputs[0].shape[1] = 3;
  expectRefused(call, "input 'x' has shape [4, 3] but the model takes [batch, 4]");
  call.inputs[0].rank = 9;
  expectRefused(call, "but the model takes [batch, 4]");
}

TEST_F(Run, WrongType) {
  Call call(4);
  call.inputs[0].type = LATHE_F16;
  expectRefused(call, "input 'x' has type code 2 but the model takes f32 (1)");
}

TEST_F(Run, WrongNames) {
  Call call(4);
  call.inputs[0].name = "z";
  expectRefused(call, "no input is named 'z'; there are 'x'");
  call = Call(4);
  call.outputs[0].name = "z";
  expectRefused(call, "no output is named 'z'; there are 'y', 'total'");
}

TEST_F(Run, MissingAndRepeated) {
  Call call(4);
  call.inputs.push_back(call.inputs[0]);
  expectRefused(call, "input 'x' is given twice");
  call.inputs.clear();
  expectRefused(call, "input 'x' is missing");
  call = Call(4);
  call.outputs[0].name = "y";
  expectRefused(call, "output 'y' is given twice");
}

TEST_F(Run, TooFewBytes) {
  Call call(4);
  call.inputs[0].bytes = 63;
  expectRefused(call, "input 'x' has 63 bytes but its shape needs 64");
  call = Call(4);
  call.outputs[0].bytes = 15;
  expectRefused(call, "output 'total' has 15 bytes but its shape needs 16");
  call = Call(4);
  call.inputs[0].data = nullptr;
  expectRefused(call, "input 'x' has no data");
}

TEST_F(Run, Misaligned) {
  Call call(4);
  call.inputs[0].data = reinterpret_cast<char *>(call.inputs[0].data) + 1;
  expectRefused(call, "input 'x' is not aligned to its 4-byte elements");
}

TEST_F(Run, EntryOfAnotherKind) {
  Call call(4);
  lathe_run_options options = call.options();
  options.entry = "decode";
  EXPECT_EQ(test::outcome(lathe_session_run(session.get(), &options)).code, LATHE_NOT_FOUND);
  lathe_step_options step = {};
  step.struct_size = sizeof(step);
  EXPECT_EQ(test::outcome(lathe_session_step(session.get(), &step)).message,
            "lathe_session_step: no entry is of kind language_model; use lathe_session_run");
  lathe_sequence *sequence = nullptr;
  EXPECT_EQ(test::outcome(lathe_sequence_create(session.get(), &sequence)).code, LATHE_UNSUPPORTED);
}

TEST_F(Run, SessionOutlivesProgramAndDevice) {
  program.reset();
  device.reset();
  Call call(7);
  EXPECT_EQ(call.run(session).message, "");
  EXPECT_TRUE(call.correct());
}

TEST_F(Run, TwoSessionsOnTwoThreads) {
  test::Session second = test::openSession(program, device);
  std::atomic<int> wrong{0};
  auto work = [&](const test::Session &own) {
    for (int64_t i = 0; i != 300; ++i) {
      Call call(1 + i % 12);
      wrong += call.run(own).code != 0 || !call.correct();
    }
  };
  std::thread first(work, std::cref(session)), other(work, std::cref(second)), shared(work, std::cref(second));
  first.join();
  other.join();
  shared.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Devices, TheCallersLoop) {
  struct Counter {
    int loops = 0;
  } counter;
  lathe_device_options options = {};
  options.struct_size = sizeof(options);
  options.parallel_for_user = &counter;
  options.parallel_for = [](void *user, int64_t count, void (*body)(void *, int64_t, int64_t), void *argument) {
    ++static_cast<Counter *>(user)->loops;
    for (int64_t i = count; i-- != 0;)
      body(argument, i, i + 1);
  };
  lathe_device *raw = nullptr;
  ASSERT_EQ(test::outcome(lathe_device_create(&options, &raw)).message, "");
  test::Device device(raw);
  test::Program program = test::load(test::writeTemporary(test::scaleSource()));
  test::Session session = test::openSession(program, device);
  Call call(9);
  EXPECT_EQ(call.run(session).message, "");
  EXPECT_TRUE(call.correct());
  EXPECT_EQ(counter.loops, 2);
}

TEST(Sessions, ProgramForAnotherTarget) {
  artifact::ArtifactSource source = test::scaleSource();
  source.manifest["target"] = "cuda";
  test::Program program = test::load(test::writeTemporary(source));
  test::Device device = test::cpu();
  lathe_session *session = nullptr;
  Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), nullptr, &session));
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find("compiled for 'cuda' but the device is 'cpu'"), std::string::npos) << result.message;
}

TEST(Sessions, NoImageForThisProcessor) {
  artifact::ArtifactSource source = test::scaleSource();
  source.sections[0].name = "aarch64";
  source.manifest["images"][0]["level"] = "aarch64";
  test::Program program = test::load(test::writeTemporary(source));
  test::Device device = test::cpu();
  lathe_session *session = nullptr;
  Outcome result = test::outcome(lathe_session_create(program.get(), device.get(), nullptr, &session));
  EXPECT_EQ(result.code, LATHE_UNSUPPORTED);
  EXPECT_NE(result.message.find("has code for aarch64 but this processor is x86-64-v"), std::string::npos)
      << result.message;
}

} // namespace
