#include "tools/lathe/Run.h"
#include "tools/ExitCodes.h"
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

static void addTokenOptions(CLI::App &run, RunArguments &arguments) {
  const char *group = "Language models";
  run.add_option("--tokens", arguments.tokens, "Token ids of the prompt, comma-separated")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run.add_option("--steps", arguments.steps, "Tokens to decode (default: as many as --feed has, else 16)")
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  run.add_option("--feed", arguments.feed, "Ids to feed while decoding, instead of the most likely ones")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->group(group);
  run.add_option("--logits", arguments.logits,
                 "Write float32 [positions, vocabulary] here: a row for each prompt token, then one for each step")
      ->group(group);
  run.add_option("--prefill-chunk", arguments.prefillChunk, "Feed the prompt in pieces of N tokens")
      ->check(CLI::PositiveNumber)
      ->group(group);
}

static int runModel(const RunArguments &arguments) {
  Model model = loadModel(arguments.model);
  if (model.info().kind == LATHE_ENTRY_TENSOR)
    runTensors(arguments, model);
  else
    runTokens(arguments, model);
  return Success;
}

void addRunCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App *run = app.add_subcommand("run", "Run a compiled model");
  addModelOptions(*run, arguments->model);
  run->add_option("--repeat", arguments->repeat, "Run N times and print the times")->check(CLI::PositiveNumber);
  addInputOptions(*run, arguments->inputs, /*alwaysRandom=*/false);
  run->add_option("--output", arguments->outputs,
                  "NAME=FILE, .npy or .pb, to write an output; without any, all are summed up")
      ->allow_extra_args(false)
      ->group("Tensors");
  addTokenOptions(*run, *arguments);
  run->callback([arguments, &chosen] { chosen = [arguments] { return runModel(*arguments); }; });
}

} // namespace lathe::tools
