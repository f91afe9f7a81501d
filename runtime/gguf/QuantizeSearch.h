// Searches for the scale, or the scale and minimum, of 16 groups at a time: the least sum of weighted squared errors.
//
// Every search starts from several candidates spread over what the extremes of a group suggest. A candidate is judged
// by the error that is left when its codes keep but its scale (and minimum) are solved for by least squares. The best
// is then refined by turns, codes for a scale and a scale for codes, with what the format can store.
#ifndef LATHE_RUNTIME_GGUF_QUANTIZESEARCH_H
#define LATHE_RUNTIME_GGUF_QUANTIZESEARCH_H

#include "runtime/gguf/QuantizeLanes.h"

namespace lathe::gguf::LATHE_LEVEL {

//===- Grids: what a code stands for ------------------------------------------------------------------------------===//

/// Integers from `Low` to `High`.
template <int Low, int High> struct Integers {
  static constexpr bool IsSymmetric = Low == -High;
  static constexpr int Lowest = Low;
  LATHE_INLINE static Floats nearest(Floats y) { return nearestInteger(clamp(y, Low, High)); }
  LATHE_INLINE static Ints code(Floats y) { return toInts(nearest(y)) - Low; }
};

/// 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives.
struct E2M1 {
  static constexpr bool IsSymmetric = true;
  LATHE_INLINE static Floats nearest(Floats y) {
    // Steps are 0.5 below 2, 1 below 4, then 2.
    constexpr float Shift = 12582912.0f;
    y = clamp(y, -6.0f, 6.0f);
    Floats size = magnitude(y);
    Floats shift = size < 2.0f ? splat(Shift / 2) : size < 4.0f ? splat(Shift) : splat(Shift * 2);
    return (y + shift) - shift;
  }
  LATHE_INLINE static Ints code(Floats y) {
    Floats value = nearest(y), size = magnitude(value);
    Floats index = size <= 2.0f ? size * 2.0f : size < 4.0f ? splat(5.0f) : size * 0.5f + 4.0f;
    return toInts(index) | (value < 0.0f ? splatInt(8) : Ints{});
  }
};

/// The table of IQ4: denser around zero, as weights are.
struct Iq4 {
  static constexpr bool IsSymmetric = false;
  static constexpr Floats Table = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  /// Above the middle between two values the larger one is nearer.
  static constexpr Floats Middles = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                                     7.0f,    19.0f,  31.5f,  45.5f,  61.0f,  79.0f,  101.0f, __builtin_inff()};

#ifdef __AVX512F__
  // One instruction looks sixteen values up, so the middles are searched by halves.
  LATHE_INLINE static Ints code(Floats y) {
    Ints code = (y > Middles[7]) & 8;
    code += (y > __builtin_shufflevector(Middles, code + 3)) & 4;
    code += (y > __builtin_shufflevector(Middles, code + 1)) & 2;
    return code - (y > __builtin_shufflevector(Middles, code));
  }
  LATHE_INLINE static Floats nearest(Floats y) { return __builtin_shufflevector(Table, code(y)); }
#else
  LATHE_INLINE static Ints code(Floats y) {
    Ints code = {};
    for (int i = 0; i < 15; ++i)
      code -= y > Middles[i];
    return code;
  }
  LATHE_INLINE static Floats nearest(Floats y) {
    Floats value = splat(Table[0]);
    for (int i = 0; i < 15; ++i)
      value = y > Middles[i] ? splat(Table[i + 1]) : value;
    return value;
  }
#endif
};

/// Where the largest magnitude of a group may come to lie in a grid: `Count` places from `First` to `Last`.
struct Places {
  float first, last;
  int count;
  constexpr float at(int i) const { return count == 1 ? first : first + (last - first) * float(i) / float(count - 1); }
};

//===- A scale ----------------------------------------------------------------------------------------------------===//

/// Sums over a group: of x * q and of q * q, weighted, for the codes of one scale; `error` with that scale itself.
struct ScaleSums {
  Floats xq = {}, qq = {}, error = {};
};

template <class Grid, bool Weighted, bool WithError, int N>
LATHE_INLINE ScaleSums sumScale(const Batch<N> &batch, Floats scale, Floats inverse) {
  ScaleSums sums;
  for (int i = 0; i < N; ++i) {
    Floats x = batch.values[i], q = Grid::nearest(x * inverse);
    Floats wq = Weighted ? q * batch.weights[i] : q;
    sums.xq += x * wq;
    sums.qq += q * wq;
    if constexpr (WithError) {
      Floats rest = x - scale * q;
      sums.error += Weighted ? rest * rest * batch.weights[i] : rest * rest;
    }
  }
  return sums;
}

