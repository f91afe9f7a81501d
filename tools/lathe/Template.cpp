#include "tools/ExitCodes.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Prompt.h"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

namespace lathe::tools {

namespace {

struct TemplateArguments {
  std::string file, messages;
  PromptArguments prompt;
  bool noGenerationPrompt = false;
};

/// A model's template, or the file as it is.
Template readTemplate(const TemplateArguments &arguments) {
  char magic[4] = {};
  std::ifstream(arguments.file, std::ios::binary).read(magic, sizeof(magic));
  std::string_view begin(magic, sizeof(magic));
  const std::string &name = arguments.prompt.name;
  lathe_template *made = nullptr;
  if (begin == "GGUF" || begin == "LATH") {
    check(lathe_template_load(arguments.file.c_str(), name.empty() ? nullptr : name.c_str(), &made));
  } else if (!name.empty()) {
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--name chooses among the templates of a model");
  } else {
    std::string text = readWholeFile(arguments.file);
    check(lathe_template_create(text.data(), text.size(), &made));
  }
  return Template(made);
}

int printPrompt(const TemplateArguments &arguments) {
  Template chatTemplate = readTemplate(arguments);
  std::string messages = readTextFile(arguments.messages);
  std::cout << renderPrompt(chatTemplate, messages, arguments.prompt, !arguments.noGenerationPrompt) << std::flush;
  return Success;
}

} // namespace

void addTemplateCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<TemplateArguments>();
  CLI::App *command = app.add_subcommand("template", "Print the prompt that a chat template makes of messages");
  command->add_option("file", arguments->file, "A .lathe or .gguf file, or the template's text")->required();
  command->add_option("--messages", arguments->messages, "JSON file: [{\"role\": \"user\", \"content\": \"...\"}, ...]")
      ->required();
  command->add_flag("--no-generation-prompt", arguments->noGenerationPrompt, "Do not begin the model's answer");
  addPromptOptions(*command, arguments->prompt, "Options");
  command->callback([arguments, &chosen] { chosen = [arguments] { return printPrompt(*arguments); }; });
}

} // namespace lathe::tools
