// The `math` of the expressions of ScalarOps.def: functions that NVRTC has built in, by one name for both float types.
#ifndef LATHE_KERNELS_SCALAR_MATH_CUH
#define LATHE_KERNELS_SCALAR_MATH_CUH

#include "types.cuh"

#include "dialects/lathe/PowInteger.h"

namespace lathe::kernels {

struct Math {
#define LATHE_MATH(name, function)                                                                                     \
  __device__ float name(float x) const { return ::function##f(x); }                                                    \
  __device__ double name(double x) const { return ::function(x); }
  LATHE_MATH(abs, fabs)
  LATHE_MATH(acos, acos)
  LATHE_MATH(acosh, acosh)
  LATHE_MATH(asin, asin)
  LATHE_MATH(asinh, asinh)
  LATHE_MATH(atan, atan)
  LATHE_MATH(atanh, atanh)
  LATHE_MATH(ceil, ceil)
  LATHE_MATH(cos, cos)
  LATHE_MATH(cosh, cosh)
  LATHE_MATH(erf, erf)
  LATHE_MATH(exp, exp)
  LATHE_MATH(floor, floor)
  LATHE_MATH(log, log)
  LATHE_MATH(log1p, log1p)
  LATHE_MATH(roundEven, rint)
  LATHE_MATH(sin, sin)
  LATHE_MATH(sinh, sinh)
  LATHE_MATH(sqrt, sqrt)
  LATHE_MATH(tan, tan)
  LATHE_MATH(tanh, tanh)
#undef LATHE_MATH
  // A division that is right to the last bit has a branch in it, which keeps neighbours from being under way together.
  __device__ float divide(float x, float y) const { return divideNearly(x, y); }
  __device__ double divide(double x, double y) const { return x / y; }
  __device__ float roundE4M3(float x) const { return toValue(Float8{roundFloat8(x)}); }
  __device__ double roundE4M3(double x) const { return roundE4M3(float(x)); }
  __device__ float fmod(float x, float y) const { return ::fmodf(x, y); }
  __device__ double fmod(double x, double y) const { return ::fmod(x, y); }
  __device__ float pow(float x, float y) const { return ::powf(x, y); }
  __device__ double pow(double x, double y) const { return ::pow(x, y); }
};

} // namespace lathe::kernels

#endif // LATHE_KERNELS_SCALAR_MATH_CUH
