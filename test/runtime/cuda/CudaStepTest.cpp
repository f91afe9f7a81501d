// The toy model on the fake GPU: numbers, graphs, streams.
#include "runtime/sampling/Sampling.h"
#include "test/runtime/ToyReference.h"
#include "test/runtime/cuda/FakeCudaFixture.h"

#include <algorithm>
#include <set>

using namespace lathe;
using test::advance;
using test::someText;
using test::Step;
using test::toyLogits;

namespace {

using DriverCreate = int(void **, unsigned);
using DriverHandle = int(void *);

class CudaStep : public test::FakeCuda {
protected:
  void SetUp() override {
    ASSERT_EQ(createDevice(device).message, "");
    program = test::load(test::writeTemporary(test::toySource("cuda")));
    session = test::openSession(program, device, 4);
    launchesOfCapture = calls("cuLaunchKernelEx");
  }
  void TearDown() override {
    session.reset();
    program.reset();
    device.reset();
    FakeCuda::TearDown();
  }
  /// The primary context, current for calls of the test itself.
  void enter() {
    int number = 0;
    function<int(int *, int)>("cuDeviceGet")(&number, 0);
    void *context = nullptr;
    function<int(void **, int)>("cuDevicePrimaryCtxRetain")(&context, number);
    function<DriverHandle>("cuCtxPushCurrent_v2")(context);
  }
  void leave() {
    void *context = nullptr;
    function<int(void **)>("cuCtxPopCurrent_v2")(&context);
    function<int(int)>("cuDevicePrimaryCtxRelease_v2")(40);
  }

  test::Device device;
  test::Program program;
  test::Session session;
  int launchesOfCapture = 0;
};

TEST_F(CudaStep, EveryBucketIsCapturedAtCreation) {
  EXPECT_EQ(calls("cuGraphInstantiate"), 3); // 1, 2 and 4 sequences
  EXPECT_EQ(launchesOfCapture, 6);
}

TEST_F(CudaStep, AKernelBehindAnotherMayStartBeforeThatEnds) {
  // Of the two launches of a step the first is behind a copy. The fake driver refuses what has no kernel before it.
  EXPECT_EQ(calls("dependent launch"), 3);
  test::Sequence sequence = test::openSequence(session);
  advance(session, sequence, someText(20));
  EXPECT_EQ(calls("dependent launch"), 4);
}

TEST_F(CudaStep, PromptLaunchesDecodeReplays) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  EXPECT_EQ(advance(session, sequence, text), toyLogits(text));
  EXPECT_EQ(calls("cuLaunchKernelEx"), launchesOfCapture + 2);
  EXPECT_EQ(calls("cuGraphLaunch"), 0);
  for (int32_t token : {3, 1, 4, 1, 5, 0, 2, 6, 5, 3, 5, 1, 0, 3}) {
    text.push_back(token);
    EXPECT_EQ(advance(session, sequence, {token}), toyLogits(text));
  }
  EXPECT_EQ(calls("cuLaunchKernelEx"), launchesOfCapture + 2);
  EXPECT_EQ(calls("cuGraphLaunch"), 14);
}

TEST_F(CudaStep, ThreeSequencesInTheBucketOfFour) {
  std::vector<test::Sequence> sequences;
  std::vector<std::vector<int32_t>> texts;
  for (int32_t i = 0; i != 3; ++i) {
    sequences.push_back(test::openSequence(session));
    texts.push_back(someText(size_t(5 + 14 * i), i));
    advance(session, sequences.back(), texts.back());
  }
  int graphs = calls("cuGraphLaunch");
  for (int32_t round = 0; round != 5; ++round) {
    Step step;
    for (size_t i = 0; i != 3; ++i) {
      texts[i].push_back(int32_t(i) + round % 3);
      step.add(sequences[i], {texts[i].back()});
    }
    ASSERT_EQ(step.run(session).message, "");
    for (size_t i = 0; i != 3; ++i)
      EXPECT_EQ(step.row(i), toyLogits(texts[i]));
  }
  EXPECT_EQ(calls("cuGraphLaunch"), graphs + 5);
}

