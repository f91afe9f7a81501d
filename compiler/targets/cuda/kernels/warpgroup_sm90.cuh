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

#define LATHE_D8(i)                                                                                                    \
  "+f"(d[i]), "+f"(d[i + 1]), "+f"(d[i + 2]), "+f"(d[i + 3]), "+f"(d[i + 4]), "+f"(d[i + 5]), "+f"(d[i + 6]),          \
      "+f"(d[i + 7])
#define LATHE_D16(i) LATHE_D8(i), LATHE_D8(i + 8)
#define LATHE_D32(i) LATHE_D16(i), LATHE_D16(i + 16)
#define LATHE_D48(i) LATHE_D32(i), LATHE_D16(i + 32)
#define LATHE_D64(i) LATHE_D32(i), LATHE_D32(i + 32)
#define LATHE_D80(i) LATHE_D64(i), LATHE_D16(i + 64)
#define LATHE_D96(i) LATHE_D64(i), LATHE_D32(i + 64)
#define LATHE_D112(i) LATHE_D96(i), LATHE_D16(i + 96)
#define LATHE_D128(i) LATHE_D64(i), LATHE_D64(i + 64)
#define LATHE_WGMMA16(kind, tail)                                                                                      \
  asm volatile("wgmma.mma_async.sync.aligned.m64n16" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7}, %8, %9, 1, 1, 1" tail ";"                                            \
               : LATHE_D8(0)                                                                                           \
               : "l"(a), "l"(b))
