#include "tools/lathe/Eval.h"

#include "tools/ExitCodes.h"
#include "tools/Numbers.h"
#include "tools/lathe/Commands.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <optional>

namespace lathe::tools {

static int evaluate(const EvalArguments &arguments) {
  if (arguments.text.empty() && arguments.source.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "nothing to say about the model was asked for; give --perplexity FILE, "
                         "--against SOURCE or both");
  Model model = loadModel(arguments.model);
  bool isText = !arguments.text.empty();
  if (!isText && model.info().kind == LATHE_ENTRY_LANGUAGE_MODEL)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, arguments.model.model +
                                                     ": is a language model, and compared on a text; name one "
                                                     "with --perplexity");
  std::optional<TextSource> source;
  if (isText && !arguments.source.empty())
    source.emplace(arguments);
  nlohmann::json result = isText ? evaluateText(arguments, std::move(model), source ? &*source : nullptr)
                                 : evaluateTensors(arguments, model);
  if (arguments.json)
    std::cout << result.dump(2) << "\n";
  else
    isText ? printTextEvaluation(result) : printTensorEvaluation(result);
  return Success;
}

void addEvalCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<EvalArguments>();
  CLI::App *eval = app.add_subcommand(
      "eval", "Say how well a language model predicts a text, or how far a model is from its source");
  addModelOptions(*eval, arguments->model);
  eval->add_option("--perplexity", arguments->text, "The text file whose perplexity to print");
  eval->add_option("--against", arguments->source,
                   "The artifact of the model that this one was made from: say how far it is from that");
  addInputOptions(*eval, arguments->inputs, /*alwaysRandom=*/true);
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
