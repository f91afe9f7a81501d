#include "tools/lathe/Generation.h"
#include "tools/Numbers.h"
#include "tools/lathe/TokenLimits.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <random>
#include <unistd.h>

namespace lathe::tools {

using Clock = std::chrono::steady_clock;

static double secondsBetween(Clock::time_point start, Clock::time_point end) {
  return std::chrono::duration<double>(end - start).count();
}

static void addSamplerOptions(CLI::App &command, GenerationArguments &arguments, const char *group) {
  lathe_sampler &sampler = arguments.sampler;
  auto add = [&](const char *flag, auto &value, const char *what) {
    command.add_option(flag, value, what)->group(group);
  };
  add("--temperature", sampler.temperature, "How freely tokens are chosen (default: 0, always the most likely one)");
  add("--top-k", sampler.top_k, "Choose among the K most likely tokens (default: all)");
  add("--top-p", sampler.top_p, "Choose among the most likely tokens up to this probability (default: all)");
  add("--min-p", sampler.min_p,
      "Choose among tokens at least this times as likely as the most likely one (default: all)");
  add("--typical", sampler.typical_p,
      "Choose among the tokens nearest to the expected surprise up to this probability (default: all)");
  add("--repeat-penalty", sampler.repeat_penalty,
      "Divide positive logits of tokens that are there already, multiply "
      "others (default: 1)");
  add("--presence-penalty", sampler.presence_penalty, "Take this off the logits of tokens that are there already");
  add("--frequency-penalty", sampler.frequency_penalty, "Take this off for each time that a token is there already");
  add("--penalty-tokens", sampler.penalty_tokens, "How many of the last tokens penalties look at (default: all)");
  command.add_option("--logit-bias", arguments.biases, "TOKEN=BIAS: add to the logit of a token id; -inf forbids it")
      ->allow_extra_args(false)
      ->group(group);
}

void addGenerationOptions(CLI::App &command, GenerationArguments &arguments) {
  const char *group = GenerationGroup;
  command.add_option("-n,--max-tokens", arguments.maxTokens, "Tokens to write at most")->check(Positive)->group(group);
  addSamplerOptions(command, arguments, group);
  command.add_option("--stop", arguments.stops, "End before this text; may be repeated")
      ->allow_extra_args(false)
      ->group(group);
  CLI::Option *grammar =
      command.add_option("--grammar", arguments.grammar, "File with a grammar (GBNF) that the text follows");
  grammar->group(group);
  command.add_option("--json-schema", arguments.schema, "File with the JSON Schema of the JSON to write")
      ->excludes(grammar)
      ->group(group);
  command.add_flag("--ignore-end", arguments.ignoresEnd, "Go on after tokens that end a text")->group(group);
  command
      .add_flag("--special", arguments.special,
                "Take names of special tokens in a prompt for these tokens, and print those that are written")
      ->group(group);
  command.add_flag("-q,--quiet", arguments.quiet, "No line about time and tokens on standard error")->group(group);
}

static std::vector<lathe_logit_bias> parseBiases(const std::vector<std::string> &options) {
  std::vector<lathe_logit_bias> biases;
  for (const std::string &option : options) {
    lathe_logit_bias bias = {};
    const char *end = option.data() + option.size();
    auto [equals, error] = std::from_chars(option.data(), end, bias.token);
    bool good = error == std::errc() && equals != end && *equals == '=';
    if (good) {
      auto [stop, wrong] = std::from_chars(equals + 1, end, bias.bias);
      good = wrong == std::errc() && stop == end;
    }
    if (!good)
      throw CommandFailure(LATHE_INVALID_ARGUMENT,
                           "--logit-bias '" + option + "' must be TOKEN=BIAS, a token's id and a number");
    biases.push_back(bias);
  }
  return biases;
}

TextWriter::TextWriter(const Model &model, const Tokenizer &tokenizer, const GenerationArguments &given, int64_t length)
    : arguments(given), biases(parseBiases(given.biases)) {
  arguments.sampler.struct_size = sizeof(arguments.sampler);
  if (!arguments.seed)
    arguments.seed = std::random_device()();
  arguments.sampler.seed = *arguments.seed;
  if (!arguments.grammar.empty())
    grammar = readTextFile(arguments.grammar);
  if (!arguments.schema.empty())
    schema = readTextFile(arguments.schema);
  for (const std::string &stop : arguments.stops)
    stops.push_back(stop.c_str());

  lathe_session_options options = {};
  options.struct_size = sizeof(options);
  options.max_sequences = 1;
  options.max_text_tokens = length;
  session = createSession(model, &options);
  lathe_engine_options engineOptions = {};
  engineOptions.struct_size = sizeof(engineOptions);
  engineOptions.entry = model.info().name;
  engineOptions.tokenizer = tokenizer.get();
  engineOptions.max_step_tokens = arguments.chunk;
  lathe_engine *created = nullptr;
  check(lathe_engine_create(session.get(), &engineOptions, &created));
  engine.reset(created);
}

Request TextWriter::submit(const std::vector<int32_t> &prompt, int64_t maxTokens) const {
  lathe_request_options options = {};
  options.struct_size = sizeof(options);
  options.tokens = prompt.data();
  options.token_count = prompt.size();
  options.max_tokens = maxTokens;
  options.sampler = &arguments.sampler;
  options.logit_biases = biases.data();
  options.logit_bias_count = biases.size();
  options.stop_strings = stops.data();
  options.stop_string_count = stops.size();
  options.ignore_end = arguments.ignoresEnd;
  options.grammar = arguments.grammar.empty() ? nullptr : grammar.c_str();
  options.json_schema = arguments.schema.empty() ? nullptr : schema.c_str();
  options.keep_special = arguments.special;
  options.log_probabilities = arguments.logProbabilities >= 0;
  options.top_tokens = std::max(0, arguments.logProbabilities);
  lathe_request *request = nullptr;
  check(lathe_engine_submit(engine.get(), &options, &request));
  return Request(request);
}

Written TextWriter::write(const std::vector<int32_t> &prompt, int64_t maxTokens, const Interrupts &interrupts,
                          const Take &take) {
  Request request = submit(prompt, maxTokens);
  Written written;
  written.promptTokens = int64_t(prompt.size());
  Clock::time_point start = Clock::now(), first = start;
  while (written.finish == LATHE_FINISH_NONE) {
    check(lathe_engine_step(engine.get(), nullptr));
    if (interrupts.noted())
      lathe_request_cancel(request.get());
    lathe_request_output output = {};
    output.struct_size = sizeof(output);
    check(lathe_request_poll(request.get(), &output));
    if (written.tokens == 0 && output.token_count != 0)
      first = Clock::now();
    written.tokens += int64_t(output.token_count);
    written.text.append(output.text ? output.text : "", output.text_bytes);
    written.sharedTokens = output.shared_tokens;
    written.finish = output.finish;
    take(output);
    if (output.finish == LATHE_FINISH_FAILED)
      throw CommandFailure(output.failure, output.message);
  }
  written.promptSeconds = secondsBetween(start, first);
  written.tokenSeconds = secondsBetween(first, Clock::now());
  return written;
}

/// "12 tokens, 0.500 s, 24.0 tokens/s", where `timed` of them took so long.
static std::string describeRate(int64_t tokens, int64_t timed, double seconds) {
  char text[96];
  int size = std::snprintf(text, sizeof(text), "%lld tokens, %.3f s", (long long)tokens, seconds);
  if (timed > 0 && seconds > 0)
    std::snprintf(text + size, sizeof(text) - size_t(size), ", %.1f tokens/s", double(timed) / seconds);
  return text;
}

void TextWriter::summarize(const Written &written) const {
  if (arguments.quiet)
    return;
  std::string text = "prompt " + describeRate(written.promptTokens, written.promptTokens - written.sharedTokens,
                                              written.promptSeconds);
  if (written.sharedTokens)
    text += ", " + std::to_string(written.sharedTokens) + " of them known before";
  // The first token comes with the prompt.
  text += "; text " + describeRate(written.tokens, written.tokens - 1, written.tokenSeconds);
  if (written.finish == LATHE_FINISH_CANCELLED)
    text += "; ended by Ctrl-C";
  else if (written.finish == LATHE_FINISH_LENGTH)
    text += "; ended by its length";
  if (arguments.sampler.temperature != 0)
    text += "; seed " + std::to_string(*arguments.seed);
  std::cerr << "lathe: " << text << "\n";
}

/// U+0000 to U+001F, U+007F and U+0080 to U+009F as \x1b, but for line ends and tabs.
static std::string showControls(std::string_view text) {
  std::string shown;
  auto show = [&](unsigned char byte) {
    char name[8];
    std::snprintf(name, sizeof(name), "\\x%02x", byte);
    shown += name;
  };
  for (size_t i = 0; i != text.size(); ++i) {
    unsigned char byte = text[i], next = i + 1 != text.size() ? text[i + 1] : 0;
    if (byte == 0xc2 && next >= 0x80 && next < 0xa0) {
      show(next);
      ++i;
    } else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f) {
      show(byte);
    } else {
      shown += text[i];
    }
  }
  return shown;
}

void printNow(std::string_view text) {
  static const bool isTerminal = isatty(STDOUT_FILENO);
  std::string shown;
  if (isTerminal)
    text = shown = showControls(text);
  if (!std::cout.write(text.data(), std::streamsize(text.size())).flush())
    throw CommandFailure(LATHE_NOT_FOUND, std::string("standard output: cannot write: ") + std::strerror(errno));
}

} // namespace lathe::tools