#define LATHE_WGMMA32(kind, tail)                                                                                      \
  asm volatile("wgmma.mma_async.sync.aligned.m64n32" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, %16, %17, 1, "                 \
               "1, 1" tail ";"                                                                                         \
               : LATHE_D16(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA64(kind, tail)                                                                                      \
  asm volatile("wgmma.mma_async.sync.aligned.m64n64" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, %32, %33, 1, 1, 1" tail ";"          \
               : LATHE_D32(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA96(kind, tail)                                                                                      \
  asm volatile("wgmma.mma_async.sync.aligned.m64n96" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47}, %48, %49, 1, 1, 1" tail ";"               \
               : LATHE_D48(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA128(kind, tail)                                                                                     \
  asm volatile("wgmma.mma_async.sync.aligned.m64n128" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, %64, %65, 1, 1, 1" tail ";"                    \
               : LATHE_D64(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA160(kind, tail)                                                                                     \
  asm volatile("wgmma.mma_async.sync.aligned.m64n160" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79}, %80, %81, 1, 1, 1" tail ";"                         \
               : LATHE_D80(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA192(kind, tail)                                                                                     \
  asm volatile("wgmma.mma_async.sync.aligned.m64n192" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "                 \
               "%87, %88, %89, %90, %91, %92, %93, %94, %95}, %96, %97, 1, 1, 1" tail ";"                              \
               : LATHE_D96(0)                                                                                          \
               : "l"(a), "l"(b))
#define LATHE_WGMMA224(kind, tail)                                                                                     \
  asm volatile("wgmma.mma_async.sync.aligned.m64n224" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "                 \
               "%87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, "                   \
               "%103, %104, %105, %106, %107, %108, %109, %110, %111}, %112, %113, 1, 1, 1" tail ";"                   \
               : LATHE_D112(0)                                                                                         \
               : "l"(a), "l"(b))
#define LATHE_WGMMA256(kind, tail)                                                                                     \
  asm volatile("wgmma.mma_async.sync.aligned.m64n256" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "                 \
               "%87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, "                   \
               "%103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, "                  \
               "%117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, %128, %129, 1, 1, "                 \
               "1" tail ";"                                                                                            \
               : LATHE_D128(0)                                                                                         \
               : "l"(a), "l"(b))

#define LATHE_WGMMA_REGISTERS16(kind, tail)                                                                            \
  asm volatile("wgmma.mma_async.sync.aligned.m64n16" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7}, {%8, %9, %10, %11}, %12, 1, 1, 1" tail ";"                           \
               : LATHE_D8(0)                                                                                           \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define LATHE_WGMMA_REGISTERS32(kind, tail)                                                                            \
  asm volatile("wgmma.mma_async.sync.aligned.m64n32" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, "                   \
               "%18, %19}, %20, 1, 1, 1" tail ";"                                                                      \
               : LATHE_D16(0)                                                                                          \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define LATHE_WGMMA_REGISTERS64(kind, tail)                                                                            \
  asm volatile("wgmma.mma_async.sync.aligned.m64n64" kind " "                                                          \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31}, {%32, %33, %34, "                    \
               "%35}, %36, 1, 1, 1" tail ";"                                                                           \
               : LATHE_D32(0)                                                                                          \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define LATHE_WGMMA_REGISTERS128(kind, tail)                                                                           \
  asm volatile("wgmma.mma_async.sync.aligned.m64n128" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63}, {%64, %65, %66, %67}, %68, 1, "                \
               "1, 1" tail ";"                                                                                         \
               : LATHE_D64(0)                                                                                          \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define LATHE_WGMMA_REGISTERS192(kind, tail)                                                                           \
  asm volatile("wgmma.mma_async.sync.aligned.m64n192" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "                 \
               "%87, %88, %89, %90, %91, %92, %93, %94, %95}, {%96, %97, %98, %99}, %100, 1, 1, 1" tail ";"            \
               : LATHE_D96(0)                                                                                          \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))
#define LATHE_WGMMA_REGISTERS256(kind, tail)                                                                           \
  asm volatile("wgmma.mma_async.sync.aligned.m64n256" kind " "                                                         \
               "{%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, "                \
               "%19, %20, %21, %22, %23, %24, %25, %26, %27, %28, %29, %30, %31, %32, %33, %34, %35, "                 \
               "%36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, %51, %52, "                 \
               "%53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63, %64, %65, %66, %67, %68, %69, "                 \
               "%70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, %83, %84, %85, %86, "                 \
               "%87, %88, %89, %90, %91, %92, %93, %94, %95, %96, %97, %98, %99, %100, %101, %102, "                   \
               "%103, %104, %105, %106, %107, %108, %109, %110, %111, %112, %113, %114, %115, %116, "                  \
               "%117, %118, %119, %120, %121, %122, %123, %124, %125, %126, %127}, {%128, %129, %130, "                \
               "%131}, %132, 1, 1, 1" tail ";"                                                                         \
               : LATHE_D128(0)                                                                                         \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b))

#define LATHE_WGMMA(kind, tail)                                                                                        \
  if constexpr (N == 16)                                                                                               \
    LATHE_WGMMA16(kind, tail);                                                                                         \
  else if constexpr (N == 32)                                                                                          \
    LATHE_WGMMA32(kind, tail);                                                                                         \
  else if constexpr (N == 64)                                                                                          \
    LATHE_WGMMA64(kind, tail);                                                                                         \
  else if constexpr (N == 96)                                                                                          \
    LATHE_WGMMA96(kind, tail);                                                                                         \
  else if constexpr (N == 128)                                                                                         \
    LATHE_WGMMA128(kind, tail);                                                                                        \
  else if constexpr (N == 160)                                                                                         \
    LATHE_WGMMA160(kind, tail);                                                                                        \
  else if constexpr (N == 192)                                                                                         \
    LATHE_WGMMA192(kind, tail);                                                                                        \
  else if constexpr (N == 224)                                                                                         \
    LATHE_WGMMA224(kind, tail);                                                                                        \
  else                                                                                                                 \
    LATHE_WGMMA256(kind, tail)
#define LATHE_WGMMA_REGISTERS(kind, tail)                                                                              \
  if constexpr (N == 16)                                                                                               \
    LATHE_WGMMA_REGISTERS16(kind, tail);                                                                               \
  else if constexpr (N == 32)                                                                                          \
    LATHE_WGMMA_REGISTERS32(kind, tail);                                                                               \
  else if constexpr (N == 64)                                                                                          \
    LATHE_WGMMA_REGISTERS64(kind, tail);                                                                               \
  else if constexpr (N == 128)                                                                                         \
    LATHE_WGMMA_REGISTERS128(kind, tail);                                                                              \
  else if constexpr (N == 192)                                                                                         \
    LATHE_WGMMA_REGISTERS192(kind, tail);                                                                              \
  else                                                                                                                 \
    LATHE_WGMMA_REGISTERS256(kind, tail)

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
  } else {
    LATHE_WGMMA_REGISTERS("k8.f32.tf32.tf32", "");
  }
}

#undef LATHE_WGMMA
#undef LATHE_WGMMA_REGISTERS
#undef LATHE_WGMMA96
#undef LATHE_WGMMA160
#undef LATHE_WGMMA224
#undef LATHE_WGMMA16
#undef LATHE_WGMMA32
#undef LATHE_WGMMA64
#undef LATHE_WGMMA128
#undef LATHE_WGMMA192
#undef LATHE_WGMMA256
#undef LATHE_WGMMA_REGISTERS16
#undef LATHE_WGMMA_REGISTERS32
#undef LATHE_WGMMA_REGISTERS64
#undef LATHE_WGMMA_REGISTERS128
#undef LATHE_WGMMA_REGISTERS192
#undef LATHE_WGMMA_REGISTERS256
#undef LATHE_D8
#undef LATHE_D16
#undef LATHE_D32
#undef LATHE_D48
#undef LATHE_D64
#undef LATHE_D80
#undef LATHE_D96
#undef LATHE_D112
#undef LATHE_D128

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
