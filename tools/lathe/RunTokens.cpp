#include "tools/lathe/Npy.h"
#include "tools/lathe/Run.h"
#include "tools/lathe/TokenBatch.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>

namespace lathe::tools {

namespace {

/// Decodes without --feed or --steps.
constexpr int64_t DefaultSteps = 16;

/// What a language model generated.
struct TokenRun {
  std::vector<int32_t> likely; ///< the most likely token after the prompt and after each step
  std::vector<float> rows;     ///< with --logits, of every token
  std::vector<double> promptSeconds, stepSeconds;
};

TokenRun generate(const RunArguments &arguments, TokenBatch &batch, int64_t steps) {
  TokenRun run;
  const std::vector<int32_t> &feed = arguments.feed;
  bool keep = !arguments.logits.empty();
  size_t vocabulary = size_t(batch.vocabulary());
  int32_t likeliest = 0;
  auto append = [&](std::vector<double> &seconds, const std::vector<int32_t> &tokens) {
    auto start = std::chrono::steady_clock::now();
    if (keep)
      batch.append({{tokens.data(), tokens.size(), 0}}, [&](size_t, size_t, const float *logits) {
        likeliest = int32_t(std::max_element(logits, logits + vocabulary) - logits);
        run.rows.insert(run.rows.end(), logits, logits + vocabulary);
      });
    else
      batch.appendLikeliest({{tokens.data(), tokens.size(), 0}}, [&](size_t, int32_t token) { likeliest = token; });
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    run.likely.push_back(likeliest);
  };
  for (int i = 0; i != arguments.repeat; ++i) {
    batch.clear();
    run.likely.clear();
    run.rows.clear();
    append(run.promptSeconds, arguments.tokens);
    for (int64_t step = 0; step != steps; ++step)
      append(run.stepSeconds, {feed.empty() ? likeliest : feed[size_t(step)]});
  }
  return run;
}

} // namespace

void runTokens(const RunArguments &arguments, const Model &model) {
  const std::string &name = arguments.model.model;
  if (!arguments.inputs.files.empty() || arguments.inputs.random || !arguments.outputs.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         name + ": a language model, so use -p or --tokens, not --input or --output");
  if (arguments.tokens.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         name + ": a language model needs a text (-p, -f, --messages) or --tokens");
  const std::vector<int32_t> &feed = arguments.feed;
  int64_t steps = arguments.steps >= 0 ? arguments.steps : feed.empty() ? DefaultSteps : int64_t(feed.size());
  if (!feed.empty() && int64_t(feed.size()) < steps)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "--feed has " + std::to_string(feed.size()) + " ids but --steps is " + std::to_string(steps));
  TokenBatch batch(model, 1, int64_t(arguments.tokens.size()) + steps, arguments.prefillChunk);
  TokenRun run = generate(arguments, batch, steps);
  reportTimes("prompt", run.promptSeconds);
  if (arguments.repeat > 1)
    reportTimes("step", run.stepSeconds);
  for (size_t i = 0; i != run.likely.size(); ++i)
    std::cout << (i ? "," : "") << run.likely[i];
  std::cout << "\n";
  if (arguments.logits.empty())
    return;
  Array array = {LATHE_F32, {int64_t(run.rows.size()) / batch.vocabulary(), batch.vocabulary()}, {}};
  array.bytes.resize(run.rows.size() * sizeof(float));
  std::memcpy(array.bytes.data(), run.rows.data(), array.bytes.size());
  writeNpy(arguments.logits, array);
}

} // namespace lathe::tools
