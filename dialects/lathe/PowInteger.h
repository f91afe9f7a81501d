// The power of integers, which ScalarOps.def has no expression for: compiled natively, to bitcode and by NVRTC, for
// which instructions.cuh has declared the integers.
#ifndef LATHE_DIALECTS_LATHE_POWINTEGER_H
#define LATHE_DIALECTS_LATHE_POWINTEGER_H

#ifndef __CUDACC_RTC__
#include <cstdint>
#endif

namespace lathe {

/// x^y for integers, wrapping around. A negative exponent gives 1 / x^-y rounded towards zero, and 0 for x = 0.
template <typename T> constexpr T powInteger(T x, T y) {
  if (y < T(0))
    return x == T(1) ? T(1) : x == T(-1) ? (y & 1 ? T(-1) : T(1)) : T(0);
  uint64_t base = uint64_t(x), result = 1;
  for (uint64_t rest = uint64_t(y); rest != 0; rest >>= 1, base *= base)
    if (rest & 1)
      result *= base;
  return T(result);
}

} // namespace lathe

#endif // LATHE_DIALECTS_LATHE_POWINTEGER_H
