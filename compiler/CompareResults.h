// Whether two evaluations of a model agree, and where they differ most.
#ifndef LATHE_COMPILER_COMPARERESULTS_H
#define LATHE_COMPILER_COMPARERESULTS_H

#include "dialects/lathe/reference/ReferenceValue.h"
#include "dialects/lathe/reference/Tolerance.h"
#include <string>

namespace lathe {

/// Empty when `found` agrees with `expected`: floats within `tolerance`, integers exactly, NaN and infinities at the
/// same places. Else what is wrong, with the largest difference and its place: "differs by 0.5 at [0, 3]: found 1.5,
/// needed 1 (tolerance 1e-05, relative RMS 2e-06)".
std::string compareResults(const ReferenceValue &expected, const ReferenceValue &found, const Tolerance &tolerance);

} // namespace lathe

#endif // LATHE_COMPILER_COMPARERESULTS_H
