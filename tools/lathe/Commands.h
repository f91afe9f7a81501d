#ifndef LATHE_TOOLS_LATHE_COMMANDS_H
#define LATHE_TOOLS_LATHE_COMMANDS_H

#include <functional>

namespace CLI {
class App;
}

namespace lathe::tools {

/// What the command line asks for; returns the exit code or throws CommandFailure.
using Action = std::function<int()>;

// Each adds one command with its options; parsing it sets `chosen`.
void addBenchCommand(CLI::App &app, Action &chosen);
void addChatCommand(CLI::App &app, Action &chosen);
void addDoctorCommand(CLI::App &app, Action &chosen);
void addEmbedCommand(CLI::App &app, Action &chosen);
void addEvalCommand(CLI::App &app, Action &chosen);
void addInspectCommand(CLI::App &app, Action &chosen);
void addRunCommand(CLI::App &app, Action &chosen);
void addTemplateCommand(CLI::App &app, Action &chosen);
void addTokenizeCommand(CLI::App &app, Action &chosen);

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_COMMANDS_H
