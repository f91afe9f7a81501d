// Sixteen groups of weights side by side: lane g of every vector belongs to group g, so that a search over the scales
// of a group is straight code without sums across a vector.
//
// Included only by QuantizeBlocks.cpp, which is compiled once for each level of the host; LATHE_LEVEL, a namespace,
// keeps the copies apart. Nothing here may call an inline function from elsewhere: the linker would keep one of them,
// of any level. No operation is fused or reordered, so every level gives the same bytes.
#ifndef LATHE_RUNTIME_GGUF_QUANTIZELANES_H
#define LATHE_RUNTIME_GGUF_QUANTIZELANES_H

#include <cstdint>

#define LATHE_INLINE [[gnu::always_inline]] inline

namespace lathe::gguf::LATHE_LEVEL {

constexpr int Lanes = 16;
using Floats = float __attribute__((vector_size(64)));
using Ints = int32_t __attribute__((vector_size(64)));
using Bytes = uint8_t __attribute__((vector_size(16)));
struct [[gnu::packed, gnu::may_alias]] UnalignedFloats {
  Floats lanes;
};
struct [[gnu::packed, gnu::may_alias]] UnalignedBytes {
  Bytes lanes;
};

LATHE_INLINE Floats splat(float x) { return Floats{} + x; }
LATHE_INLINE Ints splatInt(int32_t x) { return Ints{} + x; }
LATHE_INLINE Floats smaller(Floats a, Floats b) { return a < b ? a : b; }
LATHE_INLINE Floats larger(Floats a, Floats b) { return a > b ? a : b; }
LATHE_INLINE Ints smallerInt(Ints a, Ints b) { return a < b ? a : b; }
LATHE_INLINE Ints largerInt(Ints a, Ints b) { return a > b ? a : b; }
LATHE_INLINE Floats clamp(Floats x, float low, float high) { return smaller(larger(x, splat(low)), splat(high)); }
LATHE_INLINE Ints bitsOf(Floats x) { return reinterpret_cast<Ints>(x); }
LATHE_INLINE Floats fromBits(Ints x) { return reinterpret_cast<Floats>(x); }
LATHE_INLINE Floats magnitude(Floats x) { return fromBits(bitsOf(x) & 0x7FFFFFFF); }
LATHE_INLINE Ints toInts(Floats x) { return __builtin_convertvector(x, Ints); }
LATHE_INLINE Floats toFloats(Ints x) { return __builtin_convertvector(x, Floats); }

/// The nearest integer, ties to even, of a number below 2^22; a larger one stays large.
LATHE_INLINE Floats nearestInteger(Floats x) {
  constexpr float Shift = 12582912.0f; // 1.5 * 2^23
  return (x + Shift) - Shift;
}

/// 1 / x, and 0 for 0.
LATHE_INLINE Floats reciprocal(Floats x) { return x != 0.0f ? 1.0f / x : Floats{}; }
/// a / b, and 0 where b is not positive.
LATHE_INLINE Floats quotient(Floats a, Floats b) { return b > 0.0f ? a / b : Floats{}; }

/// The nearest f16, ties to even, as f32; what is too large becomes the largest finite one.
LATHE_INLINE Floats nearestHalf(Floats x) {
  Ints bits = bitsOf(x);
  Ints rounded = (bits + 0xFFF + (bits >> 13 & 1)) & ~0x1FFF;
  Floats normal = clamp(fromBits(rounded), -65504.0f, 65504.0f);
  Floats subnormal = (x + 0.75f) - 0.75f; // steps of 2^-24 = 0.75 * 2^-23 / 1.5 * 2
  return magnitude(x) < 0x1p-14f ? subnormal : normal;
}

template <int Step> LATHE_INLINE Floats exchange(Floats x) {
  static_assert(Step == 1 || Step == 2 || Step == 4 || Step == 8);
  if constexpr (Step == 1)
    return __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  else if constexpr (Step == 2)
    return __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  else if constexpr (Step == 4)
    return __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  else
    return __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
}

/// The largest of, and the sum over, the lanes of each block of `Groups` groups, in all of its lanes.
template <int Groups> LATHE_INLINE Floats largestOfBlock(Floats x) {
  if constexpr (Groups > 1) {
    x = largestOfBlock<Groups / 2>(x);
    x = larger(x, exchange<Groups / 2>(x));
  }
  return x;
}
template <int Groups> LATHE_INLINE Floats sumOfBlock(Floats x) {
  if constexpr (Groups > 1) {
    x = sumOfBlock<Groups / 2>(x);
    x += exchange<Groups / 2>(x);
  }
  return x;
}

/// Transposes 16 x 16 elements in place: four perfect shuffles of the rows.
template <typename Vector> LATHE_INLINE void transpose(Vector *rows) {
  for (int round = 0; round < 4; ++round) {
    Vector next[16];
    for (int i = 0; i < 8; ++i) {
      next[2 * i] =
          __builtin_shufflevector(rows[i], rows[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      next[2 * i + 1] =
          __builtin_shufflevector(rows[i], rows[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
    for (int i = 0; i < 16; ++i)
      rows[i] = next[i];
  }
}

/// 16 groups of `N` values.
template <int N> struct Batch {
  static constexpr int Size = N;
  Floats values[N];  ///< divided by `unit`
  Floats weights[N]; ///< of squared errors; read only where they are not all one
  Floats sumOfWeights;
  Floats unit, inverseUnit; ///< of each block: a power of two that takes its largest magnitude to [1, 4)
  Floats low, high;         ///< the extremes of a group, and
  Floats largest;           ///< the larger magnitude of the two

  /// The nearest number to `x` units that f16 holds, in units. A small scale does not become zero at once: with the
  /// smallest one that there is, a few codes still tell values apart.
  LATHE_INLINE Floats stored(Floats x) const {
    Floats scale = x * unit, half = nearestHalf(scale);
    half = magnitude(scale) >= 0x1p-32f && half == 0.0f ? (scale < 0.0f ? splat(-0x1p-24f) : splat(0x1p-24f)) : half;
    return half * inverseUnit;
  }
};

/// The bits of the largest power of two up to x, within what has a reciprocal.
LATHE_INLINE Ints powerBits(Floats x) {
  return smallerInt(largerInt(bitsOf(x) & 0x7F800000, splatInt(1 << 23)), splatInt(253 << 23));
}

template <int N> LATHE_INLINE void loadLanes(const float *source, Floats *lanes) {
  for (int part = 0; part < N; part += 16) {
    for (int group = 0; group < Lanes; ++group)
      lanes[part + group] = reinterpret_cast<const UnalignedFloats *>(source + group * N + part)->lanes;
    transpose(lanes + part);
  }
}

/// Loads 16 groups, whose numbers are finite. `Groups` groups are a block.
template <int Groups, bool Weighted, int N>
LATHE_INLINE void loadBatch(const float *values, const float *importance, Batch<N> &batch) {
  loadLanes<N>(values, batch.values);
  Floats low = batch.values[0], high = low;
  for (int i = 1; i < N; ++i) {
    low = smaller(low, batch.values[i]);
    high = larger(high, batch.values[i]);
  }
  Ints unit = powerBits(largestOfBlock<Groups>(larger(magnitude(low), magnitude(high))));
  batch.unit = fromBits(unit);
  batch.inverseUnit = fromBits((254 << 23) - unit);
  for (int i = 0; i < N; ++i)
    batch.values[i] *= batch.inverseUnit;
  batch.low = low * batch.inverseUnit;
  batch.high = high * batch.inverseUnit;
  batch.largest = larger(magnitude(batch.low), magnitude(batch.high));
  batch.sumOfWeights = splat(N);
  if constexpr (Weighted) {
    loadLanes<N>(importance, batch.weights);
    Floats most = {};
    for (int i = 0; i < N; ++i)
      most = larger(most, batch.weights[i]);
    most = largestOfBlock<Groups>(most);
    Floats inverse = fromBits((254 << 23) - powerBits(most));
    Floats sum = {};
    for (int i = 0; i < N; ++i) {
      // What no text used still has to become something near it.
      batch.weights[i] = most > 0.0f ? larger(batch.weights[i] * inverse, splat(0x1p-20f)) : splat(1.0f);
      sum += batch.weights[i];
    }
    batch.sumOfWeights = sum;
  }
}

/// Codes of lanes to bytes, group after group.
template <int N> LATHE_INLINE void storeCodes(const Ints *codes, uint8_t *target) {
  for (int part = 0; part < N; part += 16) {
    Bytes rows[16];
    for (int i = 0; i < 16; ++i)
      rows[i] = __builtin_convertvector(codes[part + i], Bytes);
    transpose(rows);
    for (int group = 0; group < Lanes; ++group)
      reinterpret_cast<UnalignedBytes *>(target + group * N + part)->lanes = rows[group];
  }
}

} // namespace lathe::gguf::LATHE_LEVEL

#endif // LATHE_RUNTIME_GGUF_QUANTIZELANES_H
