// The `math` of the expressions of ScalarOps.def on the CPU: what matters for speed is computed here, without branches,
// so that loops over it become vector code; the rest calls the C library of whoever runs the image, in f64.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_MATH_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_MATH_H

#include "compiler/targets/cpu/kernels/Kernel.h"
#include "dialects/lathe/ScalarTypes.h"
#include "runtime/SmallNumbers.h"

namespace lathe::cpu {

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

/// erf(x) within 2 ulp, without branches.
LATHE_INLINE float errorFunction(float x) {
  float magnitude = __builtin_fabsf(x);
  // Up to 1: x + x (2 / sqrt(pi) - 1 + x^2 p(x^2)), p minimax of the relative error.
  float square = x * x;
  float p = 7.89868645e-5f;
  p = multiplyAdd(p, square, -8.02481605e-4f);
  p = multiplyAdd(p, square, 5.19016199e-3f);
  p = multiplyAdd(p, square, -2.68549155e-2f);
  p = multiplyAdd(p, square, 1.12836175e-1f);
  p = multiplyAdd(p, square, -3.76126289e-1f);
  float small = multiplyAdd(magnitude, multiplyAdd(square, p, 0.128379167f), magnitude);
  // Beyond: 1 - e^q, q minimax for -ln(1 - erf(x)) on [1, 4]; from 4 on the result is 1. NaN fails the comparison.
  float bounded = magnitude > 4.0f ? 4.0f : magnitude;
  float q = 1.86380086e-4f;
  q = multiplyAdd(q, bounded, -2.94766668e-3f);
  q = multiplyAdd(q, bounded, 2.18380969e-2f);
  q = multiplyAdd(q, bounded, -1.03106819e-1f);
  q = multiplyAdd(q, bounded, -6.38144732e-1f);
  q = multiplyAdd(q, bounded, -1.12708926f);
  q = multiplyAdd(q, bounded, -3.41512583e-4f);
  float large = 1.0f - exponential(q);
  return __builtin_copysignf(magnitude < 1.0f ? small : large, x);
}

/// ln(x) within 2 ulp, without branches: -infinity at 0, NaN below.
LATHE_INLINE float logarithm(float x) {
  // Subnormal numbers have no leading bit: they are scaled first.
  bool subnormal = x < 1.17549435e-38f;
  float scaled = subnormal ? x * 8388608.0f : x;
  // x = 2^n (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1): adding what sqrt(1/2) lacks to 1 carries into the exponent.
  uint32_t bits = __builtin_bit_cast(uint32_t, scaled) + (0x3F800000 - 0x3F3504F3);
  int32_t exponent = static_cast<int32_t>(bits >> 23) - 127;
  float n = static_cast<float>(exponent) - (subnormal ? 23.0f : 0.0f);
  float f = __builtin_bit_cast(float, (bits & 0x007FFFFF) + 0x3F3504F3) - 1.0f;
  // ln(1 + f) = f - f^2 / 2 + f^3 p(f), p minimax of the relative error.
  float p = 6.74660131e-2f;
  p = multiplyAdd(p, f, -1.16756409e-1f);
  p = multiplyAdd(p, f, 1.18881747e-1f);
  p = multiplyAdd(p, f, -1.24055915e-1f);
  p = multiplyAdd(p, f, 1.42195508e-1f);
  p = multiplyAdd(p, f, -1.66679963e-1f);
  p = multiplyAdd(p, f, 2.00021192e-1f);
  p = multiplyAdd(p, f, -2.50000089e-1f);
  p = multiplyAdd(p, f, 3.33333135e-1f);
  float square = f * f;
  // n ln 2 in two parts, the first exact.
  float small = multiplyAdd(square * f, p, multiplyAdd(n, -2.12194440e-4f, -0.5f * square));
  float result = multiplyAdd(n, 0.693359375f, f + small);
  result = x == __builtin_inff() ? x : result;
  result = x == 0.0f ? -__builtin_inff() : result;
  return x >= 0.0f ? result : __builtin_nanf("");
}

/// ln(1 + x) for x in [0, 1], within 3 ulp.
LATHE_INLINE float logarithmOfOnePlus(float x) {
  // The logarithm of the rounded sum, corrected by the ratio of what was added to what arrived.
  float sum = 1.0f + x, added = sum - 1.0f;
  float result = logarithm(sum) * (x / added);
  return added == 0.0f ? x : result;
}

/// The angle x in quarter turns: the nearest whole number, of which the low bits count, and the rest in radians.
struct QuarterTurns {
  uint32_t whole;
  float rest; ///< |rest| <= pi / 4
};

LATHE_INLINE QuarterTurns reduceAngle(float x) {
  // Below 2^30: x - n pi / 2 with pi / 2 in two parts of f64. Adding 1.5 * 2^52 leaves n in the low bits.
  constexpr double Shift = 6755399441055744.0;
  double wide = x, shifted = __builtin_elementwise_fma(wide, 0.6366197723675814, Shift), n = shifted - Shift;
  double near = __builtin_elementwise_fma(n, -1.5707963267948966, wide);
  near = __builtin_elementwise_fma(n, -6.123233995736766e-17, near);
  // From there on: x = m 2^e, and m times the bits of 2 / pi from 2^1 / 2^e on, modulo 2^2 (Payne and Hanek, 1983).
  static constexpr uint32_t TwoOverPi[] = {0xA2F9836E, 0x4E441529, 0xFC2757D1, 0xF534DDC0,
                                           0xDB629599, 0x3C439041, 0xFE5163AB, 0xDEBBC561};
  uint32_t bits = __builtin_bit_cast(uint32_t, x);
  int64_t exponent = static_cast<int64_t>(bits >> 23 & 255) - 150;
  int64_t start = exponent < 2 ? 0 : exponent > 104 ? 102 : exponent - 2;
  uint64_t word = start >> 5, shift = start & 31;
  uint64_t high = static_cast<uint64_t>(TwoOverPi[word]) << 32 | TwoOverPi[word + 1];
  uint64_t low = static_cast<uint64_t>(TwoOverPi[word + 2]) << 32 | TwoOverPi[word + 3];
  uint64_t window = high << shift | (low >> 1) >> (63 - shift), following = (low << shift) >> 32;
  uint64_t m = (bits & 0x007FFFFF) | 0x00800000;
  uint64_t product = m * window + (m * following >> 32); // quarter turns times 2^62
  uint64_t quarters = (product + (uint64_t(1) << 61)) >> 62;
  double far = static_cast<double>(static_cast<int64_t>(product - (quarters << 62))) * 3.4061215800255155e-19;
  bool isNear = __builtin_fabsf(x) < 1073741824.0f, negative = bits >> 31;
  uint32_t nearWhole = static_cast<uint32_t>(__builtin_bit_cast(uint64_t, shifted));
  uint32_t farWhole = static_cast<uint32_t>(negative ? -quarters : quarters);
  float rest = static_cast<float>(isNear ? near : negative ? -far : far);
  return {isNear ? nearWhole : farWhole, x - x == 0.0f ? rest : __builtin_nanf("")};
}

/// The sine of `whole` quarter turns and `rest` radians within 2 ulp; p and q are minimax.
LATHE_INLINE float sineOf(QuarterTurns angle) {
  float x = angle.rest, square = x * x;
  float p = 2.71811405e-6f;
  p = multiplyAdd(p, square, -1.98393114e-4f);
  p = multiplyAdd(p, square, 8.33332911e-3f);
  p = multiplyAdd(p, square, -1.66666672e-1f);
  float sine = multiplyAdd(x * square, p, x);
  float q = -2.72056838e-7f;
  q = multiplyAdd(q, square, 2.47994592e-5f);
  q = multiplyAdd(q, square, -1.38888834e-3f);
  q = multiplyAdd(q, square, 4.16666679e-2f);
  float cosine = multiplyAdd(square * square, q, multiplyAdd(square, -0.5f, 1.0f));
  float value = angle.whole & 1 ? cosine : sine;
  return angle.whole & 2 ? -value : value;
}

LATHE_INLINE float sine(float x) {
  float value = sineOf(reduceAngle(x));
  return x == 0.0f ? x : value; // the sign of -0 counts
}
LATHE_INLINE float cosine(float x) {
  QuarterTurns angle = reduceAngle(x);
  return sineOf({angle.whole + 1, angle.rest});
}

/// x^y within 1 ulp, without branches: 2^(y log2 x) in f64. Special cases are those of the C library.
LATHE_INLINE float power(float x, float y) {
  double magnitude = __builtin_fabsf(x);
  // log2 of 2^n (1 + f), f in [sqrt(1/2) - 1, sqrt(2) - 1), by its series in s = f / (2 + f).
  uint64_t bits = __builtin_bit_cast(uint64_t, magnitude) + (0x3FF0000000000000 - 0x3FE6A09E667F3BCD);
  double n = static_cast<double>(static_cast<int32_t>(bits >> 52) - 1023);
  double f = __builtin_bit_cast(double, (bits & 0x000FFFFFFFFFFFFF) + 0x3FE6A09E667F3BCD) - 1.0;
  double s = f / (2.0 + f), square = s * s;
  double p = 0.22195308321368667;
  p = __builtin_elementwise_fma(p, square, 0.2623081892525388);
  p = __builtin_elementwise_fma(p, square, 0.3205988979752252);
  p = __builtin_elementwise_fma(p, square, 0.4121985831111324);
  p = __builtin_elementwise_fma(p, square, 0.5770780163555853);
  p = __builtin_elementwise_fma(p, square, 0.9617966939259756);
  p = __builtin_elementwise_fma(p, square, 2.8853900817779268);
  double logarithm = __builtin_elementwise_fma(s, p, n);
  logarithm = magnitude == 0.0 ? -__builtin_inf() : magnitude == __builtin_inf() ? magnitude : logarithm;
  // 2^z = 2^k 2^g, |g| <= 1/2, by the series of e^(g ln 2). Beyond the bounds f32 is infinite or zero.
  double z = logarithm == 0.0 || y == 0.0f ? 0.0 : logarithm * static_cast<double>(y);
  double bounded = z > 200.0 ? 200.0 : z < -200.0 ? -200.0 : z;
  constexpr double Shift = 6755399441055744.0;
  double shifted = bounded + Shift, g = bounded - (shifted - Shift);
  double e = 1.01780860092397e-07;
  e = __builtin_elementwise_fma(e, g, 1.321548679014431e-06);
  e = __builtin_elementwise_fma(e, g, 1.5252733804059841e-05);
  e = __builtin_elementwise_fma(e, g, 0.0001540353039338161);
  e = __builtin_elementwise_fma(e, g, 0.0013333558146428443);
  e = __builtin_elementwise_fma(e, g, 0.009618129107628477);
  e = __builtin_elementwise_fma(e, g, 0.05550410866482158);
  e = __builtin_elementwise_fma(e, g, 0.24022650695910072);
  e = __builtin_elementwise_fma(e, g, 0.6931471805599453);
  e = __builtin_elementwise_fma(e, g, 1.0);
  uint64_t scale = (__builtin_bit_cast(uint64_t, shifted) << 52) + 0x3FF0000000000000;
  float result = static_cast<float>(e * __builtin_bit_cast(double, scale));
  // The sign of an odd power; a negative base has no power that is not whole.
  float half = y * 0.5f;
  bool whole = __builtin_elementwise_floor(y) == y, odd = whole && __builtin_elementwise_floor(half) != half;
  result = odd ? __builtin_copysignf(result, x) : result;
  bool undefined = (x < 0.0f && !whole && x != -__builtin_inff()) || x != x || y != y;
  return undefined && x != 1.0f && y != 0.0f ? __builtin_nanf("") : result;
}

struct Math {
  const Launch *launch;

