// The elementwise operations as functions of f32: one for each line of ScalarOps.def.
#include "compiler/targets/cpu/kernels/Kernel.h"

using namespace lathe::cpu;

namespace {

/// tanh(x) within 2 ulp, without branches.
LATHE_INLINE float hyperbolicTangent(float x) {
  float magnitude = x < 0.0f ? -x : x;
  // From 0.6 on 1 - 2 / (e^2x + 1) loses nothing; e^2x = infinity gives 1.
  float large = 1.0f - 2.0f / (exponential(2.0f * magnitude) + 1.0f);
  // Below: x + x^3 p(x^2), p by least squares of the relative error on [0, 0.62].
  float square = x * x;
  float p = 2.16574222e-3f;
  p = multiplyAdd(p, square, -8.20212718e-3f);
  p = multiplyAdd(p, square, 2.17107031e-2f);
  p = multiplyAdd(p, square, -5.39486073e-2f);
  p = multiplyAdd(p, square, 1.33332208e-1f);
  p = multiplyAdd(p, square, -3.33333313e-1f);
  float small = multiplyAdd(magnitude * square, p, magnitude);
  float result = magnitude < 0.6f ? small : large;
  // The sign of -0 counts; NaN comes through `large`.
  return __builtin_copysignf(result, x);
}

} // namespace

#define expf exponential
#define tanhf hyperbolicTangent
#define LATHE_UNARY(Op, mnemonic, expression)                                                                          \
  LATHE_TEMPLATE float lathe_scalar_##mnemonic(float x) { return expression; }
#define LATHE_BINARY(Op, mnemonic, expression)                                                                         \
  LATHE_TEMPLATE float lathe_scalar_##mnemonic(float x, float y) { return expression; }
#include "dialects/lathe/ScalarOps.def"
