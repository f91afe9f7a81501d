// The expressions of ScalarOps.def as functions of `float`: `scalar::exp(x)`, `scalar::add(x, y)`.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H
#define LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H

#include <cmath>

namespace lathe::scalar {

// Inside of the namespace the names of the operations hide those of the C library; expf and tanhf do not clash.
#define LATHE_UNARY(Op, mnemonic, expression)                                                                          \
  inline float mnemonic(float x) { return expression; }
#define LATHE_BINARY(Op, mnemonic, expression)                                                                         \
  inline float mnemonic(float x, float y) { return expression; }
#include "dialects/lathe/ScalarOps.def"

} // namespace lathe::scalar

#endif // LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H
