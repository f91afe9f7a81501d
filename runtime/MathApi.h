// The table of mathematical functions (HostAbi.h), filled from the C library of whoever includes this.
#ifndef LATHE_RUNTIME_MATHAPI_H
#define LATHE_RUNTIME_MATHAPI_H

#include "runtime/HostAbi.h"
#include <math.h>

namespace lathe::runtime {

inline constexpr MathApi MathFunctions = {
#define LATHE_MATH_UNARY(name) ::name##f, static_cast<double (*)(double)>(::name),
#define LATHE_MATH_BINARY(name) ::name##f, static_cast<double (*)(double, double)>(::name),
#include "runtime/MathFunctions.def"
};

} // namespace lathe::runtime

#endif // LATHE_RUNTIME_MATHAPI_H
