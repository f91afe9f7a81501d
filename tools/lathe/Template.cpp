#include "tools/ExitCodes.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Handles.h"

#include <CLI/CLI.hpp>
#include <ctime>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace lathe::tools {

namespace {

struct TemplateArguments {
  std::string file, messages, tools, name, time;
  std::vector<std::string> variables; ///< NAME=VALUE
  bool noGenerationPrompt = false;
};

/// A model's template, or the file as it is.
Template readTemplate(const TemplateArguments &arguments) {
  char magic[4] = {};
  std::ifstream(arguments.file, std::ios::binary).read(magic, sizeof(magic));
  std::string_view begin(magic, sizeof(magic));
  lathe_template *made = nullptr;
  if (begin == "GGUF" || begin == "LATH") {
    check(
        lathe_template_load(arguments.file.c_str(), arguments.name.empty() ? nullptr : arguments.name.c_str(), &made));
  } else if (!arguments.name.empty()) {
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--name chooses among the templates of a model");
  } else {
    std::string text = readWholeFile(arguments.file);
    check(lathe_template_create(text.data(), text.size(), &made));
  }
  return Template(made);
}

/// NAME=JSON, or NAME=text where that is no JSON.
void setVariable(nlohmann::ordered_json &variables, const std::string &assignment) {
  size_t equals = assignment.find('=');
  if (equals == 0 || equals == std::string::npos)
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--set needs NAME=VALUE, but found '" + assignment + "'");
  std::string value = assignment.substr(equals + 1);
  auto json = nlohmann::ordered_json::parse(value, nullptr, /*allow_exceptions=*/false);
  variables[assignment.substr(0, equals)] = json.is_discarded() ? nlohmann::ordered_json(value) : json;
}

/// Sets the time that strftime_now writes: what --time says, or this machine's local time.
void setTime(const std::string &given, lathe_template_options &options) {
  if (given.empty()) {
    time_t now = std::time(nullptr);
    std::tm local = {};
    localtime_r(&now, &local);
    options.time = now;
    options.utc_offset = int32_t(local.tm_gmtoff);
    return;
  }
  std::tm time = {};
  const char *end = strptime(given.c_str(), "%Y-%m-%dT%H:%M:%S", &time);
  if (!end || *end)
    throw CommandFailure(LATHE_INVALID_ARGUMENT,
                         "--time needs a time like 2024-07-26T15:04:05, but found '" + given + "'");
  options.time = timegm(&time);
}

int printPrompt(const TemplateArguments &arguments) {
  Template chatTemplate = readTemplate(arguments);
  auto given = nlohmann::ordered_json::object();
  for (const std::string &assignment : arguments.variables)
    setVariable(given, assignment);
  std::string messages = readWholeFile(arguments.messages);
  std::string tools = arguments.tools.empty() ? "" : readWholeFile(arguments.tools);
  // An argument's bytes need not be UTF-8.
  std::string variables = given.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  lathe_template_options options = {};
  options.struct_size = sizeof(options);
  options.messages = messages.c_str();
  options.tools = arguments.tools.empty() ? nullptr : tools.c_str();
  options.variables = variables.c_str();
  options.no_generation_prompt = arguments.noGenerationPrompt;
  setTime(arguments.time, options);

  char *text = nullptr;
  size_t bytes = 0;
  check(lathe_template_render(chatTemplate.get(), &options, &text, &bytes));
  std::unique_ptr<char, Release> prompt(text);
  std::cout.write(text, std::streamsize(bytes)).flush();
  return Success;
}

} // namespace

void addTemplateCommand(CLI::App &app, Action &chosen) {
  auto arguments = std::make_shared<TemplateArguments>();
  CLI::App *command = app.add_subcommand("template", "Print the prompt that a chat template makes of messages");
  command->add_option("file", arguments->file, "A .lathe or .gguf file, or the template's text")->required();
  command->add_option("--messages", arguments->messages, "JSON file: [{\"role\": \"user\", \"content\": \"...\"}, ...]")
      ->required();
  command->add_option("--tools", arguments->tools, "JSON file: an array of functions that the model may call");
  command->add_option("--set", arguments->variables, "NAME=VALUE: a variable, in JSON or as text");
  command->add_option("--name", arguments->name, "Which of a model's templates, if it has several");
  command->add_option("--time", arguments->time, "What the template takes for now, like 2024-07-26T15:04:05");
  command->add_flag("--no-generation-prompt", arguments->noGenerationPrompt, "Do not begin the model's answer");
  command->callback([arguments, &chosen] { chosen = [arguments] { return printPrompt(*arguments); }; });
}

} // namespace lathe::tools
