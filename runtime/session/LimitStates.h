#ifndef LATHE_RUNTIME_SESSION_LIMITSTATES_H
#define LATHE_RUNTIME_SESSION_LIMITSTATES_H

#include "runtime/session/Executor.h"

namespace lathe::runtime {

/// What a session with these options makes room for. Throws LATHE_INVALID_ARGUMENT for options that cannot be met,
/// LATHE_UNSUPPORTED and LATHE_CORRUPT for states of the program that this runtime cannot keep.
StateLimits limitStates(const Program &program, const lathe_session_options &options);

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_SESSION_LIMITSTATES_H
