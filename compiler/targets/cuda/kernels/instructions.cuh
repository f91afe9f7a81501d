// The PTX instructions that templates use, one function each. Everything else in this folder is plain C++, so this is
// the only file that differs where the code does not run on a GPU: a compiler that is not a CUDA compiler sees
// declarations, and whoever runs the templates there defines them (test/compiler/targets/cuda/kernels/Emulation.h).
// All of these exist from sm_80 on; the two of dependent launches do nothing below sm_90.
#ifndef LATHE_KERNELS_INSTRUCTIONS_CUH
#define LATHE_KERNELS_INSTRUCTIONS_CUH

#if defined(__CUDACC_RTC__)
// NVRTC alone, with no header of the toolkit: a machine that compiles needs the two libraries and nothing else.
using int8_t = signed char;
using uint8_t = unsigned char;
using int16_t = short;
using uint16_t = unsigned short;
using int32_t = int;
using uint32_t = unsigned;
using int64_t = long long;
using uint64_t = unsigned long long;
using uintptr_t = unsigned long long;
#else
#include <cstdint>
#endif

namespace lathe::kernels {

#if defined(__CUDACC__) || defined(__CUDACC_RTC__)

__device__ inline float halfToFloat(uint16_t bits) {
  float value;
  asm("cvt.f32.f16 %0, %1;" : "=f"(value) : "h"(bits));
  return value;
}

__device__ inline uint16_t floatToHalf(float value) {
  uint16_t bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

__device__ inline uint16_t floatToBFloat16(float value) {
  uint16_t bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(value));
  return bits;
}

/// Two values rounded to f16, `low` in the low half.
__device__ inline uint32_t packHalf(float low, float high) {
  uint32_t bits;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}

/// Two values rounded to bf16, `low` in the low half.
__device__ inline uint32_t packBFloat16(float low, float high) {
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}

/// Starts a copy of 16 bytes from global to shared memory, both aligned to 16; bytes from `valid` on become zero.
__device__ inline void copyAsync16(void *shared, const void *global, int valid) {
  uint32_t target = static_cast<uint32_t>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(target), "l"(global), "r"(valid) : "memory");
}

/// Closes the group of copies that this thread has started.
__device__ inline void commitAsync() { asm volatile("cp.async.commit_group;" ::: "memory"); }

/// Waits until at most `Pending` of this thread's latest groups are unfinished.
template <int Pending> __device__ inline void waitAsync() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Pending) : "memory");
}

/// Four 8x8 matrices of 16-bit elements; lane i gives the address of row i%8 of matrix i/8.
__device__ inline void loadMatrix4(uint32_t (&r)[4], const void *row) {
  uint32_t source = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(source)
               : "memory");
}

/// loadMatrix4 with each matrix transposed.
__device__ inline void loadMatrix4Transposed(uint32_t (&r)[4], const void *row) {
  uint32_t source = static_cast<uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(source)
               : "memory");
}

/// c[16x8] += a[16x16] * b[16x8] on f16 operands. Lane 4g+t holds a(g, 2t), a(g+8, 2t), a(g, 2t+8), a(g+8, 2t+8) and
/// their right neighbours, b(2t, g), b(2t+8, g) and their lower neighbours, c(g, 2t..2t+1), c(g+8, 2t..2t+1).
__device__ inline void multiplyHalf(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// multiplyHalf on bf16 operands.
__device__ inline void multiplyBFloat16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// An f32 rounded to tf32, to the nearest, ties away from zero; the low 13 bits are zeros.
__device__ inline uint32_t roundTf32(uint32_t bits) {
  uint32_t rounded;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "r"(bits));
  return rounded;
}

