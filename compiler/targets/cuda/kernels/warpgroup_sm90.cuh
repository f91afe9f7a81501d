// The instructions of Hopper around products of a warpgroup (four warps, the first a multiple of four), whose operands
// lie in shared memory. Declared alone for compilers that are not CUDA compilers, as in instructions.cuh.
#ifndef LATHE_KERNELS_WARPGROUP_SM90_CUH
#define LATHE_KERNELS_WARPGROUP_SM90_CUH

#include "instructions_sm90.cuh"
#include "types.cuh"

namespace lathe::kernels {

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

/// What this thread knows to be in shared memory is there for multiplyWarpgroup too.
__device__ inline void fenceAsync() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

/// Gives up or takes registers, by all warps of a warpgroup.
template <int Registers> __device__ inline void lowerRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(Registers));
}
template <int Registers> __device__ inline void raiseRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(Registers));
}

/// A matrix in shared memory for multiplyWarpgroup: 128 bytes a row along K, chunks of 16 bytes swizzled as
/// chunkOffset<8> does, eight rows at a multiple of 1024 bytes. Adding 2 goes 32 bytes on.
__device__ inline uint64_t matrixDescriptor(const void *shared) {
  return (sharedAddress(shared) & 0x3ffff) >> 4 | uint64_t(1) << 16 | uint64_t(64) << 32 | uint64_t(1) << 62;
}

/// Before the first product of a group, once the accumulators are written.
__device__ inline void beginWarpgroup() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
/// Closes a group of products.
__device__ inline void commitWarpgroup() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits until at most `Pending` groups of products are unfinished.
template <int Pending> __device__ inline void waitWarpgroup() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(Pending) : "memory");
}

/// Keeps other uses of accumulators on their side of what comes before and after: the compiler takes a product for done
/// where it is started, and moves what reads its sums before the wait for it.
template <int Count> __device__ inline void holdAccumulators(float (&d)[Count]) {
#pragma unroll
  for (int i = 0; i < Count; ++i)
    asm volatile("" : "+f"(d[i])::"memory");
}

// The accumulators of a product: their names in the instruction, and the operands that these stand for.
#define LATHE_NAMES8 "%0, %1, %2, %3, %4, %5, %6, %7"
#define LATHE_NAMES16 LATHE_NAMES8 ", %8, %9, %10, %11, %12, %13, %14, %15"
#define LATHE_NAMES32 LATHE_NAMES16 ", %16, %17, %18, %19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define LATHE_NAMES48 LATHE_NAMES32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define LATHE_NAMES64 LATHE_NAMES48 ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define LATHE_NAMES80 LATHE_NAMES64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79"
#define LATHE_NAMES96 LATHE_NAMES80 ", %80, %81, %82, %83, %84, %85, %86, %87, %88, %89, %90, %91, %92, %93, %94, %95"
#define LATHE_NAMES112                                                                                                 \
  LATHE_NAMES96 ", %96, %97, %98, %99, %100, %101, %102, %103, %104, %105, %106, %107, %108, %109, %110, %111"
#define LATHE_NAMES128                                                                                                 \
  LATHE_NAMES112 ", %112, %113, %114, %115, %116, %117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127"
#define LATHE_D8(i)                                                                                                    \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]),          \
      "+f"(d[i + 7])