  LATHE_INLINE const runtime::MathApi &library() const { return *launch->call->api->math; }

// In f64, for f32 rounded once.
#define LATHE_LIBRARY(name)                                                                                            \
  LATHE_INLINE float name(float x) const { return static_cast<float>(library().name(x)); }                             \
  LATHE_INLINE double name(double x) const { return library().name(x); }
#define LATHE_OWN(name, function)                                                                                      \
  LATHE_INLINE float name(float x) const { return function(x); }                                                       \
  LATHE_INLINE double name(double x) const { return library().name(x); }
#define LATHE_INSTRUCTION(name, function)                                                                              \
  LATHE_INLINE float name(float x) const { return function(x); }                                                       \
  LATHE_INLINE double name(double x) const { return function(x); }
  LATHE_INSTRUCTION(abs, __builtin_elementwise_abs)
  LATHE_LIBRARY(acos)
  LATHE_LIBRARY(acosh)
  LATHE_LIBRARY(asin)
  LATHE_LIBRARY(asinh)
  LATHE_LIBRARY(atan)
  LATHE_LIBRARY(atanh)
  LATHE_INSTRUCTION(ceil, __builtin_elementwise_ceil)
  LATHE_OWN(cos, cosine)
  LATHE_LIBRARY(cosh)
  LATHE_OWN(erf, errorFunction)
  LATHE_OWN(exp, exponential)
  LATHE_INSTRUCTION(floor, __builtin_elementwise_floor)
  LATHE_OWN(log, logarithm)
  LATHE_OWN(log1p, logarithmOfOnePlus)
  LATHE_INSTRUCTION(roundEven, __builtin_elementwise_roundeven)
  LATHE_OWN(sin, sine)
  LATHE_LIBRARY(sinh)
  LATHE_INSTRUCTION(sqrt, __builtin_elementwise_sqrt)
  LATHE_LIBRARY(tan)
  LATHE_OWN(tanh, hyperbolicTangent)
#undef LATHE_LIBRARY
#undef LATHE_OWN
#undef LATHE_INSTRUCTION
  LATHE_INLINE float roundE4M3(float x) const { return E4M3::widen(E4M3::round(x)); }
  LATHE_INLINE double roundE4M3(double x) const { return roundE4M3(static_cast<float>(x)); }
  template <typename T> LATHE_INLINE T divide(T x, T y) const { return x / y; }
  template <typename T> LATHE_INLINE T fmod(T x, T y) const { return static_cast<T>(library().fmod(x, y)); }
  LATHE_INLINE float pow(float x, float y) const { return power(x, y); }
  LATHE_INLINE double pow(double x, double y) const { return library().pow(x, y); }
};

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_MATH_H
