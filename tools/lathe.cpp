// The runtime's command.
#include "tools/ExitCodes.h"
#include "tools/lathe/Commands.h"
#include "tools/lathe/Handles.h"
#include "tools/lathe/Ranks.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

using namespace lathe::tools;

/// Takes what was printed to where it goes; fails where that takes no more.
static int finish(int code) {
  bool printed = std::fflush(stdout) == 0 && std::cout.flush();
  if (!printed)
    std::cerr << "lathe: standard output: cannot write: " << std::strerror(errno) << "\n";
  return printed ? code : int(NotFound);
}

int main(int argc, char **argv) {
  std::signal(SIGXFSZ, SIG_IGN); // a file that grows beyond the user's limit is an error, as a full disk is
  CLI::App app("Runs models that lathec has compiled.", "lathe");
  app.set_version_flag("--version", lathe_version());
  app.require_subcommand(1);
  app.footer(ExitCodeHelp);

  Action chosen;
  addRunCommand(app, chosen);
  addChatCommand(app, chosen);
  addBenchCommand(app, chosen);
  addEvalCommand(app, chosen);
  addEmbedCommand(app, chosen);
  addInspectCommand(app, chosen);
  addTokenizeCommand(app, chosen);
  addTemplateCommand(app, chosen);
  addDoctorCommand(app, chosen);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? Success : InvalidUsage;
  }
  try {
    return finish(chosen());
  } catch (const FollowedToEnd &) {
    return Success;
  } catch (const CommandFailure &failure) {
    std::cerr << "lathe: " << failure.what() << "\n";
    return failure.code + 1;
  } catch (const nlohmann::json::exception &error) { // loading reads no plan: reports do
    std::cerr << "lathe: the artifact's manifest is not as lathec writes it: " << error.what()
              << "; compile the model again\n";
    return LATHE_CORRUPT + 1;
  } catch (const std::bad_alloc &) {
    std::cerr << "lathe: the system gives no more memory\n";
    return OutOfMemory;
  }
}