TEST_F(CudaStep, RaggedBatchIsNotCaptured) {
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  Step step;
  step.add(first, someText(17, 1));
  step.add(second, {6});
  ASSERT_EQ(step.run(session).message, "");
  EXPECT_EQ(step.row(0), toyLogits(someText(17, 1)));
  EXPECT_EQ(step.row(1), toyLogits({6}));
  EXPECT_EQ(calls("cuGraphLaunch"), 0);
}

TEST_F(CudaStep, MoreRowsThanAnyBucketIsNotCaptured) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, {6});
  step.chosenRows = true;
  step.rows = {0, 0, 0, 0, 0};
  ASSERT_EQ(step.run(session).message, "");
  EXPECT_EQ(step.row(4), toyLogits({6}));
  EXPECT_EQ(calls("cuGraphLaunch"), 0);
}

TEST_F(CudaStep, ForkCopiesTheSharedPage) {
  test::Sequence first = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  advance(session, first, text);
  lathe_sequence *raw = nullptr;
  test::succeed(lathe_sequence_fork(first.get(), &raw));
  test::Sequence second(raw);
  std::vector<int32_t> one = text, two = text;
  one.push_back(1);
  two.push_back(2);
  EXPECT_EQ(advance(session, second, {2}), toyLogits(two));
  EXPECT_EQ(advance(session, first, {1}), toyLogits(one));
}

TEST_F(CudaStep, StepsWithoutWaiting) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(12);
  int waits = calls("cuStreamSynchronize");
  for (int32_t token : text) {
    Step step;
    step.add(sequence, {token});
    lathe_step_options options = step.options();
    options.logits = nullptr;
    test::succeed(lathe_session_step(session.get(), &options));
  }
  EXPECT_EQ(calls("cuStreamSynchronize"), waits);
  text.push_back(4);
  EXPECT_EQ(advance(session, sequence, {4}), toyLogits(text));
}

TEST_F(CudaStep, LogitsOnTheDeviceAndTheCallersStream) {
  test::Sequence sequence = test::openSequence(session);
  enter();
  unsigned long long memory = 0;
  function<int(unsigned long long *, size_t)>("cuMemAlloc_v2")(&memory, 64);
  void *stream = nullptr;
  function<DriverCreate>("cuStreamCreate")(&stream, 1);
  auto enqueue = [&](const std::vector<int32_t> &piece) {
    Step step;
    step.add(sequence, piece);
    lathe_step_options options = step.options();
    options.logits = reinterpret_cast<float *>(memory);
    options.logits_memory = LATHE_MEMORY_DEVICE;
    options.stream = stream;
    int waits = calls("cuStreamSynchronize");
    test::succeed(lathe_session_step(session.get(), &options));
    EXPECT_EQ(calls("cuStreamSynchronize"), waits);
  };
  auto logits = [&] {
    function<DriverHandle>("cuStreamSynchronize")(stream);
    auto *values = reinterpret_cast<float *>(memory);
    return std::vector<float>(values, values + 8);
  };
  std::vector<int32_t> text = someText(9);
  enqueue(text);
  text.push_back(5); // on the session's stream, which must wait for the caller's by itself
  EXPECT_EQ(advance(session, sequence, {5}), toyLogits(text));
  enqueue({2});
  text.push_back(2);
  EXPECT_EQ(logits(), toyLogits(text));
  enqueue(someText(5));
  text.insert(text.end(), {0, 4, 3, 4, 0});
  EXPECT_EQ(logits(), toyLogits(text));
  function<DriverHandle>("cuStreamDestroy_v2")(stream); // before the session that worked on it
  text.push_back(1);
  EXPECT_EQ(advance(session, sequence, {1}), toyLogits(text));
  function<int(unsigned long long)>("cuMemFree_v2")(memory);
  leave();
}

TEST_F(CudaStep, CallersContextStaysCurrent) {
  test::Sequence sequence = test::openSequence(session);
  enter();
  EXPECT_EQ(advance(session, sequence, {1, 2}), toyLogits({1, 2}));
  EXPECT_EQ(contextDepth(), 1u);
  leave();
}

