// What the CPU's kernel templates share.
//
// A template is a function that computes tiles [begin, end) of one operation. Generated kernels call it with constant
// sizes and functions, and it is inlined there, so that the optimizer sees one specialized loop nest. These sources
// become LLVM bitcode when Lathe is built and are optimized for each host level when a model is compiled:
//
//   * nothing from a C library: an image has no imports;
//   * no contraction of a * b + c: where one rounding is wanted it says `multiplyAdd`, so every level gives one result;
//   * sums of rows run over `Lanes` partial sums that meet in a fixed order, whatever the batch.
#ifndef LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNEL_H
#define LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNEL_H

#include "runtime/HostAbi.h"

#define LATHE_TEMPLATE extern "C" [[gnu::always_inline]]
#define LATHE_INLINE [[gnu::always_inline]] inline

/// Bytes of a vector register of the host level: a constant of each image (compiler/targets/HostImage.cpp).
extern "C" const int32_t lathe_register_bytes;
/// Whether the host level has AVX-512 VNNI. Code that asks is compiled for a level with it as well.
extern "C" const bool lathe_has_vnni;

namespace lathe::cpu {

/// Partial sums of one reduction, and elements of a step: 64 bytes of f32.
constexpr int64_t Lanes = 16;
using Vector = float __attribute__((vector_size(64)));
/// The same in memory, at any address.
struct [[gnu::packed, gnu::may_alias]] UnalignedVector {
  Vector lanes;
};

/// Elements that are unpacked at a time: a multiple of every block format's length.
constexpr int64_t Chunk = 256;

/// Writes elements [first, first + count) of a row as f32. For block formats both are multiples of the block. Blocks of
/// several rows, or with a number for the whole tensor, have no rows: there `row` is the tensor and `first` counts all.
using Unpack = void (*)(const void *row, int64_t first, int64_t count, float *values);
/// Writes the reverse: f32 values to elements [first, first + count) of a row.
using Pack = void (*)(void *row, int64_t first, int64_t count, const float *values);

/// The arguments of a kernel, as its store function gets them.
struct Launch {
  const runtime::HostCall *call;
  void *const *buffers;
  const int64_t *dims;
};

/// Takes elements [first, first + count) of a template's result, counted row by row, through the rest of the fusion.
/// They have the result's type, but f32 for f16 and bf16.
using Store = void (*)(const Launch *launch, const void *values, int64_t first, int64_t count);

LATHE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
LATHE_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

LATHE_INLINE Vector loadVector(const float *values) { return reinterpret_cast<const UnalignedVector *>(values)->lanes; }
LATHE_INLINE void storeVector(float *values, Vector v) { reinterpret_cast<UnalignedVector *>(values)->lanes = v; }
LATHE_INLINE Vector broadcast(float x) { return Vector{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}; }
LATHE_INLINE Vector multiplyAdd(Vector a, Vector b, Vector c) { return __builtin_elementwise_fma(a, b, c); }
LATHE_INLINE float multiplyAdd(float a, float b, float c) { return __builtin_elementwise_fma(a, b, c); }

/// Copies with whole vectors: the last ones overlap, so that no element is copied alone.
LATHE_INLINE void copyFloats(const float *from, int64_t count, float *to) {
  using Half = float __attribute__((vector_size(32)));
  using Quarter = float __attribute__((vector_size(16)));
  struct [[gnu::packed, gnu::may_alias]] UnalignedHalf {
    Half lanes;
  };
  struct [[gnu::packed, gnu::may_alias]] UnalignedQuarter {
    Quarter lanes;
  };
  auto copy = [&]<typename Part>(Part, int64_t i) {
    *reinterpret_cast<Part *>(to + i) = *reinterpret_cast<const Part *>(from + i);
  };
  if (count >= Lanes) {
    for (int64_t i = 0; i + Lanes < count; i += Lanes)
      copy(UnalignedVector{}, i);
    return copy(UnalignedVector{}, count - Lanes);
  }
  if (count >= 8)
    return copy(UnalignedHalf{}, 0), copy(UnalignedHalf{}, count - 8);
  if (count >= 4)
    return copy(UnalignedQuarter{}, 0), copy(UnalignedQuarter{}, count - 4);
  for (int64_t i = 0; i < count; ++i)
    to[i] = from[i];
}

/// The sum of all lanes: halves are added until one is left.
LATHE_INLINE float sumLanes(Vector v) {
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  v += __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
  return v[0];
}

/// The largest of all lanes, which are no NaN.
LATHE_INLINE float maxLanes(Vector v) {
  auto larger = [](Vector a, Vector b) { return a > b ? a : b; };
  v = larger(v, __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  v = larger(v, __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11));
  v = larger(v, __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13));
  v = larger(v, __builtin_shufflevector(v, v, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14));
  return v[0];
}

/// `count` elements in whole vectors, the last one filled with zeros. Returns the number of vectors.
LATHE_INLINE int64_t unpackPadded(Unpack unpack, const void *row, int64_t first, int64_t count, float *values) {
  int64_t steps = (count + Lanes - 1) / Lanes;
  if (count % Lanes)
    storeVector(values + (steps - 1) * Lanes, Vector{});
  unpack(row, first, count, values);
  return steps;
}

/// e^x within 2 ulp of the exact value, without branches so that loops over it become vector code.
LATHE_INLINE float exponential(float x) {
  // Beyond these bounds the result is infinite or zero; NaN fails both comparisons and stays.
  float bounded = x > 89.0f ? 89.0f : x < -105.0f ? -105.0f : x;
  // n = round(x / ln 2): adding 1.5 * 2^23 leaves the integer in the low bits.
  constexpr float Shift = 12582912.0f;
  float shifted = multiplyAdd(bounded, 1.44269504f, Shift);
  float n = shifted - Shift;
  int32_t exponent = __builtin_bit_cast(int32_t, shifted) - __builtin_bit_cast(int32_t, Shift);
  // r = x - n ln 2 in two steps, the first exact; |r| <= ln 2 / 2, where this polynomial is off by less than 2^-27.
  float r = multiplyAdd(n, -0.693359375f, bounded);
  r = multiplyAdd(n, 2.12194440e-4f, r);
  float p = 1.0f / 5040;
  p = multiplyAdd(p, r, 1.0f / 720);
  p = multiplyAdd(p, r, 1.0f / 120);
  p = multiplyAdd(p, r, 1.0f / 24);
  p = multiplyAdd(p, r, 1.0f / 6);
  p = multiplyAdd(p, r, 0.5f);
  p = multiplyAdd(p, r, 1.0f);
  p = multiplyAdd(p, r, 1.0f);
  // 2^n in two factors: a single one leaves the range of f32 where the result is subnormal or nearly infinite.
  int32_t half = exponent >> 1;
  float low = __builtin_bit_cast(float, (half + 127) << 23);
  float high = __builtin_bit_cast(float, (exponent - half + 127) << 23);
  return p * low * high;
}

} // namespace lathe::cpu

#endif // LATHE_COMPILER_TARGETS_CPU_KERNELS_KERNEL_H
