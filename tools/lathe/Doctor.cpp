#include "tools/lathe/Commands.h"

#include <iostream>

namespace lathe::tools {

/// Prints one device or why there is none; true if it is there.
static bool report(const char *name) {
  try {
    std::cout << lathe_device_description(createDevice(name, 0).get()) << "\n";
    return true;
  } catch (const CommandFailure &failure) {
    std::cout << name << ": " << failure.what() << "\n";
    return false;
  }
}

int examineMachine() {
  std::cout << "lathe " << lathe_version() << "\n";
  bool cpu = report("cpu"), cuda = report("cuda");
  return cpu || cuda ? 0 : LATHE_NOT_FOUND;
}

} // namespace lathe::tools
