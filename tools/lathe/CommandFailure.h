#ifndef LATHE_TOOLS_LATHE_COMMANDFAILURE_H
#define LATHE_TOOLS_LATHE_COMMANDFAILURE_H

#include <stdexcept>
#include <string>

namespace lathe::tools {

/// What ends a command: a message and one of lathe_code, which gives the exit code (tools/ExitCodes.h).
struct CommandFailure : std::runtime_error {
  CommandFailure(int code, const std::string &message) : std::runtime_error(message), code(code) {}
  int code;
};

} // namespace lathe::tools

#endif // LATHE_TOOLS_LATHE_COMMANDFAILURE_H
