#include "tools/lathe/Prompt.h"

#include <CLI/CLI.hpp>
#include <ctime>
#include <nlohmann/json.hpp>

namespace lathe::tools {

namespace {

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

} // namespace

void addPromptOptions(CLI::App &command, PromptArguments &arguments, const char *group) {
  command.add_option("--tools", arguments.tools, "JSON file: an array of functions that the model may call")
      ->group(group);
  command.add_option("--set", arguments.variables, "NAME=VALUE: a variable of the template, in JSON or as text")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--name", arguments.name, "Which of a model's templates, if it has several")->group(group);
  command.add_option("--time", arguments.time, "What the template takes for now, like 2024-07-26T15:04:05")
      ->group(group);
}

std::string renderPrompt(const Template &chatTemplate, const std::string &messages, const PromptArguments &arguments,
                         bool beginsAnswer) {
  auto given = nlohmann::ordered_json::object();
  for (const std::string &assignment : arguments.variables)
    setVariable(given, assignment);
  std::string tools = arguments.tools.empty() ? "" : readTextFile(arguments.tools);
  // An argument's bytes need not be UTF-8.
  std::string variables = given.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  lathe_template_options options = {};
  options.struct_size = sizeof(options);
  options.messages = messages.c_str();
  options.tools = arguments.tools.empty() ? nullptr : tools.c_str();
  options.variables = variables.c_str();
  options.no_generation_prompt = !beginsAnswer;
  setTime(arguments.time, options);
  char *text = nullptr;
  size_t bytes = 0;
  check(lathe_template_render(chatTemplate.get(), &options, &text, &bytes));
  std::unique_ptr<char, Release> prompt(text);
  return std::string(text, bytes);
}

Template templateOf(const Program &program, const Tokenizer &tokenizer, const std::string &file,
                    PromptArguments &arguments) {
  lathe_template *made = nullptr;
  if (file.empty()) {
    const char *name = arguments.name.empty() ? nullptr : arguments.name.c_str();
    try {
      check(lathe_template_create_for(program.get(), name, &made));
    } catch (const CommandFailure &failure) {
      if (failure.code != LATHE_NOT_FOUND)
        throw;
      throw CommandFailure(failure.code, std::string(failure.what()) + ", with --template");
    }
    return Template(made);
  }
  if (!arguments.name.empty())
    throw CommandFailure(LATHE_INVALID_ARGUMENT, "--name chooses among the model's templates, so not with --template");
  std::string text = readWholeFile(file);
  check(lathe_template_create(text.data(), text.size(), &made));
  const std::pair<const char *, lathe_special_token> names[] = {{"bos_token", LATHE_TOKEN_BOS},
                                                                {"eos_token", LATHE_TOKEN_EOS},
                                                                {"unk_token", LATHE_TOKEN_UNKNOWN},
                                                                {"pad_token", LATHE_TOKEN_PADDING}};
  for (auto [name, kind] : names) {
    size_t bytes = 0;
    int32_t id = lathe_tokenizer_special(tokenizer.get(), kind);
    if (const char *piece = lathe_tokenizer_piece(tokenizer.get(), id, &bytes)) {
      // First, so that --set can say otherwise; as a JSON text, so that it is not taken for anything else.
      nlohmann::json value = std::string(piece, bytes);
      std::string json = value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
      arguments.variables.insert(arguments.variables.begin(), std::string(name) + "=" + json);
    }
  }
  return Template(made);
}

} // namespace lathe::tools
