// How our programs end: the same numbers in all of them.
#ifndef LATHE_TOOLS_EXITCODES_H
#define LATHE_TOOLS_EXITCODES_H

namespace lathe::tools {

/// From InvalidUsage on a code is one more than the code of the failure in lathe.h.
enum ExitCode {
  Success = 0,
  ModelFailed = 1,  ///< the model or IR could not be compiled, as asked and with what is installed, or evaluated
  InvalidUsage = 2, ///< the command line, or an input that does not fit the model
  NotFound = 3,     ///< a file that cannot be read or written; no such entry, driver or device to run a model with
  Corrupt = 4,
  Unsupported = 5,
  OutOfMemory = 6,
  DeviceError = 7,
  Interrupted = 130 ///< by Ctrl-C, while text was written or read
};

/// For the end of --help.
inline constexpr char ExitCodeHelp[] =
    "Exit codes: 0 done, 1 the model could not be compiled or evaluated, 2 the command line or an input is wrong,\n"
    "3 a file, entry or device is not there or cannot be read or written, 4 corrupt artifact, 5 unsupported,\n"
    "6 out of memory, 7 device error, 130 ended by Ctrl-C.";

} // namespace lathe::tools

#endif // LATHE_TOOLS_EXITCODES_H
