// The runtime's command. Exit codes: 0 success, otherwise the code of the failure in lathe.h: 1 wrong arguments,
// 2 not found, 3 corrupt artifact, 4 unsupported, 5 out of memory, 6 device error.
#include "tools/lathe/Commands.h"

#include <CLI/CLI.hpp>
#include <iostream>

using namespace lathe::tools;

int main(int argc, char **argv) {
  CLI::App app("Runs models that lathec has compiled.", "lathe");
  app.set_version_flag("--version", lathe_version());
  app.require_subcommand(1);
  app.footer("Exit codes: 0 success, 1 wrong arguments, 2 not found, 3 corrupt artifact, 4 unsupported,\n"
             "5 out of memory, 6 device error.");

  RunArguments run;
  addRunCommand(app, run);
  InspectArguments inspect;
  addInspectCommand(app, inspect);
  app.add_subcommand("doctor", "Say what this machine offers and what is missing");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError &error) {
    return app.exit(error) == 0 ? 0 : LATHE_INVALID_ARGUMENT;
  }
  try {
    if (app.got_subcommand("run"))
      runModel(run);
    else if (app.got_subcommand("inspect"))
      inspectModel(inspect);
    else
      return examineMachine();
    return 0;
  } catch (const CommandFailure &failure) {
    std::cerr << "lathe: " << failure.what() << "\n";
    return failure.code;
  } catch (const std::bad_alloc &) {
    std::cerr << "lathe: the system gives no more memory\n";
    return LATHE_OUT_OF_MEMORY;
  }
}
