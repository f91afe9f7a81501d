#include "tools/lathe/Bench.h"
#include "tools/lathe/TokenBatch.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace lathe::tools {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// How long a prompt and what follows took.
struct Times {
  std::vector<double> firstToken; ///< of every text: from the start of all until the text's first token is known
  std::vector<double> prompts;    ///< of every run: until all texts have their first token
  std::vector<double> steps;      ///< each gives one token to every text
};

/// Texts that differ, the same ones for the same seed.
std::vector<std::vector<int32_t>> makePrompts(size_t batch, int64_t length, uint64_t seed, int64_t vocabulary) {
  std::vector<std::vector<int32_t>> prompts(batch);
  for (size_t text = 0; text != batch; ++text)
    for (int64_t i = 0; i != length; ++i)
      prompts[text].push_back(int32_t((uint64_t(i) * 7919 + text * 104729 + seed) % uint64_t(vocabulary)));
  return prompts;
}

/// One run: all prompts, then `steps` times one token more for each text, the likeliest.
void runOnce(TokenBatch &batch, const std::vector<std::vector<int32_t>> &prompts, int64_t steps, Times &times) {
  std::vector<int32_t> likeliest(prompts.size());
  Clock::time_point start;
  bool first = true;
  auto take = [&](size_t text, size_t, const float *logits) {
    likeliest[text] = int32_t(std::max_element(logits, logits + batch.vocabulary()) - logits);
    if (first)
      times.firstToken.push_back(secondsSince(start));
  };
  std::vector<TokenBatch::Part> parts;
  for (const std::vector<int32_t> &prompt : prompts)
    parts.push_back({prompt.data(), prompt.size(), prompt.size() - 1});
  batch.clear();
  start = Clock::now();
  batch.append(parts, take);
  times.prompts.push_back(secondsSince(start));
  first = false;
  for (size_t text = 0; text != parts.size(); ++text)
    parts[text] = {&likeliest[text], 1, 0};
  for (int64_t step = 0; step != steps; ++step) {
    start = Clock::now();
    batch.append(parts, take);
    times.steps.push_back(secondsSince(start));
  }
}

double sum(const std::vector<double> &seconds) {
  double total = 0;
  for (double each : seconds)
    total += each;
  return total;
}

nlohmann::json benchOne(const BenchArguments &arguments, const Model &model, int64_t prompt, int64_t steps,
                        int64_t size) {
  TokenBatch batch(model, size_t(size), prompt + steps);
  auto prompts = makePrompts(size_t(size), prompt, arguments.inputs.seed.value_or(0), batch.vocabulary());
  Times warmup, times;
  for (int i = 0; i != arguments.warmup; ++i)
    runOnce(batch, prompts, steps, warmup);
  for (int i = 0; i != arguments.repeat; ++i)
    runOnce(batch, prompts, steps, times);
  nlohmann::json result = {{"prompt_tokens", prompt}, {"steps", steps}, {"batch", size}};
  result["first_token"] = Summary(times.firstToken).json();
  result["prompt"] = Summary(times.prompts).json();
  result["prompt"]["tokens_per_second"] = double(prompt * size) * double(arguments.repeat) / sum(times.prompts);
  if (steps) {
    result["step"] = Summary(times.steps).json();
    result["step"]["tokens_per_second"] = double(steps * size) * double(arguments.repeat) / sum(times.steps);
  }
  return result;
}

} // namespace

Summary::Summary(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  auto at = [&](double part) {
    return seconds[std::min(seconds.size() - 1, size_t(part * double(seconds.size())))] * 1e3;
  };
  least = seconds.front() * 1e3;
  median = at(0.5);
  p90 = at(0.9);
  p95 = at(0.95);
  p99 = at(0.99);
}

nlohmann::json Summary::json() const {
  return {{"min_ms", least}, {"median_ms", median}, {"p90_ms", p90}, {"p95_ms", p95}, {"p99_ms", p99}};
}

nlohmann::json benchTokens(const BenchArguments &arguments, const Model &model) {
  nlohmann::json results = nlohmann::json::array();
  for (int64_t batch : arguments.batch)
    for (int64_t prompt : arguments.prompt)
      for (int64_t steps : arguments.steps)
        results.push_back(benchOne(arguments, model, prompt, steps, batch));
  return results;
}

void printTokenTable(const nlohmann::json &results) {
  std::printf("                      prompt      first token ms                    token ms   generated\n"
              "batch prompt steps  tokens/s    median       p95    median       p95       p99  tokens/s\n");
  for (const nlohmann::json &result : results) {
    auto number = [&](const char *part, const char *name) { return result[part][name].get<double>(); };
    std::printf("%5lld %6lld %5lld %9.1f %9.3f %9.3f", result["batch"].get<long long>(),
                result["prompt_tokens"].get<long long>(), result["steps"].get<long long>(),
                number("prompt", "tokens_per_second"), number("first_token", "median_ms"),
                number("first_token", "p95_ms"));
    if (result.contains("step"))
      std::printf(" %9.3f %9.3f %9.3f %9.1f", number("step", "median_ms"), number("step", "p95_ms"),
                  number("step", "p99_ms"), number("step", "tokens_per_second"));
    std::printf("\n");
  }
}

} // namespace lathe::tools
