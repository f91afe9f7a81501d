#include "test/runtime/engine/EngineFixture.h"

#include <algorithm>

namespace lathe::test {

std::vector<float> babbleLogits(const std::vector<int32_t> &text, bool windowed) {
  float sum = 0, state = 0;
  std::vector<float> states;
  for (size_t i = 0; i != text.size(); ++i) {
    state = babble::stateOf(text[i], state);
    sum = babble::addToken(sum, int64_t(i), state);
    states.push_back(state);
  }
  size_t window = size_t(babble::Window);
  for (size_t i = text.size() > window ? text.size() - window : 0; windowed && i != text.size(); ++i)
    sum = babble::addToken(sum, int64_t(i), babble::windowStateOf(states[i]));
  std::vector<float> logits;
  for (int64_t token = 0; token != babble::Vocabulary; ++token)
    logits.push_back(babble::logit(sum, token));
  return logits;
}

Ask::Ask(std::vector<int32_t> tokens, int64_t maxTokens) : prompt(std::move(tokens)) {
  options.struct_size = sizeof(options);
  options.max_tokens = maxTokens;
  sampler.struct_size = sizeof(sampler);
}

const lathe_request_options *Ask::read() {
  options.tokens = prompt.data();
  options.token_count = prompt.size();
  options.stop_tokens = stopTokens.data();
  options.stop_token_count = stopTokens.size();
  options.stop_strings = stops.data();
  options.stop_string_count = stops.size();
  options.logit_biases = biases.data();
  options.logit_bias_count = biases.size();
  options.sampler = &sampler;
  return &options;
}

template <typename T> static void append(std::vector<T> &all, const T *data, size_t count) {
  if (data)
    all.insert(all.end(), data, data + count);
}

void Answer::poll(const Request &request) {
  lathe_request_output output{};
  output.struct_size = sizeof(output);
  succeed(lathe_request_poll(request.get(), &output));
  append(tokens, output.tokens, output.token_count);
  if (output.text_bytes != 0)
    text += pieces.emplace_back(output.text, output.text_bytes);
  append(logProbabilities, output.log_probabilities, output.token_count);
  append(topTokens, output.top_tokens, output.token_count * output.top_count);
  append(topLogProbabilities, output.top_log_probabilities, output.token_count * output.top_count);
  append(logits, output.logits, output.token_count * size_t(babble::Vocabulary));
  finish = output.finish;
  failure = output.failure;
  message = output.message;
  sharedTokens = output.shared_tokens;
  preemptions = output.preemptions;
}

EngineTest::EngineTest() {
  lathe_tokenizer *loaded = nullptr;
  succeed(lathe_tokenizer_load(VOCABULARIES "byte_pair.gguf", &loaded));
  tokenizer = Tokenizer(loaded);
}

Session EngineTest::open(const Setup &setup) const {
  return openSession(setup.windowed ? windowProgram : program, device, setup.sequences,
                     setup.pages * babble::PageBytes * (setup.windowed ? 2 : 1));
}

Engine EngineTest::create(const Session &session, const Setup &setup) const {
  lathe_engine_options options{};
  options.struct_size = sizeof(options);
  options.max_step_tokens = setup.stepTokens;
  options.max_running = setup.running;
  options.no_prefix_sharing = !setup.shares;
  options.tokenizer = setup.hasTokenizer ? tokenizer.get() : nullptr;
  lathe_engine *engine = nullptr;
  succeed(lathe_engine_create(session.get(), &options, &engine));
  return Engine(engine);
}

Request EngineTest::submit(const Engine &engine, Ask &ask) {
  lathe_request *request = nullptr;
  succeed(lathe_engine_submit(engine.get(), ask.read(), &request));
  return Request(request);
}

Outcome EngineTest::refusal(const Engine &engine, Ask &ask) {
  lathe_request *request = nullptr;
  Outcome result = outcome(lathe_engine_submit(engine.get(), ask.read(), &request));
  EXPECT_EQ(request, nullptr);
  return result;
}

void EngineTest::finish(const Engine &engine) {
  for (size_t unfinished = 1; unfinished != 0;)
    succeed(lathe_engine_step(engine.get(), &unfinished));
}

lathe_engine_info EngineTest::inspect(const Engine &engine) {
  lathe_engine_info info{};
  info.struct_size = sizeof(info);
  succeed(lathe_engine_inspect(engine.get(), &info));
  return info;
}

Answer EngineTest::answer(const Engine &engine, Ask &ask) {
  Request request = submit(engine, ask);
  Answer result;
  for (size_t unfinished = 1; unfinished != 0;) {
    succeed(lathe_engine_step(engine.get(), &unfinished));
    result.poll(request);
  }
  return result;
}

void EngineTest::append(const Session &session, const Sequence &sequence, int64_t count) {
  std::vector<int32_t> tokens(64, 1);
  for (int64_t left = count; left > 0; left -= 64) {
    lathe_sequence *handle = sequence.get();
    int32_t part = int32_t(std::min<int64_t>(left, 64));
    lathe_step_options step{};
    step.struct_size = sizeof(step);
    step.sequence_count = 1;
    step.sequences = &handle;
    step.token_counts = &part;
    step.tokens = tokens.data();
    succeed(lathe_session_step(session.get(), &step));
  }
}

std::vector<int32_t> EngineTest::encode(const std::string &text) const {
  std::vector<int32_t> ids(text.size());
  size_t count = 0;
  succeed(lathe_tokenizer_encode(tokenizer.get(), text.data(), text.size(), nullptr, ids.data(), ids.size(), &count));
  ids.resize(count);
  return ids;
}

} // namespace lathe::test
