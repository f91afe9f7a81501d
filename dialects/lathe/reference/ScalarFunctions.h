// The expressions of ScalarOps.def as overloaded functions: `scalar_exp(float)`, `scalar_add(int8_t, int8_t)`.
#ifndef LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H
#define LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H

#include "dialects/lathe/ScalarTypes.h"
#include "runtime/SmallNumbers.h"
#include <cmath>

namespace lathe::scalar {

/// The `math` of the expressions: the C library.
struct Math {
#define LATHE_MATH(name, function)                                                                                     \
  float name(float x) const { return std::function(x); }                                                               \
  double name(double x) const { return std::function(x); }
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
  LATHE_MATH(roundEven, nearbyint)
  LATHE_MATH(sin, sin)
  LATHE_MATH(sinh, sinh)
  LATHE_MATH(sqrt, sqrt)
  LATHE_MATH(tan, tan)
  LATHE_MATH(tanh, tanh)
#undef LATHE_MATH
  float roundE4M3(float x) const { return E4M3::widen(E4M3::round(x)); }
  double roundE4M3(double x) const { return roundE4M3(float(x)); }
  template <typename T> T divide(T x, T y) const { return x / y; }
  template <typename T> T fmod(T x, T y) const { return std::fmod(x, y); }
  float pow(float x, float y) const { return std::pow(x, y); }
  double pow(double x, double y) const { return std::pow(x, y); }
};
inline constexpr Math math;

#define LATHE_DEFINE(Type, Wide, Result, mnemonic, parameters, expression)                                             \
  inline Result scalar_##mnemonic parameters {                                                                         \
    using T [[maybe_unused]] = Type;                                                                                   \
    using W [[maybe_unused]] = Wide;                                                                                   \
    return Result(expression);                                                                                         \
  }
#define LATHE_DEFINE_UNARY(name, Type, Wide, mnemonic, expression)                                                     \
  LATHE_DEFINE(Type, Wide, Type, mnemonic, (Type x), expression)
#define LATHE_DEFINE_PREDICATE(name, Type, Wide, mnemonic, expression)                                                 \
  LATHE_DEFINE(Type, Wide, bool, mnemonic, (Type x), expression)
#define LATHE_DEFINE_BINARY(name, Type, Wide, mnemonic, expression)                                                    \
  LATHE_DEFINE(Type, Wide, Type, mnemonic, (Type x, Type y), expression)
#define LATHE_DEFINE_COMPARISON(name, Type, Wide, mnemonic, expression)                                                \
  LATHE_DEFINE(Type, Wide, bool, mnemonic, (Type x, Type y), expression)

#define LATHE_UNARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_DEFINE_UNARY, mnemonic, expression)
#define LATHE_UNARY_ALSO LATHE_UNARY
#define LATHE_PREDICATE(Op, mnemonic, types, expression)                                                               \
  LATHE_EACH_##types(LATHE_DEFINE_PREDICATE, mnemonic, expression)
#define LATHE_BINARY(Op, mnemonic, types, expression) LATHE_EACH_##types(LATHE_DEFINE_BINARY, mnemonic, expression)
#define LATHE_BINARY_ALSO LATHE_BINARY
#define LATHE_COMPARISON(Op, mnemonic, types, expression)                                                              \
  LATHE_EACH_##types(LATHE_DEFINE_COMPARISON, mnemonic, expression)
#include "dialects/lathe/ScalarOps.def"
#undef LATHE_DEFINE
#undef LATHE_DEFINE_UNARY
#undef LATHE_DEFINE_PREDICATE
#undef LATHE_DEFINE_BINARY
#undef LATHE_DEFINE_COMPARISON

} // namespace lathe::scalar

#endif // LATHE_DIALECTS_LATHE_REFERENCE_SCALARFUNCTIONS_H