TEST_F(CudaStep, SessionOutlivesProgramAndDevice) {
  program.reset();
  device.reset();
  test::Sequence sequence = test::openSequence(session);
  EXPECT_EQ(advance(session, sequence, {1, 2}), toyLogits({1, 2}));
}

TEST_F(CudaStep, EnginesWriteAsOnTheCpu) {
  lathe_engine_options options{};
  options.struct_size = sizeof(options);
  options.max_step_tokens = 10;
  lathe_engine *created = nullptr;
  test::succeed(lathe_engine_create(session.get(), &options, &created));
  test::Engine engine(created);
  std::vector<std::vector<int32_t>> prompts;
  std::vector<test::Request> requests;
  for (int32_t i = 0; i != 9; ++i) {
    prompts.push_back(someText(size_t(14 + 3 * i), i % 3));
    lathe_request_options ask{};
    ask.struct_size = sizeof(ask);
    ask.tokens = prompts.back().data();
    ask.token_count = prompts.back().size();
    ask.max_tokens = 20;
    ask.logits = 1;
    lathe_request *request = nullptr;
    test::succeed(lathe_engine_submit(engine.get(), &ask, &request));
    requests.emplace_back(request);
  }
  for (size_t unfinished = 1; unfinished != 0;)
    test::succeed(lathe_engine_step(engine.get(), &unfinished));
  for (size_t i = 0; i != requests.size(); ++i) {
    lathe_request_output output{};
    output.struct_size = sizeof(output);
    test::succeed(lathe_request_poll(requests[i].get(), &output));
    ASSERT_EQ(output.token_count, 20u);
    std::vector<int32_t> text = prompts[i];
    for (size_t token = 0; token != 20; ++token) {
      EXPECT_EQ(std::vector<float>(output.logits + token * 8, output.logits + token * 8 + 8), toyLogits(text));
      text.push_back(output.tokens[token]);
    }
  }
}