/// c[16x8] += a[16x8] * b[8x8] on tf32. Lane 4g+t holds a(g, t), a(g+8, t), a(g, t+4), a(g+8, t+4), b(t, g), b(t+4, g),
/// c(g, 2t..2t+1), c(g+8, 2t..2t+1).
__device__ inline void multiplyTf32(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
      "{%0, %1, %2, %3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// c[16x8] += a[16x32] * b[32x8] on bytes, `a` unsigned and `b` signed, summed in 32 bits. Lane 4g+t holds a(g, 4t..),
/// a(g+8, 4t..), a(g, 4t+16..), a(g+8, 4t+16..), four neighbours a word, b(4t.., g), b(4t+16.., g), c(g, 2t..2t+1),
/// c(g+8, 2t..2t+1).
__device__ inline void multiplyBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.u8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// multiplyBytes with both sides signed.
__device__ inline void multiplySignedBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
      : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// A constant in a register of its own. The compiler would copy it from a uniform register before each use, or take two
/// instructions for an operation on two constants.
__device__ inline uint32_t inRegister(uint32_t constant) {
  uint32_t kept;
  asm("add.u32 %0, %1, %2;" : "=r"(kept) : "r"(threadIdx.y), "r"(constant));
  return kept;
}

/// `pair` twice: its low half, or its high one. Instructions on pairs then read it from where it is.
__device__ inline uint32_t splatHalf(uint32_t pair, int row) {
  uint32_t both;
  if (row == 0)
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %1; mov.b32 %0, {low, low};}" : "=r"(both) : "r"(pair));
  else
    asm("{.reg .b16 low, high; mov.b32 {low, high}, %1; mov.b32 %0, {high, high};}" : "=r"(both) : "r"(pair));
  return both;
}

/// The products of two pairs of f16.
__device__ inline uint32_t multiplyPairs(uint32_t a, uint32_t b) {
  uint32_t product;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(product) : "r"(a), "r"(b));
  return product;
}

/// a * b + c on pairs of f16, rounded once.
__device__ inline uint32_t multiplyAddPairs(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t sum;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(sum) : "r"(a), "r"(b), "r"(c));
  return sum;
}

/// The difference of two pairs of f16.
__device__ inline uint32_t subtractPairs(uint32_t a, uint32_t b) {
  uint32_t difference;
  asm("sub.rn.f16x2 %0, %1, %2;" : "=r"(difference) : "r"(a), "r"(b));
  return difference;
}

/// subtractPairs on bf16.
__device__ inline uint32_t subtractBFloat16Pairs(uint32_t a, uint32_t b) {
  uint32_t difference;
#if __CUDA_ARCH__ >= 900
  asm("sub.rn.bf16x2 %0, %1, %2;" : "=r"(difference) : "r"(a), "r"(b));
#else
  asm("fma.rn.bf16x2 %0, %1, %2, %3;" : "=r"(difference) : "r"(b), "r"(0xbf80bf80u), "r"(a));
#endif
  return difference;
}

/// Two codes of f8E4M3FN as two f16, which hold all of them.
__device__ inline uint32_t widenFloat8(uint16_t codes) {
#if __CUDA_ARCH__ >= 890
  uint32_t pair;
  asm("cvt.rn.f16x2.e4m3x2 %0, %1;" : "=r"(pair) : "h"(codes));
  return pair;
#else
  // Exponent and fraction stand where f16 has them, the bias 8 lower; code 127 is NaN.
  uint32_t spread = (codes & 0xffu) << 8 | (codes & 0xff00u) << 16, magnitude = (spread & 0x7f007f00u) >> 1;
  uint32_t pair;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(pair) : "r"(magnitude), "r"(0x5c005c00u));
  pair |= (magnitude & 0xffffu) == 0x3f80u ? 0x7e00u : 0u;
  pair |= magnitude >> 16 == 0x3f80u ? 0x7e000000u : 0u;
  return pair | (spread & 0x80008000u);
#endif
}

/// The code of f8E4M3FN that is nearest, the even one of two; of what is beyond 448 that of 448.
__device__ inline uint8_t roundFloat8(float value) {
#if __CUDA_ARCH__ >= 890
  uint16_t codes;
  asm("cvt.rn.satfinite.e4m3x2.f32 %0, %1, %2;" : "=h"(codes) : "f"(0.0f), "f"(value));
  return uint8_t(codes);
#else
  float magnitude = value < 0 ? -value : value;
  magnitude = magnitude > 448.0f ? 448.0f : magnitude;
  uint32_t bits = __float_as_uint(magnitude), normal = ((bits + 0x7ffff + (bits >> 20 & 1)) >> 20) - (120u << 3);
  // Below 2^-6 the steps are 2^-9: adding 2^14 leaves their number in the low bits.
  uint32_t code = magnitude < 0.015625f ? __float_as_uint(magnitude + 16384.0f) & 0xff : normal;
  return uint8_t((__float_as_uint(value) >> 24 & 0x80) | (value != value ? 0x7f : code));
#endif
}

