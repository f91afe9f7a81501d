#include "tools/lathe/Bench.h"
#include "tools/lathe/BenchCosts.h"
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

/// The texts of one run, and the token that each goes on with.
struct Run {
  TokenBatch &batch;
  std::vector<std::vector<int32_t>> prompts;
  std::vector<int32_t> likeliest;

  /// All prompts.
  void takePrompts(Times &times) {
    likeliest.resize(prompts.size());
    std::vector<TokenBatch::Part> parts;
    for (const std::vector<int32_t> &prompt : prompts)
      parts.push_back({prompt.data(), prompt.size(), 0});
    batch.clear();
    auto start = Clock::now();
    batch.appendLikeliest(parts, [&](size_t text, int32_t token) {
      likeliest[text] = token;
      times.firstToken.push_back(secondsSince(start));
    });
    times.prompts.push_back(secondsSince(start));
  }

  /// Then `steps` times one token more for each text, the likeliest.
  void takeSteps(int64_t steps, Times &times) {
    std::vector<TokenBatch::Part> parts;
    for (int32_t &token : likeliest)
      parts.push_back({&token, 1, 0});
    for (int64_t step = 0; step != steps; ++step) {
      auto start = Clock::now();
      batch.appendLikeliest(parts, [&](size_t text, int32_t token) { likeliest[text] = token; });
      times.steps.push_back(secondsSince(start));
    }
  }
};

double sum(const std::vector<double> &seconds) {
  double total = 0;
  for (double each : seconds)
    total += each;
  return total;
}

/// `warmup` runs that are not kept, then `repeat` that are. With --prompt-once all of them follow one prompt.
Times measure(const BenchArguments &arguments, Run &run, int64_t prompt, int64_t steps) {
  Times warmup, times;
  std::vector<int32_t> first;
  if (arguments.promptOnce) {
    run.takePrompts(times);
    first = run.likeliest;
  }
  for (int i = -arguments.warmup; i != arguments.repeat; ++i) {
    Times &kept = i < 0 ? warmup : times;
    if (arguments.promptOnce) {
      run.batch.truncate(prompt);
      run.likeliest = first;
    } else {
      run.takePrompts(kept);
    }
    run.takeSteps(steps, kept);
  }
  return times;
}

nlohmann::json benchOne(const BenchArguments &arguments, const Model &model, const TokenCosts &costs, int64_t prompt,
                        int64_t steps, int64_t size, GpuLaunches *launches) {
  TokenBatch batch(model, size_t(size), prompt + steps);
  Run run{batch, makePrompts(size_t(size), prompt, arguments.inputs.seed.value_or(0), batch.vocabulary()), {}};
  Times times = measure(arguments, run, prompt, steps);
  nlohmann::json result = {{"prompt_tokens", prompt}, {"steps", steps}, {"batch", size}};
  result["first_token"] = Summary(times.firstToken).json();
  result["prompt"] = Summary(times.prompts).json();
  result["prompt"]["tokens_per_second"] = double(prompt * size) * double(times.prompts.size()) / sum(times.prompts);
  addComputeRate(result["prompt"], costs.flops({size, 0, prompt}), costs);
  if (steps) {
    result["step"] = Summary(times.steps).json();
    result["step"]["tokens_per_second"] = double(steps * size) * double(arguments.repeat) / sum(times.steps);
    TokenCosts::Work middle = {size, prompt + steps / 2, 1};
    addMemoryRate(result["step"], costs.bytes(middle), costs);
    addComputeRate(result["step"], costs.flops(middle), costs);
  }
  if (launches) {
    BenchArguments fewer = arguments;
    fewer.warmup = 0;
    fewer.repeat = std::min(arguments.repeat, MostLaunchRuns);
    launches->start();
    measure(fewer, run, prompt, steps);
    launches->stop();
    result["launch_calls"] = launches->describe();
  }
  return result;
}

/// A number of a result, or a dash.
void printNumber(const nlohmann::json &result, const char *part, const char *name, int width, int digits) {
  if (result.contains(part) && result[part].contains(name))
    std::printf(" %*.*f", width, digits, result[part][name].get<double>());
  else
    std::printf(" %*s", width, "-");
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

nlohmann::json benchTokens(const BenchArguments &arguments, const Model &model, GpuLaunches *launches) {
  TokenCosts costs(model);
  nlohmann::json results = nlohmann::json::array();
  for (int64_t batch : arguments.batch)
    for (int64_t prompt : arguments.prompt)
      for (int64_t steps : arguments.steps)
        results.push_back(benchOne(arguments, model, costs, prompt, steps, batch, launches));
  return results;
}

Session loadWeights(const Model &model, nlohmann::json &report) {
  auto start = Clock::now();
  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.max_text_tokens = 1;
  Session session = createSession(model, &options);
  double seconds = secondsSince(start), bytes = TokenCosts(model).weightBytes();
  report["load"] = {{"seconds", seconds}, {"weight_bytes", bytes}, {"gb_per_second", bytes / seconds / 1e9}};
  return session;
}

void printTokenTable(const nlohmann::json &report) {
  const nlohmann::json &load = report["load"];
  std::printf("weights ready after %.3f s, %.3f GB, %.2f GB/s\n", load["seconds"].get<double>(),
              load["weight_bytes"].get<double>() / 1e9, load["gb_per_second"].get<double>());
  std::printf("                      prompt      first token ms                    token ms   generated\n"
              "batch prompt steps  tokens/s    median       p95    median       p95       p99  tokens/s\n");
  for (const nlohmann::json &result : report["results"]) {
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
  std::printf("                              prompt                                 token\n"
              "batch prompt steps  TFLOP/s   %% peak       GB      GB/s  %% peak  TFLOP/s  %% peak\n");
  for (const nlohmann::json &result : report["results"]) {
    std::printf("%5lld %6lld %5lld", result["batch"].get<long long>(), result["prompt_tokens"].get<long long>(),
                result["steps"].get<long long>());
    printNumber(result, "prompt", "tflops_per_second", 8, 2);
    printNumber(result, "prompt", "flops_percent", 8, 1);
    if (result.contains("step"))
      std::printf(" %8.3f", result["step"]["bytes"].get<double>() / 1e9);
    else
      std::printf(" %8s", "-");
    printNumber(result, "step", "gb_per_second", 9, 1);
    printNumber(result, "step", "memory_percent", 7, 1);
    printNumber(result, "step", "tflops_per_second", 8, 2);
    printNumber(result, "step", "flops_percent", 7, 1);
    std::printf("\n");
  }
  for (const nlohmann::json &result : report["results"])
    if (result.contains("launch_calls"))
      printGpuLaunches(result["launch_calls"]);
}

} // namespace lathe::tools
