// The products of a warpgroup that attention takes, beside those of warpgroup_sm90.cuh: scores, which begin at nothing,
// and weights from registers by values in the order in which they lie in memory, a position a row. Declared alone for
// compilers that are not CUDA compilers, as in instructions.cuh.
#ifndef LATHE_KERNELS_WARPGROUP_ATTENTION_SM90_CUH
#define LATHE_KERNELS_WARPGROUP_ATTENTION_SM90_CUH

#include "warpgroup_sm90.cuh"

namespace lathe::kernels {

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

/// Values for addWeighted: rows of 64 elements, 128 bytes, swizzled as chunkOffset<8> does, a position a row; the next
/// 64 elements of all rows follow `panelBytes` later. Adding 128 goes 16 positions on.
__device__ inline uint64_t valuesDescriptor(const void *shared, uint32_t panelBytes) {
  return (sharedAddress(shared) & 0x3ffff) >> 4 | uint64_t(panelBytes >> 4) << 16 | uint64_t(64) << 32 |
         uint64_t(1) << 62;
}

/// 1 / x to one unit in the last place; 0 of infinity.
__device__ inline float reciprocal(float x) {
  float result;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// Waits at named barrier `id` for so many threads, arrivals counted, or arrives there and goes on.
__device__ inline void syncNamed(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ inline void arriveNamed(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

#define LATHE_REGISTERS32                                                                                              \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "                   \
  "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}"
#define LATHE_REGISTERS64                                                                                              \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, "                   \
  "%21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, %39, "                    \
  "%40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, "                    \
  "%59, %60, %61, %62, %63}"
#define LATHE_REGISTERS96                                                                                              \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, "                        \
  "%20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, "                    \
  "%39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, "                    \
  "%58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, "                    \
  "%77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95}"
#define LATHE_REGISTERS128                                                                                             \
  "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, "                        \
  "%20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, %36, %37, %38, "                    \
  "%39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, "                    \
  "%58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, "                    \
  "%77, %78, %79, %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95, "                    \
  "%96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111, "                       \
  "%112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}"
#define LATHE_OUT8(how, i)                                                                                             \
  how(d[i]), how(d[i + 1]), how(d[i + 2]), how(d[i + 3]), how(d[i + 4]), how(d[i + 5]), how(d[i + 6]), how(d[i + 7])
#define LATHE_OUT16(how, i) LATHE_OUT8(how, i), LATHE_OUT8(how, i + 8)
#define LATHE_OUT32(how, i) LATHE_OUT16(how, i), LATHE_OUT16(how, i + 16)
#define LATHE_OUT64(how, i) LATHE_OUT32(how, i), LATHE_OUT32(how, i + 32)
#define LATHE_OUT96(how, i) LATHE_OUT64(how, i), LATHE_OUT32(how, i + 64)
#define LATHE_OUT128(how, i) LATHE_OUT64(how, i), LATHE_OUT64(how, i + 64)
#define LATHE_NEW "=f"
#define LATHE_ADD "+f"
#define LATHE_SCORES(n, count, type, first, second)                                                                    \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." type " " LATHE_REGISTERS##count                       \
               ", %" #first ", %" #second ", 0, 1, 1, 0, 0;"                                                           \
               : LATHE_OUT##count(LATHE_NEW, 0)                                                                        \
               : "l"(a), "l"(b))
#define LATHE_VALUES(n, count, type, r0, r1, r2, r3, second)                                                           \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #n "k16.f32." type " " LATHE_REGISTERS##count                       \
               ", {%" #r0 ", %" #r1 ", %" #r2 ", %" #r3 "}, %" #second ", 1, 1, 1, 1;"                                 \
               : LATHE_OUT##count(LATHE_ADD, 0)                                                                        \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))

/// multiplyWarpgroup with d = a * b.
template <HalfElement Element, int N> __device__ inline void startScores(float (&d)[N / 2], uint64_t a, uint64_t b) {
  static_assert(N == 64 || N == 128, "scores must be of 64 or 128 positions");
  if constexpr (IsSame<Element, Half>) {
    if constexpr (N == 64)
      LATHE_SCORES(64, 32, "f16.f16", 32, 33);
    else
      LATHE_SCORES(128, 64, "f16.f16", 64, 65);
  } else {
    if constexpr (N == 64)
      LATHE_SCORES(64, 32, "bf16.bf16", 32, 33);
    else
      LATHE_SCORES(128, 64, "bf16.bf16", 64, 65);
  }
}

/// d[64 x N] += a[64 x 16] * b[16 x N], b a valuesDescriptor. Lane 4g+t of warp w holds a(g, 2t..2t+1), a(g+8,
/// 2t..2t+1), a(g, 2t+8..2t+9), a(g+8, 2t+8..2t+9) of rows 16w and up, of d what multiplyWarpgroup says.
template <HalfElement Element, int N>
__device__ inline void addWeighted(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  static_assert(N == 64 || N == 128 || N == 192 || N == 256, "values must be 64, 128, 192 or 256 wide");
  if constexpr (IsSame<Element, Half>) {
    if constexpr (N == 64)
      LATHE_VALUES(64, 32, "f16.f16", 32, 33, 34, 35, 36);
    else if constexpr (N == 128)
      LATHE_VALUES(128, 64, "f16.f16", 64, 65, 66, 67, 68);
    else if constexpr (N == 192)
      LATHE_VALUES(192, 96, "f16.f16", 96, 97, 98, 99, 100);
    else
      LATHE_VALUES(256, 128, "f16.f16", 128, 129, 130, 131, 132);
  } else {
    if constexpr (N == 64)
      LATHE_VALUES(64, 32, "bf16.bf16", 32, 33, 34, 35, 36);
    else if constexpr (N == 128)
      LATHE_VALUES(128, 64, "bf16.bf16", 64, 65, 66, 67, 68);
    else if constexpr (N == 192)
      LATHE_VALUES(192, 96, "bf16.bf16", 96, 97, 98, 99, 100);
    else
      LATHE_VALUES(256, 128, "bf16.bf16", 128, 129, 130, 131, 132);
  }
}

#undef LATHE_SCORES
#undef LATHE_VALUES
#undef LATHE_NEW
#undef LATHE_ADD
#undef LATHE_OUT8
#undef LATHE_OUT16
#undef LATHE_OUT32
#undef LATHE_OUT64
#undef LATHE_OUT96
#undef LATHE_OUT128
#undef LATHE_REGISTERS32
#undef LATHE_REGISTERS64
#undef LATHE_REGISTERS96
#undef LATHE_REGISTERS128

#else

uint64_t valuesDescriptor(const void *shared, uint32_t panelBytes);
float reciprocal(float x);
void syncNamed(int id, int threads);
void arriveNamed(int id, int threads);
template <HalfElement Element, int N> void startScores(float (&d)[N / 2], uint64_t a, uint64_t b);
template <HalfElement Element, int N> void addWeighted(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b);

#endif

} // namespace lathe::kernels

#endif // LATHE_KERNELS_WARPGROUP_ATTENTION_SM90_CUH