#define LATHE_OPERANDS8 LATHE_D8(0)
#define LATHE_OPERANDS16 LATHE_OPERANDS8, LATHE_D8(8)
#define LATHE_OPERANDS32 LATHE_OPERANDS16, LATHE_D8(16), LATHE_D8(24)
#define LATHE_OPERANDS48 LATHE_OPERANDS32, LATHE_D8(32), LATHE_D8(40)
#define LATHE_OPERANDS64 LATHE_OPERANDS48, LATHE_D8(48), LATHE_D8(56)
#define LATHE_OPERANDS80 LATHE_OPERANDS64, LATHE_D8(64), LATHE_D8(72)
#define LATHE_OPERANDS96 LATHE_OPERANDS80, LATHE_D8(80), LATHE_D8(88)
#define LATHE_OPERANDS112 LATHE_OPERANDS96, LATHE_D8(96), LATHE_D8(104)
#define LATHE_OPERANDS128 LATHE_OPERANDS112, LATHE_D8(112), LATHE_D8(120)
// A product of `width` columns, `sums` accumulators a thread, whose other operands are numbered from `sums` on.
#define LATHE_PRODUCT(width, kind, tail, sums, left, right, ...)                                                       \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #width kind " {" LATHE_NAMES##sums "}, " left ", " right            \
                                                                                      ", 1, 1, 1" tail ";"             \
               : LATHE_OPERANDS##sums                                                                                  \
               : __VA_ARGS__)
#define LATHE_WGMMA(kind, tail)                                                                                        \
  if constexpr (N == 16)                                                                                               \
    LATHE_PRODUCT(16, kind, tail, 8, "%8", "%9", "l"(a), "l"(b));                                                      \
  else if constexpr (N == 32)                                                                                          \
    LATHE_PRODUCT(32, kind, tail, 16, "%16", "%17", "l"(a), "l"(b));                                                   \
  else if constexpr (N == 64)                                                                                          \
    LATHE_PRODUCT(64, kind, tail, 32, "%32", "%33", "l"(a), "l"(b));                                                   \
  else if constexpr (N == 96)                                                                                          \
    LATHE_PRODUCT(96, kind, tail, 48, "%48", "%49", "l"(a), "l"(b));                                                   \
  else if constexpr (N == 128)                                                                                         \
    LATHE_PRODUCT(128, kind, tail, 64, "%64", "%65", "l"(a), "l"(b));                                                  \
  else if constexpr (N == 160)                                                                                         \
    LATHE_PRODUCT(160, kind, tail, 80, "%80", "%81", "l"(a), "l"(b));                                                  \
  else if constexpr (N == 192)                                                                                         \
    LATHE_PRODUCT(192, kind, tail, 96, "%96", "%97", "l"(a), "l"(b));                                                  \
  else if constexpr (N == 224)                                                                                         \
    LATHE_PRODUCT(224, kind, tail, 112, "%112", "%113", "l"(a), "l"(b));                                               \
  else                                                                                                                 \
    LATHE_PRODUCT(256, kind, tail, 128, "%128", "%129", "l"(a), "l"(b))
#define LATHE_LEFT "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3])
#define LATHE_WGMMA_REGISTERS(kind, tail)                                                                              \
  if constexpr (N == 16)                                                                                               \
    LATHE_PRODUCT(16, kind, tail, 8, "{%8, %9, %10, %11}", "%12", LATHE_LEFT, "l"(b));                                 \
  else if constexpr (N == 32)                                                                                          \
    LATHE_PRODUCT(32, kind, tail, 16, "{%16, %17, %18, %19}", "%20", LATHE_LEFT, "l"(b));                              \
  else if constexpr (N == 64)                                                                                          \
    LATHE_PRODUCT(64, kind, tail, 32, "{%32, %33, %34, %35}", "%36", LATHE_LEFT, "l"(b));                              \
  else if constexpr (N == 128)                                                                                         \
    LATHE_PRODUCT(128, kind, tail, 64, "{%64, %65, %66, %67}", "%68", LATHE_LEFT, "l"(b));                             \
  else if constexpr (N == 192)                                                                                         \
    LATHE_PRODUCT(192, kind, tail, 96, "{%96, %97, %98, %99}", "%100", LATHE_LEFT, "l"(b));                            \
  else                                                                                                                 \
    LATHE_PRODUCT(256, kind, tail, 128, "{%128, %129, %130, %131}", "%132", LATHE_LEFT, "l"(b))