/// Byte i of the result is byte number (selector >> 4 i & 7) of the eight bytes of `low`, then `high`.
__device__ inline uint32_t selectBytes(uint32_t low, uint32_t high, uint32_t selector) {
  uint32_t bytes;
  asm("prmt.b32 %0, %1, %2, %3;" : "=r"(bytes) : "r"(low), "r"(high), "r"(selector));
  return bytes;
}

// Dependent launches. From sm_90 on the runtime starts a kernel while the one before it still runs, so that its start
// costs nothing. Two rules make that the same as one after the other:
//   - Every block calls waitForPrevious(), whatever it goes on to do: a kernel that ends without having waited may end
//     before what came before it, and whoever waits for this kernel then waits for nothing else.
//   - Before it, a thread reads nothing that a kernel of the same call writes and writes nothing in global memory: what
//     another kernel writes is not there yet, and what another kernel reads is still needed. So it reads weights, and
//     inputs of the call and what calls before left in the cache where no other kernel of this one writes.
// Threads of a block that does wait, which themselves touch nothing but weights, need not wait.
// gridTiles does it for templates that do not say WaitsItself.

/// Returns when all kernels before this one are complete and what they wrote can be read.
__device__ inline void waitForPrevious() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/// Lets the next kernel's blocks start once every block of this one has called this or ended. Nothing depends on when:
/// the next kernel's waitForPrevious() waits for the end of this one.
__device__ inline void startNext() {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// 16 bytes that are read once, from an address that is a multiple of 16. Such loads keep their order.
__device__ inline uint4 loadStreaming16(const void *pointer) {
  uint4 x;
  asm volatile("ld.global.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
               : "=r"(x.x), "=r"(x.y), "=r"(x.z), "=r"(x.w)
               : "l"(pointer));
  return x;
}

/// 16 bytes in the memory of this GPU or another one that reaches it, which others read or write at the same time. Of
/// each half all 8 bytes are from one store, or to be seen at once; nothing is said of what is before or behind it.
__device__ inline void storeForRanks(void *pointer, uint4 x) {
  uint64_t low = uint64_t(x.y) << 32 | x.x, high = uint64_t(x.w) << 32 | x.z;
  asm volatile("st.relaxed.sys.global.v2.b64 [%0], {%1, %2};" ::"l"(pointer), "l"(low), "l"(high) : "memory");
}

__device__ inline uint4 loadFromRanks(const void *pointer) {
  uint64_t low, high;
  asm volatile("ld.relaxed.sys.global.v2.b64 {%0, %1}, [%2];" : "=l"(low), "=l"(high) : "l"(pointer) : "memory");
  return {uint32_t(low), uint32_t(low >> 32), uint32_t(high), uint32_t(high >> 32)};
}

/// A word of the host's memory, which it may have changed.
__device__ inline uint32_t loadOfHost(const uint32_t *pointer) {
  uint32_t x;
  asm volatile("ld.relaxed.sys.global.b32 %0, [%1];" : "=r"(x) : "l"(pointer) : "memory");
  return x;
}

/// An 8x8 matrix of 16-bit elements transposed; lane 4g+t holds elements 2t and 2t+1 of row g.
__device__ inline uint32_t transposeMatrix(uint32_t row) {
  uint32_t result;
  asm("movmatrix.sync.aligned.m8n8.trans.b16 %0, %1;" : "=r"(result) : "r"(row));
  return result;
}

/// The low 16 bits of two words, those of `first` below.
__device__ inline uint32_t lowHalves(uint32_t first, uint32_t second) {
  uint32_t result;
  asm("prmt.b32 %0, %1, %2, 0x5410;" : "=r"(result) : "r"(first), "r"(second));
  return result;
}

/// The high 16 bits of two words, those of `first` below.
__device__ inline uint32_t highHalves(uint32_t first, uint32_t second) {
  uint32_t result;
  asm("prmt.b32 %0, %1, %2, 0x7632;" : "=r"(result) : "r"(first), "r"(second));
  return result;
}

/// 2^x to two units in the last place; results below the smallest normal number are 0.
__device__ inline float exponential2(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

/// x / y to two units in the last place; 0 where y is finite and beyond 2^126.
__device__ inline float divideNearly(float x, float y) {
  float result;
  asm("div.approx.f32 %0, %1, %2;" : "=f"(result) : "f"(x), "f"(y));
  return result;
}

/// Waits for all threads of the cluster, of `blocks` blocks, whose writes to shared memory can then be read. sm_90 and
/// up.
__device__ inline void clusterBarrier(int) {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
#endif
}

/// *pointer in the shared memory of block `rank` of the cluster. sm_90 and up.
__device__ inline float loadPeer(const float *pointer, int rank) {
  float value = 0;
#if __CUDA_ARCH__ >= 900
  uint32_t mine = static_cast<uint32_t>(__cvta_generic_to_shared(pointer)), address;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(mine), "r"(rank));
  asm volatile("ld.shared::cluster.f32 %0, [%1];" : "=f"(value) : "r"(address) : "memory");
#endif
  return value;
}

/// loadPeer of four neighbours, aligned to 16 bytes.
__device__ inline void loadPeer4(const float *pointer, int rank, float (&x)[4]) {
#if __CUDA_ARCH__ >= 900
  uint32_t mine = static_cast<uint32_t>(__cvta_generic_to_shared(pointer)), address;
  asm volatile("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(address) : "r"(mine), "r"(rank));
  asm volatile("ld.shared::cluster.v4.f32 {%0, %1, %2, %3}, [%4];"
               : "=f"(x[0]), "=f"(x[1]), "=f"(x[2]), "=f"(x[3])
               : "r"(address)
               : "memory");
#endif
}

/// `pointer`, known only once `result` is: loads through it do not move before the arithmetic that gives `result`. The
/// compiler otherwise moves the loads of all rows to the front and spills what they bring.
template <class T> __device__ inline const T *pointerAfter(const T *pointer, float &result) {
  asm volatile("" : "+l"(pointer), "+f"(result));
  return pointer;
}

/// Makes the compiler forget what it knows of a value: it neither keeps what it has worked out from it, nor works out
/// before what comes after.
__device__ inline void forgetValue(int &value) { asm volatile("" : "+r"(value)::"memory"); }

#else

float halfToFloat(uint16_t bits);
uint16_t floatToHalf(float value);
uint16_t floatToBFloat16(float value);
uint32_t packHalf(float low, float high);
uint32_t packBFloat16(float low, float high);
void copyAsync16(void *shared, const void *global, int valid);
void commitAsync();
template <int Pending> void waitAsync();
void loadMatrix4(uint32_t (&r)[4], const void *row);
void loadMatrix4Transposed(uint32_t (&r)[4], const void *row);
uint4 loadStreaming16(const void *pointer);
uint32_t transposeMatrix(uint32_t row);
uint32_t lowHalves(uint32_t first, uint32_t second);
uint32_t highHalves(uint32_t first, uint32_t second);
float exponential2(float x);
float divideNearly(float x, float y);
void clusterBarrier(int blocks);
float loadPeer(const float *pointer, int rank);
void loadPeer4(const float *pointer, int rank, float (&x)[4]);
template <class T> const T *pointerAfter(const T *pointer, float &result);
void forgetValue(int &value);
void waitForPrevious();
void startNext();
void multiplyHalf(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void multiplyBFloat16(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
uint32_t roundTf32(uint32_t bits);
void multiplyTf32(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void multiplyBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
void multiplySignedBytes(int32_t (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1);
uint32_t inRegister(uint32_t constant);
uint32_t splatHalf(uint32_t pair, int row);
uint32_t multiplyPairs(uint32_t a, uint32_t b);
uint32_t multiplyAddPairs(uint32_t a, uint32_t b, uint32_t c);
uint32_t subtractPairs(uint32_t a, uint32_t b);
uint32_t subtractBFloat16Pairs(uint32_t a, uint32_t b);
uint32_t selectBytes(uint32_t low, uint32_t high, uint32_t selector);
uint32_t widenFloat8(uint16_t codes);
uint8_t roundFloat8(float value);

#endif

} // namespace lathe::kernels

#endif // LATHE_KERNELS_INSTRUCTIONS_CUH
