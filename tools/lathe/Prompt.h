#ifndef LATHE_TOOLS_LATHE_PROMPT_H
#define LATHE_TOOLS_LATHE_PROMPT_H

#include "tools/lathe/Handles.h"

#include <vector>

namespace lathe::tools {

/// What a chat template is given beside the messages, as the command line says it.
struct PromptArguments {
  std::string tools, name, time;
  std::vector<std::string> variables; ///< NAME=VALUE
};
/// --tools, --set, --name and --time.
void addPromptOptions(CLI::App &command, PromptArguments &arguments, const char *group);

/// The prompt that a template makes of messages, which are JSON. `beginsAnswer`: it ends where the model's answer is to
/// begin.
std::string renderPrompt(const Template &chatTemplate, const std::string &messages, const PromptArguments &arguments,
                         bool beginsAnswer);

/// The template in `file`, which sees the model's special tokens, or without one the model's own.
Template templateOf(const Program &program, const Tokenizer &tokenizer, const std::string &file,
                    PromptArguments &arguments);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_PROMPT_H
