// Perplexity of a text: exp of the mean of -log p(token | tokens before it), over windows that overlap. A window of C
// tokens begins every S tokens of the text; each scores the tokens that the ones before it have not, so every token
// counts once, all but those at the beginning of the text with C - S tokens or more before it. Where the model wants a
// token before a text (BOS), each window has it and it counts as one of its C tokens; else the text's first token is
// not scored. The standard error is that of the mean, as if the tokens' surprises were independent, times the
// perplexity.
#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/Progress.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Encode.h"
#include "tools/lathe/TokenBatch.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace lathe::tools {

namespace {

/// Of a window, where the model can take so many.
constexpr int64_t DefaultContext = 512;

struct EvalArguments {
  ModelArguments model;
  std::string text, progress = "auto";
  int64_t context = 0, stride = 0;
  bool json = false;
};

/// Sums over the tokens that were scored.
struct Score {
  int64_t tokens = 0;
  double sum = 0, squares = 0; ///< of -log p

  void add(double surprise) {
    ++tokens;
    sum += surprise;
    squares += surprise * surprise;
  }
  double mean() const { return sum / double(tokens); }
  double perplexity() const { return std::exp(mean()); }
  double standardError() const {
    if (tokens < 2)
      return 0;
    double variance = std::max(0.0, squares / double(tokens) - mean() * mean()) * double(tokens) / double(tokens - 1);
    return perplexity() * std::sqrt(variance / double(tokens));
  }
};

/// -log of the probability that a row of logits gives to a token.
double surprise(const float *logits, int64_t vocabulary, int32_t token) {
  float greatest = *std::max_element(logits, logits + vocabulary);
  double sum = 0;
  for (int64_t i = 0; i != vocabulary; ++i)
    sum += double(std::exp(logits[i] - greatest));
  return std::log(sum) + double(greatest) - double(logits[token]);
}

/// A text cut into windows.
class Windows {
public:
  Windows(std::vector<int32_t> prefix, std::vector<int32_t> text, int64_t context, int64_t stride)
      : prefix(std::move(prefix)), text(std::move(text)), size(size_t(context) - this->prefix.size()),
        stride(size_t(stride)) {}

  size_t count() const { return text.size() <= size ? 1 : 1 + (text.size() - size + stride - 1) / stride; }

  /// Reads window `index` with the model and adds its new tokens to `score`; returns how many it read.
  size_t evaluate(size_t index, TokenBatch &batch, Score &score) const {
    size_t begin = index * stride, end = std::min(begin + size, text.size());
    size_t scored = index ? begin - stride + size : prefix.empty() ? 1 : 0; // the first that is new
    std::vector<int32_t> tokens = prefix;
    tokens.insert(tokens.end(), text.begin() + std::ptrdiff_t(begin), text.begin() + std::ptrdiff_t(end));
    size_t first =
        prefix.size() + scored - begin; // its place among the tokens; the row before it says how likely it is
    batch.clear();
    batch.append({{tokens.data(), tokens.size() - 1, first - 1}}, [&](size_t, size_t row, const float *logits) {
      double value = surprise(logits, batch.vocabulary(), tokens[row + 1]);
      if (!std::isfinite(value))
        throw CommandFailure(LATHE_DEVICE_ERROR, "the model gives no probability to token " +
                                                     std::to_string(begin + row + 1 - prefix.size()) +
                                                     " of the text: its logits are not finite");
      score.add(value);
    });
    return tokens.size() - 1;
  }

private:
  std::vector<int32_t> prefix, text;
  size_t size, stride; ///< tokens of the text in a window, and from the begin of one to that of the next
};

/// BOS, where the model wants it before a text.
std::vector<int32_t> prefixOf(const Tokenizer &tokenizer) {
  std::vector<int32_t> around = encode(tokenizer, "", /*addSpecial=*/true, /*parseSpecial=*/false);
  if (!around.empty() && around[0] == lathe_tokenizer_special(tokenizer.get(), LATHE_TOKEN_BOS))
    return {around[0]};
  return {};
}

Windows cutText(const EvalArguments &arguments, const Tokenizer &tokenizer, int64_t context, int64_t stride) {
  std::vector<int32_t> prefix = prefixOf(tokenizer);
  std::vector<int32_t> text = encode(tokenizer, readWholeFile(arguments.text), /*addSpecial=*/false, false);
  if (prefix.size() + text.size() < 2)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.text + ": has " + std::to_string(text.size()) +
                                                     " tokens but at least " + std::to_string(2 - prefix.size()) +
                                                     " are needed");
  return Windows(std::move(prefix), std::move(text), context, stride);
}