/// d[64 x N] += a[64 x 32 bytes] * b[N x 32 bytes], by the four warps of a warpgroup. Lane 4g+t of warp w holds rows
/// 16w+g (d[4j], d[4j+1]) and 16w+g+8 (d[4j+2], d[4j+3]) of columns 8j+2t, 8j+2t+1. Of f32 the bits that tf32 lacks are
/// left out.
template <MmaElement Element, int N>
__device__ inline void multiplyWarpgroup(float (&d)[N / 2], uint64_t a, uint64_t b) {
  static_assert(N == 16 || (N % 32 == 0 && N <= 256), "N must be 16 or a multiple of 32 up to 256");
  if constexpr (IsSame<Element, Half>) {
    LATHE_WGMMA("k16.f32.f16.f16", ", 0, 0");
  } else if constexpr (IsSame<Element, BFloat16>) {
    LATHE_WGMMA("k16.f32.bf16.bf16", ", 0, 0");
  } else if constexpr (IsSame<Element, Float8>) {
    LATHE_WGMMA("k32.f32.e4m3.e4m3", "");
  } else {
    LATHE_WGMMA("k8.f32.tf32.tf32", "");
  }
}

/// The same with the left operand in registers. Of f16 lane 4g+t of warp w has of rows 16w+g (a[0], a[2]) and 16w+g+8
/// (a[1], a[3]) elements 2t, 2t+1, and eight further on in a[2] and a[3]; of f32 element t, and four further on. They
/// stay as they are until the product is waited for.
template <MmaElement Element, int N>
__device__ inline void multiplyWarpgroup(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b) {
  static_assert(N == 16 || N == 32 || N == 64 || N == 128 || N == 192 || N == 256,
                "N must be 192 or a power of two from 16 to 256");
  if constexpr (IsSame<Element, Half>) {
    LATHE_WGMMA_REGISTERS("k16.f32.f16.f16", ", 0");
  } else if constexpr (IsSame<Element, BFloat16>) {
    LATHE_WGMMA_REGISTERS("k16.f32.bf16.bf16", ", 0");
  } else if constexpr (IsSame<Element, Float8>) {
    LATHE_WGMMA_REGISTERS("k32.f32.e4m3.e4m3", "");
  } else {
    LATHE_WGMMA_REGISTERS("k8.f32.tf32.tf32", "");
  }
}

#undef LATHE_WGMMA
#undef LATHE_WGMMA_REGISTERS
#undef LATHE_LEFT
#undef LATHE_PRODUCT
#undef LATHE_D8
#undef LATHE_NAMES8
#undef LATHE_NAMES16
#undef LATHE_NAMES32
#undef LATHE_NAMES48
#undef LATHE_NAMES64
#undef LATHE_NAMES80
#undef LATHE_NAMES96
#undef LATHE_NAMES112
#undef LATHE_NAMES128
#undef LATHE_OPERANDS8
#undef LATHE_OPERANDS16
#undef LATHE_OPERANDS32
#undef LATHE_OPERANDS48
#undef LATHE_OPERANDS64
#undef LATHE_OPERANDS80
#undef LATHE_OPERANDS96
#undef LATHE_OPERANDS112
#undef LATHE_OPERANDS128

#else

void fenceAsync();
template <int Registers> void lowerRegisters();
template <int Registers> void raiseRegisters();
uint64_t matrixDescriptor(const void *shared);
void beginWarpgroup();
void commitWarpgroup();
template <int Pending> void waitWarpgroup();
template <int Count> void holdAccumulators(float (&d)[Count]);
template <MmaElement Element, int N> void multiplyWarpgroup(float (&d)[N / 2], uint64_t a, uint64_t b);
template <MmaElement Element, int N> void multiplyWarpgroup(float (&d)[N / 2], const uint32_t (&a)[4], uint64_t b);

#endif

} // namespace lathe::kernels

#endif // LATHE_KERNELS_WARPGROUP_SM90_CUH