/// The scale of least squares of the best candidate; any sign where the grid is not symmetric.
template <class Grid, bool Weighted, int N> LATHE_INLINE Floats searchScale(const Batch<N> &batch, Places places) {
  Floats gain = {}, best = {}, inverseLargest = reciprocal(batch.largest);
  for (int i = 0; i < places.count; ++i)
    for (int sign = Grid::IsSymmetric ? 1 : -1; sign <= 1; sign += 2) {
      ScaleSums sums = sumScale<Grid, Weighted, false>(batch, Floats{}, inverseLargest * (places.at(i) * float(sign)));
      Floats scale = quotient(sums.xq, sums.qq), gained = scale * sums.xq;
      best = gained > gain ? scale : best;
      gain = larger(gain, gained);
    }
  return best;
}

/// The best of scales that f16 holds.
template <class Grid, bool Weighted> struct StoredScale {
  Floats best = {}, error = splat(__builtin_inff());

  /// Measures the nearest of them to `scale`, and returns the scale of least squares for its codes.
  template <int N> LATHE_INLINE Floats consider(const Batch<N> &batch, Floats scale) {
    scale = batch.stored(scale);
    ScaleSums sums = sumScale<Grid, Weighted, true>(batch, scale, reciprocal(scale));
    best = sums.error < error ? scale : best;
    error = smaller(error, sums.error);
    return quotient(sums.xq, sums.qq);
  }
};

/// Where all values of a group are multiples of one number, up to `Most` times it: that number, else 0. A search by
/// places misses it where a group leaves the largest codes out.
template <int Most, int N> LATHE_INLINE Floats findStep(const Batch<N> &batch) {
  Floats least = splat(__builtin_inff());
  for (int i = 0; i < N; ++i)
    least = batch.values[i] != 0.0f ? smaller(least, magnitude(batch.values[i])) : least;
  Floats found = {}, inverseLeast = quotient(splat(1.0f), least);
  for (int times = 1; times <= Most; ++times) {
    Floats inverse = inverseLeast * float(times);
    Ints isStep = (batch.largest * inverse < Most + 0.5f) & (found == 0.0f) & (inverse > 0.0f);
    // After eight values nothing is left, but of groups on a grid.
    for (int i = 0; i < N && __builtin_reduce_or(isStep); i += 8)
      for (int j = i; j < i + 8; ++j) {
        Floats y = batch.values[j] * inverse;
        isStep &= magnitude(y - nearestInteger(y)) < 1e-4f;
      }
    found = isStep ? least * (1.0f / float(times)) : found;
  }
  return found;
}

/// For grids so fine that the sums of `searchScale` would round away what candidates differ by: each is judged by its
/// own error.
template <class Grid, bool Weighted, int N> LATHE_INLINE Floats searchFineScale(const Batch<N> &batch, Places places) {
  StoredScale<Grid, Weighted> stored;
  Floats least = stored.error, solved = {};
  for (int i = 0; i < places.count; ++i)
    for (float sign = -1; sign <= 1; sign += 2) {
      Floats next = stored.consider(batch, batch.largest * (sign / places.at(i)));
      solved = stored.error < least ? next : solved;
      least = stored.error;
    }
  stored.consider(batch, solved);
  return stored.best;
}

template <class Grid, int N> LATHE_INLINE void writeCodes(const Batch<N> &batch, Floats scale, uint8_t *codes) {
  Ints lanes[N];
  Floats inverse = reciprocal(scale);
  for (int i = 0; i < N; ++i)
    lanes[i] = Grid::code(batch.values[i] * inverse);
  storeCodes<N>(lanes, codes);
}

//===- A scale and a minimum --------------------------------------------------------------------------------------===//

/// x is near scale * q - minimum, with q from 0 to `Levels`.
struct Affine {
  Floats scale, minimum;
};

/// Weighted sums over a group for the codes of one `Affine`; `error` with it itself.
struct AffineSums {
  Floats q = {}, qq = {}, xq = {}, error = {};
};

template <int Levels, bool Weighted, bool WithError, int N>
LATHE_INLINE AffineSums sumAffine(const Batch<N> &batch, Affine affine, Floats inverse) {
  AffineSums sums;
  Floats shift = affine.minimum * inverse;
  for (int i = 0; i < N; ++i) {
    Floats x = batch.values[i], q = Integers<0, Levels>::nearest(x * inverse + shift);
    Floats wq = Weighted ? q * batch.weights[i] : q;
    sums.q += wq;
    sums.qq += q * wq;
    sums.xq += x * wq;
    if constexpr (WithError) {
      Floats rest = (x + affine.minimum) - affine.scale * q;
      sums.error += Weighted ? rest * rest * batch.weights[i] : rest * rest;
    }
  }
  return sums;
}

