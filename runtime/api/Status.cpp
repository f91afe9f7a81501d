#include "runtime/api/Status.h"

#include <string>

struct lathe_status_record {
  lathe_code code;
  std::string message;
};

namespace lathe::runtime {

/// What is handed out when there is no memory for a record: its address says all there is to say.
static constexpr char NoMemory = 0;
static lathe_status noMemory() { return reinterpret_cast<lathe_status>(const_cast<char *>(&NoMemory)); }

lathe_status makeStatus(lathe_code code, const char *function, const char *text) noexcept {
  try {
    return new lathe_status_record{code, std::string(function) + ": " + text};
  } catch (const std::bad_alloc &) {
    return noMemory();
  }
}

} // namespace lathe::runtime

using lathe::runtime::noMemory;

lathe_code lathe_status_code(lathe_status status) {
  return status == noMemory() ? LATHE_OUT_OF_MEMORY : status ? status->code : lathe_code(0);
}

const char *lathe_status_message(lathe_status status) {
  if (!status)
    return "";
  return status == noMemory() ? "the system gives no more memory" : status->message.c_str();
}

void lathe_status_release(lathe_status status) {
  if (status != noMemory())
    delete status;
}

const char *lathe_version(void) { return LATHE_VERSION; }
