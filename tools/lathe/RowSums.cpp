// Sums of exponentials over rows of logits, which are what a comparison of language models takes most time for: eight
// doubles side by side, in copies for the levels of x86-64. No operation is fused or reordered, so all of them give the
// same bits.
#include "tools/lathe/RowSums.h"

#include <cstdint>
#include <cstring>
#include <limits>

#pragma clang fp contract(off)

#if defined(__x86_64__)
#define LATHE_LEVELS __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define LATHE_LEVELS
#endif
#define LATHE_INLINE [[gnu::always_inline]] static inline

namespace lathe::tools {

namespace {

constexpr size_t Lanes = 8;
using Doubles = double __attribute__((vector_size(64)));
using Longs = int64_t __attribute__((vector_size(64)));
using Floats = float __attribute__((vector_size(32)));

/// Behind the end -infinity, whose exp is 0.
LATHE_INLINE void load(const float *values, size_t count, Floats &result) {
  if (count >= Lanes) {
    std::memcpy(&result, values, sizeof(result));
    return;
  }
  result = Floats{} - std::numeric_limits<float>::infinity();
  std::memcpy(&result, values, count * sizeof(float));
}

LATHE_INLINE void loadBelow(const float *values, size_t count, double greatest, Doubles &result) {
  Floats floats;
  load(values, count, floats);
  result = __builtin_convertvector(floats, Doubles) - greatest;
}

/// exp(x) of numbers that are at most 0: 2^k * exp(r) with x = k * log 2 + r and |r| <= log(2) / 2, exp(r) by its
/// series, whose first term left out is 7e-15. 0 where it would be below 1e-307.
LATHE_INLINE void exponential(const Doubles &x, Doubles &result) {
  constexpr double Least = -707, Shift = 0x1.8p52; // adding it rounds to an integer, which the low bits then hold
  constexpr double Log2E = 0x1.71547652b82fep0, Log2High = 0x1.62e42feep-1, Log2Low = 0x1.a39ef35793c76p-33;
  Doubles inside = x < Least ? Doubles{} + Least : x; // not a number stays so
  Doubles shifted = inside * Log2E + Shift, k = shifted - Shift;
  Doubles r = (inside - k * Log2High) - k * Log2Low;
  Doubles sum = Doubles{} + 1.0 / 39916800;
  static constexpr double Factors[] = {1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120,
                                       1.0 / 24,      1.0 / 6,      0.5,         1.0,        1.0};
  for (double factor : Factors)
    sum = sum * r + factor;
  Longs scale = (reinterpret_cast<Longs>(shifted) + 1023) << 52; // the shift's own bits leave at the top
  result = x < Least ? Doubles{} : sum * reinterpret_cast<Doubles>(scale);
}

LATHE_INLINE double addUp(const Doubles &lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

} // namespace

LATHE_LEVELS float greatestOf(const float *values, size_t count) {
  Floats greatest = Floats{} - std::numeric_limits<float>::infinity();
  for (size_t i = 0; i < count; i += Lanes) {
    Floats floats;
    load(values + i, count - i, floats);
    greatest = floats > greatest ? floats : greatest;
  }
  float result = greatest[0];
  for (size_t lane = 1; lane != Lanes; ++lane)
    result = greatest[lane] > result ? greatest[lane] : result;
  return result;
}

LATHE_LEVELS double sumExp(const float *values, size_t count, float greatest) {
  Doubles sum = {};
  for (size_t i = 0; i < count; i += Lanes) {
    Doubles x, e;
    loadBelow(values + i, count - i, double(greatest), x);
    exponential(x, e);
    sum += e;
  }
  return addUp(sum);
}

LATHE_LEVELS WeightedSums sumDifferences(const float *p, const float *q, size_t count, float greatestP,
                                         float greatestQ) {
  Doubles source = {}, model = {}, difference = {};
  for (size_t i = 0; i < count; i += Lanes) {
    Doubles x, y, ex, ey;
    loadBelow(p + i, count - i, double(greatestP), x);
    loadBelow(q + i, count - i, double(greatestQ), y);
    exponential(x, ex);
    exponential(y, ey);
    source += ex;
    model += ey;
    difference += ex != 0.0 ? ex * (x - y) : Doubles{};
  }
  return {addUp(source), addUp(model), addUp(difference)};
}

} // namespace lathe::tools