/// The same model, which also chooses tokens.
class CudaSampledStep : public CudaStep {
protected:
  void SetUp() override {
    ASSERT_EQ(createDevice(device).message, "");
    program = test::load(test::writeTemporary(test::sampledToySource()));
    session = test::openSession(program, device, 4);
  }
  static int32_t likeliest(const std::vector<int32_t> &text) {
    std::vector<float> logits = toyLogits(text);
    return int32_t(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
};

TEST_F(CudaSampledStep, TokensComeBackWithoutLogits) {
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  std::vector<int32_t> texts[] = {someText(5), someText(3)}, next[] = {texts[0], texts[1]};
  for (int i = 0; i != 4; ++i) { // the prompts, then graphs
    Step step;
    step.add(first, next[0]);
    step.add(second, next[1]);
    lathe_step_options options = step.options();
    int32_t tokens[2] = {-1, -1};
    options.logits = nullptr;
    options.sampled_tokens = tokens;
    int copies = calls("cuMemcpyDtoHAsync");
    ASSERT_EQ(test::outcome(lathe_session_step(session.get(), &options)).message, "");
    EXPECT_EQ(calls("cuMemcpyDtoHAsync"), copies) << "kernels write to the host's memory";
    for (int text : {0, 1}) {
      EXPECT_EQ(tokens[text], likeliest(texts[text])) << i;
      texts[text].push_back(tokens[text]);
      next[text] = {tokens[text]};
    }
  }
}

TEST_F(CudaSampledStep, TokensComeBackBesideLogits) {
  test::Sequence sequence = test::openSequence(session);
  std::vector<int32_t> text = someText(20);
  Step step;
  step.add(sequence, text);
  lathe_step_options options = step.options();
  int32_t token = -1;
  options.sampled_tokens = &token;
  ASSERT_EQ(test::outcome(lathe_session_step(session.get(), &options)).message, "");
  EXPECT_EQ(step.row(0), toyLogits(text));
  EXPECT_EQ(token, likeliest(text));
}

TEST_F(CudaSampledStep, EnginesLeaveLogitsThatNobodyWantsOnTheDevice) {
  lathe_engine_options options{};
  options.struct_size = sizeof(options);
  lathe_engine *created = nullptr;
  test::succeed(lathe_engine_create(session.get(), &options, &created));
  test::Engine engine(created);
  auto write = [&](bool wantsLogProbabilities) {
    std::vector<std::vector<int32_t>> texts;
    std::vector<test::Request> requests;
    for (int32_t i = 0; i != 3; ++i) {
      texts.push_back(someText(size_t(5 + 7 * i), i));
      lathe_request_options ask{};
      ask.struct_size = sizeof(ask);
      ask.tokens = texts.back().data();
      ask.token_count = texts.back().size();
      ask.max_tokens = 6;
      ask.log_probabilities = wantsLogProbabilities && i == 1;
      lathe_request *request = nullptr;
      test::succeed(lathe_engine_submit(engine.get(), &ask, &request));
      requests.emplace_back(request);
    }
    for (size_t unfinished = 1; unfinished != 0;)
      test::succeed(lathe_engine_step(engine.get(), &unfinished));
    for (size_t i = 0; i != requests.size(); ++i) {
      lathe_request_output output{};
      output.struct_size = sizeof(output);
      test::succeed(lathe_request_poll(requests[i].get(), &output));
      EXPECT_EQ(output.token_count, 6u);
      for (size_t token = 0; token != output.token_count; ++token) {
        EXPECT_EQ(output.tokens[token], likeliest(texts[i])) << i << " " << token;
        texts[i].push_back(output.tokens[token]);
      }
    }
  };
  write(false);
  EXPECT_EQ(calls("bytes to host"), 0) << "kernels write tokens to the host's memory";
  write(true); // with rows of 8 logits, until the one that wants them is done
  EXPECT_GE(calls("bytes to host"), 6 * 8 * 4);
}

static lathe_sampler makeSampler(float temperature, int32_t topK, uint64_t seed) {
  lathe_sampler sampler{};
  sampler.struct_size = sizeof(sampler);
  sampler.temperature = temperature;
  sampler.top_k = topK;
  sampler.seed = seed;
  return sampler;
}

/// What the sampler draws of all logits behind `text`.
static int32_t draw(const lathe_sampler &sampler, const std::vector<int32_t> &text) {
  std::vector<float> logits = toyLogits(text);
  return runtime::sampleToken(logits, runtime::readSampler(sampler), runtime::randomNumber(sampler.seed, text.size()));
}

TEST_F(CudaSampledStep, SamplersDrawFromTheLargestLogits) {
  test::Sequence first = test::openSequence(session), second = test::openSequence(session);
  std::vector<int32_t> texts[] = {someText(5), someText(3)}, next[] = {texts[0], texts[1]};
  lathe_sampler samplers[] = {makeSampler(100, 3, 7), makeSampler(50, 2, 8)};
  samplers[1].top_p = 0.9f;
  std::set<int32_t> drawn;
  for (int i = 0; i != 12; ++i) { // the prompts, then graphs
    Step step;
    step.add(first, next[0]);
    step.add(second, next[1]);
    lathe_step_options options = step.options();
    int32_t tokens[2] = {-1, -1};
    options.logits = nullptr;
    options.samplers = samplers;
    options.sampled_tokens = tokens;
    int bytes = calls("bytes to host");
    ASSERT_EQ(test::outcome(lathe_session_step(session.get(), &options)).message, "");
    EXPECT_EQ(calls("bytes to host"), bytes + 2 * 3 * 12);
    for (int text : {0, 1}) {
      EXPECT_EQ(tokens[text], draw(samplers[text], texts[text])) << i;
      drawn.insert(tokens[text]);
      texts[text].push_back(tokens[text]);
      next[text] = {tokens[text]};
    }
  }
  EXPECT_GT(drawn.size(), 1u);
}

TEST_F(CudaSampledStep, SamplersThatNeedMoreAreRefused) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, someText(4));
  int32_t token = -1;
  lathe_sampler sampler = makeSampler(1, 4, 0);
  auto refuse = [&](int32_t *tokens) {
    lathe_step_options options = step.options();
    options.samplers = &sampler;
    options.sampled_tokens = tokens;
    test::Outcome result = test::outcome(lathe_session_step(session.get(), &options));
    EXPECT_EQ(result.code, LATHE_INVALID_ARGUMENT);
    return result.message;
  };
  EXPECT_EQ(refuse(&token),
            "lathe_session_step: samplers[0] has top_k 4, but the device gives the 3 largest logits of a "
            "row; set top_k from 1 to 3 or temperature 0, or take the logits and choose from them");
  sampler.top_k = 2;
  sampler.presence_penalty = 1;
  EXPECT_EQ(refuse(&token),
            "lathe_session_step: samplers[0] has penalties, which change logits that stay on the device; "
            "take the logits and choose from them");
  sampler.presence_penalty = 0;
  EXPECT_EQ(refuse(nullptr),
            "lathe_session_step: samplers are set but sampled_tokens, which takes what they draw, is NULL");
  EXPECT_EQ(lathe_sequence_length(sequence.get()), 0);
}

