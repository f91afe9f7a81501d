#include "tools/lathe/Run.h"
#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/lathe/Commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace lathe::tools {

void reportTimes(const char *what, std::vector<double> seconds) {
  if (seconds.size() < 2)
    return;
  std::sort(seconds.begin(), seconds.end());
  std::fprintf(stderr, "%s: %zu times, fastest %.3f ms, median %.3f ms\n", what, seconds.size(), seconds.front() * 1e3,
               seconds[seconds.size() / 2] * 1e3);
}

static constexpr char SourceGroup[] = "Language models: text", TemplateGroup[] = "Language models: messages";

static void addTokenOptions(CLI::App &run, RunArguments &arguments) {
  const char *group = "Language models: token ids";
  run.add_option("--tokens", arguments.tokens, "Token ids of the prompt, comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run.add_option("--steps", arguments.steps, "Tokens to decode (default: as many as --feed has, else 16)")
      ->check(NotNegative)
      ->group(group);
  run.add_option("--feed", arguments.feed, "Ids to feed while decoding, instead of the most likely ones")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run.add_option("--logits", arguments.logits,
                 "Write float32 [positions, vocabulary] here: a row for each prompt token, then one for each step")
      ->group(group);
  run.add_option("--prefill-chunk", arguments.prefillChunk, "Feed the prompt in pieces of N tokens")
      ->check(Positive)
      ->group(group);
}

static void addTextOptions(CLI::App &run, TextArguments &arguments) {
  run.add_option("-p,--prompt", arguments.text, "The text to go on from")->group(SourceGroup);
  run.add_option("-f,--file", arguments.file, "A file with the text to go on from; -: standard input")
      ->group(SourceGroup);
  run.add_option("--messages", arguments.messages,
                 "JSON file with a conversation to answer: [{\"role\": \"user\", \"content\": \"...\"}, ...]")
      ->group(SourceGroup);
  run.add_option("--template", arguments.chatTemplate, "File with a chat template, in place of the model's")
      ->group(TemplateGroup);
  addPromptOptions(run, arguments.prompt, TemplateGroup);
  addGenerationOptions(run, arguments.generation);
  run.add_option(
         "--log-probs", arguments.generation.logProbabilities,
         "Print a line for each token in place of the text: id, log-probability, text, and the same of the N most "
         "likely ones")
      ->check(NotNegative)
      ->group(GenerationGroup);
}

/// Options that mean nothing without others. Throws CommandFailure.
static void checkOptions(const CLI::App &run, const RunArguments &arguments) {
  const TextArguments &text = arguments.text;
  auto require = [](bool found, const std::string &option, const char *needed) {
    if (!found)
      throw CommandFailure(LATHE_INVALID_ARGUMENT, option + " goes with " + needed);
  };
  for (const CLI::Option *option : run.get_options()) {
    if (option->count() == 0 || option->get_group() == SourceGroup)
      continue;
    if (option->get_group() == TemplateGroup)
      require(!text.messages.empty(), option->get_name(), "--messages");
    if (option->get_group() == GenerationGroup)
      require(text.given(), option->get_name(), "-p, -f or --messages");
  }
  require(!arguments.inputs.seed || arguments.inputs.random || text.given(), "--seed",
          "--random, -p, -f or --messages");
  if (bool(text.text) + !text.file.empty() + !text.messages.empty() + !arguments.tokens.empty() > 1)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "of -p, -f, --messages and --tokens there can be one");
}

static int runModel(const RunArguments &arguments) {
  Model model = loadModel(arguments.model);
  if (model.info().kind == LATHE_ENTRY_ENCODER)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model.model + ": an encoder of texts; use lathe embed");
  if (model.info().kind == LATHE_ENTRY_TENSOR)
    runTensors(arguments, model);
  else if (arguments.text.given())
    return runText(arguments, model);
  else
    runTokens(arguments, model);
  return Success;
}

void addRunCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App *run = app.add_subcommand("run", "Run a compiled model");
  addModelOptions(*run, arguments->model);
  run->add_flag("--made-up-weights", arguments->model.madeUpWeights,
                "Make up the weights that lathec --weights=none left out; the answer means nothing");
  run->add_option("--repeat", arguments->repeat, "Run N times and print the times")->check(Positive);
  addInputOptions(*run, arguments->inputs, /*alwaysRandom=*/false);
  run->add_option("--output", arguments->outputs,
                  "NAME=FILE, .npy or .pb, to write an output; without any, all are summed up")
      ->allow_extra_args(false)
      ->group("Tensors");
  addTextOptions(*run, arguments->text);
  addTokenOptions(*run, *arguments);
  run->callback([arguments, run, &chosen] {
    chosen = [arguments, run] {
      checkOptions(*run, *arguments);
      return runModel(*arguments);
    };
  });
}

} // namespace lathe::tools