/// The sum of weighted values: the only sum that no code changes.
template <bool Weighted, int N> LATHE_INLINE Floats sumValues(const Batch<N> &batch) {
  Floats sum = {};
  for (int i = 0; i < N; ++i)
    sum += Weighted ? batch.values[i] * batch.weights[i] : batch.values[i];
  return sum;
}

/// Least squares for given codes. `sign` is that of every minimum, or 0 where they may have any.
template <int N>
LATHE_INLINE Affine solveAffine(const Batch<N> &batch, const AffineSums &sums, Floats sumX, Floats sign) {
  // Where all codes are one, up to rounding, only the minimum can be known.
  Floats product = batch.sumOfWeights * sums.qq, determinant = product - sums.q * sums.q;
  Floats inverse = determinant > product * 1e-5f ? 1.0f / determinant : Floats{};
  Affine solved = {(batch.sumOfWeights * sums.xq - sums.q * sumX) * inverse,
                   inverse > 0.0f ? (sums.q * sums.xq - sums.qq * sumX) * inverse : -sumX / batch.sumOfWeights};
  Ints isWrong = solved.minimum * sign < 0.0f;
  return {isWrong ? quotient(sums.xq, sums.qq) : solved.scale, isWrong ? Floats{} : solved.minimum};
}

/// The best candidate and `turns` turns of codes and least squares. `places` are numbers of steps between the extremes.
template <int Levels, bool Weighted, int N>
LATHE_INLINE Affine searchAffine(const Batch<N> &batch, Places places, Floats sumX, Floats sign, int turns) {
  Floats low = sign > 0.0f ? smaller(batch.low, Floats{}) : batch.low;
  Floats inverseRange = quotient(splat(1.0f), batch.high - low);
  Affine best = {Floats{}, -low};
  Floats gain = splat(-__builtin_inff());
  auto consider = [&](const AffineSums &sums) __attribute__((always_inline)) {
    Affine solved = solveAffine(batch, sums, sumX, sign);
    Floats gained = solved.scale * sums.xq - solved.minimum * sumX; // the sum of squares that it explains
    Ints isBetter = gained > gain;
    best = {isBetter ? solved.scale : best.scale, isBetter ? solved.minimum : best.minimum};
    gain = larger(gain, gained);
  };
  for (int i = 0; i < places.count; ++i) {
    // More steps than levels: what is cut off is cut at the top, at both ends or at the bottom.
    float steps = places.at(i), more = steps - float(Levels);
    Floats inverse = inverseRange * steps;
    for (int end = 0; end < (more > 0 ? 3 : 1); ++end) {
      Affine affine = {Floats{}, more > 0 ? -low - (batch.high - low) * (more / steps * 0.5f * float(end)) : -low};
      consider(sumAffine<Levels, Weighted, false>(batch, affine, inverse));
    }
  }
  for (int turn = 0; turn < turns; ++turn)
    consider(sumAffine<Levels, Weighted, false>(batch, best, reciprocal(best.scale)));
  return best;
}

/// Turns with both numbers in f16.
template <int Levels, bool Weighted, int N>
LATHE_INLINE Affine refineStoredAffine(const Batch<N> &batch, Affine affine, Floats sumX, int turns) {
  Floats least = splat(__builtin_inff());
  Affine best = {};
  for (int turn = 0; turn < turns; ++turn) {
    affine = {batch.stored(affine.scale), batch.stored(affine.minimum)};
    AffineSums sums = sumAffine<Levels, Weighted, true>(batch, affine, reciprocal(affine.scale));
    Ints isBetter = sums.error < least;
    best = {isBetter ? affine.scale : best.scale, isBetter ? affine.minimum : best.minimum};
    least = smaller(least, sums.error);
    affine = solveAffine(batch, sums, sumX, Floats{});
  }
  return best;
}

template <int Levels, int N> LATHE_INLINE void writeAffineCodes(const Batch<N> &batch, Affine affine, uint8_t *codes) {
  Ints lanes[N];
  Floats inverse = reciprocal(affine.scale), shift = affine.minimum * inverse;
  for (int i = 0; i < N; ++i)
    lanes[i] = Integers<0, Levels>::code(batch.values[i] * inverse + shift);
  storeCodes<N>(lanes, codes);
}

} // namespace lathe::gguf::LATHE_LEVEL

#endif // LATHE_RUNTIME_GGUF_QUANTIZESEARCH_H