TEST_F(CudaSampledStep, EnginesDrawWhereTheLogitsAre) {
  lathe_engine_options options{};
  options.struct_size = sizeof(options);
  lathe_engine *created = nullptr;
  test::succeed(lathe_engine_create(session.get(), &options, &created));
  test::Engine engine(created);
  for (int32_t topK : {3, 4}) { // with 4 all rows come to the host
    std::vector<test::Request> requests;
    std::vector<lathe_sampler> samplers;
    for (uint64_t i = 0; i != 3; ++i) {
      samplers.push_back(makeSampler(float(i) * 50, topK, i));
      std::vector<int32_t> text = someText(5 + 7 * i, int32_t(i));
      lathe_request_options ask{};
      ask.struct_size = sizeof(ask);
      ask.tokens = text.data();
      ask.token_count = text.size();
      ask.max_tokens = 6;
      ask.sampler = &samplers.back();
      lathe_request *request = nullptr;
      test::succeed(lathe_engine_submit(engine.get(), &ask, &request));
      requests.emplace_back(request);
    }
    int bytes = calls("bytes to host");
    for (size_t unfinished = 1; unfinished != 0;)
      test::succeed(lathe_engine_step(engine.get(), &unfinished));
    EXPECT_EQ(calls("bytes to host"), bytes + 3 * 6 * (topK == 3 ? 3 * 12 : 8 * 4));
    for (size_t i = 0; i != requests.size(); ++i) {
      lathe_request_output output{};
      output.struct_size = sizeof(output);
      test::succeed(lathe_request_poll(requests[i].get(), &output));
      ASSERT_EQ(output.token_count, 6u);
      std::vector<int32_t> text = someText(5 + 7 * i, int32_t(i));
      for (size_t token = 0; token != 6; ++token) {
        EXPECT_EQ(output.tokens[token], draw(samplers[i], text)) << i << " " << token;
        text.push_back(output.tokens[token]);
      }
    }
  }
}

TEST_F(CudaStep, PromptsOfAllSizesFindTheirMemory) {
  int allocations = calls("cuMemAllocAsync") + calls("cuMemAlloc");
  lathe_memory_info before{}, after{};
  before.struct_size = after.struct_size = sizeof(before);
  test::succeed(lathe_session_memory(session.get(), &before));
  for (size_t length : {2, 17, 40, 64}) {
    test::Sequence sequence = test::openSequence(session);
    EXPECT_EQ(advance(session, sequence, someText(length)), toyLogits(someText(length)));
  }
  EXPECT_EQ(calls("cuMemAllocAsync") + calls("cuMemAlloc"), allocations);
  test::succeed(lathe_session_memory(session.get(), &after));
  EXPECT_EQ(after.working_bytes, before.working_bytes);
  EXPECT_EQ(after.growths, 0u);
}

TEST_F(CudaStep, AModelThatChoosesNoTokensRefusesTo) {
  test::Sequence sequence = test::openSequence(session);
  Step step;
  step.add(sequence, someText(2));
  lathe_step_options options = step.options();
  int32_t token = -1;
  options.sampled_tokens = &token;
  EXPECT_EQ(test::outcome(lathe_session_step(session.get(), &options)).code, LATHE_UNSUPPORTED);
}

} // namespace
