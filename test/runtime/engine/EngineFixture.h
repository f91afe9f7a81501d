#ifndef LATHE_TEST_RUNTIME_ENGINE_ENGINEFIXTURE_H
#define LATHE_TEST_RUNTIME_ENGINE_ENGINEFIXTURE_H

#include "test/runtime/TestArtifact.h"
#include "test/runtime/images/BabbleModel.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lathe::test {

/// The babbling model's logits behind a text, computed from the text alone.
std::vector<float> babbleLogits(const std::vector<int32_t> &text, bool windowed = false);

/// What a request asks for, with the memory that its options point into.
struct Ask {
  lathe_request_options options{};
  lathe_sampler sampler{};
  std::vector<int32_t> prompt, stopTokens;
  std::vector<lathe_logit_bias> biases;
  std::vector<const char *> stops;

  explicit Ask(std::vector<int32_t> prompt = {1, 2, 3}, int64_t maxTokens = 0);
  /// The options as they are now; `sampler` counts if its temperature or a penalty is set.
  const lathe_request_options *read();
};

/// What a request has given out in all polls.
struct Answer {
  std::vector<int32_t> tokens;
  std::string text;
  std::vector<std::string> pieces; ///< the texts of each poll that had one
  std::vector<float> logProbabilities, topLogProbabilities, logits;
  std::vector<int32_t> topTokens;
  lathe_finish finish = LATHE_FINISH_NONE;
  lathe_code failure{};
  std::string message;
  int64_t sharedTokens = 0, preemptions = 0;

  void poll(const Request &request);
};

/// Engines over the babbling model, with byte_pair.gguf as its tokenizer.
class EngineTest : public testing::Test {
protected:
  static constexpr int32_t Bos = 380, Eos = 381;

  struct Setup {
    int sequences = 8;
    uint64_t pages = 64; ///< for the bytes of so many in all states
    int32_t stepTokens = 0, running = 0;
    bool shares = true, hasTokenizer = true, windowed = false;
  };

  EngineTest();
  Session open(const Setup &setup) const;
  Engine create(const Session &session, const Setup &setup) const;
  /// Of a session of its own.
  Engine create(const Setup &setup) const { return create(open(setup), setup); }
  Engine create() const { return create(Setup()); }

  static Request submit(const Engine &engine, Ask &ask);
  /// The message with which a request is refused.
  static Outcome refusal(const Engine &engine, Ask &ask);
  /// Steps until nothing is left to do.
  static void finish(const Engine &engine);
  static lathe_engine_info inspect(const Engine &engine);
  /// The whole answer to a request that nobody else is beside.
  static Answer answer(const Engine &engine, Ask &ask);
  Answer answer(Ask &ask) const { return answer(create(), ask); }
  /// Gives a sequence so many tokens more, whatever they are, in steps of at most 64.
  static void append(const Session &session, const Sequence &sequence, int64_t count);
  std::vector<int32_t> encode(const std::string &text) const;

  Program program = load(writeTemporary(babbleSource())), windowProgram = load(writeTemporary(babbleSource(true)));
  Device device = cpu(1);
  Tokenizer tokenizer;
};

} // namespace lathe::test

#endif // LATHE_TEST_RUNTIME_ENGINE_ENGINEFIXTURE_H