void printResult(const EvalArguments &arguments, const nlohmann::json &result) {
  if (arguments.json) {
    std::cout << result.dump(2) << "\n";
    return;
  }
  std::printf("perplexity %.4f, standard error %.4f\n%lld tokens in %lld windows of %lld, one every %lld\n"
              "%.1f tokens/s\n",
              result["perplexity"].get<double>(), result["standard_error"].get<double>(),
              result["tokens"].get<long long>(), result["windows"].get<long long>(), result["context"].get<long long>(),
              result["stride"].get<long long>(), result["tokens_per_second"].get<double>());
}

int evaluate(const EvalArguments &arguments) {
  Model model = loadModel(arguments.model);
  if (model.info().kind != LATHE_ENTRY_LANGUAGE_MODEL)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model.model +
                                                     ": is no language model, and only those have a "
                                                     "perplexity");
  Tokenizer tokenizer = tokenizerOf(model.program);
  int64_t context = arguments.context ? arguments.context : std::min(DefaultContext, TokenLimits(model).length);
  int64_t stride = arguments.stride ? arguments.stride : std::max<int64_t>(1, context / 2);
  if (stride >= context)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--stride is " + std::to_string(stride) +
                                                     " but must be less than the " + std::to_string(context) +
                                                     " tokens of --context");
  Windows windows = cutText(arguments, tokenizer, context, stride);
  TokenBatch batch(model, 1, context);
  Progress progress("lathe", arguments.progress == "always" || (arguments.progress == "auto" && isatty(STDERR_FILENO)));
  Score score;
  size_t read = 0;
  auto start = std::chrono::steady_clock::now();
  for (size_t i = 0; i != windows.count(); ++i) {
    std::string step = "window " + std::to_string(i + 1) + " of " + std::to_string(windows.count());
    progress.start(i ? step + ", perplexity " + std::to_string(score.perplexity()) : step);
    read += windows.evaluate(i, batch, score);
  }
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  nlohmann::json result = {{"perplexity", score.perplexity()},
                           {"standard_error", score.standardError()},
                           {"mean_surprise", score.mean()},
                           {"tokens", score.tokens},
                           {"tokens_read", read},
                           {"windows", windows.count()},
                           {"context", context},
                           {"stride", stride},
                           {"seconds", seconds},
                           {"tokens_per_second", double(read) / seconds}};
  result["model"] = arguments.model.model;
  result["text"] = arguments.text;
  result["device"] = lathe_device_description(model.device.get());
  printResult(arguments, result);
  return Success;
}

} // namespace

void addEvalCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App *eval = app.add_subcommand("eval", "Say how well a language model predicts a text");
  addModelOptions(*eval, arguments->model);
  eval->add_option("--perplexity", arguments->text, "The text file whose perplexity to print")->required();
  eval->add_option("--context", arguments->context, "Tokens of a window (default: 512, or what the model can take)")
      ->check(CLI::Range(int64_t(2), int64_t(1) << 31));
  eval->add_option("--stride", arguments->stride,
                   "Tokens between the beginnings of two windows (default: half a window)")
      ->check(Positive);
  eval->add_flag("--json", arguments->json, "Print JSON");
  eval->add_option("--progress", arguments->progress, "Show a line about the work: auto (on a terminal), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}));
  eval->callback([arguments, &chosen] { chosen = [arguments] { return evaluate(*arguments); }; });
}

} // namespace lathe::tools
